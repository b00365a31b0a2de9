from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from oracles.linear_models import FORMS, linear_model
from tangentlab._errors import ArgumentError, NotPositiveError
from tangentlab.training import GradientFlow, KernelRegression

N, M, C = 7, 3, 2

problem = partial(linear_model, n=N, m=M, c=C, p=40)


def product(K: np.ndarray, a: np.ndarray) -> np.ndarray:
    return np.einsum({2: "ij,jk->ik", 3: "ijk,jk->ik", 4: "ijkl,jl->ik"}[K.ndim], K, a)


def integrate(K, K_test, y, f0, f0_test, t):
    """d(f, f_test)/dt = −(K, K_test)(f − y)/n by a Runge-Kutta method of order 8."""

    def speed(_, state):
        f = state[: N * C].reshape(N, C)
        return -np.concatenate([product(K, f - y).ravel(), product(K_test, f - y).ravel()]) / N

    start = np.concatenate([f0.ravel(), f0_test.ravel()])
    end = solve_ivp(speed, (0, t), start, method="DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
    return end[: N * C].reshape(N, C), end[N * C :].reshape(M, C)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("p", [40, 4])
def test_the_closed_form_solves_the_differential_equation(form, p):
    K, K_test, y, f0, f0_test = problem(form, p=p)
    flow = GradientFlow().fit(K, y, f0)
    for t in [0.01, 0.3, 5.0]:
        train, test = integrate(K, K_test, y, f0, f0_test, t)
        np.testing.assert_allclose(flow.outputs(t).numpy(), train, rtol=0, atol=1e-8)
        np.testing.assert_allclose(flow.predict(K_test, t, f0_test).numpy(), test, rtol=0, atol=1e-8)


@pytest.mark.parametrize("form", FORMS)
def test_time_zero_is_the_anchor_and_infinity_ridgeless_regression(form):
    K, K_test, y, f0, f0_test = problem(form)
    flow, regression = GradientFlow().fit(K, y, f0), KernelRegression(ridge=0.0).fit(K, y, f0)
    np.testing.assert_allclose(flow.predict(K_test, 0.0, f0_test).numpy(), f0_test, atol=1e-15)
    np.testing.assert_allclose(flow.outputs(0.0).numpy(), f0, atol=1e-12)
    np.testing.assert_allclose(flow.outputs(math.inf).numpy(), y, atol=1e-12)
    expected = regression.predict(K_test, f0_test).numpy()
    np.testing.assert_allclose(flow.predict(K_test, math.inf, f0_test).numpy(), expected, rtol=1e-8)
    np.testing.assert_allclose(flow.predict(K_test, 1e6, f0_test).numpy(), expected, rtol=1e-8)


def test_many_small_steps_of_descent_approach_the_flow_at_first_order():
    K, K_test, y, f0, f0_test = problem("full")
    exact = GradientFlow().fit(K, y, f0).predict(K_test, 1.0, f0_test).numpy()

    def euler(steps: int) -> float:
        a = np.zeros((N, C))
        for _ in range(steps):
            a -= (1.0 / steps) * (f0 + product(K, a) - y) / N
        return np.abs(f0_test + product(K_test, a) - exact).max()

    coarse, fine = euler(1000), euler(4000)
    assert fine < 1e-3
    assert coarse / fine == pytest.approx(4, rel=0.05)


def test_tiny_times_keep_every_digit():
    K, _, y, f0, _ = problem("shared")
    t = 1e-13  # 1 − exp(−λt/n) would keep three digits here
    a = GradientFlow().fit(K, y, f0).coefficients(t).numpy()
    np.testing.assert_allclose(a, t / N * (y - f0), rtol=1e-10)


def test_directions_without_eigenvalue_never_move_and_never_blow_up():
    K, K_test, y, f0, f0_test = problem("shared", p=3)
    flow = GradientFlow().fit(K, y, f0)
    least_norm = f0_test + K_test @ np.linalg.pinv(K, rcond=1e-10) @ (y - f0)
    for t in [1e9, 1e18, math.inf]:
        np.testing.assert_allclose(flow.predict(K_test, t, f0_test).numpy(), least_norm, rtol=1e-8)
    values, vectors = np.linalg.eigh(K)
    null = vectors[:, values < 1e-10 * values.max()]
    np.testing.assert_allclose(null.T @ flow.outputs(math.inf).numpy(), null.T @ f0, atol=1e-12)


def test_the_loss_falls_at_first_at_the_rate_of_the_plug_in_alignment():
    K, _, y, f0, _ = problem("shared")
    flow, step = GradientFlow().fit(K, y[:, 0], f0[:, 0]), 1e-6
    r = y[:, 0] - f0[:, 0]
    loss = [0.5 * float(((flow.outputs(t).numpy() - y[:, 0]) ** 2).mean()) for t in (0.0, step)]
    assert (loss[1] - loss[0]) / step == pytest.approx(-(r @ K @ r) / N**2, rel=1e-4)


def test_a_vector_stays_a_vector():
    K, K_test, y, _, _ = problem("shared")
    flow = GradientFlow().fit(torch.from_numpy(K), torch.from_numpy(y[:, 0]))
    assert flow.outputs(1.0).shape == flow.coefficients(1.0).shape == (N,)
    assert flow.predict(K_test, 1.0).shape == (M,)


@pytest.mark.parametrize("t", [-1.0, math.nan, "1", None])
def test_times_that_are_none_are_refused(t):
    with pytest.raises(ArgumentError, match="`t` must be a time from 0 to infinity"):
        GradientFlow().fit(np.eye(2), np.ones(2)).outputs(t)


def test_an_indefinite_kernel_is_refused():
    with pytest.raises(NotPositiveError):
        GradientFlow().fit(np.diag([1.0, -1.0]), np.ones(2))
