"""The study of rotation: quotients against NumPy's, the network on the way is that of a shorter training."""

import numpy as np
import pytest
import torch
from torch import nn

import tangentlab as tl
from tangentlab.records import Store

TINY = {"samples": 120, "test_samples": 40, "epochs": 8, "batch_size": 40, "indices": [3], "directions": 30}


def kernel_by_hand(network, x):
    """JJᵀ from one backward pass a row."""
    rows = []
    for one in x:
        grads = torch.autograd.grad(network(one[None]).sum(), list(network.parameters()))
        rows.append(torch.cat([g.flatten() for g in grads]))
    J = torch.stack(rows).detach().double().numpy()
    return J @ J.T


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rotation") / "run"
    tl.study("rotation", "mlp:width=24", data="digits", seeds=1, out=folder, dtype="float64", snapshots=3, **TINY)
    return Store.open(folder)


def test_quotients_are_those_of_the_trained_kernel_along_the_initial_eigenvectors(run):
    (record,) = run.records()
    rows = tl.tasks.group(tl.load("digits"), "0-4", samples=120, test_samples=40, seed=0)  # the same rows
    x = torch.cat([rows.x_train, rows.x_test]).double()
    network = tl.build_network("mlp:width=24", (1, 8, 8), outputs=1, seed=0).double()
    K0 = kernel_by_hand(network, x)
    values, vectors = np.linalg.eigh(K0)
    V = vectors[:, ::-1]
    v = V[:, 3] * np.sign(V[np.abs(V[:, 3]).argmax(), 3])
    labels = torch.from_numpy((v > 0).astype(float))[:, None]
    end = tl.train(network, x[:120], labels[:120], tl.Descent(epochs=8, batch_size=40, seed=0)).module
    K1 = kernel_by_hand(end, x)
    told = record.readings["targets"][0]
    ratio = (v @ K1 @ v) / values[::-1][3]
    normalized = ratio * np.trace(K0) / np.trace(K1)
    assert told["all"]["ratio"] == pytest.approx(ratio, rel=1e-6)
    assert told["all"]["normalized"] == pytest.approx(normalized, rel=1e-6)
    after = np.einsum("ik,ij,jk->k", V[:, :30], K1, V[:, :30])
    assert told["all"]["rank_after"] == (after > after[3]).sum()
    held = v[120:]
    apart = (held @ K1[120:, 120:] @ held) / (held @ K0[120:, 120:] @ held)
    apart *= np.trace(K0[120:, 120:]) / np.trace(K1[120:, 120:])
    assert told["held_out"]["normalized"] == pytest.approx(apart, rel=1e-6)
    assert 2.0 ** told["path"]["target"][-1] == pytest.approx(normalized, rel=1e-6)


def test_the_path_begins_after_one_step_and_ends_with_the_training(run):
    told = run.records()[0].readings["targets"][0]
    assert told["path"]["steps"] == [1, 5, 24]
    assert len(told["path"]["medians"]) == 3
    assert len(told["path"]["medians"][0]) == len(told["path"]["first"])
    assert abs(told["path"]["target"][0]) < 0.5  # one step hardly turns it


def test_the_quotients_of_every_direction_are_kept_as_arrays(run):
    (record,) = run.records()
    assert set(record.arrays) == {"before", "after_3", "traces_3"}


def test_statistics_of_batches_are_reset_for_the_kernel_and_not_for_the_network():
    """With its own statistics the kernel at the end is another one; the network's accuracy is the same."""
    normalized = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Linear(16, 1))
    torch.manual_seed(0)
    found = {
        kind: tl.study(
            "rotation", {"mine": normalized}, data="digits", seeds=1, snapshots=1, end_statistics=kind, **TINY
        ).records[0]
        for kind in ("initial", "trained")
    }
    reset, trained = (found[kind].readings["targets"][0] for kind in ("initial", "trained"))
    assert reset["all"]["ratio"] != pytest.approx(trained["all"]["ratio"], rel=1e-3)
    assert reset["test_accuracy"] == trained["test_accuracy"]


def test_a_module_and_arrays_of_ones_own():
    rows = np.random.default_rng(0).normal(size=(90, 6)).astype(np.float32)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 20), nn.Tanh(), nn.Linear(20, 1))
    found = tl.study(
        "rotation", {"mine": module}, data=(rows, (rows[:, 0] > 0).astype(int)), **(TINY | {"samples": 60})
    )
    assert not found.failed
    assert found.records[0].readings["targets"][0]["all"]["trace_ratio"] > 0
