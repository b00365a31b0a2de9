from __future__ import annotations

import numpy as np
import pytest
import torch

from tangentlab._errors import NotFiniteError, NotPositiveError, NotSymmetricError, ShapeError
from tangentlab.linalg import expect_positive, negative_band, noise_floor, spectral_norm, symmetric

EPS64, EPS32 = np.finfo(np.float64).eps, np.finfo(np.float32).eps


def with_spectrum(values, seed: int = 0) -> np.ndarray:
    n = len(values)
    q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))
    K = (q * np.asarray(values)) @ q.T
    return (K + K.T) / 2


def check(K, **options) -> torch.Tensor:
    matrix = symmetric(K, **options)
    rounding = options.get("rounding", EPS64)
    expect_positive(matrix, band=negative_band(matrix, rounding=rounding))
    return matrix


def test_nan_is_refused_wherever_it_stands():
    # eigh reads one triangle, so NaN above the diagonal would go unseen
    for where in [(0, 3), (3, 0), (2, 2)]:
        K = np.eye(5)
        K[where] = np.nan
        with pytest.raises(NotFiniteError, match="first at"):
            symmetric(K)


def test_asymmetry_of_rounding_is_averaged_away():
    K = np.full((3, 3), 0.25)
    K[1, 1] = 4.0
    K[0, 2] += 9 * 3 * EPS64 * 4.0
    matrix = symmetric(K)
    assert torch.equal(matrix, matrix.T)
    K[0, 2] = 0.25 + 11 * 3 * EPS64 * 4.0
    with pytest.raises(NotSymmetricError):
        symmetric(K)


def test_asymmetry_beyond_rounding_is_refused_with_its_size_and_place():
    K = np.eye(4)
    K[1, 3] = 1e-3
    with pytest.raises(NotSymmetricError, match=r"differs from its transpose by 0\.001 at \(1, 3\)"):
        symmetric(K)


def test_rounding_is_judged_by_the_dtype_the_kernel_was_computed_in():
    K = np.eye(4)
    K[0, 1] = 20 * EPS32
    symmetric(K.astype(np.float32))
    with pytest.raises(NotSymmetricError):
        symmetric(K.astype(np.float32).astype(np.float64))
    symmetric(K.astype(np.float32).astype(np.float64), rounding=EPS32)


@pytest.mark.parametrize("n", [10, 400])  # a dense eigensolve, and Lanczos
def test_the_band_for_negative_eigenvalues_is_thirty_n_epsilon_lambda_max(n):
    values = np.linspace(1.0, 5.0, n)
    band = 30 * n * EPS64 * 5.0
    assert negative_band(torch.from_numpy(np.diag(values)), rounding=EPS64) == pytest.approx(band, rel=1e-3)
    values[0] = -0.8 * band
    check(np.diag(values))
    values[0] = -1.2 * band
    with pytest.raises(NotPositiveError):
        check(np.diag(values))


def test_negative_eigenvalues_are_counted_and_the_smallest_is_named():
    with pytest.raises(NotPositiveError, match=r"3 negative eigenvalues of 6, the smallest -0\.3") as refusal:
        check(with_spectrum([5.0, 1.0, 0.5, -0.1, -0.2, -0.3]), rounding=EPS64)
    assert "add 0.3 to its diagonal" in refusal.value.remedy


def test_a_zero_kernel_is_positive_and_a_negative_one_is_not():
    check(np.zeros((3, 3)))
    with pytest.raises(NotPositiveError, match="3 negative eigenvalues of 3"):
        check(-np.eye(3))


def test_a_rank_deficient_gram_passes_in_both_precisions():
    features = np.random.default_rng(0).standard_normal((300, 20))
    check(features @ features.T)
    single = features.astype(np.float32)
    check(single @ single.T, rounding=EPS32)


@pytest.mark.parametrize("shape", [(3,), (3, 2), (2, 2, 2)])
def test_a_kernel_that_is_not_square_is_refused(shape):
    with pytest.raises(ShapeError, match="`gram` must be of shape"):
        symmetric(np.ones(shape), name="gram")


@pytest.mark.parametrize("n", [3, 400])
def test_the_spectral_norm_is_the_largest_magnitude_of_either_sign(n):
    values = np.linspace(-7.0, 5.0, n)
    assert spectral_norm(torch.from_numpy(with_spectrum(values))) == pytest.approx(7.0, rel=1e-3)
    assert spectral_norm(torch.from_numpy(with_spectrum(values)), tolerance=0) == pytest.approx(7.0, rel=1e-12)
    assert spectral_norm(torch.zeros(n, n, dtype=torch.float64)) == 0.0


def test_the_noise_floor_follows_the_coarser_of_solver_and_kernel():
    values = torch.linspace(4.0, 0.0, 100, dtype=torch.float64)
    assert noise_floor(values, rounding=EPS64).item() == pytest.approx(4 * 100 * EPS64)
    assert noise_floor(values, rounding=EPS32).item() == pytest.approx(4 * EPS32)
