"""Risk predicted from a Gram: the formulas on its spectrum, and against kernel regression on rows it has not seen."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tangentlab._errors import (
    ArgumentError,
    DataError,
    NotFiniteError,
    NotPositiveError,
    NotSymmetricError,
    ShapeError,
)
from tangentlab.data import load
from tangentlab.kernels import NeuralTangentKernel, ntk
from tangentlab.linalg import eigenpairs
from tangentlab.networks import Network, build_network
from tangentlab.probes import eigenlearning, predict_risk
from tangentlab.tasks import make_task
from tangentlab.training import KernelRegression


def gram(n, *, features=None, seed=0):
    rows = torch.randn(n, features or n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return rows @ rows.T / rows.shape[1]


def signs(n, *, seed=1):
    return torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).sign()


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 30), share=st.floats(0, 0.999), seed=st.integers(0, 1000))
def test_learnabilities_sum_to_the_samples_without_a_ridge(n, share, seed):
    samples = 1 + int(share * (n - 1))
    risk = predict_risk(gram(n, seed=seed), signs(n, seed=seed), samples=samples)
    assert risk.learnabilities.shape == (n,)
    assert risk.learnabilities.sum() == pytest.approx(samples, rel=1e-9)
    assert risk.train_mse == pytest.approx(0, abs=1e-18)


def test_it_is_eigenlearning_on_the_spectrum_of_the_gram_over_its_rows():
    K, y = gram(50), torch.randn(50, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    values, vectors = np.linalg.eigh(K.numpy())
    energies = ((vectors.T @ y.numpy()) ** 2).mean(1) / 50
    found = predict_risk(K, y, samples=[1, 20, 45], ridge=0.3, noise=0.1)
    oracle = eigenlearning(values / 50, energies, samples=[1, 20, 45], ridge=0.3, noise=0.1)
    for name in ("kappa", "test_mse", "train_mse", "learnabilities", "overfitting", "target_learnability"):
        np.testing.assert_allclose(getattr(found, name), getattr(oracle, name), rtol=1e-9, err_msg=name)


def test_at_all_rows_the_held_out_error_is_generalized_cross_validation():
    K, y = gram(40), signs(40)
    for ridge in (0.0, 1e-3, 0.5):
        fit = KernelRegression(ridge=ridge).fit(K, y)
        assert predict_risk(K, y, samples=40, ridge=ridge).held_out_mse == pytest.approx(fit.gcv, rel=1e-8)


def test_without_a_ridge_the_bias_of_the_gram_is_the_share_of_rows_learnt_from():
    risk = predict_risk(gram(60), signs(60), samples=[1, 15, 30, 59])
    np.testing.assert_allclose(risk.held_out_mse, risk.test_mse * 60 / (60 - np.array([1, 15, 30, 59])), rtol=1e-8)


def test_a_kernel_that_generalizes_to_nothing_is_told_at_every_size():
    """K = I: nothing is known of a new row, whatever the ridge shrinks."""
    for ridge in (0.0, 0.7):
        risk = predict_risk(torch.eye(30), signs(30), samples=[1, 10, 29, 30], ridge=ridge)
        np.testing.assert_allclose(risk.held_out_mse, 1, rtol=1e-9)


def test_held_out_error_is_the_mean_over_subsets_of_the_error_on_the_other_rows():
    """Wishart-like Gram, 300 rows: many random subsets, the rest of the rows as test set; theory's own error is O(1/n)."""
    n, generator = 300, torch.Generator().manual_seed(3)
    rows = torch.randn(n, 600, generator=generator, dtype=torch.float64) * torch.arange(1, 601) ** -0.7
    K = rows @ rows.T
    y = rows[:, 0] + 3 * rows[:, 5] + 0.3 * torch.randn(n, generator=generator, dtype=torch.float64)
    for samples, ridge in ((60, 0.0), (150, 0.0), (150, 0.5), (240, 0.05)):
        measured = []
        for _ in range(40):
            order = torch.randperm(n, generator=generator)
            seen, new = order[:samples], order[samples:]
            fit = KernelRegression(ridge=ridge).fit(K[seen][:, seen], y[seen])
            measured.append(float((fit.predict(K[new][:, seen]) - y[new]).square().mean()))
        mean, error = np.mean(measured), np.std(measured) / math.sqrt(len(measured))
        risk = predict_risk(K, y, samples=samples, ridge=ridge)
        assert risk.held_out_mse == pytest.approx(mean, abs=4 * error + 0.05 * mean)


