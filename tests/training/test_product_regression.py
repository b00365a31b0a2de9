"""Kernel regression by products gives what Cholesky gives, on tiles, operators and matrices too large to factor."""

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import aslinearoperator
from torch import nn

from tangentlab._errors import ArgumentError, DataError, NumericalError, ShapeError
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.linalg import NumericalWarning, SymmetricTiles, sketched_nystrom
from tangentlab.training import ConjugateGradient, FittedByProducts, KernelRegression


def problem(*, n=60, m=5, c=3, p=25, seed=0):
    """A random linear model in p < n parameters: K, K_test, y, f0, f0_test."""
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    J, J_test = normal(n, p) * torch.logspace(0, -2, p, dtype=torch.float64), normal(m, p)
    return J @ J.T, J_test @ J.T, normal(n, c), normal(n, c), normal(m, c)


def tiled(K, size=23):
    starts = range(0, len(K), size)
    return SymmetricTiles.of([(i, j, K[i : i + size, j : j + size]) for i in starts for j in starts if i <= j])


KINDS = {
    "tiles": tiled,
    "a SciPy operator": lambda K: aslinearoperator(K.numpy()),
    "a matrix with a solver": lambda K: K,
}
# a relative residual of 1e-12 and a condition of some 1e4: the coefficients of a dense solve to 1e-8
EXACT = ConjugateGradient(tolerance=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ridge", [0.03, 3.0])
def test_coefficients_and_predictions_equal_those_of_cholesky(kind, ridge):
    K, K_test, y, f0, f0_test = problem()
    dense = KernelRegression(ridge).fit(K, y, f0)
    fit = KernelRegression(ridge).fit(KINDS[kind](K), y, f0, solver=EXACT)
    assert isinstance(fit, FittedByProducts)
    torch.testing.assert_close(fit.coefficients, dense.coefficients, rtol=0, atol=1e-8)
    torch.testing.assert_close(fit.predict(K_test, f0_test), dense.predict(K_test, f0_test), rtol=0, atol=1e-8)


def test_the_solution_reports_its_measured_residuals():
    K, _, y, _, _ = problem()
    fit = KernelRegression(0.1).fit(tiled(K), y)
    left = (K @ fit.coefficients + 0.1 * fit.coefficients - y).norm(dim=0) / y.norm(dim=0)
    assert fit.solution.doubt is None and float(fit.solution.residuals.max()) <= 1e-8
    torch.testing.assert_close(
        fit.solution.residuals, left, rtol=1e-3, atol=1e-12
    )  # residuals of 1e-9, to rounding


def test_a_vector_of_targets_gives_vectors():
    K, K_test, y, _, _ = problem(c=1)
    fit = KernelRegression(0.5).fit(tiled(K), y[:, 0], solver=EXACT)
    dense = KernelRegression(0.5).fit(K, y[:, 0])
    assert fit.coefficients.shape == (60,) and fit.leave_one_out_at([4, 2]).shape == (2,)
    torch.testing.assert_close(fit.predict(K_test), dense.predict(K_test), rtol=0, atol=1e-8)


def test_rows_left_out_are_those_of_the_exact_formula():
    K, _, y, f0, _ = problem()
    rows = [7, 0, 59]
    fit = KernelRegression(0.3).fit(tiled(K), y, f0, solver=EXACT)
    dense = KernelRegression(0.3).fit(K, y, f0)
    torch.testing.assert_close(fit.leave_one_out_at(rows), dense.leave_one_out[rows], rtol=0, atol=1e-8)


@pytest.mark.parametrize("kind", ["tiles", "operator"])
@pytest.mark.parametrize("outputs", ["full", "trace"])
def test_tangent_kernels_give_what_their_dense_grams_give(kind, outputs):
    draw = torch.Generator().manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3)).double()
    x, new = (torch.randn(n, 4, generator=draw, dtype=torch.float64) for n in (20, 3))
    y = torch.randn(20, 3, generator=draw, dtype=torch.float64)
    kernel = NeuralTangentKernel(model, outputs=outputs)
    K = kernel.tiles(x, tile=8) if kind == "tiles" else kernel.operator(x)
    dense = KernelRegression(0.2).fit(kernel(x), y)
    fit = KernelRegression(0.2).fit(K, y, solver=EXACT)
    assert fit.form == ("full" if outputs == "full" else "shared")
    torch.testing.assert_close(fit.predict(kernel(new, x)), dense.predict(kernel(new, x)), rtol=0, atol=1e-8)
    torch.testing.assert_close(fit.leave_one_out_at([3, 11]), dense.leave_one_out[[3, 11]], rtol=0, atol=1e-8)


def test_float32_tiles_are_solved_to_the_tolerance_in_float64():
    K, _, y, _, _ = problem()
    narrow = K.float()
    fit = KernelRegression(0.1).fit(tiled(narrow), y, solver=EXACT)
    dense = KernelRegression(0.1).fit(narrow, y)  # Cholesky in float64, of a kernel rounded to float32
    torch.testing.assert_close(fit.coefficients, dense.coefficients, rtol=0, atol=1e-7)  # tiles widen without loss


