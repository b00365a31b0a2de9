"""Kernel regression of a task's codes under two rules for the ridge, neither of which has seen a test row.

"ridgeless" adds a millionth of the mean diagonal, so that the regression all but interpolates. "chosen" holds out a
fifth of the train rows, takes the ridge with the least squared error there (which scatters less than the number of
mistakes would), and fits all rows again with it. Both fit the codes themselves (no f0), so that every kernel answers
the same question.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import DataError
from tangentlab._seeds import generator
from tangentlab.training import KernelRegression

RIDGELESS = 1e-6
"""Share of the mean diagonal that is added where the regression is to interpolate."""

RIDGES = tuple(10.0**k for k in range(-6, 3))
"""Shares of the mean diagonal among which the held-out rows choose."""

HELD_OUT = 0.2

FIT = {True: 5, False: 3}
"""Factorizations that take as long as a fit: of a kernel in float64, and of one in float32, where a factor says too
little of rounding to be asked whether the kernel is positive."""


def kernel_errors(K: Tensor, K_test: Tensor, y: Tensor, y_test: Tensor, *, seed: int) -> dict[str, Any]:
    """Errors of kernel regression with K (n, n), K_test (m, n) and codes y (n, 1), y_test (m, 1) of ±1.

    The readings are those of the chosen ridge, with those of the ridgeless rule under "ridgeless"; ridges are told as
    shares of the mean diagonal. O(n³) for each of some ten ridges.

    >>> y = torch.tensor([[1.0], [-1.0]] * 5)
    >>> found = kernel_errors(y @ y.T + torch.eye(10), y @ y.T, y, y, seed=0)
    >>> found["test_error"], found["ridgeless"]["test_error"], found["ridgeless"]["ridge"]
    (0.0, 0.0, 1e-06)
    """
    chosen = chosen_ridge(K, y, seed=seed)
    found = _errors(K, K_test, y, y_test, ridge=chosen)
    return found | {"ridgeless": found if chosen == RIDGELESS else _errors(K, K_test, y, y_test, ridge=RIDGELESS)}


def chosen_ridge(K: Tensor, y: Tensor, *, ridges: Sequence[float] = RIDGES, seed: int) -> float:
    """Of `ridges`, shares of the mean diagonal, that with the least squared error on a fifth of the rows, held out.

    The fifth is drawn by `seed`; of equals the largest ridge is taken. A ridge at which K is singular to rounding is
    passed over. `DataError` for fewer than five rows.

    >>> y = torch.tensor([[1.0], [-1.0]] * 5)
    >>> chosen_ridge(torch.eye(10), y, seed=0)          # no row tells of another: every ridge is as bad
    100.0
    """
    n = len(K)
    if n < 5:
        raise DataError(f"{n} rows are too few to choose a ridge by.", remedy="Give five train rows or more.")
    order = torch.randperm(n, generator=generator(seed, "held out for the ridge")).to(K.device)
    held, kept = order[: round(HELD_OUT * n)], order[round(HELD_OUT * n) :]
    system, across, unit = (
        K[kept][:, kept].double(),
        K[held][:, kept].double(),
        float(K.diagonal().double().mean()),
    )
    diagonal, best, least = system.diagonal().clone(), max(ridges), float("inf")
    for ridge in sorted(ridges, reverse=True):
        torch.add(diagonal, ridge * unit, out=system.diagonal())
        lower, failed = torch.linalg.cholesky_ex(system)
        if int(failed):
            continue
        outputs = across @ torch.cholesky_solve(y[kept].double(), lower)
        found = float((outputs - y[held].double()).square().mean())
        if found < least:
            best, least = ridge, found
    return best


def regression_solves(n: int, *, double: bool) -> tuple[int, ...]:
    """Sizes of the Cholesky factorizations that take as long as `kernel_errors` on n rows.

    One for each ridge on the rows that are kept; a fit takes as long as some (`FIT`), for it looks at all of K more
    than once: whether it is symmetric and positive, what its condition is, what the solution leaves. `double` says
    whether the kernel is float64.
    """
    return (n,) * (2 * FIT[double]) + (n - round(HELD_OUT * n),) * len(RIDGES)


def mistakes(outputs: Tensor, y: Tensor) -> int:
    """Rows that outputs (n, 1) put on the wrong side of 0, for codes y of ±1.

    >>> mistakes(torch.tensor([[0.5], [-2.0], [0.0]]), torch.tensor([[1.0], [1.0], [-1.0]]))
    1
    """
    return int(((outputs > 0) != (y > 0)).sum())


def error_rates(train_outputs: Tensor, y: Tensor, test_outputs: Tensor, y_test: Tensor) -> dict[str, Any]:
    """Shares of wrong decisions on train and test rows, with the number of those on test rows.

    >>> y = torch.tensor([[1.0], [-1.0]])
    >>> error_rates(y, y, -y, y)
    {'test_error': 1.0, 'train_error': 0.0, 'test_mistakes': 2}
    """
    wrong = mistakes(test_outputs, y_test)
    return {
        "test_error": wrong / len(y_test),
        "train_error": mistakes(train_outputs, y) / len(y),
        "test_mistakes": wrong,
    }


def _errors(K: Tensor, K_test: Tensor, y: Tensor, y_test: Tensor, *, ridge: float) -> dict[str, Any]:
    fit = KernelRegression(ridge=ridge * float(K.diagonal().double().mean())).fit(K, y)
    outputs = fit.predict(K_test)
    rates = error_rates(fit.predict(K), y, outputs, y_test)
    return rates | {"test_mse": float((outputs - y_test).square().mean()), "ridge": ridge}
