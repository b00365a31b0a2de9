"""Commands in this process: what they say on stdout and stderr, and the code they leave with."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tangentlab
from tangentlab.cli import main
from tangentlab.cli.exit_codes import MEANINGS, exit_code_help
from tangentlab.cli.screen import duration, fitted_table, sparkline, table

TINY = shlex.split("--network mlp:width=4 --task random:2 --samples 20 --test-samples 20 --epochs 1")


def in_a_shell(*arguments, cwd, **environment):
    source = str(Path(tangentlab.__file__).parent.parent)
    env = os.environ | {"PYTHONPATH": source, "COLUMNS": "200"} | environment
    command = [sys.executable, "-m", "tangentlab", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A small finished run."""
    path = tmp_path_factory.mktemp("runs") / "run"
    with pytest.raises(SystemExit) as end:
        main(["compare", *TINY, "--seeds", "2", "-j", "1", "--out", str(path)])
    assert not end.value.code
    return path


def test_compare_ends_with_a_table_a_verdict_and_the_report(run, tmp_path):
    code, out, err = run("compare", *TINY, "--seeds", 1, "-j", 1, "--out", "mine")
    assert code == 0
    assert "linear-init" in out
    assert "Cannot tell: 1 seed is too few" in out
    assert "Report: mine/report.html" in out
    assert "tangentlab report mine --open" in out
    assert "1 cells" in err
    assert (tmp_path / "mine" / "report.html").stat().st_size > 10_000
    code, out, err = run("compare", *TINY, "--seeds", 1, "-j", 1, "--out", "mine")
    assert (code, "1 of them finished before" in err) == (0, True)


def test_compare_has_a_folder_of_its_own_by_default(run, tmp_path):
    assert run("compare", *TINY, "--seeds", 1, "-j", 1)[0] == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert (folder / "spec.toml").exists()


def test_compare_in_json_says_where_things_are(run):
    code, out, _ = run("compare", *TINY, "--seeds", 1, "-j", 1, "--out", "mine", "--json")
    assert code == 0
    assert json.loads(out)["report"] == "mine/report.html"


def test_another_comparison_does_not_go_into_the_same_folder(run, store):
    code, _, err = run("compare", *TINY, "--seeds", 3, "--out", store)
    assert code == 1
    assert "already holds another run" in err


def test_the_plan_lists_cells_and_runs_nothing(run, tmp_path):
    code, out, _ = run("compare", *TINY, "--samples", "4000", "--seeds", 2, "--plan", "--out", "mine")
    assert code == 0
    assert "2 cells to run" in out
    assert "skipped: digits has 1797 rows" in out
    assert not (tmp_path / "mine").exists()


def test_a_printed_spec_runs_to_the_same_cells(run, tmp_path, store):
    code, out, _ = run("compare", *TINY, "--seeds", 2, "--print-spec")
    (tmp_path / "again.toml").write_text(out)
    assert code == 0
    assert run("run", "again.toml", "-j", 1)[0] == 0
    ours, theirs = (
        {p.name for p in (folder / "records").iterdir()} for folder in (tmp_path / "runs" / "again", store)
    )
    assert ours == theirs


def test_resume_of_a_finished_run_only_reports(run, store):
    code, out, err = run("resume", store, "-j", 1)
    assert (code, "2 of them finished before" in err, "Report:" in out) == (0, True, True)


def test_report_writes_the_page_where_asked(run, tmp_path, store):
    code, out, _ = run("report", store, "--out", "page.html")
    assert code == 0
    assert "Written: page.html" in out
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


def test_export_writes_rows_in_three_formats(run, tmp_path, store):
    first = "network,data,task,samples,seed,learner,train_loss,train_accuracy,test_loss,test_accuracy"
    code, out, _ = run("export", store)
    assert code == 0
    assert out.splitlines()[0].startswith(first)
    assert len(out.splitlines()) == 1 + 2 * 5
    code, out, _ = run("export", store, "--format", "json")
    assert len(json.loads(out)) == 10
    assert run("export", store, "--format", "parquet", "--out", "rows.parquet")[0] == 0
    polars = pytest.importorskip("polars")
    assert polars.read_parquet(tmp_path / "rows.parquet").height == 10


