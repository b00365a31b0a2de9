"""Predicted error against the trained networks' error, and the ranking beside naive ones."""

from __future__ import annotations

from collections.abc import Sequence

from tangentlab.records import Record
from tangentlab.report.claims.calibration import calibration_cells, correlations
from tangentlab.report.figure import Axis, Figure, Panel, Series

LEAST = 1e-3
"""An error below this is drawn at it: on so many test rows it is one or none."""

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
                x=tuple(100 * max(cell["predicted"], LEAST) for cell in own),
                y=tuple(100 * max(cell["trained"], LEAST) for cell in own),
                notes=tuple(
                    f"{network} on {cell['task']}\npredicted {100 * cell['predicted']:.1f}%, "
                    f"trained {100 * cell['trained']:.1f}%"
                    for cell in own
                ),
                line=False,
            )
        )
    if cells:
        errors = [max(cell[name], LEAST) for cell in cells for name in ("predicted", "trained")]
        ends = (100 * min(errors), 100 * max(errors))
        series.append(Series("equal", "undecided", x=ends, y=ends, markers=False, thin=True))
    return Figure(
        "calibration",
        "Predicted before training, measured after it",
        "Each point is a task on an architecture, means over seeds: the error that regression with the initial kernel "
        "was expected to make, from the training rows alone, and the test error of the trained network, in percent.",
        x=Axis("predicted error, %", log=True),
        y=Axis("error of the trained network, %", log=True),
        panels=(Panel("", tuple(series)),) if cells else (),
    )


def _rankings(cells: list[dict]) -> Figure:
    found = sorted(correlations(cells).items(), key=lambda item: -item[1]) if cells else []
    ticks = tuple((float(-place), name.replace("_", " ")) for place, (name, _) in enumerate(found))
    series = []
    for name, role, own in (("prediction", "network", True), ("other predictors", "ink-2", False)):
        places = [i for i, (predictor, _) in enumerate(found) if (predictor == "predicted") == own]
        series.append(
            Series(
                name,
                role,
                x=tuple(found[i][1] for i in places),
                y=tuple(float(-i) for i in places),
                notes=tuple(f"{found[i][0].replace('_', ' ')}: {found[i][1]:.2f}" for i in places),
                line=False,
            )
        )
    return Figure(
        "calibration-rankings",
        "How well each predictor ranks",
        "Spearman's correlation over all cells with the error of the trained networks: of the prediction, of its "
        "ingredients and of naive predictors.",
        x=Axis("Spearman's correlation", zero=True),
        y=Axis(""),
        panels=(Panel("", tuple(series), ticks=ticks),) if found else (),
        horizontal=True,
    )
