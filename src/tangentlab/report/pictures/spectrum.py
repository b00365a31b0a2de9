"""Eigenvalues of the initial kernel against their index."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tangentlab.records import Record
from tangentlab.report.claims.readings import by_network, reading
from tangentlab.report.figure import Axis, Figure, Panel, Series
from tangentlab.report.intervals import mean_interval
from tangentlab.report.wording import count, significant

_ROLES = ("subject-1", "subject-2", "subject-3", "subject-4")
_POINTS = 120


def pictures(records: Sequence[Record]) -> tuple[Figure, ...]:
    """Eigenvalues over the trace against their index, geometric mean over seeds, a line a network.

    >>> pictures([])[0].drawn
    False
    """
    series = []
    for place, (network, seeds) in enumerate(by_network(records).items()):
        spectra = [
            [value / reading(held[0], "trace") for value in reading(held[0], "eigenvalues")]
            for held in seeds.values()
        ]
        last = min(len(values) for values in spectra)
        ranks = sorted({round(last ** (i / (_POINTS - 1))) for i in range(_POINTS)})
        ranks = [rank for rank in ranks if all(values[rank - 1] > 0 for values in spectra)]
        means = [mean_interval([math.log(values[rank - 1]) for values in spectra]) for rank in ranks]
        series.append(
            Series(
                network,
                _ROLES[place % len(_ROLES)],
                x=tuple(float(rank) for rank in ranks),
                y=tuple(math.exp(each.mean) for each in means),
                low=tuple(None if each.bounds[0] is None else math.exp(each.bounds[0]) for each in means),
                high=tuple(None if each.bounds[1] is None else math.exp(each.bounds[1]) for each in means),
                notes=tuple(
                    f"{network}, eigenvalue {rank}\n{significant(math.exp(each.mean))} of the trace "
                    f"({count(each.n, 'seed')})"
                    for rank, each in zip(ranks, means)
                ),
                markers=False,
                band=True,
            )
        )
    return (
        Figure(
            "spectrum",
            "Eigenvalues of the kernel at initialization",
            "Each eigenvalue as a share of the trace against its index from 1; geometric mean over seeds with a 95% "
            "Student-t band. A straight line is a power law.",
            x=Axis("index", log=True),
            y=Axis("share of the trace", log=True),
            panels=(Panel("", tuple(series)),) if series else (),
        ),
    )
