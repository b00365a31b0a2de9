"""Width scaling: distances to the closed form, networks of any width, and networks that have none."""

import numpy as np
import pytest
import torch
from torch import nn

import tangentlab as tl
from tangentlab.report.claims.width_scaling import by_width, slopes

SMALL = {
    "data": "digits",
    "seeds": [2],
    "samples": [30, 60],
    "test_samples": 50,
    "examples": 300,
    "most_epochs": 5,
}


@pytest.fixture(scope="module")
def small():
    return tl.study("width-scaling", "mlp:depth=1", widths=[8, 32], **SMALL)


def test_there_is_a_unit_for_each_width_with_every_learner(small):
    assert not small.failed
    told = {record.readings["width"]: record for record in small.records}
    assert set(told) == {8, 32}
    for width, record in told.items():
        assert record.spec["network"] == f"mlp:depth=1,width={width}"
        assert [point["rows"] for point in record.readings["points"]] == [30, 60]
        assert all(set(p["learners"]) == {"network", "initial", "infinite"} for p in record.readings["points"])


def test_distances_are_those_of_the_kernels_put_together_by_hand(small):
    """One hidden layer of ReLU: Θ_0 from its four parts, Θ_∞ = arc-cosine kernels at the fan-ins (Cho and Saul 2009)."""
    for record in small.records:
        width = record.readings["width"]
        model = tl.build_network(f"mlp:depth=1,width={width}", (1, 8, 8), outputs=1, seed=2)
        task = tl.tasks.make_task("group:0-4", tl.load("digits"), samples=60, test_samples=50, seed=2)
        x = task.x_train.flatten(1).double().numpy()
        hidden, readout = (
            {name: value.detach().double().numpy() for name, value in layer.named_parameters()}
            for layer in (model.hidden1, model.readout)
        )
        before = x @ hidden["weight"].T + hidden["bias"]
        after, slope = np.maximum(before, 0), (before > 0) * readout["weight"]
        finite = after @ after.T + 1 + (slope @ slope.T) * (x @ x.T + 1)
        q = x @ x.T / 64
        norms = np.sqrt(np.outer(q.diagonal(), q.diagonal()))
        angle = np.arccos(np.clip(q / norms, -1, 1))
        relu = norms * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)
        limit = width * relu + 1 + (np.pi - angle) / (2 * np.pi) * (x @ x.T + 1)
        relative = np.linalg.norm(finite - limit) / np.linalg.norm(limit)
        turn = 1 - (finite * limit).sum() / np.linalg.norm(finite) / np.linalg.norm(limit)
        told = record.readings["to_infinite"]
        assert told["relative"] == pytest.approx(relative, rel=1e-5)  # weights are float32 draws, kernels float64
        assert told["kernel_distance"] == pytest.approx(turn, rel=1e-5)


def test_the_distance_falls_as_one_over_the_root_of_the_width():
    found = tl.study(
        "width-scaling",
        "mlp:depth=1",
        widths=[64, 256, 1024],
        **SMALL | {"seeds": [0, 1, 2, 3], "samples": [40], "learners": ["initial", "infinite"]},
    )
    slope = slopes(by_width(found.records)["mlp:depth=1"])
    assert (
        -0.65 <= slope.mean <= -0.35
    )  # four draws of some hundred units: the slope of a draw is off by about 0.1


def test_a_network_of_ones_own_is_taken_as_it_is_without_a_closed_form():
    rows = np.random.default_rng(0).normal(size=(90, 6)).astype(np.float32)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 20), nn.Tanh(), nn.Linear(20, 1))
    given = {**SMALL, "data": (rows, (rows[:, 0] * rows[:, 1] > 0).astype(int)), "test_samples": 20}
    found = tl.study("width-scaling", {"mine": module}, **given)
    assert not found.failed
    (record,) = found.records
    assert (record.spec["network"], record.readings["width"], record.readings["to_infinite"]) == ("mine", 0, None)
    assert set(record.readings["points"][0]["learners"]) == {"network", "initial"}
    assert any("'infinite' is left out" in told for told in record.readings["warnings"])
