"""Means, paired differences and rank correlations, with intervals that claim no more than a few seeds can tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

MIN_SEEDS = 3
MIN_TASKS = 4
_EXACT = 8


@dataclass(frozen=True)
class Interval:
    """A mean over `n` seeds with a Student-t interval; one seed has a mean and no interval.

    `p` is the two-sided probability of a mean this far from zero if the true one were zero.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    level: float = 0.95
    p: float | None = None

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """The bounds that are worth drawing: none from fewer than 3 seeds, where t is so wide that it hides the rest.

        >>> mean_interval([0.0, 1.0]).bounds
        (None, None)
        """
        return (self.low, self.high) if self.n >= MIN_SEEDS else (None, None)

    @property
    def sign(self) -> int:
        """+1 or -1 if at least 3 seeds put the whole interval on that side of zero, and 0: cannot tell.

        >>> mean_interval([0.1, 0.11, 0.12]).sign, mean_interval([0.1, 0.11]).sign, mean_interval([-1, 0, 2]).sign
        (1, 0, 0)
        """
        if self.n < MIN_SEEDS or self.low is None or self.high is None:
            return 0
        return 1 if self.low > 0 else -1 if self.high < 0 else 0


def mean_interval(values: Sequence[float], *, level: float = 0.95, resolution: float = 0.0) -> Interval:
    """Mean ± t_{n−1} s/√n. `resolution` is the smallest step of a value, and the least that s is taken to be.

    Without it, three seeds that agree by rounding would give an interval of no width.

    >>> interval = mean_interval([1.0, 2.0, 3.0])         # s = 1, t = 4.303
    >>> [round(v, 3) for v in (interval.low, interval.mean, interval.high)]
    [-0.484, 2.0, 4.484]
    >>> mean_interval([1.0])
    Interval(mean=1.0, low=None, high=None, n=1, level=0.95, p=None)
    """
    array = np.asarray(values, dtype=float)
    n, mean = len(array), float(array.mean())
    if n < 2:
        return Interval(mean, None, None, n, level)
    error = max(float(array.std(ddof=1)), resolution) / math.sqrt(n)
    half = float(stdtrit(n - 1, 0.5 + level / 2)) * error
    p = float(2 * stdtr(n - 1, -abs(mean) / error)) if error else float(mean == 0)
    return Interval(mean, mean - half, mean + half, n, level, p)


def paired_difference(
    ours: Mapping[int, float], theirs: Mapping[int, float], *, level: float = 0.95, resolution: float = 0.0
) -> Interval | None:
    """The interval of the mean of ours − theirs over the seeds that both have; None if they share none.

    >>> paired_difference({0: 0.9, 1: 0.8, 2: 0.7}, {0: 0.8, 1: 0.7, 2: 0.6}, resolution=0.01).sign
    1
    """
    shared = sorted(ours.keys() & theirs.keys())
    if not shared:
        return None
    return mean_interval([ours[s] - theirs[s] for s in shared], level=level, resolution=resolution)


def holm(p_values: Sequence[float | None], *, level: float = 0.95) -> tuple[bool, ...]:
    """Which of several comparisons stand at one `level` for all of them together (Holm 1979).

    The smallest p is held against (1 − level)/m, the next against (1 − level)/(m − 1), until one fails.

    >>> holm([0.01, 0.04, 0.03, None])
    (True, False, False, False)
    """
    order = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    stands = [False] * len(p_values)
    for rank, (p, index) in enumerate(order):
        if p > (1 - level) / (len(order) - rank):
            break
        stands[index] = True
    return tuple(stands)


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation of `n` pairs; no interval below 4 pairs or where one side is constant."""

    value: float | None
    low: float | None
    high: float | None
    n: int

    @property
    def sign(self) -> int:
        """+1 or -1 if the whole interval lies on that side of zero, and 0: cannot tell."""
        if self.low is None or self.high is None:
            return 0
        return 1 if self.low > 0 else -1 if self.high < 0 else 0


def spearman(x: Sequence[float], y: Sequence[float], *, level: float = 0.95) -> Correlation:
    """Correlation of the ranks with Fisher's interval, atanh ρ ± z √(1.06/(n − 3)) (Fieller and others 1957).

    Where the exact permutation test (all orders, up to 8 pairs) does not exclude zero at this level, the interval
    is drawn out to zero: few tasks in perfect order would otherwise give an interval of no width.

    >>> spearman([1, 2, 3], [1, 2, 3])
    Correlation(value=1.0, low=None, high=None, n=3)
    >>> spearman([1, 2, 3, 4], [1, 2, 3, 4]).sign, spearman([1, 2, 3, 4, 5], [2, 4, 6, 8, 9]).sign
    (0, 1)
    """
    n = len(x)
    a, b = _ranks(x), _ranks(y)
    if n < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return Correlation(None, None, None, n)
    value = float(np.clip(np.corrcoef(a, b)[0, 1], -1, 1))
    if n < MIN_TASKS:
        return Correlation(value, None, None, n)
    half = float(ndtri(0.5 + level / 2)) * math.sqrt(1.06 / (n - 3))
    centre = math.atanh(math.copysign(min(abs(value), 1 - 6 / (n * (n**2 - 1))), value))
    low, high = min(math.tanh(centre - half), value), max(math.tanh(centre + half), value)
    if n <= _EXACT and _permutation_p(a, b) > 1 - level:
        low, high = min(low, 0.0), max(high, 0.0)
    return Correlation(value, low, high, n)


def _permutation_p(a: np.ndarray, b: np.ndarray) -> float:
    """The share of all orders of b whose correlation with a is at least as far from zero."""
    orders = b[np.array(list(permutations(range(len(b)))))] - b.mean()
    products = np.abs(orders @ (a - a.mean()))
    return float(np.mean(products >= products[0] - 1e-9))


def _ranks(values: Sequence[float]) -> np.ndarray:
    """Ranks from 1, ties sharing their mean rank."""
    _, inverse, counts = np.unique(np.asarray(values, dtype=float), return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]
