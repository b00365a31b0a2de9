from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError, DataError, NotFiniteError, ShapeError, UnknownNameError
from tangentlab.training import stable_learning_rate

N = 6


def gram(seed: int = 0) -> np.ndarray:
    F = np.random.default_rng(seed).standard_normal((N, 9))
    return F @ F.T


def distance_after(K, *, rate, momentum, nesterov, weight_decay, steps) -> float:
    """‖θ‖ relative to its start after torch's own SGD on ½‖Jθ‖²/n, with J Jᵀ = K."""
    J = torch.linalg.cholesky(torch.from_numpy(K))
    theta = torch.linalg.eigh(J.T @ J).eigenvectors[:, -1].clone().requires_grad_()  # the stiffest direction
    optimizer = torch.optim.SGD([theta], lr=rate, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay)
    for _ in range(steps):
        optimizer.zero_grad()
        (0.5 * (J @ theta).square().sum() / N).backward()
        optimizer.step()
    return float(theta.detach().norm())


@pytest.mark.parametrize(
    ("momentum", "nesterov", "weight_decay"),
    [(0.0, False, 0.0), (0.9, False, 0.0), (0.9, True, 0.0), (0.5, True, 2.0), (0.5, False, 2.0)],
)
def test_descent_converges_just_below_the_rate_and_diverges_just_above(momentum, nesterov, weight_decay):
    K = gram()
    options = {"momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay}
    top = stable_learning_rate(K, loss="mse", **options)
    assert distance_after(K, rate=0.99 * top, steps=3000, **options) < 1e-3
    assert distance_after(K, rate=1.01 * top, steps=3000, **options) > 1e3


def test_the_formula_for_each_loss():
    K = np.diag([1.0, 4.0])
    rates = {loss: stable_learning_rate(K, loss=loss, momentum=0.9) for loss in ("mse", "bce", "cross_entropy")}
    assert rates == pytest.approx({"mse": 1.9, "bce": 7.6, "cross_entropy": 3.8}, rel=1e-12)


def test_the_curvature_bounds_hold_and_are_reached_by_undecided_outputs():
    def curvature(loss, f):
        return float(torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, f)).max())

    def bce(target):
        return lambda f: torch.nn.functional.binary_cross_entropy_with_logits(f, target, reduction="sum")

    def entropy(f):
        return -torch.log_softmax(f, dim=0)[0]

    drawn = torch.from_numpy(np.random.default_rng(0).standard_normal((20, 4)))
    assert max(curvature(bce(torch.ones(4, dtype=torch.float64)), f) for f in drawn) <= 0.25
    assert max(curvature(entropy, f) for f in 3 * drawn) <= 0.5
    assert curvature(bce(torch.ones(1)), torch.zeros(1)) == pytest.approx(0.25)
    # two equal winners among hopeless others
    assert curvature(entropy, torch.tensor([9.0, 9.0, -90.0])) == pytest.approx(0.5, abs=1e-6)


def test_kernels_of_several_outputs_count_rows_not_outputs():
    F = np.random.default_rng(0).standard_normal((N, 2, 15))
    full = np.einsum("ikp,jlp->ijkl", F, F)
    largest = np.linalg.eigvalsh(F.reshape(2 * N, 15) @ F.reshape(2 * N, 15).T).max()
    assert stable_learning_rate(full, loss="mse") == pytest.approx(2 * N / largest)
    diagonal = np.einsum("ijkk->ijk", full)
    per_output = min(stable_learning_rate(diagonal[:, :, k], loss="mse") for k in range(2))
    assert stable_learning_rate(diagonal, loss="mse") == pytest.approx(per_output)


def test_a_kernel_that_never_moves_is_stable_at_every_rate():
    assert stable_learning_rate(np.zeros((3, 3)), loss="bce") == math.inf
    assert stable_learning_rate(np.zeros((3, 3)), loss="bce", weight_decay=0.5) == 4.0


def test_bad_arguments_are_refused():
    with pytest.raises(UnknownNameError, match="Did you mean 'mse'"):
        stable_learning_rate(np.eye(2), loss="mes")
    with pytest.raises(ArgumentError, match="`momentum`"):
        stable_learning_rate(np.eye(2), loss="mse", momentum=1.0)
    with pytest.raises(ShapeError):
        stable_learning_rate(np.ones((2, 3)), loss="mse")
    with pytest.raises(DataError, match="no rows"):
        stable_learning_rate(np.zeros((0, 0)), loss="mse")
    with pytest.raises(NotFiniteError):
        stable_learning_rate(np.full((2, 2), np.nan), loss="mse")
