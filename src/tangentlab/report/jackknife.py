"""The interval of a number that all seeds give together and that is no mean over them, such as a rank correlation.

With T the number from n seeds and T_i without seed i (Quenouille 1949, Tukey 1958)

    standard error √((n − 1)/n Σ (T_i − mean T_i)²),   interval T ± t_{n−1} · standard error

A correlation of means over seeds is not drawn towards zero by the noise of each seed, as a mean of correlations is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from scipy.special import stdtrit

from tangentlab.report.intervals import MIN_SEEDS, Interval

Seed = TypeVar("Seed")


def jackknife_interval(
    seeds: Sequence[Seed],
    statistic: Callable[[Sequence[Seed]], float | None],
    *,
    level: float = 0.95,
    resolution: float = 0.0,
    within: tuple[float, float] = (-math.inf, math.inf),
) -> Interval | None:
    """The interval of `statistic(seeds)`, cut to the range `within` that it cannot leave.

    `resolution` is the least that the deviation over seeds is taken to be, as in `mean_interval`: a rank
    correlation of few tasks would otherwise have an interval of no width.

    None where the statistic of all seeds says nothing; no bounds from fewer than 3 seeds, or where it says nothing
    without one of them. For a mean it is Student's interval:

    >>> found = jackknife_interval([1.0, 2.0, 3.0], lambda values: sum(values) / len(values))
    >>> [round(value, 3) for value in (found.low, found.mean, found.high)]
    [-0.484, 2.0, 4.484]
    """
    value, n = statistic(seeds), len(seeds)
    if value is None:
        return None
    without = (
        [statistic([*seeds[:place], *seeds[place + 1 :]]) for place in range(n)] if n >= MIN_SEEDS else [None]
    )
    told = [each for each in without if each is not None]
    if len(told) < len(without):
        return Interval(value, None, None, n, level)
    parts = np.asarray(told)
    error = math.sqrt((n - 1) / n * float(((parts - parts.mean()) ** 2).sum()))
    error = max(error, resolution / math.sqrt(n))
    reach = float(stdtrit(n - 1, 0.5 + level / 2)) * error
    return Interval(value, max(within[0], value - reach), min(within[1], value + reach), n, level)
