"""Predicted against measured risk: over ridges and over sample sizes."""

from __future__ import annotations

from collections.abc import Sequence

from tangentlab.records import Record
from tangentlab.report.claims.readings import by_network, reading
from tangentlab.report.figure import Axis, Figure, Panel, Series
from tangentlab.report.intervals import Interval, mean_interval
from tangentlab.report.wording import count, significant

_WORDS = (
    ("foretold", "subject-1", True),
    ("measured on held-out rows", "network", False),
)


def pictures(records: Sequence[Record]) -> tuple[Figure, ...]:
    """Learning curves foretold from one Gram, and cross-validation over ridges, each beside what was measured.

    >>> [figure.drawn for figure in pictures([])]
    [False, False]
    """
    return (
        _figure(
            records,
            ("curve", "samples", "predicted", "measured"),
            key="risk-curve",
            title="Learning curve foretold from one Gram",
            caption="Squared error of regression with the initial kernel, expected from eigenvalues and target "
            "energies of the training rows, and measured on held-out rows after fits on random subsets; mean over "
            "seeds with a 95% Student-t interval.",
            x="samples",
        ),
        _figure(
            records,
            ("ridges", "share", "gcv", "test_mse"),
            key="risk-ridges",
            title="Cross-validation over ridges",
            caption="Generalized cross-validation on the training rows and the test error of the same fits; the "
            "ridge is a share of n times the kernel's mean diagonal. Mean over seeds with a 95% Student-t interval.",
            x="ridge",
        ),
    )


def _figure(
    records: Sequence[Record], path: tuple[str, str, str, str], *, key: str, title: str, caption: str, x: str
) -> Figure:
    part, along, foretold, measured = path
    panels = []
    for network, seeds in by_network(records).items():
        held = [reading(units[0], part) for units in seeds.values()]
        held = [values for values in held if values and values[along]]
        if not held:
            continue
        series = []
        for (name, role, line), column in zip(_WORDS, (foretold, measured)):
            intervals = [mean_interval([values[column][i] for values in held]) for i in range(len(held[0][along]))]
            series.append(_series(name, role, held[0][along], intervals, line=line))
        panels.append(Panel(network, tuple(series)))
    return Figure(key, title, caption, x=Axis(x, log=True), y=Axis("squared error"), panels=tuple(panels))


def _series(name: str, role: str, xs: Sequence[float], intervals: Sequence[Interval], *, line: bool) -> Series:
    return Series(
        name,
        role,
        x=tuple(float(x) for x in xs),
        y=tuple(each.mean for each in intervals),
        low=tuple(each.bounds[0] for each in intervals),
        high=tuple(each.bounds[1] for each in intervals),
        notes=tuple(
            f"{name}, {significant(x)}\n{significant(each.mean)} ({count(each.n, 'seed')})"
            for x, each in zip(xs, intervals)
        ),
        line=line,
    )