def test_ntk_writes_a_kernel_that_says_what_it_is(run, tmp_path):
    code, out, _ = run(
        "ntk", "--network", "lenet", "--samples", 12, "--outputs", "trace", "--dtype", "float64", "-o", "k"
    )
    assert code == 0
    assert "differs from autograd by" in out
    with np.load(tmp_path / "k.npz") as found:
        assert found["kernel"].shape == (12, 12)
        assert np.array_equal(found["kernel"], found["kernel"].T)
        assert json.loads(found["about"].item())["outputs"] == "trace"
    code, out, _ = run("ntk", "--task", "classes", "--samples", 20, "--outputs", "3", "-o", "new/k.npz", "--json")
    assert (tmp_path / "new" / "k.npz").exists()
    assert (code, json.loads(out)["outputs"]) == (0, 3)


def test_ntk_plan_says_what_it_will_take_and_writes_nothing(run, tmp_path):
    common = ("ntk", "--network", "lenet", "--samples", 12, "--outputs", "trace", "--memory", "4GiB", "--plan")
    code, out, _ = run(*common)
    assert code == 0 and "pairs/s" in out and "4.0 GiB allowed" in out
    found = json.loads(run(*common, "--json")[1])
    assert found["shape"] == [12, 12] and found["seconds"] > 0 and found["bytes"] > 0
    assert list(tmp_path.iterdir()) == []


def test_ntk_plans_a_network_of_ones_own(run, tmp_path):
    """Two layers on 64 pixels: forms and operations are those of this module and of no other."""
    (tmp_path / "mine.py").write_text(
        "import torch\n"
        "def build(input_shape, outputs):\n"
        "    layers = torch.nn.Linear(64, 5), torch.nn.Tanh(), torch.nn.Linear(5, outputs)\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), *layers)\n"
    )
    code, out, err = run("ntk", "--network", "mine:build", "--samples", 30, "--outputs", 0, "--plan", "--json")
    assert code == 0, err
    found = json.loads(out)
    names = [layer["name"] for layer in found["layers"]]
    assert names and all(name.startswith(("1", "3")) for name in names)
    assert found["shape"] == [30, 30] and not list(tmp_path.glob("*.npz"))


@pytest.mark.parametrize("command", ["ntk", "spectrum"])
def test_a_network_with_other_outputs_than_the_task_is_refused(run, tmp_path, command):
    (tmp_path / "wide.py").write_text(
        "import torch\n"
        "def build(input_shape, outputs):\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))\n"
    )
    options = ("--network", "wide:build", "--task", "group:0-4", "--samples", 20)
    code, _, err = run(command, *options)
    assert code != 0 and "with outputs of shape (2, 1)" in " ".join(err.split()) and "Traceback" not in err
    assert not list(tmp_path.glob("*.npz"))
    code, _, err = run(command, *options, "--outputs", 3)  # one of them, asked for by its number
    assert code == 0, err


def test_ntk_in_another_precision_says_what_that_moved(run):
    common = ("ntk", "--network", "lenet", "--samples", 12, "--outputs", "0")
    code, out, err = run(*common, "--precision", "bf16")
    assert code == 0 and "bf16 moved it by 0.00" in out, err
    moved = json.loads(run(*common, "--precision", "bf16", "--json")[1])["rounding"]
    assert 1e-5 < moved < 1e-2  # 8 bits of the factors, of whose products many are summed
    stored = json.loads(run(*common, "--precision", "bf16", "--store", "K", "--json")[1])["rounding"]
    assert 1e-5 < stored < 1e-2
    assert json.loads(run(*common, "--json")[1])["rounding"] == 0
    assert "CUDA" in run(*common, "--precision", "tf32")[2]
    code, _, err = run(*common, "--precision", "bf61")
    assert code == 1 and "Did you mean 'bf16'?" in err


