"""Eigenlearning: how much of each eigenfunction kernel regression learns from n samples, and the risk that is left.

For a kernel with eigenvalues λ_i on a population, a target Σ v_i φ_i with noise ε², n samples and a ridge δ,

    Σ_i λ_i / (λ_i + κ) + δ/κ = n                κ, the effective ridge: the one unknown
    L_i = λ_i / (λ_i + κ)                        learnability of mode i, 0 to 1; Σ L_i = n − δ/κ, so n without a ridge
    E0  = n / (n − Σ L_i²)                       how much sampling inflates the risk
    test MSE  = E0 (Σ (1 − L_i)² v_i² + ε²)
    train MSE = (δ/(nκ))² · test MSE

Source: Simon, Dickens, Karkada and DeWeese 2021 (arXiv 2110.03922). The ridge is that of (K + δI) α = y, absolute and
not divided by n, as everywhere in this package. It is a mean over samples, asymptotic in n, and rests on eigenfunctions
behaving as if they were independent Gaussians; on real data it holds to some per cent.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tangentlab._errors import ArgumentError, DataError
from tangentlab._shapes import expect_finite, expect_shape
from tangentlab.linalg import expect_ridge

_HALVINGS = 128
"""Of a bracket in log κ: from any width that floats have to below their spacing."""


@dataclass(frozen=True, eq=False)
class PredictedRisk:
    """What kernel regression is expected to reach; numbers for one `samples`, arrays (s,) for several.

    `learnabilities` (r,) or (s, r), largest first. `test_mse` and `train_mse` are means over rows and outputs, of a
    fresh draw from the population and of the n rows. `held_out_mse` is the error on rows that are not among the n: for
    a known spectrum the same as `test_mse`; where the population was a Gram of N rows it has the bias of that taken
    away (see `predict_risk`). `overfitting` is E0, `target_learnability` the share Σ L_i v_i² / Σ v_i² of the target.

    >>> risk = eigenlearning([1.0, 1.0], [0.5, 0.5], samples=1)
    >>> round(risk.kappa, 12), risk.learnabilities.round(12).tolist(), round(risk.test_mse, 12), risk.train_mse
    (1.0, [0.5, 0.5], 0.5, 0.0)
    """

    samples: Any
    ridge: float
    kappa: Any
    learnabilities: np.ndarray
    test_mse: Any
    train_mse: Any
    held_out_mse: Any
    overfitting: Any
    target_learnability: Any


def eigenlearning(
    eigenvalues: Any,
    energies: Any,
    *,
    samples: int | Iterable[int],
    ridge: float = 0.0,
    noise: float = 0.0,
    multiplicities: Any = None,
) -> PredictedRisk:
    """The risk of kernel regression on a known spectrum, for one number of samples or several. O(s r).

    `eigenvalues` λ_i ≥ 0 (r,) and `energies` v_i² ≥ 0 (r,) of the target; with `multiplicities` m_i each stands for m_i
    equal eigenvalues (spherical harmonics of a degree, say) and its energy is that of all of them together. `noise` is
    ε², the variance of label noise, which counts in the test error too. Energy at λ = 0 is never learnt.

    Without a ridge and with as many samples as positive eigenvalues, κ = 0: everything in their span is learnt, and
    the error is infinite where samples and modes are equal and something lies outside.

    >>> eigenlearning([1.0], [1.0], samples=[2, 4], multiplicities=[8]).test_mse.round(12).tolist()     # 1 − n/8
    [0.75, 0.5]
    >>> eigenlearning([1.0], [0.0], samples=3, multiplicities=[2], noise=1.0).test_mse      # n/(n − p)
    3.0
    """
    values, found = _column("eigenvalues", eigenvalues), _column("energies", energies)
    counts = np.ones_like(values) if multiplicities is None else _column("multiplicities", multiplicities)
    for name, column in (("energies", found), ("multiplicities", counts)):
        expect_shape(name, column, "r", r=len(values))
    if not isinstance(noise, numbers.Real) or not 0 <= noise < np.inf:
        raise ArgumentError("noise", expected="a variance, 0 or more", got=repr(noise), remedy="Try noise=0.0.")
    expect_ridge(ridge)
    if not found.any() and not noise:
        raise DataError("The target is zero: there is nothing to learn.", remedy="Pass energies, or a noise.")
    n, single = sample_sizes(samples)
    order = np.argsort(-values, kind="stable")
    values, found, counts = values[order], found[order], counts[order]
    kappa = effective_ridge(values, samples=n, ridge=ridge, multiplicities=counts)
    reach = values + kappa[:, None]
    learnt = np.divide(values, reach, out=np.zeros_like(reach), where=reach > 0)
    missed = 1 - learnt
    missed[kappa > 0] = (kappa[:, None] / np.where(reach > 0, reach, 1.0))[kappa > 0]  # no digits lost near 1
    train_share = np.maximum(1 - (learnt * counts).sum(1) / n, 0.0)
    np.divide(ridge, n * kappa, out=train_share, where=kappa > 0)
    left = (learnt * missed * counts).sum(1) + n * train_share  # n − Σ L²
    wrong = missed**2 @ found + noise
    with np.errstate(divide="ignore"):
        overfitting = np.where(left > 0, n / np.where(left > 0, left, 1.0), np.inf)
    test = _product(wrong, overfitting)
    energy = float(found.sum())
    share = learnt @ found / energy if energy else np.zeros(len(n))
    train = _product(train_share**2, test)
    columns = (n, kappa, test, train, test, overfitting, share)
    if single:
        columns = (int(n[0]), *(float(column[0]) for column in columns[1:]))
    size, kappa, test, train, held_out, overfitting, share = columns
    learnabilities = learnt[0] if single else learnt
    return PredictedRisk(size, float(ridge), kappa, learnabilities, test, train, held_out, overfitting, share)


def effective_ridge(
    values: np.ndarray, *, samples: np.ndarray, ridge: float, multiplicities: np.ndarray | None = None
) -> np.ndarray:
    """κ (s,) with Σ m_i λ_i/(λ_i + κ) + δ/κ = n for each n of `samples`; 0 where δ = 0 and n reaches the rank.

    The sum falls in κ from the rank (or ∞) to 0, so that there is one root; it is found by halving a bracket of log κ
    that follows from the smallest eigenvalue and the trace, in float64, for all n at once.

    >>> effective_ridge(np.array([3.0, 3.0]), samples=np.array([1]), ridge=0.0).round(12).tolist()
    [3.0]
    """
    n = np.asarray(samples, dtype=float)
    counts = np.ones_like(values) if multiplicities is None else multiplicities
    positive = (values > 0) & (counts > 0)
    values, counts = values[positive], counts[positive]
    rank = float(counts.sum())
    solvable = (n < rank) | (ridge > 0)
    kappa = np.zeros(len(n))
    if not solvable.any():
        return kappa
    n = n[solvable]
    least = float(values.min()) if len(values) else 0.0
    low = np.log(np.maximum(np.maximum(ridge / n, least * (rank - n) / n), np.finfo(float).tiny)) - 1e-12
    high = np.log((float(values @ counts) + ridge) / n) + 1e-12
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        at = np.exp(middle)
        too_small = (counts * values / (values + at[:, None])).sum(1) + ridge / at > n
        low, high = np.where(too_small, middle, low), np.where(too_small, high, middle)
    kappa[solvable] = np.exp((low + high) / 2)
    return kappa


def sample_sizes(samples: int | Iterable[int], *, most: int | None = None) -> tuple[np.ndarray, bool]:
    """Numbers of samples as an array, and whether one number was given; each a whole number from 1 to `most`.

    >>> sample_sizes(3), sample_sizes([1, 2])[0].tolist()
    ((array([3.]), True), [1.0, 2.0])
    """
    samples = samples.item() if getattr(samples, "ndim", None) == 0 else samples  # pyright: ignore
    single = not isinstance(samples, Iterable) or isinstance(samples, str)
    given: list[Any] = [samples] if single else list(samples)  # pyright: ignore[reportArgumentType]
    ceiling = "" if most is None else f" to {most}, the rows there are"
    for n in given:
        whole = isinstance(n, numbers.Integral) and not isinstance(n, bool)
        if not whole or int(n) < 1 or (most is not None and int(n) > most):
            raise ArgumentError(
                "samples",
                expected=f"a whole number from 1{ceiling}, or several"
                if ceiling
                else "1 or more samples, or several",
                got=repr(n),
                remedy="Ask for fewer." if whole and most is not None and int(n) > most else "Try samples=100.",
            )
    if not given:
        raise ArgumentError("samples", expected="one number or more", got="none", remedy="Try samples=100.")
    return np.array([int(n) for n in given], dtype=float), single


def _column(name: str, values: Any) -> np.ndarray:
    column = np.array(values.detach().cpu() if hasattr(values, "detach") else values, dtype=float)
    expect_shape(name, column, "r")
    expect_finite(name, column)
    if not len(column) or column.min() < -1e-12 * np.abs(column).max():
        raise ArgumentError(
            name,
            expected="one number or more, none of them negative",
            got=f"{float(column.min()):.3g} among them" if len(column) else "none",
            remedy="Check what they were computed from: no kernel has them.",
        )
    return column.clip(0)  # beside the largest, the rest is rounding


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a · b with 0 · ∞ = 0: what is not wrong at all is not inflated."""
    return np.where(a > 0, np.where(a > 0, a, 1.0) * b, 0.0)
