"""The study of complexity: every measure against NumPy's own, on the same rows and weights."""

import numpy as np
import pytest
import torch
from torch import nn

import tangentlab as tl

TINY = {
    "samples": 150,
    "test_samples": 60,
    "epochs": 4,
    "batch_size": 32,
    "seeds": 1,
    "indices": [1, 3, 10],
    "top": 20,
}


@pytest.fixture(scope="module")
def digits():
    (record,) = tl.study("complexity", "mlp:width=32", data="digits", **TINY).records
    return record.readings


@pytest.fixture(scope="module")
def pool():
    """Rows, and the kernel JJᵀ of all of them."""
    task = tl.tasks.group(tl.load("digits"), "0-4", samples=150, test_samples=60, seed=0)  # draws the same rows
    x = torch.cat([task.x_train, task.x_test]).double()
    network = tl.build_network("mlp:width=32", (1, 8, 8), outputs=1, seed=0).double()
    J = tl.jacobian(network, x).dense().flatten(1).numpy()
    return task, J @ J.T


def labels_of(told, pool):
    task, K = pool
    if told["kind"] == "natural":
        return 2 * task.y_train[:, 0].double().numpy() - 1
    if told["kind"] == "random":
        random = tl.tasks.random_labels(tl.load("digits"), samples=150, test_samples=60, seed=0)
        return 2 * random.y_train[:, 0].double().numpy() - 1
    v = np.linalg.eigh(K)[1][:, -1 - told["index"]]
    v = v * np.sign(v[np.abs(v).argmax()])
    return np.where(v[:150] > 0, 1.0, -1.0)


def test_every_measure_of_every_task_is_its_definition(digits, pool):
    assert [told["kind"] for told in digits["tasks"]] == ["natural", "random"] + ["eigenfunction"] * 3
    K, n = pool[1][:150, :150], 150
    H = np.eye(n) - 1 / n
    V = np.linalg.eigh(K)[1][:, -20:]
    for told in digits["tasks"]:
        y = labels_of(told, pool)
        found, form = told["alignment"], y @ K @ y
        # rows reach the kernel in float32, so that it is right to some 1e-7
        assert found["unbiased"] == pytest.approx((form - np.trace(K)) / (n * (n - 1)), rel=1e-5, abs=1e-7)
        assert found["trace_normalized"] == pytest.approx(form / n / np.trace(K), rel=1e-5)
        assert found["target"] == pytest.approx(form / n / np.linalg.norm(K), rel=1e-5)
        centred = (H @ y) @ K @ (H @ y) / np.linalg.norm(H @ K @ H) / ((H @ y) @ (H @ y))
        assert found["centered"] == pytest.approx(centred, rel=1e-5)
        norm = y @ np.linalg.solve(K, y)
        assert told["norm"] == pytest.approx(norm, rel=1e-4)
        assert told["normalized"] == pytest.approx(norm * np.trace(K) / n**2, rel=1e-4)
        assert told["lower_bound"] == pytest.approx(n**2 / form, rel=1e-5)
        assert told["lower_bound"] <= told["norm"]
        assert told["energy"] == pytest.approx(np.sum((V.T @ y) ** 2) / n, rel=1e-5)


def test_random_labels_are_one_of_all_balanced_ones(digits, pool):
    """Their α_U lies among those of shuffled labels, whose mean is −K̄ / (n − 1), K̄ the kernel's mean off its diagonal."""
    K, n, draws = pool[1][:150, :150], 150, np.random.default_rng(0)
    y = np.repeat([1.0, -1.0], n // 2)
    shuffled = [(z @ K @ z - np.trace(K)) / (n * (n - 1)) for z in (draws.permutation(y) for _ in range(400))]
    found = next(told for told in digits["tasks"] if told["kind"] == "random")["alignment"]
    assert min(shuffled) <= found["unbiased"] <= max(shuffled)
    centre = -(K.sum() - np.trace(K)) / (n * (n - 1)) / (n - 1)
    assert abs(np.mean(shuffled) - centre) < 4 * np.std(shuffled) / 20  # standard errors of 400 draws
    assert found["unbiased_error"] > 0


def test_both_learners_are_told(digits):
    for told in digits["tasks"]:
        assert set(told["learners"]) == {"network", "linear-init"}
        assert all(0 <= found["test_accuracy"] <= 1 for found in told["learners"].values())


def test_a_module_and_arrays_of_ones_own():
    rows = np.random.default_rng(0).normal(size=(120, 5)).astype(np.float32)
    labels = (rows[:, 0] > 0).astype(int)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(5, 24), nn.Tanh(), nn.Linear(24, 1))
    found = tl.study("complexity", {"mine": module}, data=(rows, labels), **(TINY | {"samples": 80}))
    assert not found.failed
    assert [told["task"] for told in found.records[0].readings["tasks"]][:2] == ["group:0", "random:2"]
