from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.kernel_ridge import KernelRidge

from oracles.linear_models import FORMS, linear_model
from tangentlab._errors import ArgumentError, NotFiniteError, NotPositiveError, NotSymmetricError, NumericalError
from tangentlab.linalg import NumericalWarning
from tangentlab.training import ConjugateGradient, KernelRegression

problem = partial(linear_model, n=9, m=4, c=3, p=60)


def written_out(K: np.ndarray, c: int) -> np.ndarray:
    """Any form as a matrix (n·c, m·c), with NumPy alone."""
    if K.ndim == 2:
        K = K[:, :, None, None] * np.eye(c)
    elif K.ndim == 3:
        K = K[:, :, :, None] * np.eye(c)
    return K.transpose(0, 2, 1, 3).reshape(K.shape[0] * c, K.shape[1] * c)


def refit(K, y, f0, ridge, rows, test_rows):
    """Prediction at test_rows of a dense solve on rows: the slow and obvious way."""
    c = y.shape[1]
    flat = written_out(K[np.ix_(rows, rows)], c)
    across = written_out(K[np.ix_(test_rows, rows)], c)
    alpha = np.linalg.solve(flat + ridge * np.eye(len(flat)), (y - f0)[rows].reshape(-1))
    return f0[test_rows] + (across @ alpha).reshape(-1, c)


