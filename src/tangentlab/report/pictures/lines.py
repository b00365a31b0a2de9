"""Lines through means over seeds, as the pictures of studies draw them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tangentlab.report.figure import Axis, Series, Values
from tangentlab.report.intervals import mean_interval
from tangentlab.report.wording import count, significant


def line(
    name: str,
    role: str,
    points: Mapping[float, Sequence[float]],
    *,
    of: str = "",
    geometric: bool = False,
    band: bool = True,
    **style: Any,
) -> Series:
    """The mean over seeds of the values at each x, with Student's 95% interval; `of` says what they are in notes.

    `geometric` takes means of logarithms, for values that are ratios or that span decades.

    >>> drawn = line("mlp", "network", {10.0: [1.0, 4.0, 2.0], 1.0: [3.0]}, geometric=True)
    >>> drawn.x, [round(y, 9) for y in drawn.y], drawn.low[0]
    ((1.0, 10.0), [3.0, 2.0], None)
    """
    xs = sorted(x for x, values in points.items() if values)
    into, back = (math.log, math.exp) if geometric else (float, float)
    means = [mean_interval([into(value) for value in points[x]]) for x in xs]

    def bounds(side: int) -> tuple[float | None, ...]:
        return tuple(None if (one := mean.bounds[side]) is None else back(one) for mean in means)

    return Series(
        name,
        role,
        x=tuple(xs),
        y=tuple(back(m.mean) for m in means),
        low=bounds(0),
        high=bounds(1),
        notes=tuple(
            f"{name}, {of or 'at'} {significant(x)}\n{significant(back(m.mean))} ({count(m.n, 'seed')})"
            for x, m in zip(xs, means)
        ),
        band=band,
        **style,
    )


def floored(series: Series, least: float) -> Series:
    """What lies below `least`, drawn on it: an axis of powers has no zero.

    >>> floored(Series("error", "network", x=(1.0, 2.0), y=(0.5, 0.0)), 0.25).y
    (0.5, 0.25)
    """

    def shown(values: Values | None) -> Values | None:
        return values and tuple(None if value is None else max(value, least) for value in values)

    return replace(series, y=shown(series.y), low=shown(series.low), high=shown(series.high))


def index_place(index: int) -> float:
    """Where an index counted from 0 stands on an axis of powers.

    >>> index_place(0), index_place(10)
    (0.5, 10.0)
    """
    return max(float(index), 0.5)


def index_axis(indices: Sequence[int], title: str = "index of the eigenfunction, from 0") -> Axis:
    """An axis of powers with a tick for each index, no more than eight of them.

    >>> [text for _, text in index_axis([1, 0]).ticks]
    ['0', '1']
    """
    ordered = sorted(set(indices))
    kept = ordered[:: max(1, math.ceil(len(ordered) / 8))]
    return Axis(title, log=True, ticks=tuple((index_place(index), str(index)) for index in kept))