def test_ntk_at_a_checkpoint_is_another_kernel(run, tmp_path):
    from safetensors.torch import save_file

    from tangentlab.networks import build_network

    weights = build_network("mlp:width=4", (1, 8, 8), outputs=1, seed=7).state_dict()
    save_file(weights, tmp_path / "w.safetensors")
    common = ("ntk", "--network", "mlp:width=4", "--samples", 10, "--json", "-o")
    at_start, at_file = (
        json.loads(run(*common, *more)[1]) for more in (["a"], ["b", "--checkpoint", "w.safetensors"])
    )
    assert at_start["fingerprint"] != at_file["fingerprint"]


def test_spectrum_shows_a_table_a_line_and_shares(run):
    code, out, _ = run("spectrum", "--samples", 30, "--top", 4)
    assert code == 0
    assert "effective rank" in out
    assert any(block in out for block in "▁▂▃▄▅▆▇█")
    code, out, _ = run("spectrum", "--samples", 30, "--json")
    found = json.loads(out)
    assert sum(found["eigenvalues"]) == pytest.approx(found["trace"], rel=1e-6)
    assert sum(found["target_shares"]) == pytest.approx(1, rel=1e-6)


def test_spectrum_says_when_the_kernel_does_not_reach_the_targets(run, tmp_path):
    x = np.array([[1.0, 0.0], [0.0, 1.0]] * 20)
    np.savez(tmp_path / "pairs.npz", x=x, y=np.arange(40) // 2 % 2)  # equal rows of unequal classes
    code, out, _ = run("spectrum", "--data", "pairs.npz", "--samples", 20, "--network", "mlp:width=4")
    assert code == 0
    assert "at least: K does not reach" in out
    assert "at least" not in run("spectrum", "--samples", 30)[1]


@pytest.mark.parametrize("what", ["networks", "data", "tasks", "learners", "probes", "experiments"])
def test_every_catalogue_is_listed_with_a_description(run, what):
    code, out, _ = run("list", what)
    rows = json.loads(run("list", what, "--json")[1])
    assert code == 0
    assert rows
    assert all(row["name"] in out and row["description"] for row in rows)


def test_doctor_says_what_it_found(run, tmp_path):
    code, out, _ = run("doctor", "--network", "resnet18:width=4", "--input-shape", "3,8,8")
    assert code == 0
    assert "~ repaired" in out
    (tmp_path / "noisy_net.py").write_text(
        "import torch\n"
        "class Noisy(torch.nn.Linear):\n"
        "    def forward(self, x):\n"
        "        return super().forward(x) + torch.randn(len(x), 1)\n"
        "def build(input_shape):\n"
        "    return Noisy(input_shape[0], 1)\n"
    )
    code, out, _ = run("doctor", "--network", "noisy_net:build", "--input-shape", "3")
    assert code == 1
    assert "✗ refused  determinism" in out
    assert "do: " in out
    code, out, _ = run("doctor", "--network", "mlp", "--json")
    assert {check["status"] for check in json.loads(out)} == {"passed"}


def test_help_names_every_exit_code_and_comes_without_torch(tmp_path):
    shown = in_a_shell("--help", cwd=tmp_path)
    assert shown.returncode == 0
    text = " ".join(shown.stdout.split())
    assert all(f"{code} " in text for code in MEANINGS)
    assert "Exit codes:" in exit_code_help()
    code = "import sys, tangentlab.cli; print([m for m in ('torch', 'numpy', 'scipy', 'sklearn') if m in sys.modules])"
    env = os.environ | {"PYTHONPATH": str(Path(tangentlab.__file__).parent.parent)}
    found = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_paragraphs_of_help_are_as_wide_as_the_terminal(tmp_path):
    shown = in_a_shell("claims", "--help", cwd=tmp_path, COLUMNS="80").stdout
    assert max(map(len, shown.splitlines())) <= 80
    lines = [line.strip() for line in shown.partition("No threshold")[2].splitlines() if line.strip()]
    told = lines[: next(i for i, line in enumerate(lines) if line.startswith("╭"))]
    assert all(len(line) > 60 for line in told[:-1])  # none is cut where the code's own line ended


def test_a_table_folds_its_words_on_a_terminal_and_not_in_a_pipe(monkeypatch):
    rows = [{"name": "one", "description": "so many words that they do not stand on a line"}]
    monkeypatch.setenv("COLUMNS", "30")
    assert fitted_table(rows) == table(rows)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    lines = fitted_table(rows).splitlines()
    assert len(lines) > 2 and max(map(len, lines)) <= 30
    assert (
        " ".join(" ".join(lines).split()) == "name description one so many words that they do not stand on a line"
    )


def test_version(run):
    assert run("--version") == (0, f"tangentlab {tangentlab.__version__}\n", "")


def test_the_screen_speaks_in_plain_text():
    assert table([]) == ""
    assert table([{"a": "x", "b": "−1.5"}, {"a": "yy", "b": "10"}]) == "a      b\nx   −1.5\nyy    10"
    assert sparkline([2.0, 2.0]) == "▁▁"
    assert duration(59.6) == "1 min 0 s"


TILED = ["--network", "mlp:width=4", "--task", "random:2", "--outputs", "0", "--samples", "60"]


def test_tiles_are_filled_carried_on_checked_and_read(run, tmp_path):
    code, out, err = run("ntk", *TILED, "--store", "K")
    assert code == 0 and "Complete: K" in out and not err
    first = json.loads(run("ntk", *TILED, "--store", "K", "--json")[1])
    assert run("ntk", *TILED, "--out", "whole.npz")[0] == 0
    whole = np.load("whole.npz")["kernel"]
    assert first["shape"] == [60, 60] and first["trace"] == pytest.approx(np.trace(whole))
    exact = np.linalg.eigvalsh(whole.astype(float))[::-1]
    code, out, _ = run("spectrum", "--store", "K", "-k", "5", "--json", "--out", "pairs")
    found = json.loads(out)
    assert np.allclose(found["eigenvalues"], exact[:5], rtol=1e-5) and found["trace"] == pytest.approx(exact.sum())
    assert np.load("pairs.npz")["vectors"].shape == (60, 5)
    assert "largest residual" in run("spectrum", "--store", "K")[1]
    assert run("check", "K")[:2] == (0, "K: 1 of 1 tiles whole, 0 missing, 0 damaged\n")


def test_damaged_tiles_are_code_4_and_computed_again(run, tmp_path):
    run("ntk", *TILED, "--store", "K")
    tile = tmp_path / "K" / "c" / "0" / "0"
    before = tile.read_bytes()
    tile.write_bytes(before[:100] + b"\1" + before[101:])
    code, out, _ = run("check", "K")
    assert code == 4 and "does not match its checksum" in out and "1 damaged" in out
    assert json.loads(run("check", "K", "--json")[1])["damaged"] == [[0, 0]]
    code, _, err = run("spectrum", "--store", "K")
    assert code == 4 and err.startswith("error: Tile (0, 0) of K")
    assert run("ntk", *TILED, "--store", "K")[0] == 0 and tile.read_bytes() == before
    tile.write_bytes(before[:-1])
    (tile.parent / "0.12ab.partial").write_bytes(b"half")
    assert run("check", "K", "--repair")[0] == 0 and not tile.exists() and len(os.listdir(tile.parent)) == 0
    code, _, err = run("spectrum", "--store", "K")
    assert code == 1 and "not finished" in err
    assert "1 missing" in run("check", "K")[1]


def test_a_store_of_another_kernel_is_a_sentence(run):
    run("ntk", *TILED, "--store", "K")
    code, _, err = run("ntk", *TILED, "--seed", "1", "--store", "K")
    assert code == 1 and err.startswith("error: K holds ") and err.count("\n") == 1
