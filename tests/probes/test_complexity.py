from __future__ import annotations

import numpy as np
import pytest

from tangentlab._errors import ArgumentError, DataError, NotPositiveError
from tangentlab.probes import complexity


def gram(n: int, p: int, seed: int = 0) -> np.ndarray:
    F = np.random.default_rng(seed).standard_normal((n, p))
    return F @ F.T


def test_the_three_numbers_are_their_formulas():
    K, Y = gram(8, 20), np.random.default_rng(1).standard_normal((8, 2))
    found = complexity(K, Y)
    norm = np.trace(Y.T @ np.linalg.inv(K) @ Y)
    assert found.norm == pytest.approx(norm, rel=1e-10)
    assert found.lower_bound == pytest.approx((Y**2).sum() ** 2 / np.trace(Y.T @ K @ Y), rel=1e-12)
    assert found.normalized == pytest.approx(norm * np.trace(K) / 64, rel=1e-10)
    assert (found.rank, found.null_share, found.is_exact) == (8, 0.0, True)


@pytest.mark.parametrize("ridge", [0.0, 0.7])
@pytest.mark.parametrize("seed", range(5))
def test_the_bound_never_exceeds_the_norm(seed, ridge):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 12))
    K = gram(n, int(rng.integers(1, 2 * n)), seed)  # full rank or not
    found = complexity(K, rng.standard_normal((n, int(rng.integers(1, 4)))), ridge=ridge)
    assert found.lower_bound <= found.norm


def test_the_bound_is_the_norm_in_one_eigenspace():
    K = np.diag([5.0, 2.0, 2.0, 1.0])
    found = complexity(K, [0.0, 3.0, -4.0, 0.0])
    assert found.norm == found.lower_bound == pytest.approx(12.5)
    identity = complexity(np.eye(4), [1.0, -1.0, 1.0, -1.0])
    assert (identity.norm, identity.lower_bound, identity.normalized) == pytest.approx((4.0, 4.0, 1.0))


@pytest.mark.parametrize("seed", range(20))
def test_rounding_does_not_put_the_bound_above_the_norm_where_they_are_equal(seed):
    draw = np.random.default_rng(seed)
    basis = np.linalg.qr(draw.normal(size=(9, 9)))[0]
    K = (basis * draw.uniform(0.1, 3, size=9)) @ basis.T
    found = complexity((K + K.T) / 2, basis[:, seed % 9])
    assert found.lower_bound <= found.norm == pytest.approx(found.lower_bound, rel=1e-12)


def test_only_the_normalized_number_is_free_of_the_kernels_scale():
    K, y = gram(8, 20), np.random.default_rng(1).standard_normal(8)
    one, other = complexity(K, y), complexity(100 * K, y)
    assert other.norm == pytest.approx(one.norm / 100)
    assert other.normalized == pytest.approx(one.normalized)


def test_a_ridge_is_a_kernel_with_a_larger_diagonal():
    K, y = gram(8, 20), np.random.default_rng(1).standard_normal(8)
    with_ridge, shifted = complexity(K, y, ridge=0.5), complexity(K + 0.5 * np.eye(8), y)
    assert with_ridge.norm == pytest.approx(shifted.norm, rel=1e-12)
    assert with_ridge.lower_bound == pytest.approx(shifted.lower_bound, rel=1e-12)


def test_a_singular_kernel_prices_what_it_reaches_and_reports_the_rest():
    F = np.random.default_rng(0).standard_normal((10, 3))
    K, inside = F @ F.T, F @ np.array([1.0, -2.0, 0.5])
    reached = complexity(K, inside)
    assert reached.rank == 3
    assert reached.null_share < 1e-25
    assert reached.norm == pytest.approx(1 + 4 + 0.25, rel=1e-6)  # ‖w‖², for y = Fw

    outside = inside - F @ np.linalg.lstsq(F, inside, rcond=None)[0] + np.linalg.svd(F)[0][:, 5]
    lost = complexity(K, outside)
    assert lost.null_share == pytest.approx(1.0)
    assert not lost.is_exact
    assert lost.norm > 1e11
    assert np.isfinite([lost.norm, lost.lower_bound, lost.normalized]).all()


def test_with_a_ridge_a_singular_kernel_is_as_any_other():
    F = np.random.default_rng(0).standard_normal((10, 3))
    K, y = F @ F.T, np.random.default_rng(1).standard_normal(10)
    found = complexity(K, y, ridge=0.1)
    assert found.norm == pytest.approx(y @ np.linalg.solve(K + 0.1 * np.eye(10), y), rel=1e-10)
    assert found.rank == 10


def test_cholesky_and_the_eigenpairs_agree_where_both_can_tell():
    n = 12
    q = np.linalg.qr(np.random.default_rng(0).standard_normal((n, n)))[0]
    K = (q * np.geomspace(1e-9, 1.0, n)) @ q.T
    K, y = (K + K.T) / 2, np.random.default_rng(1).standard_normal(n)
    by_cholesky = complexity(K, y)
    by_eigenpairs = complexity(K, y, rounding=1e-10)  # its condition is beyond 1/1e-10: decomposed
    assert by_eigenpairs.rank == n
    assert by_eigenpairs.norm == pytest.approx(by_cholesky.norm, rel=1e-5)  # condition 1e9 times 1e-16, and more


def test_forms_of_one_kernel_agree():
    K, y = gram(6, 9), np.random.default_rng(1).standard_normal((6, 3))
    shared = complexity(K, y)
    for same in (np.repeat(K[:, :, None], 3, axis=2), K[:, :, None, None] * np.eye(3)):
        other = complexity(same, y)
        for name in ("norm", "lower_bound", "normalized"):
            assert getattr(other, name) == pytest.approx(getattr(shared, name), rel=1e-9)


def test_an_output_whose_kernel_is_zero_is_out_of_reach():
    K = np.stack([np.eye(3), np.zeros((3, 3))], axis=2)
    found = complexity(K, np.ones((3, 2)))
    assert (found.rank, found.null_share) == (3, 0.5)


def test_bad_kernels_are_refused():
    with pytest.raises(NotPositiveError):
        complexity(np.diag([1.0, -1.0]), [1.0, 1.0])
    with pytest.raises(DataError, match="zero everywhere"):
        complexity(np.zeros((2, 2)), [1.0, 1.0])
    with pytest.raises(ArgumentError, match="`ridge`"):
        complexity(np.eye(2), [1.0, 1.0], ridge=-0.1)
