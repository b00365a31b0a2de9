"""Kernel regression under two rules for the ridge: scikit-learn's own regression finds the same."""

import numpy as np
import pytest
import torch
from sklearn.kernel_ridge import KernelRidge

from tangentlab._errors import DataError
from tangentlab._seeds import generator
from tangentlab.experiments.study_parts.ridge_rules import RIDGES, chosen_ridge, kernel_errors


def rows(n=60, m=40, *, noise=0.6, seed=0):
    """A kernel of rows on a line with labels that noise flips, so that neither least nor largest ridge is best."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n + m)
    y = np.sign(np.sin(2 * x) + noise * rng.normal(size=n + m))
    K = torch.from_numpy(np.exp(-2.0 * (x[:, None] - x) ** 2) * 3.0)
    y = torch.from_numpy(y)[:, None]
    return K[:n, :n], K[n:, :n], y[:n], y[n:]


def sklearn_outputs(K, K_test, y, ridge):
    unit = float(K.diagonal().mean())
    fit = KernelRidge(alpha=ridge * unit, kernel="precomputed").fit(K.numpy(), y.numpy())
    return fit.predict(K_test.numpy())


@pytest.mark.parametrize("seed", range(4))
def test_the_ridge_is_the_one_with_the_least_squared_error_on_a_fifth_held_out(seed):
    K, _, y, _ = rows(seed=seed)
    order = torch.randperm(60, generator=generator(seed, "held out for the ridge"))
    held, kept = order[:12], order[12:]
    scores = []
    for ridge in RIDGES:
        unit = float(K.diagonal().mean()) / float(K[kept][:, kept].diagonal().mean())
        outputs = sklearn_outputs(K[kept][:, kept], K[held][:, kept], y[kept], ridge * unit)
        scores.append((float(((outputs - y[held].numpy()) ** 2).mean()), -ridge))
    assert chosen_ridge(K, y, seed=seed) == RIDGES[scores.index(min(scores))]


def test_errors_are_those_of_the_regression_at_the_ridge_that_is_told():
    K, K_test, y, y_test = rows()
    found = kernel_errors(K, K_test, y, y_test, seed=0)
    for told in (found, found["ridgeless"]):
        outputs = sklearn_outputs(K, K_test, y, told["ridge"])
        assert told["test_mistakes"] == int(((outputs > 0) != (y_test.numpy() > 0)).sum())
        assert told["test_error"] == told["test_mistakes"] / 40
        # a ridgeless system has condition 1e8, and both solve it in float64
        assert told["test_mse"] == pytest.approx(((outputs - y_test.numpy()) ** 2).mean(), rel=1e-5)
    assert found["ridgeless"]["ridge"] == 1e-6


def test_test_rows_have_no_say_in_the_ridge():
    K, K_test, y, y_test = rows()
    assert (
        kernel_errors(K, K_test, y, y_test, seed=0)["ridge"]
        == kernel_errors(K, -K_test, y, -y_test, seed=0)["ridge"]
    )


def test_a_ridge_at_which_the_kernel_is_singular_is_passed_over():
    K = torch.ones(10, 10, dtype=torch.float64) - 1e-12 * torch.eye(10, dtype=torch.float64)
    y = torch.tensor([[1.0], [-1.0]] * 5)
    assert chosen_ridge(K, y, ridges=[1e-15, 1e-2], seed=0) == 1e-2


def test_too_few_rows_to_hold_any_out_are_refused():
    with pytest.raises(DataError, match="4 rows are too few"):
        chosen_ridge(torch.eye(4), torch.ones(4, 1), seed=0)
