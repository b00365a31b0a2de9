"""Predicted risk on spectra known in closed form, against kernel regression as it comes out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from oracles.known_spectra import cube, cube_spectrum, relu_ntk, sphere_spectrum
from tangentlab._errors import ArgumentError, DataError, NotFiniteError, ShapeError
from tangentlab.probes import eigenlearning

spectra = st.lists(st.floats(-9, 3), min_size=2, max_size=40).map(lambda logs: 10.0 ** np.array(logs))


@settings(max_examples=60, deadline=None)
@given(values=spectra, share=st.floats(0.02, 0.98))
def test_without_a_ridge_learnabilities_sum_to_the_samples(values, share):
    n = max(1, int(share * len(values)))
    if n == len(values):
        n -= 1
    risk = eigenlearning(values, np.ones_like(values), samples=n)
    assert risk.learnabilities.sum() == pytest.approx(n, rel=1e-10)
    assert risk.train_mse == 0 and risk.test_mse > 0
    assert ((risk.learnabilities >= 0) & (risk.learnabilities <= 1)).all()


@settings(max_examples=60, deadline=None)
@given(values=spectra, ridge=st.floats(-8, 4), n=st.integers(1, 60))
def test_with_a_ridge_the_rest_of_the_samples_is_spent_on_it(values, ridge, n):
    ridge = 10.0**ridge
    risk = eigenlearning(values, np.ones_like(values), samples=n, ridge=ridge)
    assert risk.learnabilities.sum() + ridge / risk.kappa == pytest.approx(n, rel=1e-10)
    assert risk.train_mse == pytest.approx((ridge / (n * risk.kappa)) ** 2 * risk.test_mse, rel=1e-9)


def test_the_formulas_of_the_paper_by_a_root_finder_of_another_kind():
    rng = np.random.default_rng(0)
    values, energies = 1 / np.arange(1, 200) ** 1.7, rng.random(199)
    n, ridge, noise = np.array([3, 20, 150]), 0.03, 0.2
    risk = eigenlearning(values, energies, samples=n, ridge=ridge, noise=noise)
    for i, size in enumerate(n):
        log = brentq(
            lambda t, size=size: (values / (values + np.exp(t))).sum() + ridge / np.exp(t) - size,
            -50,
            50,
            xtol=1e-14,
        )
        kappa = np.exp(log)
        learnt = values / (values + kappa)
        inflation = size / (size - (learnt**2).sum())
        test = inflation * (((1 - learnt) ** 2 * energies).sum() + noise)
        # brentq stops at 1e-14 of log κ, and n − ΣL² here loses a digit or two
        assert risk.kappa[i] == pytest.approx(kappa, rel=1e-12)
        assert risk.test_mse[i] == pytest.approx(test, rel=1e-10)
        assert risk.train_mse[i] == pytest.approx((ridge / (size * kappa)) ** 2 * test, rel=1e-10)
        assert risk.overfitting[i] == pytest.approx(inflation, rel=1e-10)
        assert risk.target_learnability[i] == pytest.approx((learnt * energies).sum() / energies.sum(), rel=1e-10)


def test_multiplicities_stand_for_repeated_eigenvalues():
    grouped = eigenlearning([2.0, 0.1], [1.0, 3.0], samples=[2, 5], ridge=0.01, multiplicities=[3, 9])
    apart = eigenlearning([2.0] * 3 + [0.1] * 9, [1 / 3] * 3 + [3 / 9] * 9, samples=[2, 5], ridge=0.01)
    np.testing.assert_allclose(grouped.test_mse, apart.test_mse, rtol=1e-12)
    np.testing.assert_allclose(grouped.kappa, apart.kappa, rtol=1e-12)


def test_many_samples_without_a_ridge_are_least_squares():
    """The test error of least squares in p directions with noise: ε² n/(n − p), its train error ε² (n − p)/n."""
    risk = eigenlearning([3.0, 2.0, 1.0], [1.0, 1.0, 1.0], samples=[4, 30], noise=0.5)
    np.testing.assert_allclose(risk.test_mse, [0.5 * 4, 0.5 * 30 / 27], rtol=1e-12)
    np.testing.assert_allclose(risk.train_mse, [0.5 / 4, 0.5 * 27 / 30], rtol=1e-12)
    assert risk.kappa.tolist() == [0, 0]
    assert eigenlearning([1.0, 1.0], [1.0, 0.0], samples=2, noise=0.1).test_mse == np.inf
    assert eigenlearning([1.0, 1.0], [1.0, 0.0], samples=2).test_mse == 0


def test_eigenvalues_of_any_scale_keep_their_digits():
    values = np.array([1e150, 1.0, 1e-150])
    risk = eigenlearning(values, np.ones(3), samples=[1, 2])
    np.testing.assert_allclose(risk.learnabilities.sum(1), [1, 2], rtol=1e-9)


def _simulated(gram, rows, y, *, samples, ridge, trials, rng, population):
    """Mean test error and its standard error, over training sets drawn from a population of rows."""
    errors = []
    for _ in range(trials):
        x, x_test = population(rng, samples), rows
        a = np.linalg.solve(gram(x, x) + ridge * np.eye(samples), y(x))
        errors.append(np.mean((gram(x_test, x) @ a - y(x_test)) ** 2))
    return np.mean(errors), np.std(errors) / np.sqrt(trials)


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_on_the_hypercube_the_prediction_is_what_kernel_regression_gives(degree):
    """A parity of k of 9 coordinates, learnt from half of the corners or fewer, exact Fourier–Walsh spectrum."""
    d, rng = 9, np.random.default_rng(degree)
    corners = cube(d)
    values, counts = cube_spectrum(relu_ntk, d)
    energies = np.eye(d + 1)[degree]
    np.testing.assert_allclose(values @ counts, relu_ntk(1.0), rtol=1e-9)  # the trace: the spectrum is whole
    for n in (40, 160):
        measured, error = _simulated(
            lambda a, b: relu_ntk(a @ b.T / d),
            corners,
            lambda x: x[:, :degree].prod(1),
            samples=n,
            ridge=0.05,
            trials=30,
            rng=rng,
            population=lambda rng, n: corners[rng.integers(0, 2**d, n)],
        )
        risk = eigenlearning(values, energies, samples=n, ridge=0.05, multiplicities=counts)
        # asymptotic in n: some per cent at such sizes, a hundredth of the energy where nearly all is learnt
        assert risk.test_mse == pytest.approx(measured, abs=4 * error + 0.06 * measured + 0.01)


@pytest.mark.parametrize("degree", [1, 2])
def test_on_the_sphere_the_prediction_is_what_kernel_regression_gives(degree):
    """Harmonics of degree 1 and 2 in six dimensions; eigenvalues by Gegenbauer quadrature of the infinite-width kernel."""
    d, degrees, rng = 6, 60, np.random.default_rng(degree)

    def draw(rng, n):
        x = rng.standard_normal((n, d))
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    values, counts = sphere_spectrum(relu_ntk, d, degrees)
    values[np.abs(values) < 1e-12] = 0  # odd degrees beyond 1 are exactly zero for this kernel's second part
    rest = relu_ntk(1.0) - values @ counts  # what degrees beyond 60 hold acts as a ridge
    assert 0 <= rest < 0.02 * relu_ntk(1.0)
    rows = draw(rng, 1500)

    def target(x):
        y = x[:, 0] if degree == 1 else x[:, 0] ** 2 - x[:, 1] ** 2
        scale = 1 / d if degree == 1 else 4 / (d * (d + 2))  # E y² in closed form
        return y / np.sqrt(scale)

    for n in (30, 200):
        measured, error = _simulated(
            lambda a, b: relu_ntk(a @ b.T),
            rows,
            target,
            samples=n,
            ridge=1e-3,
            trials=30,
            rng=rng,
            population=draw,
        )
        risk = eigenlearning(
            np.clip(values, 0, None), np.eye(degrees)[degree], samples=n, ridge=1e-3 + rest, multiplicities=counts
        )
        scale = np.mean(target(rows) ** 2)
        assert risk.test_mse * scale == pytest.approx(measured, abs=4 * error + 0.06 * measured + 0.01)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"eigenvalues": [1.0, -1.0]}, ArgumentError, "none of them negative"),
        ({"eigenvalues": [1.0, np.nan]}, NotFiniteError, "not finite"),
        ({"eigenvalues": [], "energies": []}, ArgumentError, "one number or more"),
        ({"energies": [1.0]}, ShapeError, "energies"),
        ({"energies": [0.0, 0.0]}, DataError, "nothing to learn"),
        ({"samples": 0}, ArgumentError, "samples"),
        ({"samples": 2.5}, ArgumentError, "samples"),
        ({"samples": True}, ArgumentError, "samples"),
        ({"samples": []}, ArgumentError, "samples"),
        ({"samples": "10"}, ArgumentError, "samples"),
        ({"ridge": -1.0}, ArgumentError, "ridge"),
        ({"ridge": np.nan}, ArgumentError, "ridge"),
        ({"noise": -1.0}, ArgumentError, "noise"),
        ({"multiplicities": [1.0]}, ShapeError, "multiplicities"),
    ],
)
def test_what_cannot_be_is_refused(arguments, error, words):
    given = {"eigenvalues": [1.0, 0.5], "energies": [1.0, 1.0], "samples": 1} | arguments
    with pytest.raises(error, match=words):
        eigenlearning(given.pop("eigenvalues"), given.pop("energies"), **given)
