"""Learning curves on both families of tasks, and the lead of the network with the size at which it changes hands."""

from __future__ import annotations

from collections.abc import Sequence

from tangentlab.records import Record
from tangentlab.report.claims.sample_complexity import is_natural, leads
from tangentlab.report.comparison_figures import samples_ticks
from tangentlab.report.crossing import find_crossing
from tangentlab.report.error_curves import CHOSEN, RIDGELESS, Contested, contested
from tangentlab.report.figure import Axis, Figure, Panel, Series
from tangentlab.report.pictures.contest import learning_curves
from tangentlab.report.wording import count, signed_points


def pictures(records: Sequence[Record]) -> tuple[Figure, ...]:
    """The lead of the network against training rows, then test errors of all learners.

    >>> [figure.key for figure in pictures([])]
    ['sample-complexity', 'sample-complexity-errors', 'sample-complexity-errors-ridgeless']
    """
    places = sorted(contested(records), key=lambda place: (place.network, not is_natural(place.task), place.task))
    sizes = tuple(sorted({rows for place in places for rows in place.rows}))
    lead = Figure(
        "sample-complexity",
        "Lead of the network over its linearization",
        "Test accuracy of the network minus that of its linearization under the same descent, in points, paired by "
        "seed; mean with a 95% Student-t interval. Where the intervals put the network behind at first and ahead "
        "later, the number of rows at which the lead changes hands is marked on the zero line.",
        x=Axis("training rows", log=True, ticks=samples_ticks(sizes)),
        y=Axis("lead, points", zero=True),
        panels=tuple(_panel(place) for place in places),
    )
    curves = learning_curves(
        records,
        key="sample-complexity-errors",
        title="Test error against training rows",
        rules=(CHOSEN, RIDGELESS),
        log=False,
    )
    return (lead, *curves)


def _panel(place: Contested) -> Panel:
    found = leads(place)
    title = f"{place.network}, {place.task}"
    if not found:
        return Panel(title, ())
    bounds = [tuple(None if side is None else 100 * side for side in each.difference.bounds) for each in found]
    crossing = find_crossing(found)
    series = [
        Series(
            "network − linearization",
            "network",
            x=tuple(float(each.setting.samples) for each in found),
            y=tuple(100 * each.difference.mean for each in found),
            low=tuple(low for low, _ in bounds),
            high=tuple(high for _, high in bounds),
            notes=tuple(
                f"{count(each.setting.samples, 'row')}: {signed_points(each.difference.mean)} points "
                f"({count(each.difference.n, 'seed')})"
                for each in found
            ),
            band=True,
        )
    ]
    if crossing.samples is not None:
        note = f"the lead changes hands at {crossing}"
        series.append(Series("crossing", "ink-1", x=(crossing.samples,), y=(0.0,), notes=(note,), line=False))
    return Panel(title, tuple(series), group="lead")
