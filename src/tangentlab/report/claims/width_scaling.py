"""Claims on width: the initial kernel comes nearer to that of infinite width, and no width catches up with the network.

Kernels are judged with the ridge that held-out rows chose. Widths are compared seed by seed, numbers of rows averaged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tangentlab.records import Record
from tangentlab.report.claims.claim import Claim, Statistic
from tangentlab.report.claims.readings import reading, weakest
from tangentlab.report.error_curves import Contested, contested, error_of
from tangentlab.report.intervals import Interval, mean_interval
from tangentlab.report.power_law import exponent_gap
from tangentlab.report.wording import signed_points, significant

SLACK = 0.15
"""How far from −1/2 a slope may lie and still be told from no approach and from 1/width, by more than three times."""

ByWidth = Mapping[int, Contested]


def by_width(records: Sequence[Record]) -> dict[str, dict[int, Contested]]:
    """Architecture to width to the records of both, widths rising; networks of one's own, with no width, are left out.

    >>> by_width([])
    {}
    """
    found: dict[str, dict[int, Contested]] = {}
    for place in contested(records):
        spec = place.records[0].spec
        if spec.get("width"):
            found.setdefault(str(spec["architecture"]), {})[int(spec["width"])] = place
    return {name: dict(sorted(widths.items())) for name, widths in found.items()}


def distances(place: Contested) -> dict[int, float]:
    """Seed to the distance of Θ_0 and Θ_∞, both at norm 1: √(2 S) of S = 1 − cos.

    >>> told = {"points": [], "to_infinite": {"kernel_distance": 0.02}}
    >>> distances(Contested("mlp", "t", (Record(fingerprint="a", spec={"seed": 3}, readings=told),)))
    {3: 0.2}
    """
    found = {
        int(record.spec["seed"]): reading(record, "to_infinite", "kernel_distance") for record in place.records
    }
    return {seed: math.sqrt(2 * value) for seed, value in found.items() if value}


def excess(place: Contested) -> dict[int, float]:
    """Seed to the test error of Θ_0 less that of Θ_∞, mean over numbers of rows."""
    found: dict[int, list[float]] = {}
    for rows in place.rows:
        for seed, value in place.at(rows, _excess).items():
            found.setdefault(seed, []).append(value)
    return {seed: sum(values) / len(values) for seed, values in found.items()}


def _excess(learners: Mapping[str, object]) -> float | None:
    initial, infinite = error_of(learners, "initial"), error_of(learners, "infinite")
    return None if initial is None or infinite is None else initial - infinite


def slopes(widths: ByWidth) -> Interval | None:
    """The slope of ln distance on ln width, fitted in each seed that has three widths or more."""
    by_seed: dict[int, list[tuple[float, float]]] = {}
    for width, place in widths.items():
        for seed, value in distances(place).items():
            by_seed.setdefault(seed, []).append((math.log(width), math.log(value)))
    lines = [np.array(points) for points in by_seed.values() if len(points) > 2]
    found = [float(np.polyfit(points[:, 0], points[:, 1], 1)[0]) for points in lines]
    return mean_interval(found) if found else None


def off_half(slope: Interval) -> Statistic:
    """How far a slope is from −1/2, with the least and the most that its interval allows.

    >>> found = off_half(Interval(-0.45, -0.55, -0.35, 3))
    >>> round(found.value, 9), found.low, round(found.high, 9)
    (0.05, 0.0, 0.15)
    """
    words = f"slope {significant(slope.mean)}"
    if slope.low is None or slope.high is None:
        return Statistic(abs(slope.mean + 0.5), None, None, slope.n, words)
    ends = abs(slope.low + 0.5), abs(slope.high + 0.5)
    low = 0.0 if slope.low <= -0.5 <= slope.high else min(ends)
    words = f"{words}, {significant(slope.low)} to {significant(slope.high)}"
    return Statistic(abs(slope.mean + 0.5), low, max(ends), slope.n, words)


def _off_half(records: Sequence[Record]) -> Statistic | None:
    """Of several architectures, that whose slope may be furthest off."""
    found = []
    for name, widths in by_width(records).items():
        slope = slopes(widths)
        if slope is not None:
            off = off_half(slope)
            found.append(replace(off, words=f"{name}, {off.words}"))
    return max(found, key=lambda off: off.value if off.high is None else off.high, default=None)


def _closing(records: Sequence[Record]) -> Statistic | None:
    found, told = {}, {}
    for name, widths in by_width(records).items():
        ends = [excess(widths[width]) for width in (min(widths), max(widths))]
        shared = sorted(ends[0].keys() & ends[1].keys())
        if len(widths) > 1 and shared:
            least = 1 / widths[min(widths)].test_rows
            found[name] = mean_interval([ends[0][seed] - ends[1][seed] for seed in shared], resolution=least)
            left = [sum(each[seed] for seed in shared) / len(shared) for each in ends]
            told[name] = " to ".join(f"{signed_points(part)}" for part in left) + " points above infinite width"
    worst = weakest(found, above=True)
    return None if worst is None else replace(worst, words=f"{worst.words}: {told[worst.words]}")


def _exponents(records: Sequence[Record]) -> Statistic | None:
    found, told = {}, {}
    for widths in by_width(records).values():
        for place in widths.values():
            compared = exponent_gap(place.curves("network"), place.curves("initial"))
            if compared.gap is not None and compared.ours.exponent and compared.theirs.exponent:
                found[place.network] = compared.gap
                pair = (
                    significant(each.exponent.mean) for each in (compared.ours, compared.theirs) if each.exponent
                )
                told[place.network] = " against ".join(pair) + (
                    f"; {compared.refusal}" if compared.refusal else ""
                )
    worst = weakest(found, above=True)
    return None if worst is None else replace(worst, words=f"{worst.words}, {told[worst.words]}")


_SOURCE = "Vyas et al. 2022, width scaling of the initial kernel"

CLAIMS = (
    Claim(
        id="CB3",
        statement="As the network widens, the error of its initial kernel falls towards that of infinite width.",
        source=_SOURCE,
        study="width-scaling",
        measured="excess of test error over the infinite-width kernel at the narrowest less that at the widest, mean "
        "over numbers of rows and seeds",
        threshold=0.0,
        above=True,
        statistic=_closing,
    ),
    Claim(
        id="CB3-distance",
        statement="The initial kernel comes nearer to that of infinite width as 1/√width.",
        source="the law of large numbers over units; Vyas et al. 2022 widen the same kernels",
        study="width-scaling",
        measured="distance from −1/2 of the slope of ln ‖Θ_0/‖Θ_0‖ − Θ_∞/‖Θ_∞‖‖ on ln width, mean over seeds",
        threshold=SLACK,
        above=False,
        statistic=_off_half,
    ),
    Claim(
        id="CB3-exponent",
        statement="At no width in the range does the initial kernel gain from rows as fast as the network does.",
        source=_SOURCE,
        study="width-scaling",
        measured="exponent of the network's learning curve less that of the initial kernel's, mean over seeds, at the "
        "width where it is least",
        threshold=0.0,
        above=True,
        statistic=_exponents,
    ),
)
