import sys

import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError, DataError, MissingExtraError, StoreError
from tangentlab.data import Data, load
from tangentlab.experiments import Results, Run, Sources, compare
from tangentlab.networks import Network
from tangentlab.tasks import make_task

TINY = {"samples": 20, "test_samples": 20, "seeds": 1, "descent": {"epochs": 1}}


def build(input_shape, outputs, generator):
    linear = torch.nn.utils.skip_init(torch.nn.Linear, 64, outputs)
    with torch.no_grad():
        linear.weight.normal_(0, 0.1, generator=generator)
        linear.bias.zero_()
    return torch.nn.Sequential(torch.nn.Flatten(), linear)


def test_own_modules_networks_builders_tasks_and_arrays_are_taken():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 1, 8, 8)).astype(np.float32), rng.integers(0, 2, 60)
    module = build((1, 8, 8), 1, torch.Generator().manual_seed(0))
    networks = {"mine": module, "view": Network(module), "built": build}
    results = compare(networks, "classes", data=(x, y), learners=["network", "ridge-init"], **TINY)
    assert {row["network"] for row in results.rows()} == {"mine", "view", "built"}
    assert not results.failed
    task = make_task("group:0-4", load("digits"), samples=40, test_samples=30)
    results = compare(["mlp:width=4", build], [task, "random:2"], **TINY)
    assert {row["task"] for row in results.rows()} == {task.name, "random:2"}
    assert {row["network"] for row in results.rows()} == {"mlp:width=4", "build"}


def test_a_linear_network_is_its_own_linearization():
    results = compare(build, "group:0-4", learners=["network", "linear-init"], **(TINY | {"dtype": "float64"}))
    network, linear = results.rows()
    assert network["test_loss"] == pytest.approx(linear["test_loss"], rel=1e-10)
    assert network["kernel_distance"] == pytest.approx(0, abs=1e-12)


def test_progress_counts_cells_and_the_store_is_kept_where_asked(tmp_path):
    seen = []
    fields = TINY | {"seeds": 2}
    first = compare("mlp:width=4", "random:2", out=tmp_path / "run", progress=lambda *n: seen.append(n), **fields)
    assert seen == [(1, 2), (2, 2)]
    assert first.path == tmp_path / "run"
    assert first.report() == tmp_path / "run" / "report.html"
    again = compare("mlp:width=4", "random:2", out=tmp_path / "run", progress=lambda *n: seen.append(n), **fields)
    assert len(seen) == 2
    assert [r.readings for r in again.records] == [r.readings for r in first.records]
    with pytest.raises(StoreError, match="another run"):
        compare("mlp:width=5", "random:2", out=tmp_path / "run", **fields)


def test_without_a_store_nothing_is_left_and_a_report_needs_a_path(tmp_path):
    results = compare("mlp:width=4", "random:2", **TINY)
    assert results.path is None
    assert results.report(tmp_path / "page.html").read_text().startswith("<!doctype html>")
    with pytest.raises(ArgumentError, match="path"):
        results.report()


def test_the_same_seeds_give_the_same_results():
    first, second = (compare("mlp:width=4", "random:2", **TINY) for _ in range(2))
    ours, theirs = (
        [{k: v for k, v in row.items() if k != "seconds"} for row in each.rows()] for each in (first, second)
    )
    assert ours == theirs
    assert all(row["seconds"] > 0 for row in first.rows())


def test_frames_hold_one_row_for_each_cell_and_learner():
    results = compare("mlp:width=4", "random:2", **TINY)
    polars, pandas = results.to_polars(), results.to_pandas()
    assert polars.shape[0] == len(pandas) == 5
    assert polars.columns == list(pandas.columns)
    assert {"network", "test_accuracy", "init_alignment_rayleigh", "kernel_distance"} <= set(polars.columns)


@pytest.mark.parametrize(("method", "name"), [("to_polars", "polars"), ("to_pandas", "pandas")])
def test_a_missing_extra_is_one_sentence(monkeypatch, method, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=rf"needs {name}.*tangentlab\[tables\]"):
        getattr(Results(()), method)()


