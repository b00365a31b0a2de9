"""Freezing: the linear rest of a descent is that of the linearized module; a frozen start is the linearization."""

import numpy as np
import pytest
import torch
from torch import nn

import tangentlab as tl
from tangentlab.experiments.studies.freeze import freezings, tenth

SMALL = {
    "data": "",
    "networks": ["mlp:width=16,depth=1"],
    "seeds": [1],
    "samples": 96,
    "test_samples": 100,
    "dimension": 6,
    "freeze_epochs": [2, 5],
    "most_epochs": 8,
}


@pytest.fixture(scope="module")
def small():
    return tl.study("freeze", **SMALL)


def test_each_freezing_is_the_linearized_module_trained_by_what_is_left_of_the_descent(small):
    assert not small.failed
    (record,) = small.records
    task = tl.tasks.parity(3, dimension=6, samples=96, test_samples=100, seed=1)
    model = tl.build_network("mlp:width=16,depth=1", (6,), outputs=1, seed=1)
    descent = tl.Descent(batch_size=32, epochs=8, seed=1)
    told = record.readings["freezings"]
    assert [each["epoch"] for each in told] == [0, 1, 2, 5]
    steps = [3 * each["epoch"] for each in told]
    trained = tl.train(model, task.x_train, task.y_train, descent, snapshots=steps)
    for each, step in zip(told, steps):
        at = tl.build_network("mlp:width=16,depth=1", (6,), outputs=1, seed=1)
        at.load_state_dict(trained.snapshots[step])
        with torch.no_grad():
            assert each["network"]["test_mistakes"] == wrong(at(task.x_test), task)
        assert each["frozen"]["test_mistakes"] == wrong(finished(at.double(), task, descent, step), task)
        assert not record.readings["warnings"]


def wrong(outputs, task):
    return int(((outputs > 0) != (task.y_test > 0.5)).sum())


def finished(module, task, descent, first):
    """The test outputs of torch's SGD on f + J δ in parameter space, δ by the Jacobian of torch.func."""
    x, x_test, y = task.x_train.double(), task.x_test.double(), task.y_train.double()
    start = {name: value.detach() for name, value in module.named_parameters()}
    delta = {name: torch.zeros_like(value, requires_grad=True) for name, value in start.items()}

    def outputs(rows):
        f = lambda parameters: torch.func.functional_call(module, parameters, rows)  # noqa: E731
        value, change = torch.func.jvp(f, (start,), (delta,))
        return value + change

    optimizer = torch.optim.SGD(delta.values(), lr=1.0, momentum=0.9)
    steps = list(tl.training.batches(96, descent))
    for step, batch in enumerate(steps[first:], first):
        optimizer.param_groups[0]["lr"] = 0.05 * (1 - step / len(steps))
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(outputs(x[batch]), y[batch]).backward()
        optimizer.step()
    return outputs(x_test).detach()


def test_the_kernel_has_not_turned_at_the_start(small):
    distances = [each["kernel_distance"] for each in small.records[0].readings["freezings"]]
    assert distances[0] == 0 < distances[1]


def test_a_descent_too_fast_for_a_frozen_kernel_is_slowed_and_told():
    found = tl.study("freeze", **SMALL | {"learning_rate": 20.0, "freeze_epochs": [1]})
    (record,) = found.records
    assert any("frozen at epoch 0: the learning rate" in told for told in record.readings["warnings"])
    assert record.readings["freezings"][0]["learning_rate"] < 20.0


def test_the_start_and_a_tenth_are_always_among_the_freezings():
    assert freezings([], epochs=1) == [0]
    assert freezings([3, 99], epochs=60) == [0, 3, 6]
    assert [tenth(epochs) for epochs in (2, 50)] == [1, 5]


def test_both_tasks_run_and_a_module_of_ones_own_has_the_halves():
    rows = np.random.default_rng(0).normal(size=(150, 4)).astype(np.float32)
    labels = (rows[:, 0] > 0).astype(int)
    given = {name: value for name, value in SMALL.items() if name not in ("data", "networks")}
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 12), nn.Tanh(), nn.Linear(12, 1))
    mine = tl.study("freeze", {"mine": module}, data=(rows, labels), **given | {"test_samples": 30})
    assert not mine.failed
    assert [record.spec["task"] for record in mine.records] == ["halves"]
    both = tl.study("freeze", "mlp:width=8", data=(rows, labels), **given | {"test_samples": 30})
    assert sorted(record.spec["task"] for record in both.records) == ["halves", "parity"]
