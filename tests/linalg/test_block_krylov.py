from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError
from tangentlab.linalg import LinearMap, NumericalWarning, SymmetricTiles, eigenpairs, krylov_eigenpairs
from tangentlab.linalg.krylov_basis import next_block, orthonormal_rows


def with_spectrum(values: np.ndarray, seed: int = 0, dtype: type = np.float64) -> np.ndarray:
    n = len(values)
    U = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]
    K = ((U * values) @ U.T).astype(dtype)
    return (K + K.T) / 2


SPECTRA = {
    "fast": 1 / np.arange(1, 501) ** 2.0,
    "slow": 1 / np.arange(1, 501) ** 0.7,
    "common mode": np.r_[1000.0, 1 / np.arange(1, 500) ** 1.5],
    "rank 20": np.r_[np.arange(20, 0, -1.0), np.zeros(480)],
    "60 equal, then a slope": np.r_[np.full(60, 2.0), np.linspace(1.9, 0.1, 440)],
    "identity": np.ones(500),
    "both signs": np.linspace(-1, 1, 500),
    "zero": np.zeros(500),
}


def check_pairs(K: np.ndarray, pairs, k: int, *, ratio: float, unit: float) -> None:
    """LAPACK's own ratios: residual and orthogonality over n ε ‖K‖ and n ε, and the values besides."""
    n, exact = len(K), K.astype(np.float64)
    expected = np.linalg.eigvalsh(exact)[::-1]
    values, vectors = pairs.values.numpy(), pairs.vectors.numpy()
    scale = max(abs(expected).max(), 1e-300)
    assert np.linalg.norm(exact @ vectors - vectors * values, 2) <= ratio * n * unit * scale
    assert np.linalg.norm(vectors.T @ vectors - np.eye(k), 2) <= 30 * n * np.finfo(float).eps
    assert abs(values - expected[:k]).max() <= ratio * n * unit * scale
    measured = np.linalg.norm(exact @ vectors - vectors * values, axis=0) / scale
    np.testing.assert_allclose(pairs.residuals.numpy(), measured, rtol=0.02, atol=3 * np.sqrt(n) * unit)


@pytest.mark.parametrize("name", SPECTRA)
def test_pairs_pass_lapacks_ratio_on_every_kind_of_spectrum(name):
    K = with_spectrum(SPECTRA[name])
    pairs = krylov_eigenpairs(K, 12, tolerance=1e-13)  # residuals of 500 ε
    assert pairs.doubt is None
    check_pairs(K, pairs, 12, ratio=30, unit=float(np.finfo(float).eps))


@pytest.mark.parametrize("name", SPECTRA)
def test_float32_kernels_are_decomposed_to_their_own_precision(name):
    K = with_spectrum(SPECTRA[name], dtype=np.float32)
    pairs = krylov_eigenpairs(K, 12)
    assert pairs.doubt is None
    assert float(pairs.residuals.max()) <= 1e-6
    check_pairs(K, pairs, 12, ratio=30, unit=float(np.finfo(np.float32).eps))


@pytest.mark.parametrize("n", [1, 2, 5, 50, 500])
@pytest.mark.parametrize("form", ["matrix", "tiles", "map"])
def test_every_form_and_size(n, form):
    K = with_spectrum(1 / np.arange(1, n + 1) ** 2.0)
    k = min(n, 10)
    given = {
        "matrix": K,
        "tiles": SymmetricTiles.of(
            [(i, j, K[i : i + 64, j : j + 64]) for i in range(0, n, 64) for j in range(i, n, 64)]
        ),
        "map": LinearMap.of(K),
    }[form]
    pairs = eigenpairs(given, k)
    expected = np.linalg.eigvalsh(K)[::-1][:k]
    np.testing.assert_allclose(pairs.values.numpy(), expected, rtol=0, atol=30 * n * 2.3e-16)
    assert float(pairs.residuals.max()) <= 1e-12


def test_copies_of_an_eigenvalue_beyond_the_block_are_found():
    """A block of 4 spans 4 of the 30 copies; the others come from the witnesses."""
    K = with_spectrum(np.r_[np.full(30, 2.0), 1 / np.arange(1, 471)])
    pairs = krylov_eigenpairs(K, 35, block=4)
    np.testing.assert_allclose(pairs.values.numpy()[:30], 2.0, rtol=1e-12)
    np.testing.assert_allclose(pairs.values.numpy()[30:], 1 / np.arange(1, 6), rtol=1e-10)