@pytest.mark.parametrize("preconditioner", [0, 5, 10**6])
def test_any_preconditioner_gives_the_same(preconditioner):
    K, _, y, _, _ = problem()
    fit = KernelRegression(0.1).fit(tiled(K), y, solver=ConjugateGradient(preconditioner, tolerance=1e-12))
    torch.testing.assert_close(fit.coefficients, KernelRegression(0.1).fit(K, y).coefficients, rtol=0, atol=1e-8)


def test_a_preconditioner_that_was_made_is_used():
    K, _, y, _, _ = problem(n=200, p=150)
    low = sketched_nystrom(K, 80)
    plain = KernelRegression(1e-2).fit(tiled(K), y, solver=ConjugateGradient(0))
    better = KernelRegression(1e-2).fit(tiled(K), y, solver=ConjugateGradient(low))
    assert better.low is low and better.solution.iterations < plain.solution.iterations


def test_without_a_ridge_a_kernel_of_full_rank_is_interpolated():
    K, _, y, _, _ = problem(n=12, p=40)
    fit = KernelRegression(0.0).fit(tiled(K, 5), y, solver=EXACT)
    np.testing.assert_allclose((K @ fit.coefficients).numpy(), y.numpy(), atol=1e-9)


def test_iterations_that_do_not_suffice_are_told_with_the_residual():
    K, _, y, _, _ = problem()
    with pytest.warns(NumericalWarning, match="residual above"):
        fit = KernelRegression(1e-6).fit(tiled(K), y, solver=ConjugateGradient(0, iterations=3))
    assert fit.solution.doubt is not None and float(fit.solution.residuals.max()) > 1e-8


def test_progress_is_told_of_iterations():
    heard = []
    K, _, y, _, _ = problem()
    KernelRegression(0.1).fit(
        tiled(K), y, solver=ConjugateGradient(progress=lambda done, total: heard.append((done, total)))
    )
    assert heard and all(0 < done <= total for done, total in heard)


@pytest.mark.parametrize(
    "ask",
    [
        lambda fit: fit.leave_one_out,
        lambda fit: fit.leave_one_out_residuals,
        lambda fit: fit.gcv,
        lambda fit: fit.path([1.0]),
    ],
    ids=["leave_one_out", "leave_one_out_residuals", "gcv", "path"],
)
def test_what_needs_the_inverse_is_refused_with_a_way_out(ask):
    K, _, y, _, _ = problem()
    fit = KernelRegression(1.0).fit(tiled(K), y)
    with pytest.raises(NumericalError, match=r"never formed\. .*leave_one_out_at"):
        ask(fit)


def test_what_does_not_fit_together_is_refused():
    K, K_test, y, f0, _ = problem()
    tiles = tiled(K)
    with pytest.raises(ShapeError, match="of size 59, as y has rows, or 177"):
        KernelRegression().fit(tiles, y[:59])
    with pytest.raises(ShapeError, match="f0"):
        KernelRegression().fit(tiles, y, f0[:, :2])
    with pytest.raises(DataError, match="no training rows"):
        KernelRegression().fit(tiles, y[:0])
    fit = KernelRegression(1.0).fit(tiles, y, f0)
    with pytest.raises(ArgumentError, match="f0_test"):
        fit.predict(K_test)
    with pytest.raises(ShapeError, match="a shared one with 10 columns"):
        fit.predict(K_test[:, :10])
    for rows in ([], [60], [-1]):
        with pytest.raises(ArgumentError, match="from 0 to 59"):
            fit.leave_one_out_at(rows)
    for option in ({"preconditioner": -1}, {"iterations": 0}, {"tolerance": 0.0}, {"preconditioner": 1.5}):
        with pytest.raises(ArgumentError):
            ConjugateGradient(**option)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("full", [False, True])
def test_cross_validation_is_estimated_within_its_error(seed, full):
    K, _, y, f0, _ = problem(n=150, p=400, seed=seed)
    if full:
        K, y, f0 = K[:60, :60], y[:60], f0[:60]
        K = torch.einsum("ij,kl->ijkl", K, torch.eye(3, dtype=torch.float64) + 0.1)
    dense = KernelRegression(0.5).fit(K, y, f0)
    matrix = K.transpose(1, 2).reshape(180, 180) if full else K
    estimate = KernelRegression(0.5).fit(tiled(matrix), y, f0).gcv_estimate(samples=40, seed=seed)
    assert 0 < estimate.standard_error < 0.2 * estimate.value
    assert abs(estimate.value - dense.gcv) < 4 * estimate.standard_error
    assert estimate.products > 0
    exact = KernelRegression(0.5).fit(tiled(matrix), y, f0, solver=EXACT).gcv_estimate(samples=None)
    assert exact.value == pytest.approx(dense.gcv, rel=1e-8) and exact.standard_error == 0


def test_cross_validation_that_cannot_be_told_from_few_samples_is_refused():
    K, _, y, _, _ = problem(n=60, p=200)
    with pytest.raises(NumericalError, match="drowns"):
        KernelRegression(1e-7).fit(tiled(K), y).gcv_estimate(samples=4)
    with pytest.raises(ArgumentError, match="ridge"):
        KernelRegression(0.0).fit(tiled(K + torch.eye(60)), y).gcv_estimate()
