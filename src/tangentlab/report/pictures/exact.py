"""How far two ways to the same number differ, fact by fact."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tangentlab.records import Record
from tangentlab.report.claims.exact import FACTS
from tangentlab.report.claims.readings import by_network, reading
from tangentlab.report.figure import Axis, Figure, Panel, Series
from tangentlab.report.wording import shortened, significant

_LEAST = 1e-17
"""Drawn for a difference of nothing."""


def pictures(records: Sequence[Record]) -> tuple[Figure, ...]:
    """The largest relative difference of each fact over seeds, a point a network, on an axis of powers of ten.

    >>> pictures([])[0].drawn
    False
    """
    panels = []
    for network, seeds in by_network(records).items():
        held = [record for each in seeds.values() for record in each]
        worst = {
            fact: max(values)
            for fact in FACTS
            if (values := [v for record in held if (v := reading(record, "violations", fact)) is not None])
        }
        if worst:
            panels.append(_panel(network, worst))
    return (
        Figure(
            "exact",
            "Two ways to the same number",
            "Largest relative difference over seeds, for each fact; the claim is that none exceeds 10⁻⁴. Slopes are "
            "finite differences of a network whose kinks add to rounding.",
            x=Axis("log₁₀ of the relative difference"),
            y=Axis(""),
            panels=tuple(panels),
            horizontal=True,
        ),
    )


def _panel(network: str, worst: dict[str, float]) -> Panel:
    places = [-float(place) for place in range(len(worst))]
    ticks = tuple((place, shortened(FACTS[fact], 60)) for place, fact in zip(places, worst))
    points = Series(
        "relative difference",
        "linear-init",
        x=tuple(math.log10(max(value, _LEAST)) for value in worst.values()),
        y=tuple(places),
        notes=tuple(f"{FACTS[fact]}\n{significant(value)}" for fact, value in worst.items()),
        line=False,
    )
    return Panel(network, (points,), ticks=ticks)
