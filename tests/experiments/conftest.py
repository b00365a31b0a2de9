"""Small comparisons, and networks of the user's own that fail or kill the process they are built in."""

import os

import pytest

from tangentlab.experiments import ComparisonSpec

BUILDERS = {
    "fails once": """
import torch
def build(input_shape, seed):
    if seed == 1:
        raise RuntimeError("not with this seed")
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 1))
""",
    "dies": """
import os, pathlib, signal, torch
here = pathlib.Path(__file__).parent
def build(input_shape, seed):
    mortal = seed == 1 and os.getpid() != int((here / "driver").read_text())
    deaths = int((here / "deaths").read_text()) if mortal else 0  # no other cell reads what this one writes
    if deaths:
        (here / "deaths").write_text(str(deaths - 1))
        print("about to die", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 1))
""",
}


@pytest.fixture
def small():
    """A spec of one small network on one task, and whatever fields are given."""

    def spec(**fields):
        given = {"networks": "mlp:width=4", "tasks": "group:0-4", "samples": 20, "test_samples": 20, "epochs": 1}
        return ComparisonSpec.of(**(given | fields))

    return spec


@pytest.fixture
def own_network(tmp_path, monkeypatch):
    """Write a module of one's own, importable here and in workers: a kind of `BUILDERS`, under a name of its own.

    One that "dies" kills the process of seed 1 `deaths` times, but never that of the test.
    """

    def write(name, kind, *, deaths=0):
        (tmp_path / "driver").write_text(str(os.getpid()))
        (tmp_path / "deaths").write_text(str(deaths))
        (tmp_path / f"{name}.py").write_text(BUILDERS[kind])
        monkeypatch.syspath_prepend(tmp_path)
        return f"{name}:build"

    return write
