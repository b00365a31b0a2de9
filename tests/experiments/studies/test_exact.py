"""The exact facts hold to rounding for networks of the catalogue and for a module and rows of one's own."""

import numpy as np
import pytest
import torch
from torch import nn

import tangentlab as tl
from tangentlab.experiments.studies import exact
from tangentlab.networks import Network

FACTS = {"primal_dual", "one_backward", "lemma", "slope_mse", "slope_bce"}


def test_every_fact_holds_far_below_its_threshold():
    found = tl.study("exact", ["mlp:width=16", "lenet"], data="digits", samples=60, test_samples=20)
    assert not found.failed
    for record in found.records:
        assert set(record.readings["violations"]) == FACTS
        assert max(record.readings["violations"].values()) < 1e-5  # kinks add to rounding in the slopes alone
        assert record.readings["violations"]["primal_dual"] < 1e-11
    assert [(each.claim.id, each.verdict) for each in found.claims] == [("CA9", "holds")]


def test_a_module_and_arrays_of_ones_own_are_held_to_the_same():
    rows = np.random.default_rng(0).normal(size=(70, 9)).astype(np.float32)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(9, 12), nn.Tanh(), nn.Linear(12, 1))
    found = tl.study(
        "exact", {"mine": module}, data=(rows, (rows[:, 0] > 0).astype(int)), samples=50, test_samples=10
    )
    assert found.claims[0].statistic.value < 1e-8  # smooth, so that only rounding is left


def test_a_wrong_kernel_is_found_out():
    """Half of the facts compare against yᵀKy: with a kernel that is not the network's they must differ."""
    network = Network(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double())
    x = torch.randn(12, 3, generator=torch.Generator().manual_seed(0)).double()
    y = torch.where(x[:, 0] > 0, 1.0, -1.0).double()
    K = tl.ntk(network, x, outputs=0)
    assert exact._one_backward(network, x, K, y) < 1e-12
    assert exact._one_backward(network, x, 1.01 * K, y) == pytest.approx(0.01 / 1.01, rel=1e-6)


def test_the_slope_is_that_of_a_step_of_gradient_descent():
    """For f = w·x squared loss falls at −‖Xᵀy‖²/n² from outputs zero, whatever w is."""
    network = Network(nn.Linear(2, 1, bias=False).double())
    x = torch.tensor([[1.0, 0.0], [1.0, 2.0], [0.0, 1.0]], dtype=torch.float64)
    y = torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)
    speed = float((x.T @ y / 3).square().sum())  # (0, −1/3): 1/9
    assert speed == pytest.approx(1 / 9)
    assert exact._slope(network, x, y, loss="mse") == pytest.approx(-speed, rel=1e-7)  # rounding over a step of √ε
    assert exact._slope(network, x, y, loss="bce") == pytest.approx(-speed / 4, rel=1e-7)
