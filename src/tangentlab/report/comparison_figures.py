"""Figures of who wins: the findings, the learning curves, and the gaps between the learners."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tangentlab.report.comparison import OPPONENTS, Comparison, Setting
from tangentlab.report.figure import Axis, Figure, Panel, Series
from tangentlab.report.findings import AHEAD, BEHIND, Finding, find, main_opponent
from tangentlab.report.intervals import Interval, mean_interval
from tangentlab.report.wording import count, points_interval, shortened, signed_points

MOST_PANELS = 24
MOST_ROWS = 36


def findings_figure(comparison: Comparison) -> Figure:
    """Network minus its main opponent in every setting: a dot and an interval a row, a panel a network.

    >>> findings_figure(Comparison.of([])).drawn
    False
    """
    opponent = main_opponent(comparison) or OPPONENTS[0]
    found = find(comparison, opponent)
    sizes = comparison.sizes
    if len(comparison.tasks) * len(sizes) > MOST_ROWS:
        sizes = sizes[-1:]
    panels = []
    for network in comparison.networks:
        ours = {f.setting: f for f in found if f.setting.network == network}
        rows: list[tuple[float, str]] = []
        placed: list[tuple[float, Finding]] = []
        for task in comparison.tasks:
            here = [ours[s] for n in sizes if (s := Setting(network, task, n)) in ours]
            if not here:
                continue
            if len(sizes) > 1:
                rows.append((-float(len(rows)), shortened(task, 22)))
            for finding in here:
                name = f"n = {finding.setting.samples:,}" if len(sizes) > 1 else shortened(task, 22)
                rows.append((-float(len(rows)), name))
                placed.append((rows[-1][0], finding))
        if placed:
            panels.append(Panel(shortened(network), _by_outcome(placed, opponent), ticks=tuple(rows)))
    largest = max(comparison.sizes, default=0)
    left_out = f" Only the largest size, {largest:,}, is drawn." if len(sizes) < len(comparison.sizes) else ""
    return Figure(
        "findings",
        f"Network minus {opponent}, setting by setting",
        "Paired differences of test accuracy with a 95% Student-t interval over seeds, each by itself. Hollow and "
        f"grey: the interval holds zero, or there are fewer than 3 seeds and none is drawn.{left_out}",
        x=Axis("difference of test accuracy, points", zero=True),
        y=Axis(""),
        panels=tuple(panels[:MOST_PANELS]),
        horizontal=True,
        sides=(f"{opponent} ahead", "network ahead"),
        omitted=max(len(panels) - MOST_PANELS, 0),
    )


def learning_curves(comparison: Comparison) -> Figure:
    """Test accuracy of every learner against the number of samples, a panel for each network and task.

    >>> learning_curves(Comparison.of([])).drawn
    False
    """

    def series(setting: Setting, learner: str) -> Interval | None:
        values = comparison.accuracies(setting, learner)
        return mean_interval([100 * v for v in values.values()]) if values else None

    panels = _panels(comparison, {name: name for name in comparison.learners}, series, digits="{:.1f}%")
    return Figure(
        "learning-curves",
        "Learning curves",
        "Mean test accuracy over seeds with a 95% Student-t interval, where there are at least 3 seeds. Learners of "
        "one size are drawn slightly apart.",
        x=_samples_axis(comparison),
        y=Axis("test accuracy, %"),
        panels=panels[:MOST_PANELS],
        omitted=max(len(panels) - MOST_PANELS, 0),
    )


def gap_figure(comparison: Comparison) -> Figure:
    """Network minus each linear learner against the number of samples, paired by seed.

    >>> gap_figure(Comparison.of([])).drawn
    False
    """
    found = {(f.setting, f.opponent): f for name in OPPONENTS for f in find(comparison, name)}

    def series(setting: Setting, opponent: str) -> Interval | None:
        finding = found.get((setting, opponent))
        if finding is None:
            return None
        d = finding.difference
        low, high = (None if v is None else 100 * v for v in (d.low, d.high))
        return Interval(100 * d.mean, low, high, d.n)

    names = {f"network − {name}": name for name in OPPONENTS if name in comparison.learners}
    panels = _panels(comparison, names, series, digits="{:+.1f} points")
    return Figure(
        "gap",
        "The gap",
        "Test accuracy of the network minus that of each linear learner, paired by seed, with a 95% Student-t "
        "interval. Above zero the network is ahead.",
        x=_samples_axis(comparison),
        y=Axis("difference, points", zero=True),
        panels=panels[:MOST_PANELS],
        omitted=max(len(panels) - MOST_PANELS, 0),
    )


def _by_outcome(placed: list[tuple[float, Finding]], opponent: str) -> tuple[Series, ...]:
    roles = {AHEAD: ("network ahead", "network"), BEHIND: (f"{opponent} ahead", opponent)}
    found = []
    for outcome in (AHEAD, BEHIND, "cannot tell"):
        name, role = roles.get(outcome, ("cannot tell", "undecided"))
        ours = [(row, finding) for row, finding in placed if finding.outcome == outcome]
        if not ours:
            continue
        bounds = [f.difference.bounds for _, f in ours]
        found.append(
            Series(
                name,
                role,
                x=tuple(100 * f.difference.mean for _, f in ours),
                y=tuple(row for row, _ in ours),
                low=tuple(None if low is None else 100 * low for low, _ in bounds),
                high=tuple(None if high is None else 100 * high for _, high in bounds),
                notes=tuple(_finding_note(f) for _, f in ours),
                line=False,
            )
        )
    return tuple(found)


def _finding_note(finding: Finding) -> str:
    mean, bounds = signed_points(finding.difference.mean), points_interval(finding.difference)
    seeds = count(finding.difference.n, "seed")
    setting = finding.setting
    place = f"{shortened(setting.network)} on {shortened(setting.task)}, n = {setting.samples:,}"
    return f"{place}\n{mean} points ({bounds}, {seeds})\n{finding.outcome}"


def _panels(comparison: Comparison, names: Mapping[str, str], interval_of, *, digits: str) -> tuple[Panel, ...]:
    """One panel for each network and task: for each name, the intervals that `interval_of` gives by size."""
    spread = 0.035 * math.log(comparison.sizes[-1] / max(comparison.sizes[0], 1) or 1) if comparison.sizes else 0.0
    spread = min(max(spread, 0.02), 0.08)
    panels = []
    for network in comparison.networks:
        for task in comparison.tasks:
            drawn = []
            for place, (name, role) in enumerate(names.items()):
                settings = [Setting(network, task, n) for n in comparison.sizes]
                told = [(s, i) for s in settings if (i := interval_of(s, role)) is not None]
                shift = math.exp(spread * (place - (len(names) - 1) / 2) / max(len(names) - 1, 1))
                if told:
                    drawn.append(
                        Series(
                            name,
                            role,
                            x=tuple(s.samples * shift for s, _ in told),
                            y=tuple(i.mean for _, i in told),
                            low=tuple(i.bounds[0] for _, i in told),
                            high=tuple(i.bounds[1] for _, i in told),
                            notes=tuple(_note(name, s, i, digits) for s, i in told),
                        )
                    )
            if drawn:
                panels.append(
                    Panel(f"{shortened(network, 20)} · {shortened(task, 20)}", tuple(drawn), group=network)
                )
    return tuple(panels)


def _note(name: str, setting: Setting, interval: Interval, digits: str) -> str:
    text = f"{name}, n = {setting.samples:,}\n{digits.format(interval.mean)}"
    if interval.low is None or interval.high is None:
        return f"{text}, no interval from {count(interval.n, 'seed')}"
    return f"{text} ({interval.low:.1f} to {interval.high:.1f}, {count(interval.n, 'seed')})"


def samples_ticks(sizes: tuple[int, ...]) -> tuple[tuple[float, str], ...]:
    """The sizes themselves as ticks, thinned to at most six.

    >>> samples_ticks((100, 1000))
    ((100.0, '100'), (1000.0, '1,000'))
    """
    step = max(-(-len(sizes) // 6), 1)
    return tuple((float(n), f"{n:,}") for n in sizes[::step])


def _samples_axis(comparison: Comparison) -> Axis:
    return Axis("samples", log=True, ticks=samples_ticks(comparison.sizes))
