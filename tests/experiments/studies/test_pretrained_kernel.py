"""The study of the kernel that training made: each learner is what its name says, its curve ends where it ends."""

import numpy as np
import pytest
import torch
from torch import nn

import tangentlab as tl
from tangentlab._errors import UnknownNameError

TINY = {
    "samples": 120,
    "test_samples": 40,
    "epochs": 10,
    "batch_size": 40,
    "seeds": 1,
    "indices": [3],
    "snapshots": 4,
}


@pytest.fixture(scope="module")
def told():
    (record,) = tl.study("pretrained-kernel", "mlp:width=24", data="digits", dtype="float64", **TINY).records
    return record.readings["tasks"][0]


@pytest.fixture(scope="module")
def by_hand():
    """The network, its rows and labels, and the trained module, in parameter space alone."""
    rows = tl.tasks.group(tl.load("digits"), "0-4", samples=120, test_samples=40, seed=0)  # the same rows
    x = torch.cat([rows.x_train, rows.x_test]).double()
    network = tl.build_network("mlp:width=24", (1, 8, 8), outputs=1, seed=0).double()
    task = tl.eigenfunction_task(tl.ntk(network, x, outputs=0), x, 3, train=120)
    descent = tl.Descent(epochs=10, batch_size=40, seed=0)
    return network, task, descent, tl.train(network, task.x_train, task.y_train, descent).module


def trained_primal(module, task, descent):
    state = tl.train(tl.linearize(module, centred=True), task.x_train, task.y_train, descent)
    with torch.no_grad():
        outputs = state.module(task.x_test)
    return nn.functional.binary_cross_entropy_with_logits(outputs, task.y_test).item(), state.distance


@pytest.mark.parametrize("name", ["linear-init", "linear-end"])
def test_linearizations_are_centred_modules_trained_in_parameter_space(told, by_hand, name):
    network, task, descent, end = by_hand
    loss, distance = trained_primal(network if name == "linear-init" else end, task, descent)
    found = told["learners"][name]
    assert found["test_loss"] == pytest.approx(loss, rel=1e-6)
    assert found["distance"] == pytest.approx(distance, rel=1e-6)


def test_the_matched_rate_gives_both_kernels_the_same_speed_along_their_largest_eigenvector(told, by_hand):
    network, task, descent, end = by_hand
    tops = [float(torch.linalg.eigvalsh(tl.ntk(each, task.x_train, outputs=0))[-1]) for each in (network, end)]
    rates = [told["learners"][name]["learning_rate"] for name in ("linear-init", "linear-end-matched")]
    assert rates[0] == descent.learning_rate
    assert rates[0] * tops[0] == pytest.approx(rates[1] * tops[1], rel=1e-3)


def test_curves_end_where_the_learners_end(told):
    for found in told["learners"].values():
        assert found["curve"]["steps"] == [1, 3, 10, 30]
        for name in ("train_loss", "test_loss", "train_accuracy", "test_accuracy"):
            assert found["curve"][name][-1] == pytest.approx(found[name], rel=1e-9)
    assert told["learners"]["linear-end"]["curve"]["train_loss"][0] != told["learners"]["network"]["train_loss"]


def test_a_module_with_batch_normalization_and_arrays_of_ones_own():
    rows = np.random.default_rng(0).normal(size=(120, 6)).astype(np.float32)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 20), nn.BatchNorm1d(20), nn.ReLU(), nn.Linear(20, 1))
    given = {"networks": {"mine": module}, "data": (rows, (rows[:, 0] > 0).astype(int))}
    found = [
        tl.study("pretrained-kernel", **given, end_statistics=kind, **(TINY | {"samples": 80}))
        for kind in ("initial", "trained")
    ]
    assert not found[0].failed
    reset, kept = (each.records[0].readings["tasks"][0]["learners"] for each in found)
    assert reset["network"]["test_loss"] == kept["network"]["test_loss"]
    assert reset["linear-end"]["test_loss"] != kept["linear-end"]["test_loss"]


def test_unknown_statistics_are_refused_before_anything_runs():
    with pytest.raises(UnknownNameError, match="end_statistics"):
        tl.study("pretrained-kernel", "mlp:width=8", data="digits", end_statistics="zero", **TINY)
