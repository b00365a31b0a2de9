from __future__ import annotations

import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError, NotPositiveError, UnknownNameError
from tangentlab.linalg import (
    Columns,
    LinearMap,
    effective_dimension,
    eigenpairs,
    lanczos_quadrature,
    pivoted_cholesky,
    spectral_density,
    trace_estimate,
)

SPECTRA = {
    "fast": 1 / np.arange(1, 301) ** 2.0,
    "slow": 1 / np.arange(1, 301),
    "flat": np.linspace(1, 0.5, 300),
    "common mode": np.r_[100.0, 1 / np.arange(1, 300)],
}


def with_spectrum(values: np.ndarray) -> np.ndarray:
    U = np.linalg.qr(np.random.default_rng(0).standard_normal((len(values), len(values))))[0]
    K = (U * values) @ U.T
    return (K + K.T) / 2


class Products:
    """A kernel that can only be multiplied."""

    def __init__(self, K: np.ndarray):
        self.K, self.shape, self.dtype, self.vectors = torch.from_numpy(K), K.shape, torch.float64, 0

    def matmat(self, V):
        self.vectors += V.shape[1]
        return self.K @ V


@pytest.mark.parametrize("name", SPECTRA)
def test_traces_lie_within_their_standard_errors(name):
    """Over 60 seeds: no bias beyond its own error, and the spread is what the standard error says, or less."""
    K, exact = with_spectrum(SPECTRA[name]), SPECTRA[name].sum()
    found = [trace_estimate(K, samples=40, seed=seed) for seed in range(60)]
    values, errors = np.array([f.value for f in found]), np.array([f.standard_error for f in found])
    assert abs(values.mean() - exact) < 4 * values.std() / 60**0.5
    assert 0.5 < values.std() / np.sqrt((errors**2).mean()) < 1.25
    assert (abs(values - exact) < 2 * errors).mean() > 0.85


def test_a_trace_estimate_beats_plain_random_vectors_where_eigenvalues_decay():
    K = with_spectrum(SPECTRA["fast"])
    found = np.array([trace_estimate(K, samples=40, seed=seed).value for seed in range(40)])
    V = np.random.default_rng(0).choice([-1.0, 1.0], (40, 300, 40))
    plain = np.einsum("snk,nm,smk->s", V, K, V, optimize=True) / 40
    assert found.std() < 0.1 * plain.std()


def test_a_trace_is_exact_where_the_samples_span_the_range_and_where_it_is_free():
    K = with_spectrum(np.r_[np.arange(10, 0, -1.0), np.zeros(90)])
    found = trace_estimate(Products(K), samples=40)
    assert found.value == pytest.approx(55, rel=1e-12)
    assert found.standard_error <= 1e-12
    assert trace_estimate(K, samples=None) == trace_estimate(K, samples=100)
    counted = Products(K)
    assert trace_estimate(counted, samples=None).value == pytest.approx(55, rel=1e-12)
    assert trace_estimate(counted, samples=None).products == 100


def test_the_products_counted_are_those_made():
    map_ = Products(with_spectrum(SPECTRA["slow"]))
    linear = LinearMap.of(map_)
    for call in (
        lambda: trace_estimate(linear, samples=20),
        lambda: lanczos_quadrature(linear, probes=3, steps=7),
    ):
        before = map_.vectors
        assert call().products == map_.vectors - before


@pytest.mark.parametrize("ridge", [1e-3, 1e-1, 10.0])
@pytest.mark.parametrize("name", SPECTRA)
def test_effective_dimensions_lie_within_their_standard_errors(name, ridge):
    K = with_spectrum(SPECTRA[name])
    exact = (SPECTRA[name] / (SPECTRA[name] + ridge)).sum()
    assert effective_dimension(K, ridge, samples=None).value == pytest.approx(exact, rel=1e-10)
    low = pivoted_cholesky(Columns.of(K), 60)
    found = [effective_dimension(K, ridge, samples=30, seed=seed, preconditioner=low) for seed in range(4)]
    gaps = [abs(f.value - exact) - 1e-5 * exact for f in found]
    assert all(gap < 4 * f.standard_error for gap, f in zip(gaps, found))


@pytest.mark.parametrize("known", [0, 5])
@pytest.mark.parametrize("name", SPECTRA)
def test_functions_of_a_kernel_are_traced_within_their_standard_errors(name, known):
    K, values = with_spectrum(SPECTRA[name]), SPECTRA[name]
    pairs = eigenpairs(K, known) if known else None
    rule = lanczos_quadrature(K, probes=20, steps=40, pairs=pairs)
    for function in (lambda v: v, lambda v: v / (v + 0.01), lambda v: (v + 1).log(), lambda v: v**0):
        found, exact = rule.trace(function), float(function(torch.from_numpy(values)).sum())
        assert abs(found.value - exact) < 4 * found.standard_error + 1e-8 * exact