def test_copies_hidden_by_eigenvalues_close_by_are_found_or_told():
    """40 copies and just below them 60 of another, for blocks of 8: pairs of either are accepted."""
    K = with_spectrum(np.r_[np.full(40, 5.0), np.full(60, 4.9999), np.linspace(0, 4.5, 600)])
    pairs = krylov_eigenpairs(K, 10, products=6000)
    assert pairs.doubt is None
    np.testing.assert_allclose(pairs.values.numpy(), 5.0, rtol=1e-11)
    few = krylov_eigenpairs(K, 10, products=500)
    assert float(few.residuals.max()) <= 1e-12
    assert few.doubt is not None and "as large beside the 10 found" in few.doubt


def test_a_small_basis_restarts_and_reaches_the_same_pairs():
    K = with_spectrum(SPECTRA["slow"])
    free = krylov_eigenpairs(K, 10)
    tight = krylov_eigenpairs(K, 10, columns=1)
    assert tight.doubt is None
    assert tight.products > free.products
    torch.testing.assert_close(tight.values, free.values, rtol=1e-12, atol=0)
    assert float((tight.vectors.T @ free.vectors).abs().diagonal().min()) > 1 - 1e-12


def test_the_same_seed_gives_the_same_pairs_and_the_global_state_is_left_alone():
    K = with_spectrum(SPECTRA["fast"], dtype=np.float32)
    state = torch.random.get_rng_state()
    first, again, other = (krylov_eigenpairs(K, 8, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first.vectors, again.vectors)
    assert not torch.equal(first.vectors, other.vectors)
    torch.testing.assert_close(first.values, other.values, rtol=0, atol=1e-7)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_tolerance_below_float32_is_met_in_float64_on_the_float32_numbers():
    K = with_spectrum(SPECTRA["fast"], dtype=np.float32)
    pairs = krylov_eigenpairs(K, 8, tolerance=1e-11)
    exact = K.astype(np.float64)
    V = pairs.vectors.numpy()
    assert np.linalg.norm(exact @ V - V * pairs.values.numpy(), axis=0).max() < 1e-11


def test_too_few_products_are_told_with_figures():
    K = with_spectrum(SPECTRA["slow"])
    pairs = krylov_eigenpairs(K, 10, products=40)
    assert pairs.doubt is not None
    assert "of 10 eigenpairs of a kernel of 500 rows have residuals above 1e-12" in pairs.doubt
    assert float(pairs.residuals.max()) > 1e-12


def test_eigenpairs_falls_back_on_a_dense_solve_and_warns_where_there_is_none(monkeypatch):
    """−1/j² has its largest eigenvalues in a heap at zero, which no Krylov space parts."""
    K = with_spectrum(-1 / np.arange(1, 401) ** 3.0)
    exact = np.linalg.eigvalsh(K)[::-1][:4]

    class Map:
        shape = K.shape
        dtype = torch.float64

        def matmat(self, vectors):
            return torch.from_numpy(K) @ vectors

    with pytest.warns(NumericalWarning, match="eigenpairs of a kernel of 400 rows"):
        eigenpairs(Map(), 4)
    # the function hides its module of the same name in the package
    monkeypatch.setattr(sys.modules["tangentlab.linalg.eigenpairs"], "DENSE_ROWS", 100)
    np.testing.assert_allclose(eigenpairs(K, 4).values.numpy(), exact, rtol=0, atol=1e-14)


def test_progress_counts_products():
    calls = []
    krylov_eigenpairs(with_spectrum(SPECTRA["fast"]), 8, progress=lambda done, total: calls.append((done, total)))
    assert calls == sorted(calls)
    assert all(done <= total for done, total in calls)


def test_bad_counts_and_tolerances_are_refused():
    for k in (0, 6, True, 2.0):
        with pytest.raises(ArgumentError, match="from 1 to the size of K, 5"):
            krylov_eigenpairs(np.eye(5), k)
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        krylov_eigenpairs(np.eye(5), 1, tolerance=0.0)


@pytest.mark.parametrize("dependence", [0.0, 1e-12, 1e-6, 1e-2])
def test_rows_are_orthonormal_however_dependent(dependence):
    rows = np.random.default_rng(0).standard_normal((6, 40))
    rows[3] = rows[0] + dependence * rows[3]
    found, weight = orthonormal_rows(torch.from_numpy(rows))
    np.testing.assert_allclose((found @ found.T).numpy(), np.eye(6), atol=1e-12)
    assert float(weight[3]) <= 2 * dependence * np.linalg.norm(rows[3]) + 1e-12


def test_a_new_block_is_orthogonal_to_the_basis_even_when_it_starts_inside():
    basis = torch.from_numpy(np.linalg.qr(np.random.default_rng(0).standard_normal((30, 20)))[0].T.copy())
    block = next_block(basis[:5] + 1e-13, basis, floor=1e-9, source=torch.Generator().manual_seed(0))
    np.testing.assert_allclose((block @ basis.T).numpy(), 0, atol=1e-13)
    np.testing.assert_allclose((block @ block.T).numpy(), np.eye(5), atol=1e-13)
