from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch

from tangentlab._errors import ArgumentError, NotPositiveError, ShapeError
from tangentlab.linalg import Columns, NumericalWarning, conjugate_gradient, pivoted_cholesky
from tangentlab.linalg.low_rank_preconditioner import LowRankPreconditioner


def kernel(n: int, decay: float = 2.0) -> np.ndarray:
    U = np.linalg.qr(np.random.default_rng(0).standard_normal((n, n)))[0]
    K = (U * (n / np.arange(1, n + 1) ** decay)) @ U.T
    return (K + K.T) / 2


@pytest.mark.parametrize("n", [1, 2, 5, 50, 500])
@pytest.mark.parametrize("shape", ["vector", "block"])
def test_the_solution_is_scipys(n, shape):
    K = kernel(n)
    b = np.random.default_rng(1).standard_normal((n, 4) if shape == "block" else n)
    found = conjugate_gradient(K, b, ridge=0.1, tolerance=1e-12)
    expected = scipy.linalg.solve(K + 0.1 * np.eye(n), b, assume_a="pos")
    assert found.doubt is None
    assert found.value.shape == b.shape
    # an error in a is at most the residual over the ridge
    np.testing.assert_allclose(found.value.numpy(), expected, rtol=0, atol=1e-11 * np.linalg.norm(b) / 0.1)
    miss = (K + 0.1 * np.eye(n)) @ found.value.numpy() - b
    measured = np.linalg.norm(miss, axis=0) / np.linalg.norm(b, axis=0)
    np.testing.assert_allclose(found.residuals.numpy(), np.atleast_1d(measured), rtol=0.05, atol=1e-14)


def test_a_low_rank_preconditioner_saves_most_of_the_iterations():
    K = kernel(400, decay=1.5)
    b = np.random.default_rng(1).standard_normal((400, 3))
    low = pivoted_cholesky(Columns.of(K), 80)
    plain = conjugate_gradient(K, b, ridge=1e-2)
    helped = conjugate_gradient(K, b, ridge=1e-2, preconditioner=low)
    assert helped.doubt is None
    assert 3 * helped.iterations < plain.iterations
    np.testing.assert_allclose(helped.value.numpy(), plain.value.numpy(), atol=1e-4)


def test_the_preconditioner_is_the_inverse_it_says():
    low = pivoted_cholesky(Columns.of(kernel(60)), 20)
    shift = 0.3 + low.trace_error / 60
    P = low.factor.numpy() @ low.factor.numpy().T + shift * np.eye(60)
    V = np.random.default_rng(0).standard_normal((60, 2))
    found = LowRankPreconditioner.of(low, ridge=0.3).solve(torch.from_numpy(V)).numpy()
    np.testing.assert_allclose(found, shift * np.linalg.solve(P, V), atol=1e-10)


@pytest.mark.parametrize("tolerance", [1e-6, 1e-10])
def test_float32_kernels_are_solved_beyond_float32(tolerance):
    """Against a float64 solve of the same float32 numbers."""
    K = kernel(300).astype(np.float32)
    b = np.random.default_rng(1).standard_normal((300, 2))
    found = conjugate_gradient(K, b, ridge=0.5, tolerance=tolerance)
    assert float(found.residuals.max()) <= tolerance
    miss = K.astype(np.float64) @ found.value.numpy() + 0.5 * found.value.numpy() - b
    assert np.linalg.norm(miss, axis=0).max() <= 1.1 * tolerance * np.linalg.norm(b, axis=0).max()


def test_columns_that_are_zero_or_done_cost_nothing_and_stay_right():
    K, b = kernel(50), np.zeros((50, 3))
    b[:, 1] = np.random.default_rng(0).standard_normal(50)
    found = conjugate_gradient(K, b, ridge=1.0)
    assert found.value[:, [0, 2]].abs().max() == 0
    assert found.residuals.tolist()[::2] == [0.0, 0.0]
    assert conjugate_gradient(K, np.zeros(50), ridge=1.0).iterations == 0


def test_too_few_iterations_are_told_with_figures():
    b = np.random.default_rng(0).standard_normal((200, 2))
    with pytest.warns(NumericalWarning, match="above 1e-08 in 2 of 2 right-hand sides after 5 iterations"):
        found = conjugate_gradient(kernel(200, 1.0), b, ridge=1e-6, iterations=5)
    assert found.doubt is not None
    assert found.iterations == 5


def test_a_singular_kernel_without_a_ridge_is_told_and_not_solved():
    K = np.diag([1.0, 2.0, 0.0])
    with pytest.warns(NumericalWarning, match="residual above"):
        found = conjugate_gradient(K, np.ones(3), ridge=0.0)
    assert 3**-0.5 - 1e-9 <= float(found.residuals) <= 1 + 1e-9  # a third of b lies outside of its range
    assert bool(torch.isfinite(found.value).all())
    inside = conjugate_gradient(K, np.array([1.0, 1.0, 0.0]), ridge=0.0)
    np.testing.assert_allclose(inside.value.numpy(), [1.0, 0.5, 0.0], atol=1e-12)


def test_what_cannot_be_solved_is_refused():
    with pytest.raises(NotPositiveError, match="along one direction it is -"):
        conjugate_gradient(np.diag([1.0, -3.0]), np.ones(2), ridge=0.5)
    with pytest.raises(ArgumentError, match="0 or more"):
        conjugate_gradient(np.eye(2), np.ones(2), ridge=-1.0)
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        conjugate_gradient(np.eye(2), np.ones(2), ridge=1.0, tolerance=2.0)
    with pytest.raises(ShapeError):
        conjugate_gradient(np.eye(2), np.ones(3), ridge=1.0)
    low = pivoted_cholesky(Columns.of(np.eye(3)), 1)
    with pytest.raises(ShapeError, match="preconditioner"):
        conjugate_gradient(np.eye(2), np.ones(2), ridge=1.0, preconditioner=low)
