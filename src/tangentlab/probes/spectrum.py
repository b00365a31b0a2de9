"""The spectrum of a kernel in a few numbers: how many directions it really has, and how fast it decays.

With p_j = λ_j / Σ λ over the positive eigenvalues,

    effective rank        exp(−Σ p_j log p_j)      Roy and Vetterli, 2007
    participation ratio   1 / Σ p_j²               never above the effective rank
    power law             λ_j ≈ const · j^(−exponent), least squares of log λ_j on log j
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import torch

from tangentlab._errors import ArgumentError, DataError
from tangentlab._shapes import expect_shape
from tangentlab.linalg import KernelBlocks, floating_tensor, noise_floor, rounding_of, symmetric

FEWEST_POINTS = 10  # of a power law


@dataclass(frozen=True, eq=False)
class Spectrum:
    """`values` (N,) descending, float64, and what they say.

    `trace` is their sum; `negative_part` is Σ |λ| of the negative ones over Σ |λ|: rounding for a true kernel,
    and clipped elsewhere. `top_shares` (N,) are the shares of the trace in the first 1, 2, ... eigenvalues.
    `power_law_exponent` and its standard error are None where fewer than 10 eigenvalues serve the fit; the error is
    that of the line alone, for sorted eigenvalues are not independent.

    >>> found = spectrum(torch.diag(torch.tensor([3.0, 1.0])))
    >>> found.values.tolist(), found.trace, found.top_shares.tolist(), found.negative_part
    ([3.0, 1.0], 4.0, [0.75, 1.0], 0.0)
    """

    values: np.ndarray
    trace: float
    effective_rank: float
    participation_ratio: float
    top_shares: np.ndarray
    power_law_exponent: float | None
    power_law_error: float | None
    negative_part: float


def spectrum(K: Any, *, fit: tuple[int, int] | None = None, rounding: float | None = None) -> Spectrum:
    """Spectrum of a symmetric K (n, n); of all outputs together for (n, n, c) or (n, n, c, c). O(N³).

    `fit` = (first, last) are the ranks, counted from 1, between which the power law is fitted: by default 5 to
    N/2, past the few that carry the mean and before the end that the finite sample bends. Those at or below the
    noise floor are left out.

    >>> round(spectrum(torch.eye(4)).effective_rank, 9), round(spectrum(torch.ones(4, 4)).effective_rank, 9)
    (4.0, 1.0)
    """
    rounding = rounding_of(K) if rounding is None else rounding
    K = floating_tensor("K", K)
    blocks = KernelBlocks.of(K, outputs=K.shape[2] if K.ndim > 2 else 1)
    expect_shape("K", blocks.systems, "b n n")
    matrices = torch.stack([symmetric(one, rounding=rounding) for one in blocks.systems])
    values = torch.linalg.eigvalsh(matrices).flatten().sort(descending=True).values
    if not bool((values > 0).any()):
        raise DataError("`K` has no positive eigenvalue: there is no spectrum.", remedy="Check its anchor.")
    N, floor = len(values), float(noise_floor(values, rounding=rounding))
    first, last = (5, N // 2) if fit is None else fit if _are_two_numbers(fit) else (0, 0)
    if not (first >= 1 and last <= N and (fit is None or first < last)):
        raise ArgumentError(
            "fit", expected=f"ranks (first, last) within 1 and {N}", got=repr(fit), remedy="Leave it out."
        )
    numbers = values.cpu().numpy()
    positive = np.clip(numbers, 0, None)
    shares = positive / positive.sum()
    exponent, error = _power_law(numbers, first=first, last=last, floor=floor)
    return Spectrum(
        values=numbers,
        trace=float(numbers.sum()),
        effective_rank=float(np.exp(-np.sum(shares * np.log(np.where(shares > 0, shares, 1.0))))),
        participation_ratio=float(1 / np.sum(shares**2)),
        top_shares=np.cumsum(shares),
        power_law_exponent=exponent,
        power_law_error=error,
        negative_part=float((positive - numbers).sum() / np.abs(numbers).sum()),
    )


def _are_two_numbers(fit: Any) -> bool:
    return isinstance(fit, (tuple, list)) and len(fit) == 2 and all(isinstance(rank, Integral) for rank in fit)


def _power_law(values: np.ndarray, *, first: int, last: int, floor: float) -> tuple[float | None, float | None]:
    ranks = np.arange(first, last + 1)
    ranks = ranks[values[ranks - 1] > floor]
    if len(ranks) < FEWEST_POINTS:
        return None, None
    x, z = np.log(ranks), np.log(values[ranks - 1])
    x = x - x.mean()
    slope = float(x @ z / (x @ x))
    miss = z - z.mean() - slope * x
    return -slope, float(np.sqrt(miss @ miss / (len(x) - 2) / (x @ x)))
