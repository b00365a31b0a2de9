"""Test error against training rows: the network, its linearization and the kernels of its path."""

from __future__ import annotations

from collections.abc import Sequence

from tangentlab.records import Record
from tangentlab.report.comparison_figures import samples_ticks
from tangentlab.report.error_curves import CHOSEN, NAMES, RIDGELESS, ROLES, Contested, contested
from tangentlab.report.figure import Axis, Figure, Panel, Series
from tangentlab.report.pictures.lines import floored, line

RULES = {
    CHOSEN: "kernels with the ridge that a fifth of the training rows, held out, chose",
    RIDGELESS: "kernels with a ridge of a millionth of the mean diagonal",
}
"""Rule to its words."""


def learning_curves(
    records: Sequence[Record], *, key: str, title: str, rules: Sequence[str], log: bool
) -> tuple[Figure, ...]:
    """A figure for each rule for the ridge, the first being the one that claims are read under.

    Panels are networks and tasks; a line is the mean over seeds with Student's 95% band.

    >>> learning_curves([], key="k", title="", rules=["chosen"], log=False)[0].drawn
    False
    """
    places = contested(records)
    axis = Axis(
        "training rows", log=True, ticks=samples_ticks(tuple(sorted({n for each in places for n in each.rows})))
    )
    linear = " The linearization is f0 + J(θ − θ0), trained by the network's own descent."
    linear = linear if any("linearization" in each.learners for each in places) else ""
    return tuple(
        Figure(
            key if rule == rules[0] else f"{key}-{rule}",
            title,
            f"Share of wrong decisions on test rows, mean over seeds with Student's 95% interval; {RULES[rule]}, which "
            f"regress the targets themselves.{linear}",
            x=axis,
            y=Axis("test error", log=log),
            panels=tuple(_panel(place, rule, log=log) for place in places),
        )
        for rule in rules
    )


def _panel(place: Contested, rule: str, *, log: bool) -> Panel:
    series = tuple(_series(place, learner, rule, log=log) for learner in place.learners)
    return Panel(f"{place.network}, {place.task}", series, group=place.task)


def _series(place: Contested, learner: str, rule: str, *, log: bool) -> Series:
    by_rows: dict[float, list[float]] = {}
    for points in place.curves(learner, ridge=rule).values():
        for point in points:
            by_rows.setdefault(float(point.rows), []).append(point.error)
    drawn = line(NAMES[learner], ROLES[learner], by_rows, of="training rows")
    return floored(drawn, 0.5 / place.test_rows) if log else drawn  # half a mistake stands for none
