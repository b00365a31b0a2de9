"""Errors of the network under each choice of training, beside that of its initial kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tangentlab.records import Record
from tangentlab.report.claims.training_choices import Choice, choices
from tangentlab.report.figure import Axis, Figure, Panel, Series
from tangentlab.report.intervals import Interval
from tangentlab.report.wording import count


def pictures(records: Sequence[Record]) -> tuple[Figure, ...]:
    """Test errors of both, a row for each choice.

    >>> pictures([])[0].drawn
    False
    """
    return (
        Figure(
            "training-choices",
            "The network and its initial kernel under other choices of training",
            "Share of wrong decisions on test rows, mean over seeds with Student's 95% interval. The kernel is that of "
            "the weights before training, the same for every choice, with the ridge that suits it better.",
            x=Axis("test error", zero=True),
            y=Axis(""),
            panels=tuple(_panel(place, made) for place, made in choices(records).items()),
            horizontal=True,
        ),
    )


def _panel(place: str, made: Sequence[Choice]) -> Panel:
    series = (
        _series("network", "network", made, lambda each: each.network),
        _series("initial kernel", "ridge-init", made, lambda each: each.initial),
    )
    return Panel(place, series, ticks=tuple((-float(row), str(each)) for row, each in enumerate(made)))


def _series(name: str, role: str, made: Sequence[Choice], read: Callable[[Choice], Interval]) -> Series:
    found = [read(each) for each in made]
    return Series(
        name,
        role,
        x=tuple(each.mean for each in found),
        y=tuple(-float(row) for row in range(len(found))),
        low=tuple(each.bounds[0] for each in found),
        high=tuple(each.bounds[1] for each in found),
        notes=tuple(
            f"{choice}\n{name} {each.mean:.1%} ({count(each.n, 'seed')})" for choice, each in zip(made, found)
        ),
        line=False,
    )
