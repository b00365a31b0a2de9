"""Choices of training: each is the descent that it says, and the kernel beside them is one."""

import numpy as np
import pytest
import torch
from torch import nn

import tangentlab as tl
from tangentlab._errors import ArgumentError, UnknownNameError

SMALL = {
    "networks": ["mlp:width=16,depth=1"],
    "seeds": [1],
    "samples": 64,
    "test_samples": 80,
    "dimension": 6,
    "factors": [0.5, 2.0],
    "batch_sizes": [16, 32],
    "examples": 640,
}


@pytest.fixture(scope="module")
def small():
    return tl.study("training-choices", **SMALL)


def test_every_choice_is_its_own_descent_put_together_by_hand(small):
    assert not small.failed
    (record,) = small.records
    task = tl.tasks.parity(3, dimension=6, samples=64, test_samples=80, seed=1)
    model = tl.build_network("mlp:width=16,depth=1", (6,), outputs=1, seed=1)
    told = record.readings["choices"]
    assert len(told) == 8
    for choice in told:
        usual = {"sgd": 0.05, "adam": 0.001}[choice["optimizer"]]
        assert choice["learning_rate"] == choice["factor"] * usual
        trained = by_hand(model, task, choice)
        with torch.no_grad():
            wrong = (trained(task.x_test) > 0) != (task.y_test > 0.5)
        assert choice["network"]["test_mistakes"] == int(wrong.sum())


def by_hand(model, task, choice):
    """Torch's own optimizers on the study's batches, ten epochs with a rate that falls to zero."""
    trained = tl.build_network("mlp:width=16,depth=1", (6,), outputs=1, seed=1)
    trained.load_state_dict(model.state_dict())
    rate, size = choice["learning_rate"], choice["batch_size"]
    optimizer = (
        torch.optim.SGD(trained.parameters(), lr=rate, momentum=0.9)
        if choice["optimizer"] == "sgd"
        else torch.optim.Adam(trained.parameters(), lr=rate)
    )
    steps = list(tl.training.batches(64, tl.Descent(batch_size=size, epochs=10, seed=1)))
    for step, batch in enumerate(steps):
        optimizer.param_groups[0]["lr"] = rate * (1 - step / len(steps))
        optimizer.zero_grad()
        outputs = trained(task.x_train[batch])
        nn.functional.binary_cross_entropy_with_logits(outputs, task.y_train[batch]).backward()
        optimizer.step()
    return trained


def test_the_kernel_is_regressed_once_under_both_rules(small):
    initial = small.records[0].readings["initial"]
    assert {"test_error", "ridge", "ridgeless"} <= set(initial)
    assert initial["ridgeless"]["ridge"] == 1e-6


def test_a_module_and_arrays_of_ones_own_run_through_it():
    rows = np.random.default_rng(0).normal(size=(90, 4)).astype(np.float32)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 12), nn.Tanh(), nn.Linear(12, 1))
    given = {name: value for name, value in SMALL.items() if name != "networks"} | {"test_samples": 20}
    found = tl.study("training-choices", {"mine": module}, data=(rows, (rows[:, 0] > 0).astype(int)), **given)
    assert not found.failed
    (record,) = found.records
    assert record.spec["task"] == "halves"
    assert len(record.readings["choices"]) == 8


def test_an_optimizer_that_does_not_exist_is_refused_before_anything_runs():
    with pytest.raises(UnknownNameError, match="adamw"):
        tl.study("training-choices", optimizers=["adamw"], **SMALL)
    with pytest.raises(ArgumentError, match="learning_rate"):
        tl.study("training-choices", factors=[0.0], **{k: v for k, v in SMALL.items() if k != "factors"})
