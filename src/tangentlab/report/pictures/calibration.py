"""Predicted error against the trained networks' error, and the ranking beside naive ones."""

from __future__ import annotations

from collections.abc import Sequence

from tangentlab.records import Record
from tangentlab.report.claims.calibration import calibration_cells, correlations
from tangentlab.report.figure import Axis, Figure, Panel, Series

_ROLES = ("subject-1", "subject-2", "subject-3", "subject-4")


def pictures(records: Sequence[Record]) -> tuple[Figure, ...]:
    """A point for each task and architecture; and how well each predictor ranks them.

    >>> [figure.drawn for figure in pictures([])]
    [False, False]
    """
    cells = calibration_cells(records)
    return (_scatter(cells), _rankings(cells))


def _scatter(cells: list[dict]) -> Figure:
    networks = list(dict.fromkeys(cell["network"] for cell in cells))
    series = []
    for place, network in enumerate(networks):
        own = [cell for cell in cells if cell["network"] == network]
        series.append(
            Series(
                network,
                _ROLES[place % len(_ROLES)],
                x=tuple(100 * cell["predicted"] for cell in own),
                y=tuple(100 * cell["trained"] for cell in own),
                notes=tuple(
                    f"{network} on {cell['task']}\npredicted {100 * cell['predicted']:.1f}%, "
                    f"trained {100 * cell['trained']:.1f}%"
                    for cell in own
                ),
                line=False,
            )
        )
    if cells:
        top = 100 * max(max(cell["predicted"], cell["trained"]) for cell in cells)
        series.append(Series("equal", "undecided", x=(0.0, top), y=(0.0, top), markers=False, thin=True))
    return Figure(
        "calibration",
        "Predicted before training, measured after it",
        "Each point is a task on an architecture, means over seeds: the error that regression with the initial kernel "
        "was expected to make, from the training rows alone, and the test error of the trained network, in percent.",
        x=Axis("predicted error, %"),
        y=Axis("error of the trained network, %"),
        panels=(Panel("", tuple(series)),) if cells else (),
    )


def _rankings(cells: list[dict]) -> Figure:
    found = sorted(correlations(cells).items(), key=lambda item: item[1]) if cells else []
    ticks = tuple((float(place), name.replace("_", " ")) for place, (name, _) in enumerate(found))
    points = [
        Series(
            "prediction" if name == "predicted" else "other predictors",
            "network" if name == "predicted" else "ink-2",
            x=(value,),
            y=(float(place),),
            notes=(f"{name.replace('_', ' ')}: {value:.2f}",),
            line=False,
        )
        for place, (name, value) in enumerate(found)
    ]
    return Figure(
        "calibration-rankings",
        "How well each predictor ranks",
        "Spearman's correlation over all cells with the error of the trained networks: of the prediction, of its "
        "ingredients and of naive predictors.",
        x=Axis("Spearman's correlation", zero=True),
        y=Axis(""),
        panels=(Panel("", tuple(points), ticks=ticks),) if found else (),
        horizontal=True,
    )
