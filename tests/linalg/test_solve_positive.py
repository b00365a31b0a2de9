from __future__ import annotations

import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError, NotFiniteError, NotPositiveError, NumericalError, ShapeError
from tangentlab.linalg import NumericalWarning, factor_positive, solve_positive

EPS64, EPS32 = float(np.finfo(np.float64).eps), float(np.finfo(np.float32).eps)


def gram(n: int, p: int, seed: int = 0) -> np.ndarray:
    F = np.random.default_rng(seed).standard_normal((n, p))
    return F @ F.T


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 10, 50, 300])
@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_solutions_pass_the_ratio_that_lapack_sets_itself(n, ridge):
    K, b = gram(n, 2 * n + 1), np.random.default_rng(1).standard_normal((n, 3))
    solution = solve_positive(K, b, ridge=ridge)
    A, x = K + ridge * np.eye(n), solution.value.numpy()
    assert x.shape == (n, 3)
    assert solution.jitter == 0.0
    if n:
        ratio = np.linalg.norm(b - A @ x, 1) / (n * EPS64 * np.linalg.norm(A, 1) * np.linalg.norm(x, 1))
        assert ratio < 30
        expected = np.linalg.norm(b - A @ x) / np.linalg.norm(b)
        assert solution.residual == pytest.approx(expected, rel=1, abs=1e-13)


def test_the_value_has_the_shape_of_the_right_hand_side_and_lives_in_float64():
    K = torch.from_numpy(gram(4, 9)).float()
    assert solve_positive(K, torch.ones(4)).value.shape == (4,)
    assert solve_positive(K, torch.ones(4, 1)).value.shape == (4, 1)
    assert solve_positive(K, torch.ones(4)).value.dtype == torch.float64


@pytest.mark.parametrize("smallest", [1.0, 1e-3, 1e-8])
def test_the_condition_is_that_of_the_one_norm(smallest):
    q, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((40, 40)))
    K = (q * np.geomspace(smallest, 10.0, 40)) @ q.T
    condition = solve_positive((K + K.T) / 2, np.ones(40)).condition
    exact = np.linalg.cond(K, 1)
    assert exact / 3 <= condition <= exact * 1.001  # an estimate from below, within a factor of 3


def test_a_singular_kernel_gets_the_least_jitter_that_works_and_a_warning():
    K = np.ones((3, 3))
    K[2] = K[:, 2] = 1 - 1e-15
    K[2, 2] = 1 - 3e-15  # indefinite by rounding alone
    with pytest.warns(NumericalWarning, match="singular to rounding"):
        solution = solve_positive(K, np.ones(3))
    assert 0 < solution.jitter < 30 * 3 * EPS64 * 3
    assert solution.residual < 1e-12  # the right-hand side lies in the range


def test_the_residual_is_not_measured_against_the_jittered_system():
    K = np.ones((3, 3))
    with pytest.warns(NumericalWarning):
        solution = solve_positive(K, np.array([1.0, -1.0, 0.0]))  # outside the range: there is no solution
    assert solution.residual > 0.1


def test_a_condition_beyond_the_precision_of_the_kernel_is_warned_of():
    K = np.diag([1.0, 1e-9])
    assert solve_positive(K, np.ones(2)).condition == pytest.approx(1e9)
    with pytest.warns(NumericalWarning, match="condition 1e"):
        solve_positive(K, np.ones(2), rounding=EPS32)


def test_a_ridge_does_not_hide_a_kernel_that_is_not_positive():
    with pytest.raises(NotPositiveError, match="the smallest -1"):
        solve_positive(np.diag([2.0, -1.0]), np.ones(2), ridge=5.0)


@pytest.mark.parametrize("entries", [[1.0, 1e-9], [1.0, 0.0]])
def test_doubt_calls_the_matrix_what_the_caller_calls_it(entries):
    doubt = factor_positive(torch.diag(torch.tensor(entries)), name="gram").doubt
    assert doubt is not None and doubt.startswith("`gram`")


def test_refinement_never_makes_the_residual_worse():
    K, b = gram(60, 61), np.ones((60, 1))
    factor = factor_positive(K)
    plain = torch.cholesky_solve(torch.from_numpy(b), factor.lower)
    refined = factor.solve(torch.from_numpy(b))
    miss = [float((factor.product(x) - torch.from_numpy(b)).norm()) for x in (plain, refined)]
    assert miss[1] <= miss[0]


def test_the_inverse_is_that_of_the_shifted_kernel():
    K = gram(8, 20)
    inverse = factor_positive(K, ridge=2.0).inverse().numpy()
    np.testing.assert_allclose(inverse @ (K + 2 * np.eye(8)), np.eye(8), atol=1e-13)


def test_a_zero_kernel_needs_a_ridge():
    with pytest.raises(NumericalError, match="is zero, and has no inverse"):
        solve_positive(np.zeros((2, 2)), np.ones(2))
    assert solve_positive(np.zeros((2, 2)), np.ones(2), ridge=4.0).value.tolist() == [0.25, 0.25]


@pytest.mark.parametrize("ridge", [-1.0, float("nan"), float("inf"), "1"])
def test_a_ridge_that_is_not_a_number_from_zero_is_refused(ridge):
    with pytest.raises(ArgumentError, match="`ridge` must be a finite number"):
        solve_positive(np.eye(2), np.ones(2), ridge=ridge)


def test_bad_right_hand_sides_are_refused_by_name():
    with pytest.raises(NotFiniteError, match="`b` has 1 entry"):
        solve_positive(np.eye(2), np.array([1.0, np.nan]))
    with pytest.raises(ShapeError, match="`b` must be of shape"):
        solve_positive(np.eye(2), np.ones(3))
