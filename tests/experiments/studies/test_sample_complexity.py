"""The study of sample complexity: tasks, sizes and learners are what they are said to be."""

import numpy as np
import pytest
import torch
from torch import nn

import tangentlab as tl
from tangentlab._errors import ArgumentError
from tangentlab.experiments import STUDIES

TINY = {"samples": [40, 80], "test_samples": 60, "examples": 320, "batch_size": 32, "seeds": 1}


@pytest.fixture(scope="module")
def digits():
    found = tl.study("sample-complexity", "mlp:width=16", data="digits", **TINY)
    assert not found.failed
    return {record.spec["task"]: record.readings for record in found.records}


def test_both_families_have_every_size_and_learner(digits):
    assert set(digits) == {"natural", "eigenfunction:30"}
    for told in digits.values():
        assert [point["rows"] for point in told["points"]] == [40, 80]
        assert [point["epochs"] for point in told["points"]] == [8, 4]
        assert all(set(point["learners"]) == {"network", "linearization", "initial"} for point in told["points"])
    assert digits["eigenfunction:30"]["eigenfunction"]["index"] == 30


def test_fewer_rows_are_the_first_of_more_and_learners_are_trained_on_them_alone(digits):
    """Both tasks at 40 rows, trained here again in parameter space."""
    rows = tl.tasks.group(tl.load("digits"), "0-4", samples=80, test_samples=60, seed=0)
    network = tl.build_network("mlp:width=16", (1, 8, 8), outputs=1, seed=0)
    x = torch.cat([rows.x_train, rows.x_test])
    kernel = tl.ntk(network.double(), x.double(), outputs=0)
    tasks = {"natural": rows, "eigenfunction:30": tl.eigenfunction_task(kernel, x, 30, train=80)}
    network = network.float()
    for name, task in tasks.items():
        for learner, model in (("network", network), ("linearization", tl.linearize(network))):
            descent = tl.Descent(epochs=8, batch_size=32, seed=0)
            state = tl.train(model, task.x_train[:40], task.y_train[:40], descent)
            with torch.no_grad():
                wrong = (state.module(task.x_test) > 0) != (task.y_test > 0.5)
            found = digits[name]["points"][0]["learners"][learner]["test_error"]
            # one row of sixty may stand at the border to rounding
            assert found == pytest.approx(wrong.double().mean().item(), abs=1.01 / 60)


def test_a_module_and_arrays_of_ones_own():
    rows = np.random.default_rng(0).normal(size=(160, 5)).astype(np.float32)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(5, 24), nn.Tanh(), nn.Linear(24, 1))
    labels = (rows[:, 0] > 0).astype(int)
    given = TINY | {"tasks": ["natural", "eigenfunction:3"]}
    found = tl.study("sample-complexity", {"mine": module}, data=(rows, labels), **given)
    assert not found.failed
    assert {record.readings["task"] for record in found.records} == {"group:0", "eigenfunction:3"}


def test_other_names_of_tasks_are_refused_before_anything_runs():
    for name in ("group:0-4", "eigenfunction:", "eigenfunction:-1", "eigenfunction:a"):
        with pytest.raises(ArgumentError, match="tasks"):
            tl.study("sample-complexity", "mlp:width=8", data="digits", **(TINY | {"tasks": [name]}))


def test_an_index_beyond_all_rows_is_refused_in_words():
    found = tl.study(
        "sample-complexity", "mlp:width=8", data="digits", **(TINY | {"tasks": ["eigenfunction:500"]})
    )
    assert "count" in found.failed[0].error["message"]


def test_the_full_scale_ends_at_the_papers_rows():
    full = STUDIES["sample-complexity"].settings("full")
    assert (max(full["samples"]), full["test_samples"], full["data"]) == (50_000, 10_000, "cifar10")
    assert full["examples"] // max(full["samples"]) == 100  # epochs
