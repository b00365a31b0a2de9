"""Every study can be computed elsewhere: by `device`, which is no part of what a run is known by unless it is a GPU."""

import pytest
import torch

import tangentlab as tl
from oracles.pretend_device import THERE, pretended
from tangentlab._errors import ArgumentError
from tangentlab.experiments import STUDIES, StudyUnit, named_sources
from tangentlab.experiments.execution.run_study_unit import run_study_unit
from tangentlab.experiments.machine import compute_device
from tangentlab.experiments.run.study_run import units_of
from tangentlab.experiments.study_parts.on_device import device_of

SMALL = {
    "data": "digits",
    "networks": ["mlp:width=8,depth=2"],
    "seeds": 1,
    "samples": 40,
    "test_samples": 20,
    "epochs": 2,
    "batch_size": 16,
    "constant_samples": 20,
    "examples": 80,
    "most_epochs": 3,
    "indices": [1],
    "parity_samples": 40,
    "dimension": 6,
    "freeze_epochs": [1],
    "snapshots": 2,
    "directions": 5,
    "pairs": 100,
    "aligned": [0],
    "pictured": [0],
    "top": 5,
    "values": 10,
    "widths": [8],
    "sizes": [10],
    "subsets": 1,
    "factors": [1.0],
    "batch_sizes": [16],
}
"""What is there of this in a study makes it small."""

OWN = {
    "three-parity": {"data": ""},
    "training-choices": {"data": "digits"},
    "sample-complexity": {"tasks": ["natural", "eigenfunction:2"]},
    "width-scaling": {"networks": ["mlp:depth=2"]},
    "directions": {"networks": ["mlp:width=8,depth=2,activation=gelu"]},
    "calibration": {"tasks": ["group:0-4", "classes"]},
}


def tiny(name, **changes):
    known = STUDIES[name].scales["small"]
    given = {**SMALL, **OWN.get(name, {}), **changes}
    if isinstance(known.get("samples"), list):
        given["samples"] = [20, 40]
    return STUDIES[name].settings("small", **{key: given[key] for key in given if key in {*known, "device"}})


@pytest.fixture
def elsewhere(monkeypatch):
    """The pretended device passes for one that is here."""
    monkeypatch.setattr(compute_device, "DEVICES", rf"cpu|{THERE}")
    with pretended():
        yield str(THERE)


def found(unit):
    return run_study_unit(unit, named_sources(unit.settings | {"data_path": "", "label": ""}))


def plain(readings):
    """Numbers under the way to them, for `approx`; without "mixing", the error bound of a solver that the CPU has."""
    if isinstance(readings, (dict, list, tuple)):
        parts = readings.items() if isinstance(readings, dict) else enumerate(readings)
        kept = ((name, part) for name, part in parts if name != "mixing")
        return {(name, *rest): each for name, part in kept for rest, each in plain(part).items()}
    return {(): float(readings)} if isinstance(readings, (int, float)) else {}


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_a_study_computes_everything_where_it_is_told_to(name, elsewhere):
    settings = tiny(name)
    units = units_of(STUDIES[name], settings, named_sources(settings))
    for unit in {(u.settings.get("task"), u.settings.get("network")): u for u in units}.values():
        there = StudyUnit(unit.study, unit.settings | {"device": elsewhere}, unit.identities)
        assert device_of(there) == THERE
        # The same numbers, through other routines of the same operations: rounding of float32, through a descent.
        assert plain(found(there).readings) == pytest.approx(plain(found(unit).readings), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_naming_the_cpu_changes_nothing_that_a_run_is_known_by(name):
    plain_ones, named = (
        [unit.fingerprint for unit in units_of(STUDIES[name], settings, named_sources(settings))]
        for settings in (tiny(name), tiny(name, device="cpu"))
    )
    assert plain_ones == named


def test_a_gpu_is_part_of_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    settings = tiny("freeze", device="cuda")
    assert settings["device"] == "cuda"
    there = units_of(STUDIES["freeze"], settings, named_sources(settings))
    here = units_of(STUDIES["freeze"], tiny("freeze"), named_sources(tiny("freeze")))
    assert len(there) == len(here)
    assert not {unit.fingerprint for unit in there} & {unit.fingerprint for unit in here}


@pytest.mark.parametrize("name", ["freeze", "exact", "eigenfunctions"])
@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        ("meta", "'cpu', 'cuda' or 'cuda:0', got 'meta'"),
        ("cuda", "and torch finds no CUDA device on this machine"),
    ],
)
def test_a_device_that_is_none_or_not_here_is_refused_before_anything_is_written(
    name, device, sentence, tmp_path, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ArgumentError, match=sentence):
        tl.study(name, "mlp:width=8", data="digits", device=device, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
