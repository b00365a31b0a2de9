"""Power laws of learning curves, err(n) = a n^−β, fitted seed by seed, and refused where the curve is none.

The rule was fixed before looking. In each seed β is the slope of least squares of ln err on ln n; a point with fewer
than 20 wrong test rows is dropped, for its logarithm is mostly noise; where two learners are compared, both are fitted
on the points that both keep, and the exponents subtracted in each seed. A term q (ln n − mean)² is fitted beside the
slope where there are four points: where q differs from zero over seeds, and bends the local exponent by more than half
of β along the range, the curve is "not a power law", and its β is told without an interval.

Intervals are over seeds: 10,000 bootstrap resamples from eight seeds on, Student's t below, because three seeds have
ten distinct resamples and no tails.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tangentlab._seeds import numpy_generator
from tangentlab.report.error_curves import Curves, Point
from tangentlab.report.intervals import Interval, mean_interval
from tangentlab.report.wording import count

MISTAKES = 20
"""Wrong test rows below which a point is dropped."""

POINTS = 3
"""That a slope is fitted to, at least; a bend takes one more."""

RESAMPLES = 10_000
BOOTSTRAP_SEEDS = 8
BEND = 0.5
"""Change of the local exponent along the range, as a share of β, from which a bend matters."""


@dataclass(frozen=True)
class Fit:
    """One seed's fit: err = scale · n^−exponent; `bend` is the change of the local exponent along its range."""

    exponent: float
    scale: float
    bend: float | None
    rows: tuple[int, ...]
    residuals: tuple[float, ...]
    """ln err less the fit, at each of `rows`."""

    def __call__(self, rows: float) -> float:
        """The error that the fit has on so many rows."""
        return self.scale * rows**-self.exponent


@dataclass(frozen=True)
class PowerLaw:
    """The fits of all seeds together; `refusal` says why there is no exponent, or why it is not one of a power law."""

    exponent: Interval | None
    bend: Interval | None
    fits: Mapping[int, Fit] = field(default_factory=dict)
    refusal: str = ""


@dataclass(frozen=True)
class ExponentGap:
    """β of one learner less that of another, seed by seed, on the points that both keep."""

    gap: Interval | None
    ours: PowerLaw
    theirs: PowerLaw
    refusal: str = ""


def fit_power_law(points: Sequence[Point]) -> Fit | None:
    """Least squares in logarithms; None for fewer than three points.

    >>> points = [Point(rows=n, error=2 * n**-0.5, mistakes=100, train_error=0.0) for n in (100, 400, 1600)]
    >>> fit = fit_power_law(points)
    >>> round(fit.exponent, 12), round(fit.scale, 12), fit.bend
    (0.5, 2.0, None)
    """
    if len(points) < POINTS:
        return None
    x = np.log([point.rows for point in points])
    y = np.log([point.error for point in points])
    centre = x - x.mean()
    slope = float(centre @ y / (centre @ centre))
    level = float(y.mean() - slope * x.mean())
    bend = None
    if len(points) > POINTS:
        design = np.stack([np.ones_like(centre), centre, centre**2 - np.mean(centre**2)], axis=1)
        bend = float(-2 * np.linalg.lstsq(design, y, rcond=None)[0][2] * np.ptp(x))
    residuals = tuple((y - level - slope * x).tolist())
    return Fit(-slope, math.exp(level), bend, tuple(point.rows for point in points), residuals)


def kept(points: Sequence[Point]) -> list[Point]:
    """Points with mistakes enough.

    >>> kept([Point(10, 0.1, 19, 0.0), Point(20, 0.2, 20, 0.0)])
    [Point(rows=20, error=0.2, mistakes=20, train_error=0.0)]
    """
    return [point for point in points if point.mistakes >= MISTAKES]


def power_law(curves: Curves) -> PowerLaw:
    """The exponent of one learner over seeds.

    >>> power_law({0: []}).refusal
    'no seed has 3 points with 20 wrong test rows or more'
    """
    return _together({seed: fit for seed, points in curves.items() if (fit := fit_power_law(kept(points)))})


def exponent_gap(ours: Curves, theirs: Curves, *, level: float = 0.95) -> ExponentGap:
    """β of ours less that of theirs, in each seed on the numbers of rows that both keep; its interval at `level`.

    >>> def curve(beta):
    ...     return [Point(n, n**-beta, 100, 0.0) for n in (100, 200, 400, 800)]
    >>> found = exponent_gap({s: curve(0.5) for s in range(3)}, {s: curve(0.3) for s in range(3)})
    >>> round(found.gap.mean, 12), found.refusal
    (0.2, '')
    """
    fits: tuple[dict[int, Fit], dict[int, Fit]] = ({}, {})
    for seed in sorted(ours.keys() & theirs.keys()):
        pair = kept(ours[seed]), kept(theirs[seed])
        shared = {point.rows for point in pair[0]} & {point.rows for point in pair[1]}
        found = [fit_power_law([point for point in points if point.rows in shared]) for points in pair]
        if found[0] and found[1]:
            fits[0][seed], fits[1][seed] = found[0], found[1]
    first, second = (_together(each) for each in fits)
    if not fits[0]:
        return ExponentGap(None, first, second, f"{first.refusal} for both")
    gap = over_seeds([fits[0][seed].exponent - fits[1][seed].exponent for seed in fits[0]], level=level)
    refusal = "; ".join(
        f"{name} {each.refusal}"
        for name, each in (("the first is", first), ("the second is", second))
        if each.refusal
    )
    return ExponentGap(gap, first, second, refusal)


def over_seeds(values: Sequence[float], *, level: float = 0.95) -> Interval:
    """Mean and interval over seeds: of the bootstrap from eight on, else Student's.

    >>> interval = over_seeds([0.0, 1.0] * 5)
    >>> interval.mean, 0.1 < interval.low < 0.3, interval == over_seeds([0.0, 1.0] * 5)
    (0.5, True, True)
    """
    if len(values) < BOOTSTRAP_SEEDS:
        return mean_interval(values, level=level)
    array = np.asarray(values, dtype=float)
    draws = numpy_generator(0, "bootstrap of seeds").integers(len(array), size=(RESAMPLES, len(array)))
    low, high = np.quantile(array[draws].mean(1), [0.5 - level / 2, 0.5 + level / 2]).tolist()
    return Interval(float(array.mean()), low, high, len(array), level)


def _together(fits: Mapping[int, Fit]) -> PowerLaw:
    if not fits:
        return PowerLaw(None, None, {}, f"no seed has {POINTS} points with {MISTAKES} wrong test rows or more")
    exponent = over_seeds([fit.exponent for fit in fits.values()])
    bends = [fit.bend for fit in fits.values() if fit.bend is not None]
    bend = over_seeds(bends) if bends else None
    refusal = ""
    if bend is not None and bend.low is not None and bend.high is not None:
        certain = bend.low > 0 or bend.high < 0
        if certain and abs(bend.mean) > BEND * abs(exponent.mean):
            rows = sorted({rows for fit in fits.values() for rows in fit.rows})
            refusal = (
                f"not a power law: its local exponent changes by {bend.mean:+.2f} from {rows[0]:,} to "
                f"{count(rows[-1], 'row')}, and is {exponent.mean:.2f} on average"
            )
    return PowerLaw(exponent, bend, fits, refusal)