@pytest.mark.parametrize("ridge", [1e-3, 1.0, 30.0])
@pytest.mark.parametrize("columns", [None, 1, 3])
def test_coefficients_and_predictions_equal_scikit_learns(ridge, columns):
    K, K_test, y, _, _ = problem("shared")
    y = y[:, 0] if columns is None else y[:, :columns]
    theirs = KernelRidge(alpha=ridge, kernel="precomputed").fit(K, y)
    ours = KernelRegression(ridge=ridge).fit(K, y)
    np.testing.assert_allclose(ours.coefficients.numpy(), theirs.dual_coef_, rtol=1e-11)
    np.testing.assert_allclose(ours.predict(K_test).numpy(), theirs.predict(K_test), rtol=1e-10)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_predictions_of_every_form_equal_a_dense_solve_with_the_bias(form, ridge):
    K, K_test, y, f0, f0_test = problem(form)
    fit = KernelRegression(ridge=ridge).fit(K, y, f0)
    flat = written_out(K, 3)
    alpha = np.linalg.solve(flat + ridge * np.eye(27), (y - f0).reshape(-1))
    np.testing.assert_allclose(fit.coefficients.numpy().reshape(-1), alpha, rtol=1e-9)
    expected = f0_test + (written_out(K_test, 3) @ alpha).reshape(4, 3)
    np.testing.assert_allclose(fit.predict(K_test, f0_test).numpy(), expected, rtol=1e-9)
    assert fit.solution.residual < 1e-13
    assert fit.solution.jitter == 0


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_leave_one_out_equals_refitting_n_times(form, ridge):
    K, _, y, f0, _ = problem(form)
    fit = KernelRegression(ridge=ridge).fit(K, y, f0)
    everyone = np.arange(9)
    expected = np.concatenate([refit(K, y, f0, ridge, np.delete(everyone, i), [i]) for i in everyone])
    np.testing.assert_allclose(fit.leave_one_out.numpy(), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(fit.leave_one_out_residuals.numpy(), y - expected, rtol=1e-9, atol=1e-9)


def test_a_single_row_left_out_leaves_the_anchor():
    fit = KernelRegression(ridge=1.0).fit([[2.0]], [5.0], [3.0])
    assert fit.leave_one_out.tolist() == pytest.approx([3.0], abs=1e-15)


@pytest.mark.parametrize("form", FORMS)
def test_gcv_is_its_formula(form):
    K, _, y, f0, _ = problem(form)
    flat, N = written_out(K, 3), 27
    hat = flat @ np.linalg.inv(flat + 0.3 * np.eye(N))
    residual = (np.eye(N) - hat) @ (y - f0).reshape(-1)
    expected = np.mean(residual**2) / (np.trace(np.eye(N) - hat) / N) ** 2
    assert KernelRegression(ridge=0.3).fit(K, y, f0).gcv == pytest.approx(expected, rel=1e-10)


def test_gcv_and_leave_one_out_agree_where_every_row_is_alike():
    i = np.arange(12)
    K = np.exp(np.cos(2 * np.pi * (i[:, None] - i) / 12))  # circulant: all diagonal entries of G are equal
    fit = KernelRegression(ridge=0.1).fit(K, np.sin(i.astype(float)))
    assert fit.gcv == pytest.approx(float((fit.leave_one_out_residuals**2).mean()), rel=1e-10)


@pytest.mark.parametrize("form", FORMS)
def test_one_kernel_gives_one_answer_in_whichever_form_it_is_written(form):
    K, K_test, y, _, _ = problem("shared")
    write = {
        "shared": lambda A: A,
        "diagonal": lambda A: np.repeat(A[:, :, None], 3, axis=2),
        "full": lambda A: A[:, :, None, None] * np.eye(3),
    }[form]
    plain, same = KernelRegression(ridge=0.5).fit(K, y), KernelRegression(ridge=0.5).fit(write(K), y)
    np.testing.assert_allclose(same.predict(write(K_test)).numpy(), plain.predict(K_test).numpy(), rtol=1e-10)
    np.testing.assert_allclose(same.leave_one_out.numpy(), plain.leave_one_out.numpy(), rtol=1e-10)
    assert same.gcv == pytest.approx(plain.gcv, rel=1e-10)
    ours, theirs = same.path([0.1, 1.0]), plain.path([0.1, 1.0])
    torch.testing.assert_close(ours.degrees_of_freedom, theirs.degrees_of_freedom, rtol=1e-10, atol=0)
    torch.testing.assert_close(ours.gcv, theirs.gcv, rtol=1e-10, atol=0)


def test_a_float32_gram_is_solved_in_float64():
    K, _, y, _, _ = problem("shared")
    single = K.astype(np.float32)
    expected = np.linalg.solve(single.astype(np.float64) + 0.1 * np.eye(9), y)
    single = torch.from_numpy(single)
    fit = KernelRegression(ridge=0.1).fit(single, torch.from_numpy(y).float())
    assert fit.coefficients.dtype == torch.float64
    np.testing.assert_allclose(fit.coefficients.numpy(), expected, rtol=1e-4)  # y was rounded, K was not


def test_a_half_precision_gram_is_judged_by_its_own_rounding():
    F = torch.from_numpy(np.random.default_rng(0).standard_normal((6, 3)))
    K = (F @ F.T).half()  # rank 3, with negative eigenvalues of half's rounding
    assert float(torch.linalg.eigvalsh(K.double()).min()) < -1e-5
    fit = KernelRegression(ridge=0.1).fit(K, torch.ones(6))
    expected = np.linalg.solve(K.double().numpy() + 0.1 * np.eye(6), np.ones(6))
    np.testing.assert_allclose(fit.coefficients.numpy(), expected, rtol=1e-9)
    with pytest.raises(NotPositiveError):
        KernelRegression(ridge=0.1).fit(K.double(), torch.ones(6))


def test_kernels_that_cannot_be_solved_are_refused_with_how_far():
    y = np.ones(3)
    nan = np.eye(3)
    nan[0, 2] = np.nan
    with pytest.raises(NotFiniteError, match="`K` has 1 entry that is not finite, the first at"):
        KernelRegression().fit(nan, y)
    with pytest.raises(NotSymmetricError, match="differs from its transpose by 1 at"):
        KernelRegression().fit(np.triu(np.ones((3, 3))), y)
    with pytest.raises(NotPositiveError, match=r"the smallest -0\.5"):
        KernelRegression(ridge=10.0).fit(np.diag([1.0, 1.0, -0.5]), y)
    with pytest.raises(ArgumentError, match="`ridge`"):
        KernelRegression(ridge=-1.0)


def test_the_negative_eigenvalue_may_hide_in_any_output():
    K = np.stack([np.eye(3), np.eye(3) - 2 * np.ones((3, 3))], axis=2)
    with pytest.raises(NotPositiveError):
        KernelRegression(ridge=0.1).fit(K, np.ones((3, 2)))


def test_ridgeless_regression_on_duplicate_rows_says_so():
    x = np.array([[1.0], [1.0], [2.0]])
    K = x @ x.T
    with pytest.warns(NumericalWarning):
        fit = KernelRegression(ridge=0.0).fit(K, K @ np.array([1.0, 0.0, 0.0]))
    np.testing.assert_allclose(fit.predict(K).numpy(), K[:, 0], rtol=1e-6)  # consistent targets are still met


@pytest.mark.parametrize("scale", [2.0**-660, 2.0**660])
def test_cross_validation_does_not_depend_on_the_scale_of_the_kernel(scale):
    K, y = np.eye(5) + np.ones((5, 5)), np.arange(5.0)
    plain, scaled = KernelRegression(1.0).fit(K, y), KernelRegression(scale).fit(scale * K, y)
    assert scaled.gcv == pytest.approx(plain.gcv, rel=1e-12)


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_targets_whose_squares_do_not_fit_are_solved_and_their_cross_validation_is_refused(scale):
    K, y = np.eye(5) + np.ones((5, 5)), np.arange(5.0)
    plain, scaled = KernelRegression(1.0).fit(K, y), KernelRegression(1.0).fit(K, scale * y)
    np.testing.assert_allclose(scaled.predict(K).numpy(), scale * plain.predict(K).numpy(), rtol=1e-12)
    assert scaled.solution.residual < 1e-14
    for squared in (lambda: scaled.gcv, lambda: scaled.path([1.0])):
        with pytest.raises(NumericalError, match="`y - f0` has numbers of up to 4e.*Divide the targets"):
            squared()
    assert KernelRegression(1.0).fit(K, 0 * y).gcv == 0


def test_products_refuse_them_too():
    fit = KernelRegression(1.0).fit(np.eye(5), np.full(5, 1e200), solver=ConjugateGradient())
    with pytest.raises(NumericalError, match="squares float64 does not hold"):
        fit.gcv_estimate()