def test_leading_eigenpairs_and_the_trace_say_nearly_what_the_whole_gram_says():
    rows = torch.randn(200, 300, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    K = (rows * torch.arange(1, 301) ** -1.5) @ (rows * torch.arange(1, 301) ** -1.5).T
    y = rows[:, 0].sign()
    whole = predict_risk(K, y, samples=[5, 20], ridge=0.01)
    part = predict_risk(eigenpairs(K, 100), y, samples=[5, 20], ridge=0.01, trace=float(K.trace()))
    np.testing.assert_allclose(part.test_mse, whole.test_mse, rtol=2e-3)
    np.testing.assert_allclose(part.held_out_mse, whole.held_out_mse, rtol=2e-3)
    everything = predict_risk(eigenpairs(K), y, samples=[5, 20], ridge=0.01)
    np.testing.assert_allclose(everything.held_out_mse, whole.held_out_mse, rtol=1e-8)


def test_a_gram_of_deficient_rank_is_told_what_it_cannot_learn():
    K, y = gram(40, features=10), signs(40)
    risk = predict_risk(K, y, samples=[5, 30])
    assert np.isfinite(risk.held_out_mse).all() and risk.kappa[1] == 0
    assert risk.learnabilities[1].sum() == pytest.approx(10)


def test_forms_of_one_kernel_say_the_same():
    K, y = gram(20), torch.randn(20, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    full = torch.einsum("ij,kl->ijkl", K, torch.eye(2, dtype=torch.float64))
    shared, coupled = (predict_risk(k, y, samples=[4, 15], ridge=0.1) for k in (K, full))
    np.testing.assert_allclose(coupled.held_out_mse, shared.held_out_mse, rtol=1e-9)
    assert coupled.learnabilities.shape == (2, 40)
    kernel = NeuralTangentKernel(nn.Linear(3, 1, dtype=torch.float64), outputs=0)
    x = torch.randn(12, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    given, plain = (predict_risk(k, signs(12), samples=3) for k in (kernel.gram(x), kernel(x)))
    assert given.test_mse == plain.test_mse


@pytest.mark.parametrize(
    ("K", "y", "arguments", "error", "words"),
    [
        (torch.eye(4), [1.0] * 4, {"samples": 5}, ArgumentError, "1 to 4"),
        (torch.eye(4), [1.0] * 4, {"samples": 0}, ArgumentError, "samples"),
        (torch.eye(4), [1.0] * 4, {"samples": math.nan}, ArgumentError, "samples"),
        (torch.eye(4), [1.0] * 4, {"samples": None}, ArgumentError, "samples"),
        (torch.eye(4), [1.0] * 4, {"samples": "2"}, ArgumentError, "samples"),
        (torch.eye(4), [1.0] * 4, {"samples": 2, "ridge": -1}, ArgumentError, "ridge"),
        (torch.eye(4), [1.0] * 4, {"samples": 2, "trace": 4.0}, ArgumentError, "trace"),
        (torch.eye(4), [1.0] * 3, {"samples": 2}, ShapeError, "y"),
        (torch.eye(4), [0.0] * 4, {"samples": 2}, DataError, "no kernel can tell"),
        (torch.eye(4), [1.0, math.nan, 1.0, 1.0], {"samples": 2}, NotFiniteError, "y"),
        (torch.full((4, 4), math.nan), [1.0] * 4, {"samples": 2}, NotFiniteError, "K"),
        (torch.eye(4).roll(1, 0), [1.0] * 4, {"samples": 2}, NotSymmetricError, "symmetric"),
        (-torch.eye(4), [1.0] * 4, {"samples": 2}, NotPositiveError, "positive"),
        (torch.ones(4, 4, 2), torch.ones(4, 2), {"samples": 2}, ShapeError, "each output by itself"),
        (eigenpairs(torch.eye(4)), [1.0] * 3, {"samples": 2}, ShapeError, "vectors"),
        (eigenpairs(torch.eye(4), 2), [1.0] * 4, {"samples": 2, "trace": 1.0}, ArgumentError, "trace"),
    ],
)
def test_what_cannot_be_is_refused(K, y, arguments, error, words):
    with pytest.raises(error, match=words):
        predict_risk(K, y, **arguments)


def _measured(K, y, *, samples, ridge, trials, seed):
    """Error of kernel regression on random subsets of all rows, tested on rows that are in none of them."""
    found = []
    for trial in range(trials):
        order = torch.randperm(len(K), generator=torch.Generator().manual_seed(1000 * seed + trial))
        seen, new = order[:samples], order[samples:]
        fit = KernelRegression(ridge=ridge).fit(K[seen][:, seen], y[seen])
        found.append(float((fit.predict(K[new][:, seen]) - y[new]).square().mean()))
    return float(np.mean(found))


def _two_class_gram(network, data, rows):
    task = make_task("group:0-4", data, samples=rows, test_samples=10, seed=0)
    module = build_network(network, task.shape, outputs=1, seed=0)
    f0 = Network(module, mode="eval")(task.x_train)
    return ntk(module, task.x_train, outputs="mean").double(), 2 * task.y_train.double() - 1 - f0.double()


@pytest.mark.parametrize("network", ["mlp", "lenet:activation=gelu"])
def test_on_digits_the_predicted_curve_is_the_measured_one(network):
    """From 400 rows of 1200, with their own noise: a fifth beside what is measured on all others."""
    K, y = _two_class_gram(network, load("digits"), 1200)
    unit = float(K.diagonal().mean())
    for ridge in (1e-3, 1e-1):
        risk = predict_risk(K[:400, :400], y[:400], samples=[50, 200, 400], ridge=ridge * unit, rounding=1.2e-7)
        for n, predicted in zip((50, 200, 400), risk.held_out_mse):
            measured = _measured(K, y, samples=n, ridge=ridge * unit, trials=8, seed=n)
            assert predicted == pytest.approx(measured, rel=0.2), (network, ridge, n)


@pytest.mark.parametrize("network", ["mlp", "lenet"])
def test_on_fashion_mnist_curve_and_cross_validation_are_what_is_measured(network, fashion_mnist):
    """Both at most 20 % off, over a grid of ridges, on rows held out: from 700 rows of 1400 of the two-class task."""
    K, y = _two_class_gram(network, fashion_mnist, 1400)
    unit = float(K.diagonal().mean())
    fit = KernelRegression().fit(K[:700, :700], y[:700], rounding=1.2e-7)
    ridges = [unit * share for share in (1e-3, 1e-2, 1e-1, 1.0)]
    for ridge, gcv in zip(ridges, fit.path(ridges).gcv.tolist()):
        risk = predict_risk(K[:700, :700], y[:700], samples=[100, 350, 700], ridge=ridge, rounding=1.2e-7)
        assert gcv == pytest.approx(risk.held_out_mse[-1], rel=1e-6)
        for n, predicted in zip((100, 350, 700), risk.held_out_mse):
            measured = _measured(K, y, samples=n, ridge=ridge, trials=4, seed=n)
            assert predicted == pytest.approx(measured, rel=0.2), (network, ridge / unit, n)


@pytest.mark.parametrize("scale", [2.0**-660, 2.0**660])
def test_the_scale_of_the_kernel_changes_no_error(scale):
    K, y = gram(12), np.r_[np.ones(6), -np.ones(6)]
    plain = predict_risk(K, y, samples=5, ridge=0.5)
    other = predict_risk(scale * K, y, samples=5, ridge=0.5 * scale)
    assert (other.test_mse, other.train_mse, other.held_out_mse) == pytest.approx(
        (plain.test_mse, plain.train_mse, plain.held_out_mse), rel=1e-12
    )
    assert other.kappa / scale == pytest.approx(plain.kappa, rel=1e-12)


def test_a_ridge_beyond_all_eigenvalues_leaves_the_target_unlearnt():
    y = np.r_[np.ones(6), -np.ones(6)]
    risk = predict_risk(gram(12), y, samples=5, ridge=1e300)
    assert (risk.test_mse, risk.held_out_mse, risk.train_mse) == pytest.approx((1.0, 1.0, 1.0), rel=1e-12)


def test_a_kernel_of_zeros_is_refused():
    with pytest.raises(DataError, match="`K` has no positive eigenvalue"):
        predict_risk(np.zeros((3, 3)), [1.0, -1.0, 1.0], samples=2)


def test_one_number_of_samples_may_be_a_tensor():
    K, y = gram(6), [1.0, -1.0] * 3
    assert predict_risk(K, y, samples=torch.tensor(3)).test_mse == predict_risk(K, y, samples=3).test_mse