def test_a_notebook_sees_the_verdict_escaped():
    hostile = Data.from_arrays(
        torch.randn(60, 3, generator=torch.Generator().manual_seed(0)), [0, 1] * 30, name="<img>"
    )
    results = compare({"<script>alert(1)</script>": build_flat}, "classes", data=hostile, **TINY)
    shown = results._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert results.verdict.headline[:11] in shown
    assert "1 cells" in repr(results)


def build_flat(input_shape):
    return torch.nn.Linear(*input_shape, 1)


def test_a_run_from_python_with_things_of_its_own_says_so_on_resume(tmp_path):
    compare(build, "random:2", out=tmp_path / "run", **TINY)
    with pytest.raises(StoreError, match="its own networks"):
        Run.resume(tmp_path / "run")


def test_a_run_is_not_resumed_when_what_it_rests_on_has_changed(tmp_path, monkeypatch):
    compare("mlp:width=4", "random:2", out=tmp_path / "run", **TINY)
    monkeypatch.setattr("tangentlab.experiments.run.resumable.__version__", "99.0")
    with pytest.raises(StoreError, match=r"was started by tangentlab .*, and this is 99.0"):
        Run.resume(tmp_path / "run")


def test_a_run_is_not_resumed_with_an_edited_network(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    source = "import torch\ndef build(input_shape):\n    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 1))\n"
    (tmp_path / "edited_later.py").write_text(source)
    compare("edited_later:build", "random:2", out=tmp_path / "run", **TINY)
    assert Run.resume(tmp_path / "run").unfinished == ()
    (tmp_path / "edited_later.py").write_text(source + "# another thought\n")
    with pytest.raises(StoreError, match="has changed: network edited_later:build"):
        Run.resume(tmp_path / "run")


def test_a_table_is_read_by_the_name_of_its_label_column(tmp_path):
    lines = ["kind,a,b", *(f"{'xy'[i % 2]},{i},{i % 7}" for i in range(60))]
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    results = compare("mlp:width=4", "classes", data=tmp_path / "rows.csv", label="kind", **TINY)
    assert results.records[0].readings["classes"] == ["x", "y"]


def test_a_kernel_that_may_not_have_its_memory_fails_its_cell_in_words():
    results = compare("mlp:width=4", "random:2", memory="1 KiB", **(TINY | {"samples": 40}))
    (failed,) = results.failed
    assert "allowed" in failed.error["message"]


def test_a_stored_spec_repeats_the_same_fingerprint(tmp_path):
    from tangentlab.experiments import read_spec_file

    compare("mlp:width=4", "random:2", out=tmp_path / "a", **TINY)
    spec = read_spec_file(tmp_path / "a" / "spec.toml")
    again = Run.start(spec, tmp_path / "b", sources=Sources(spec.data))
    (record,) = Results.of(tmp_path / "a").records
    assert [cell.fingerprint for cell in again.cells] == [record.fingerprint]
    assert again.store.spec["fingerprint"] == Results.of(tmp_path / "a").spec["fingerprint"]


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"networks": 3}, ArgumentError, "networks"),
        ({"networks": {"a": "mlp"}}, ArgumentError, "as a list"),
        ({"networks": [build, build]}, ArgumentError, "named apart"),
        ({"tasks": [torch.nn.Linear(2, 2)]}, ArgumentError, "tasks"),
        ({"data": 3}, ArgumentError, "data"),
        ({"data": (np.zeros((4, 2)), [0, 1])}, ArgumentError, "labels"),
        ({"data": (np.full((40, 2), np.nan), [0, 1] * 20)}, DataError, "NaN"),
        ({"data": (np.zeros((0, 2)), [])}, DataError, "empty"),
        ({"data": (np.eye(40), [1] * 40)}, DataError, "one class"),
        ({"samples": 5000}, DataError, "1797 rows"),
    ],
)
def test_foreseeable_mistakes_are_refused_in_words_before_anything_runs(tmp_path, arguments, error, told):
    given = {"networks": "mlp:width=4", "out": tmp_path / "run"} | TINY | {"test_samples": 5} | arguments
    with pytest.raises(error, match=told):
        compare(**given)
    assert not (tmp_path / "run").exists()


def test_nothing_is_printed(capsys):
    compare("mlp:width=4", "random:2", **TINY)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")
