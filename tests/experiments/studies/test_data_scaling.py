"""Data scaling on small data: every place is run, rows are nested, and one's own module and arrays do as well."""

import numpy as np
import torch
from torch import nn

import tangentlab as tl
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study_parts.contest import Contest, Round, first_rows
from tangentlab.experiments.study_parts.two_classes import two_class_task

TINY = {"samples": [20, 40, 80], "constant_samples": 40, "test_samples": 60, "examples": 400, "seeds": [1]}


def test_every_network_and_task_has_its_points():
    found = tl.study("data-scaling", ["mlp:width=8"], data="digits", **TINY)
    assert not found.failed
    assert {record.readings["task"] for record in found.records} == {"group:0-4", "group:1/8"}
    for record in found.records:
        points = record.readings["points"]
        assert [point["rows"] for point in points] == [20, 40, 80]
        assert [point["epochs"] for point in points] == [20, 10, 5]
        assert ["after-constant" in point["learners"] for point in points] == [False, True, True]
        assert all("infinite" in point["learners"] for point in points)
        constant, after = (points[1]["learners"][name] for name in ("after-constant", "after"))
        assert constant["test_error"] == after["test_error"]  # the same training, at n = m


def test_a_kernel_cut_down_to_fewer_rows_is_the_kernel_of_fewer_rows():
    """The Gram is computed once, on all rows; on 30 of them it must be what the network gives there."""
    settings = {
        "task": "halves",
        "network": "mlp:width=8",
        "initialization": "lecun",
        "dtype": "float32",
        "memory": "",
    }
    unit = StudyUnit("data-scaling", settings | {"seed": 0, "test_samples": 20})
    task = two_class_task(unit, Sources("digits"), samples=60)
    contest = Contest(unit, Sources("digits"), task)
    part = Round(contest, 30).part(contest.start)
    network = contest.initial.to(dtype=torch.float64)
    rows = first_rows(task, 30).x_train.double()
    assert torch.allclose(part.gram.values, tl.ntk(network, rows, outputs=0), rtol=1e-10)
    assert torch.allclose(part.cross, tl.ntk(network, task.x_test.double(), rows, outputs=0), rtol=1e-10)
    assert torch.equal(rows, two_class_task(unit, Sources("digits"), samples=30).x_train.double())


def test_a_module_and_arrays_of_ones_own_run_through_it():
    rows = np.random.default_rng(0).normal(size=(150, 6)).astype(np.float32)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.Linear(16, 1))
    found = tl.study(
        "data-scaling",
        {"mine": module},
        data=(rows, (rows[:, 0] * rows[:, 1] > 0).astype(int)),
        tasks=["halves"],
        **TINY,
    )
    assert not found.failed
    (record,) = found.records
    assert [point["rows"] for point in record.readings["points"]] == [20, 40, 80]
    assert {each.data for each in found.claims} == {"arrays"}


def test_data_with_fewer_rows_end_the_curve_early_and_say_so():
    found = tl.study(
        "data-scaling", ["mlp:width=8"], data="digits", tasks=["closest"], **(TINY | {"samples": [100, 1000]})
    )
    (record,) = found.records
    last = record.readings["points"][-1]["rows"]
    assert 100 < last < 400
    assert any("1,000 were asked for" in told for told in record.readings["warnings"])
