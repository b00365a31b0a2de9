from __future__ import annotations

import numpy as np
import pytest

from tangentlab._errors import ArgumentError, NumericalError
from tangentlab.training import KernelRegression


def problem(form: str):
    draw = np.random.default_rng(0).standard_normal
    J = draw((8, 2, 40))
    full = np.einsum("ikp,jlp->ijkl", J, J)
    K = {"shared": full[:, :, 0, 0], "diagonal": np.einsum("ijkk->ijk", full), "full": full}[form]
    return K, draw((8, 2)), draw((8, 2))


@pytest.mark.parametrize("form", ["shared", "diagonal", "full"])
def test_every_point_of_the_path_equals_a_fit_at_that_ridge(form):
    K, y, f0 = problem(form)
    ridges = [0.0, 1e-2, 1.0, 100.0]
    path = KernelRegression().fit(K, y, f0).path(ridges)
    assert path.ridges.tolist() == ridges
    for i, ridge in enumerate(ridges):
        fit = KernelRegression(ridge=ridge).fit(K, y, f0)
        train = float(((fit.predict(K, f0).numpy() - y) ** 2).mean())
        assert path.train_mse[i].item() == pytest.approx(train, rel=1e-9, abs=1e-20)
        left_out = float((fit.leave_one_out_residuals**2).mean())
        assert path.leave_one_out_mse[i].item() == pytest.approx(left_out, rel=1e-9)
        assert path.gcv[i].item() == pytest.approx(fit.gcv, rel=1e-9)


def test_degrees_of_freedom_are_the_trace_of_the_smoother_and_fall_with_the_ridge():
    K, y, _ = problem("shared")
    ridges = np.geomspace(1e-6, 1e6, 7)
    dof = KernelRegression().fit(K, y).path(ridges).degrees_of_freedom.numpy()
    expected = [np.trace(K @ np.linalg.inv(K + ridge * np.eye(8))) for ridge in ridges]
    np.testing.assert_allclose(dof, expected, rtol=1e-9)
    assert (np.diff(dof) < 0).all()
    assert dof[0] == pytest.approx(8, rel=1e-5)


def test_the_best_ridge_is_large_for_noise_and_small_for_signal():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((80, 5))
    K = x @ x.T + 0.1 * np.eye(80)
    fit = KernelRegression().fit(K, x[:, 0])
    assert fit.path([1e-3, 1e3]).best_ridge == 1e-3
    noise = KernelRegression().fit(K, rng.standard_normal(80))
    assert noise.path([1e-3, 1e3]).best_ridge == 1e3


def test_a_ridge_of_zero_on_a_singular_kernel_is_refused_and_others_are_not():
    fit = KernelRegression(ridge=0.1).fit(np.ones((3, 3)), np.arange(3.0))
    with pytest.raises(NumericalError, match="singular to rounding: its smallest eigenvalue is 0"):
        fit.path([0.0, 1.0])
    # K = 11ᵀ: the smoother is 11ᵀ/(3 + ridge)
    assert fit.path([1.0]).degrees_of_freedom.item() == pytest.approx(0.75)


@pytest.mark.parametrize("ridges", [[], [-1.0], [float("nan")], "0.1"])
def test_bad_ridges_are_refused(ridges):
    fit = KernelRegression().fit(np.eye(2), np.ones(2))
    with pytest.raises(ArgumentError, match="`ridges`"):
        fit.path(ridges)
