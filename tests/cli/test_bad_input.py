"""Bad input: the documented code and one sentence with a remedy, never a traceback. In this process every time;
in a process of its own, as a user would, among the slow tests.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tangentlab
from tangentlab.cli import main
from tangentlab.records.sealed import seal

TINY = shlex.split(
    "--network mlp:width=4 --task random:2 --samples 20 --test-samples 20 --epochs 1 --seeds 1 -j 1"
)
BATCH_NORM = """
import torch
def build(input_shape):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.BatchNorm1d(64), torch.nn.Linear(64, 1))
"""
FAULTY = (
    BATCH_NORM
    + """
def fails():
    raise RuntimeError("not today")
def three():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
"""
)
DROPOUT = BATCH_NORM.replace("BatchNorm1d(64)", "Dropout(0.5)")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "run"
    with pytest.raises(SystemExit) as end:
        main(["compare", *TINY, "--out", str(path)])
    assert not end.value.code
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch, whole):
    """A folder with every bad thing in it."""
    x, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
    holed = x.copy()
    holed[4, 1] = np.nan
    np.savez(tmp_path / "nan.npz", x=holed, y=y)
    np.savez(tmp_path / "empty.npz", x=x[:0], y=y[:0])
    np.savez(tmp_path / "one.npz", x=x, y=0 * y)
    np.savez(tmp_path / "length.npz", x=x, y=y[:50])
    (tmp_path / "norm_net.py").write_text(BATCH_NORM)
    (tmp_path / "faulty_net.py").write_text(FAULTY)
    (tmp_path / "drop_net.py").write_text(DROPOUT)
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "bad.toml").write_text("networks = [")
    (tmp_path / "odd.toml").write_text("epoch = 3\n")
    shutil.copytree(whole, tmp_path / "whole")
    shutil.copytree(whole, tmp_path / "damaged")
    (record,) = (tmp_path / "damaged" / "records").iterdir()
    record.write_text(record.read_text()[:-40])
    shutil.copytree(whole, tmp_path / "newer")
    for name in ("spec.json", "spec.copy.json"):
        path = tmp_path / "newer" / name
        path.write_bytes(seal("spec", json.loads(path.read_text())["spec"], format=99))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


COMPARE = [
    "compare",
    "--network",
    "mlp:width=4",
    "--task",
    "classes",
    "--samples",
    "20",
    "--test-samples",
    "10",
    "-j",
    "1",
]
RUN = ["run", "exact", "--data", "digits", "--samples", "20", "-j", "1"]
CASES = {
    "NaN rows": ([*COMPARE, "--data", "nan.npz"], 1, "NaN"),
    "0 rows": ([*COMPARE, "--data", "empty.npz"], 1, "empty"),
    "one class": ([*COMPARE, "--data", "one.npz"], 1, "one class"),
    "labels of the wrong length": ([*COMPARE, "--data", "length.npz"], 1, "50 labels"),
    "no such data": ([*COMPARE, "--data", "digit"], 1, "Did you mean 'digits'?"),
    "no such file": ([*COMPARE, "--data", "nowhere.npz"], 1, "nowhere.npz"),
    "no such network": (["compare", "--network", "lenett"], 1, "Did you mean 'lenet'?"),
    "no such option of a network": (["compare", "--network", "mlp:widht=3"], 1, "Did you mean 'width'?"),
    "no such module": (["compare", "--network", "no_such_module:build"], 1, "can be imported"),
    "no such module, of an experiment": ([*RUN, "--network", "no_such_module:build"], 1, "can be imported"),
    "a builder that fails": (["compare", "--network", "faulty_net:fails"], 1, "not today"),
    "a builder that fails, of an experiment": ([*RUN, "--network", "faulty_net:fails"], 1, "not today"),
    "other outputs": (["compare", *TINY[2:], "--network", "faulty_net:three"], 1, "has 3 outputs"),
    "other outputs, of an experiment": ([*RUN, "--network", "faulty_net:three"], 1, "has 3 outputs"),
    "no seeds of an experiment": ([*RUN, "--seeds", "0"], 1, "seed 0 alone is seeds=1"),
    "no such task": (["compare", "--task", "groups:0-4"], 1, "Did you mean 'group'?"),
    "no such class": (["compare", "--task", "group:0-12"], 1, "0 to 9"),
    "no such learner": (["compare", "--learners", "ridge"], 1, "ridge-init"),
    "too many samples": ([*COMPARE[:-6], "--samples", "5000"], 1, "1797 rows"),
    "no seeds": (["compare", "--seeds", "0"], 1, "seeds"),
    "negative epochs": (["compare", "--epochs", "-3"], 1, "epochs"),
    "train mode with BatchNorm": (["ntk", "--network", "norm_net:build", "--samples", "20"], 1, "--mode eval"),
    "train mode with dropout": (["spectrum", "--network", "drop_net:build", "--samples", "20"], 1, "--mode eval"),
    "no such flavour": (["ntk", "--outputs", "ful", "--samples", "20"], 1, "Did you mean 'full'?"),
    "no such checkpoint": (["ntk", "--checkpoint", "no.pt", "--samples", "20"], 1, "no.pt"),
    "a folder below a file": (["compare", *TINY, "--out", "file/run"], 1, "could not be written"),
    "a file for a folder": (["compare", *TINY, "--out", "file"], 1, "file"),
    "no such store": (["resume", "nowhere"], 1, "does not exist"),
    "a folder that is no store": (["report", "."], 1, "not a store"),
    "a newer store": (["export", "newer"], 1, "Upgrade"),
    "a damaged record, checked": (["check", "damaged"], 4, ""),
    "a damaged record, resumed": (["resume", "damaged", "-j", "1"], 4, "--repair"),
    "a damaged record, reported": (["report", "damaged"], 4, "--repair"),
    "a damaged record, exported": (["export", "damaged"], 4, "--repair"),
    "a spec that is no TOML": (["run", "bad.toml"], 1, "TOML"),
    "a spec with an unknown field": (["run", "odd.toml"], 1, "epoch"),
    "data of an experiment for a spec": (["run", "odd.toml", "--data-path", "."], 2, "--data-path"),
    "labels of an experiment for a spec": (["run", "odd.toml", "--label", "y"], 2, "--label"),
    "a kernel below a file": (
        ["ntk", "--samples", "20", "--out", "file/k.npz"],
        1,
        "a file stands where a folder",
    ),
    "a diagnosis below a file": (["diagnose", "--out", "file/p.html"], 1, "a file stands where a folder"),
    "predictions below a file": (["predict", "--out", "file/p.html"], 1, "a file stands where a folder"),
    "rows below a file": (["export", "whole", "--out", "file/rows.csv"], 1, "a file stands where a folder"),
    "no such spec": (["run", "no.toml"], 1, "no.toml"),
    "no such device": (["compare", *TINY, "--device", "cuda:99", "--out", "gpu"], 1, "Leave it out for the CPU"),
    "no workers": (["compare", *TINY[:-2], "-j", "0", "--out", "zero"], 1, "jobs"),
    "samples that are no number": (["compare", "--samples", "many"], 2, "many"),
    "an unknown option": (["compare", "--sample", "3"], 2, "--sample"),
    "an unknown command": (["comparr"], 2, "comparr"),
    "an unknown catalogue": (["list", "nets"], 2, "nets"),
    "an unknown format": (["export", "damaged", "--format", "xls"], 2, "xls"),
}


def judge(code, out, err, *, expected, told):
    assert code == expected, err
    assert "Traceback" not in out + err
    if expected in (1, 4) and told:
        sentences = [line for line in err.splitlines() if line.startswith("error: ")]
        assert len(sentences) == 1, err
        assert told in sentences[0]
        assert len(err.splitlines()) <= 2
    else:
        assert told in err


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.replace(" ", "-"))
def test_bad_input_ends_in_one_sentence(folder, capsys, monkeypatch, case):
    monkeypatch.setenv("COLUMNS", "200")
    arguments, expected, told = CASES[case]
    with pytest.raises(SystemExit) as end:
        main(arguments)
    captured = capsys.readouterr()
    judge(end.value.code, captured.out, captured.err, expected=expected, told=told)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.replace(" ", "-"))
def test_bad_input_from_a_shell(folder, case):
    arguments, expected, told = CASES[case]
    env = os.environ | {"PYTHONPATH": str(Path(tangentlab.__file__).parent.parent), "COLUMNS": "200"}
    command = [sys.executable, "-m", "tangentlab", *arguments]
    found = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    judge(found.returncode, found.stdout, found.stderr, expected=expected, told=told)


def test_repair_removes_what_is_damaged_and_resume_computes_it_again(folder, capsys):
    for arguments, expected in (
        (["check", "damaged", "--repair"], 0),
        (["check", "damaged"], 0),
        (["resume", "damaged", "-j", "1"], 0),
    ):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert (end.value.code or 0) == expected
    capsys.readouterr()
    (ours,) = (folder / "damaged" / "records").iterdir()
    assert ours.stat().st_size > 0


def test_what_was_not_foreseen_is_one_sentence_and_a_log(folder, capsys, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("the moon\nis full")

    monkeypatch.setattr("tangentlab.experiments.Run.start", broken)
    with pytest.raises(SystemExit) as end:
        main(["compare", *TINY])
    (line,) = capsys.readouterr().err.splitlines()
    assert end.value.code == 1
    assert line.startswith("error: RuntimeError: the moon is full.")
    log = Path(line.rsplit(" ", 1)[1].rstrip("."))
    assert "broken" in log.read_text()
    log.unlink()
    with pytest.raises(SystemExit):
        main(["--debug", "compare", *TINY])
    assert "Traceback" in capsys.readouterr().err
