"""Distance to the kernel of infinite width, and errors, against the width of the network."""

from __future__ import annotations

from collections.abc import Sequence

from tangentlab.records import Record
from tangentlab.report.claims.readings import reading
from tangentlab.report.claims.width_scaling import ByWidth, by_width, distances
from tangentlab.report.error_curves import CHOSEN, NAMES, RIDGELESS, ROLES, error_of
from tangentlab.report.figure import Axis, Figure, Panel, Series
from tangentlab.report.pictures.contest import RULES, learning_curves
from tangentlab.report.pictures.lines import line


def pictures(records: Sequence[Record]) -> tuple[Figure, ...]:
    """Distance and test error against width, and a learning curve for each width.

    >>> [figure.key for figure in pictures([])]
    ['width-scaling', 'width-scaling-error', 'width-scaling-curves']
    """
    found = by_width(records)
    widths = sorted({width for held in found.values() for width in held})
    axis = Axis("width", log=True, ticks=tuple((float(width), str(width)) for width in widths))
    return (
        Figure(
            "width-scaling",
            "The initial kernel nears that of infinite width",
            "Distance of the initial kernel from that of infinite width at the same fan-ins, on the training rows: "
            "both at norm 1, and relative to the latter's norm, which sees the scale too; geometric mean over seeds "
            "with Student's 95% band. The thin line falls as 1/√width.",
            x=axis,
            y=Axis("distance", log=True),
            panels=tuple(Panel(name, _distances(held)) for name, held in found.items()),
        ),
        Figure(
            "width-scaling-error",
            "Errors against width",
            "Share of wrong decisions on test rows at the largest number of training rows, mean over seeds with "
            f"Student's 95% band; {RULES[CHOSEN]}, and the initial kernel also {RULES[RIDGELESS][len('kernels ') :]}.",
            x=axis,
            y=Axis("test error"),
            panels=tuple(_errors(name, held) for name, held in found.items()),
        ),
        *learning_curves(
            records,
            key="width-scaling-curves",
            title="Learning curves at each width",
            rules=(CHOSEN,),
            log=True,
        ),
    )


def _distances(widths: ByWidth) -> tuple[Series, ...]:
    directions = {float(width): list(distances(place).values()) for width, place in widths.items()}
    relative = {
        float(width): [v for record in place.records if (v := reading(record, "to_infinite", "relative"))]
        for width, place in widths.items()
    }
    drawn = line("at norm 1", "subject-1", directions, of="width", geometric=True)
    if not drawn.x or drawn.y[0] is None or drawn.x[0] is None:
        return ()
    first, start = drawn.x[0], drawn.y[0]
    slope = tuple(start * (first / x) ** 0.5 for x in drawn.x if x is not None)
    return (
        drawn,
        line("relative, with scale", "subject-2", relative, of="width", geometric=True),
        Series("1/√width", "ink-3", x=drawn.x, y=slope, markers=False, thin=True),
    )


def _errors(name: str, widths: ByWidth) -> Panel:
    rows = max(rows for place in widths.values() for rows in place.rows)

    def drawn(learner: str, *, ridge: str = CHOSEN, role: str = "", words: str = "") -> Series:
        points = {
            float(width): list(place.at(rows, lambda found: error_of(found, learner, ridge=ridge)).values())
            for width, place in widths.items()
        }
        return line(NAMES[learner] + words, role or ROLES[learner], points, of="width")

    series = [drawn(learner) for learner in next(iter(widths.values())).learners]
    series.append(drawn("initial", ridge=RIDGELESS, role="ridge-end", words=", ridgeless"))
    return Panel(f"{name}, {rows:,} rows", tuple(series))
