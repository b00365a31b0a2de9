"""The ensemble's mean and covariance against an ensemble that is drawn and trained one by one."""

import math

import numpy as np
import pytest
import torch

import tangentlab as tl
from tangentlab._errors import ArgumentError, NotFiniteError, NotPositiveError, NotSymmetricError, ShapeError

NETWORK = tl.InfiniteWidthMLP(2, "erf", 1.4, 0.2, 1.0, 0.1)
X = torch.randn(9, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
Y = torch.randn(6, 2, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
TRAIN, TEST = X[:6], X[6:]


def fitted():
    return tl.EnsembleFlow().fit(NETWORK.ntk(TRAIN), Y, nngp=NETWORK.nngp(TRAIN))


def at(t):
    theta = NETWORK.ntk(TEST, TRAIN)
    covariance = fitted().covariance(theta, t, nngp_test=NETWORK.nngp(TEST, TRAIN), nngp_rows=NETWORK.nngp(TEST))
    return fitted().predict(theta, t), covariance


@pytest.mark.parametrize("t", [0.0, 0.7, 20.0, math.inf])
def test_moments_are_those_of_functions_drawn_and_trained_one_by_one(t):
    """f0 drawn from the NNGP on all rows, each moved by `GradientFlow` with the NTK: its mean and covariance."""
    draws = 20_000
    root = torch.linalg.cholesky(NETWORK.nngp(X))
    f0 = root @ torch.randn(9, draws, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    flow = tl.GradientFlow().fit(NETWORK.ntk(TRAIN), Y[:, :1].repeat(1, draws), f0=f0[:6])
    ends = flow.predict(NETWORK.ntk(TEST, TRAIN), t, f0_test=f0[6:])
    mean, covariance = at(t)
    spread = covariance.diagonal().sqrt()
    z = (ends.mean(1) - mean[:, 0]) / spread * draws**0.5
    assert float(z.abs().max()) < 4
    error = (torch.cov(ends) - covariance) / torch.outer(spread, spread) * draws**0.5
    assert float(error.abs().max()) < 6  # of deviation √2 at the most


def test_covariance_starts_at_the_prior_and_falls_to_the_conditional():
    _, prior = at(0.0)
    torch.testing.assert_close(prior, NETWORK.nngp(TEST))
    k = NETWORK.nngp(TRAIN)
    readout_only = tl.EnsembleFlow().fit(k, Y, nngp=k)
    cross = NETWORK.nngp(TEST, TRAIN)
    found = readout_only.covariance(cross, math.inf, nngp_test=cross, nngp_rows=NETWORK.nngp(TEST))
    conditional = NETWORK.nngp(TEST) - cross @ torch.linalg.solve(k, cross.T)
    torch.testing.assert_close(found, conditional, rtol=1e-8, atol=1e-10)
    mean = readout_only.predict(cross, math.inf)
    torch.testing.assert_close(mean, cross @ torch.linalg.solve(k, Y), rtol=1e-8, atol=1e-10)


def test_covariance_is_symmetric_and_positive_and_settles():
    for t in (1e-3, 1e-2, 0.1, 1.0, 10.0, 1e3, 1e6, math.inf):
        _, covariance = at(t)
        assert torch.equal(covariance, covariance.T)
        assert float(torch.linalg.eigvalsh(covariance)[0]) > -1e-12
    for late, last in zip(at(1e9), at(math.inf)):
        torch.testing.assert_close(late, last)


def test_float32_kernels_and_vectors_are_taken():
    theta, k = NETWORK.ntk(X.float()), NETWORK.nngp(X.float())
    ensemble = tl.EnsembleFlow().fit(theta[:6, :6], Y[:, 0].float(), nngp=k[:6, :6])
    mean = ensemble.predict(theta[6:, :6], 1.0)
    covariance = ensemble.covariance(theta[6:, :6], 1.0, nngp_test=k[6:, :6], nngp_rows=k[6:, 6:])
    assert mean.shape == (3,) and mean.dtype == covariance.dtype == torch.float64
    np.testing.assert_allclose(mean, at(1.0)[0][:, 0], atol=1e-5)
    np.testing.assert_allclose(covariance, at(1.0)[1], atol=1e-5)


@pytest.mark.parametrize(
    ("ntk", "nngp", "error", "words"),
    [
        (torch.ones(2, 2, 1, 1), torch.eye(2), ShapeError, "ntk"),
        (torch.eye(2), torch.ones(2, 3), ShapeError, "nngp"),
        (torch.eye(2), torch.tensor([[1.0, 2.0], [0.0, 1.0]]), NotSymmetricError, "nngp"),
        (torch.tensor([[1.0, 2.0], [2.0, 1.0]]), torch.eye(2), NotPositiveError, "K"),
        (torch.eye(2), torch.full((2, 2), float("nan")), NotFiniteError, "nngp"),
    ],
)
def test_kernels_that_are_none_are_refused(ntk, nngp, error, words):
    with pytest.raises(error, match=words):
        tl.EnsembleFlow().fit(ntk, torch.ones(2), nngp=nngp)


def test_test_rows_that_do_not_fit_are_refused():
    theta = NETWORK.ntk(TEST, TRAIN)
    with pytest.raises(ShapeError, match="nngp_test"):
        fitted().covariance(theta, 1.0, nngp_test=theta.T, nngp_rows=NETWORK.nngp(TEST))
    with pytest.raises(ShapeError, match="nngp_rows"):
        fitted().covariance(theta, 1.0, nngp_test=theta, nngp_rows=NETWORK.nngp(TRAIN))
    with pytest.raises(ArgumentError, match="`t`"):
        fitted().predict(theta, -1.0)
