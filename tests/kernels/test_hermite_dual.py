"""Series of smooth activations against two-dimensional sums over a dense grid."""

import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError, NotFiniteError
from tangentlab.kernels.activation_dual import CLOSED_FORMS
from tangentlab.kernels.hermite_dual import HermiteDual
from tangentlab.linalg import NumericalWarning
from tangentlab.networks.activation import ACTIVATIONS

PAIRS = [(1.0, 1.0, 0.3), (0.2, 4.0, 0.9), (9.0, 25.0, -0.5), (4.0, 4.0, 0.99), (0.0, 2.0, 0.0), (2.0, 2.0, -1.0)]


def single(value):
    return torch.tensor([float(value)], dtype=torch.float64)


def on_a_grid(function, q1, q2, rho):
    """E[φ(u) φ(v)] by the trapezoidal rule on ±9 in both normals: exact to rounding for what is analytic nearby."""
    z = np.linspace(-9, 9, 2001)
    weight = np.exp(-z * z / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    u = np.sqrt(q1) * z
    v = np.sqrt(q2) * (rho * z[:, None] + np.sqrt(max(1 - rho**2, 0.0)) * z[None, :])
    values = [function(torch.tensor(part)).numpy() for part in (u, v)]
    return float((weight * values[0]) @ (values[1] @ weight))


def derivative(function):
    def slope(x):
        x = x.clone().requires_grad_()
        return torch.autograd.grad(function(x).sum(), x)[0]

    return slope


@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize("name", ["tanh", "sigmoid", "silu", "softplus", "erf", "gelu"])
def test_series_is_the_expectation(name, pair):
    q1, q2, rho = pair
    function = ACTIVATIONS[name]()
    dual = HermiteDual(function)(single(q1), single(q2), single(rho * (q1 * q2) ** 0.5), slope=True)
    # the slope of tanh at variance 25 falls slowly, and the grid resolves its width of a fifth to about this
    assert dual.value.item() == pytest.approx(on_a_grid(function, q1, q2, rho), rel=1e-10, abs=1e-12)
    assert dual.slope.item() == pytest.approx(on_a_grid(derivative(function), q1, q2, rho), rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize("name", ["erf", "gelu", "identity"])
def test_series_and_closed_form_agree(name, pair):
    q1, q2, k = single(pair[0]), single(pair[1]), single(pair[2] * (pair[0] * pair[1]) ** 0.5)
    closed = CLOSED_FORMS[name](q1, q2, k, slope=True)
    series = HermiteDual(ACTIVATIONS[name]())(q1, q2, k, slope=True)
    torch.testing.assert_close(series, closed, rtol=1e-9, atol=1e-12)


def test_closed_slope_is_the_derivative_in_the_covariance():
    """Price's theorem, by automatic differentiation of the other closed form."""
    q1, q2 = single(0.7), single(2.5)
    for name, dual in CLOSED_FORMS.items():
        k = single(0.4).requires_grad_()
        (slope,) = (
            torch.autograd.grad(dual(q1, q2, k * 1.0, slope=False).value.sum(), k) if name != "relu" else (None,)
        )
        if slope is not None:
            torch.testing.assert_close(dual(q1, q2, k.detach(), slope=True).slope, slope, rtol=1e-12, atol=0)


def test_a_kink_away_from_parallel_rows_is_as_good_and_near_them_is_told():
    q = single(1.0)
    relu = HermiteDual(torch.relu)
    far, exact = (dual(q, q, 0.5 * q, slope=True) for dual in (relu, CLOSED_FORMS["relu"]))
    torch.testing.assert_close(far, exact, rtol=1e-13, atol=0)
    with pytest.warns(NumericalWarning, match="almost parallel"):
        near = relu(q, q, 0.9999 * q, slope=True)
    exact = CLOSED_FORMS["relu"](q, q, 0.9999 * q, slope=True)
    assert near.slope.item() == pytest.approx(exact.slope.item(), abs=0.02)
    torch.testing.assert_close(relu(q, q, q, slope=True).slope, single(0.5), rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: x.sum(), "turns"),
        (np.tanh, "fails|differentiate|into"),
        (lambda x: x.detach(), "cannot differentiate"),
        (lambda x: x @ torch.ones(3), "fails on a tensor"),
    ],
    ids=["sum", "numpy", "detached", "mismatch"],
)
def test_what_is_no_elementwise_function_is_refused(function, words):
    with pytest.raises(ArgumentError, match=words):
        HermiteDual(function)(single(1), single(1), single(0.5), slope=True)


def test_what_overflows_is_refused():
    with pytest.raises(NotFiniteError, match="not finite"):
        HermiteDual(lambda x: torch.exp(x.square()))(single(1e4), single(1e4), single(0.5), slope=False)


def test_works_in_inference_mode_and_without_gradients():
    expected = HermiteDual(torch.tanh)(single(1), single(1), single(0.5), slope=True)
    for mode in (torch.inference_mode, torch.no_grad):
        with mode():
            found = HermiteDual(torch.tanh)(single(1), single(1), single(0.5), slope=True)
        assert found.slope.item() == expected.slope.item()


@pytest.mark.parametrize(
    ("function", "variance"),
    [(torch.nn.Hardtanh(), 25.0), (lambda u: torch.sin(5 * u), 900.0)],
    ids=["kinks away from 0", "turns faster than the panels"],
)
def test_sums_that_do_not_resolve_the_activation_say_by_how_much(function, variance):
    q = single(variance)
    with pytest.warns(NumericalWarning, match="Two sums for the Hermite coefficients"):
        found = HermiteDual(function)(q, q, q, slope=True)
    exact = (
        2 * torch.special.ndtr(1 / q.sqrt()) - 1  # E φ'² of hardtanh is P(|u| < 1)
        if isinstance(function, torch.nn.Module)
        else 12.5 * (1 + torch.exp(-50 * q))  # 25 E cos² 5u
    )
    assert abs(found.slope / exact - 1) > 0.01  # the warning is no false alarm


@pytest.mark.parametrize("dim", [0, -1])
def test_a_function_that_mixes_entries_is_refused(dim):
    with pytest.raises(ArgumentError, match="change with the entries beside them"):
        HermiteDual(torch.nn.Softmax(dim))(single(1), single(1), single(1), slope=False)