def test_knowing_the_common_mode_takes_its_variance_out():
    K = with_spectrum(SPECTRA["common mode"])
    plain = lanczos_quadrature(K).trace(lambda v: v)
    known = lanczos_quadrature(K, pairs=eigenpairs(K, 1)).trace(lambda v: v)
    assert known.standard_error < 0.1 * plain.standard_error


@pytest.mark.parametrize("n", [1, 2, 5, 50])
def test_as_many_steps_as_rows_integrate_every_function_along_each_probe(n):
    """n zᵀφ(K)z for unit vectors z, by the eigendecomposition, for a φ that is no polynomial."""

    class Seen(Products):
        def matmat(self, V):
            seen.append(V)
            return super().matmat(V)

    seen, K = [], with_spectrum(1 / np.arange(1, n + 1))
    rule = lanczos_quadrature(Seen(K), probes=3, steps=n, seed=1)
    z = next(V.numpy() for V in seen if V.shape[1] == 3)  # after the look whether K is symmetric
    values, U = np.linalg.eigh(K)
    each = n * ((U.T @ z) ** 2 * np.sqrt(values)[:, None]).sum(0)
    found = rule.trace(torch.sqrt)
    # float64, after n products with full orthogonalization
    np.testing.assert_allclose((rule.weights * rule.nodes.sqrt()).sum(1).numpy(), each, rtol=1e-12)
    assert found.value == pytest.approx(each.mean(), rel=1e-12)
    assert found.standard_error == pytest.approx(each.std(ddof=1) / 3**0.5, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "scale"), [("fast", "log"), ("slow", "log"), ("flat", "linear"), ("flat", "log")]
)
def test_the_density_is_that_of_the_eigenvalues_within_its_error_bars(name, scale):
    K, values = with_spectrum(SPECTRA[name]), SPECTRA[name]
    found = spectral_density(K, scale=scale, probes=30, steps=80, points=120)
    u = np.log10(values) if scale == "log" else values
    grid = np.log10(found.at.numpy()) if scale == "log" else found.at.numpy()
    exact = np.exp(-0.5 * ((grid[:, None] - u) / found.width) ** 2).sum(1) / (found.width * np.sqrt(2 * np.pi))
    gap = abs(found.density.numpy() - exact)
    assert (gap < 4 * found.standard_error.numpy() + 0.01 * exact.max()).mean() > 0.97
    area = np.trapezoid(found.density.numpy(), grid)
    assert area == pytest.approx(300 - found.below.value, rel=0.02)


def test_eigenvalues_that_are_rounding_are_counted_below_the_floor():
    K = with_spectrum(np.r_[np.arange(20, 0, -1.0), np.zeros(80)])
    found = spectral_density(K, probes=30, steps=40)
    assert abs(found.below.value - 80) < 4 * found.below.standard_error
    negative = spectral_density(-K, scale="linear", probes=30, steps=40)
    assert float(negative.at.min()) < -20


def test_the_same_seed_gives_the_same_estimates():
    K = with_spectrum(SPECTRA["slow"])
    assert trace_estimate(K, seed=1) == trace_estimate(K, seed=1) != trace_estimate(K, seed=2)
    first, again = spectral_density(K, seed=1), spectral_density(K, seed=1)
    assert torch.equal(first.density, again.density)


def test_bad_arguments_are_refused():
    for samples in (3, 0, True, 10.0):
        with pytest.raises(ArgumentError, match="a whole number of at least 4"):
            trace_estimate(np.eye(2), samples=samples)
    for ridge in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ArgumentError, match="above 0"):
            effective_dimension(np.eye(2), ridge)
    with pytest.raises(NotPositiveError):
        effective_dimension(np.diag([1.0, -1.0]), 1.0)
    with pytest.raises(ArgumentError, match="a whole number of at least 2"):
        lanczos_quadrature(np.eye(2), probes=1)
    with pytest.raises(UnknownNameError):
        spectral_density(np.eye(2), scale="logarithmic")
    with pytest.raises(ArgumentError, match="not zero"):
        spectral_density(np.zeros((2, 2)))
    with pytest.raises(ArgumentError, match="one row or more"):
        spectral_density(np.zeros((0, 0)))
