"""Claims of the calibration study: predictions before training rank tasks and architectures as training does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tangentlab.records import Record
from tangentlab.report.claims.claim import Claim, Statistic
from tangentlab.report.intervals import spearman

DRAWS = 10_000
NAIVE = ("constant", "label_entropy", "linear_model", "trace")
_LEAST_TASKS = 5

Cell = dict[str, Any]


def calibration_draws(records: Sequence[Record]) -> list[Cell]:
    """Every cell at every seed, with its network, data and seed."""
    return [
        {
            "network": str(record.spec.get("network")),
            "data": str(record.spec.get("data")),
            "seed": record.spec.get("seed"),
            **cell,
        }
        for record in records
        if record.done
        for cell in record.readings.get("cells", [])
    ]


def calibration_cells(records: Sequence[Record]) -> list[Cell]:
    """One row for each task and architecture: the means over seeds of every number, and how many `seeds`.

    >>> unit = {"study": "calibration", "network": "mlp", "data": "digits"}
    >>> def record(seed, error):
    ...     cell = {"task": "t", "samples": 9, "predicted": error, "baselines": {"constant": 0.5}}
    ...     return Record(fingerprint=str(seed), spec=unit | {"seed": seed}, readings={"cells": [cell]})
    >>> found, = calibration_cells([record(0, 0.25), record(1, 0.75)])
    >>> found["predicted"], found["baselines"], found["seeds"]
    (0.5, {'constant': 0.5}, 2)
    """
    places: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in calibration_draws(records):
        places.setdefault((cell["data"], cell["task"], cell["network"]), []).append(cell)
    return [_mean(draws) for draws in places.values()]


def _mean(draws: list[Cell]) -> Cell:
    first = draws[0]
    found = {key: first[key] for key in ("network", "data", "task", "samples")}
    numbers = [key for key, value in first.items() if isinstance(value, float)]
    found |= {key: float(np.mean([draw[key] for draw in draws])) for key in numbers}
    names = first["baselines"]
    found["baselines"] = {name: float(np.mean([draw["baselines"][name] for draw in draws])) for name in names}
    return found | {"seeds": len(draws)}


def correlations(cells: Sequence[Cell]) -> dict[str, float]:
    """Spearman's correlation with the trained networks' error of the prediction and of each naive predictor.

    A predictor that says the same of every cell ranks nothing: 0.

    >>> cells = [{"predicted": e, "trained": e, "baselines": {"constant": 0.5}} for e in (0.1, 0.2, 0.3)]
    >>> correlations(cells)
    {'predicted': 1.0, 'constant': 0.0}
    """
    trained = [cell["trained"] for cell in cells]
    told = {"predicted": [cell["predicted"] for cell in cells]}
    told |= {name: [cell["baselines"][name] for cell in cells] for name in cells[0]["baselines"]}
    return {name: spearman(values, trained).value or 0.0 for name, values in told.items()}


def correlation_intervals(cells: Sequence[Cell]) -> dict[str, tuple[float, float]]:
    """The 95 % interval of each of `correlations`, over draws of whole tasks; none from fewer than five tasks.

    >>> correlation_intervals([{"data": "d", "task": "t", "predicted": 0.1, "trained": 0.1, "baselines": {}}])
    {}
    """
    found = _bootstrap(cells)
    if found is None:
        return {}
    bounds = {name: np.quantile(drawn, [0.025, 0.975]) for name, drawn in found[1].items()}
    return {name: (float(low), float(high)) for name, (low, high) in bounds.items()}


def _bootstrap(cells: Sequence[Cell]) -> tuple[dict[str, float], dict[str, np.ndarray]] | None:
    """The correlations, and draws of them with whole tasks resampled: cells of one task are not independent."""
    tasks: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        tasks.setdefault((cell["data"], cell["task"]), []).append(cell)
    if len(tasks) < _LEAST_TASKS:
        return None
    trained, told = _columns(cells)
    place = {id(cell): i for i, cell in enumerate(cells)}
    groups = [np.array([place[id(cell)] for cell in group]) for group in tasks.values()]
    rng = np.random.default_rng(0)
    drawn: dict[str, list[float]] = {name: [] for name in told}
    for _ in range(DRAWS):
        rows = np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))])
        ranks = _ranked(trained[rows])
        for name, values in told.items():
            drawn[name].append(_correlation(_ranked(values[rows]), ranks))
    return correlations(cells), {name: np.array(values) for name, values in drawn.items()}


def _columns(cells: Sequence[Cell]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    told = {"predicted": np.array([cell["predicted"] for cell in cells])}
    told |= {name: np.array([cell["baselines"][name] for cell in cells]) for name in cells[0]["baselines"]}
    return np.array([cell["trained"] for cell in cells]), told


def _ranked(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return ranks[inverse] - ranks[inverse].mean()


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else 0.0


def _rank(records: Sequence[Record]) -> Statistic | None:
    cells = calibration_cells(records)
    found = _bootstrap(cells) if cells else None
    if found is None:
        return None
    values, draws = found
    low, high = (float(bound) for bound in np.quantile(draws["predicted"], [0.025, 0.975]))
    beside = ", ".join(f"{name.replace('_', ' ')} {values[name]:.2f}" for name in values if name != "predicted")
    return Statistic(values["predicted"], low, high, len(cells), f"{len(cells)} cells; beside it: {beside}")


def _lead(records: Sequence[Record]) -> Statistic | None:
    """How far ahead of the best naive predictor, chosen anew in every draw."""
    cells = calibration_cells(records)
    found = _bootstrap(cells) if cells else None
    if found is None:
        return None
    values, draws = found
    best = max(NAIVE, key=lambda name: values.get(name, -1.0))
    lead = draws["predicted"] - np.max([draws[name] for name in NAIVE if name in draws], axis=0)
    low, high = np.quantile(lead, [0.025, 0.975])
    return Statistic(
        values["predicted"] - values[best],
        float(low),
        float(high),
        len(cells),
        f"the best naive predictor is {best.replace('_', ' ')}",
    )


CLAIMS = (
    Claim(
        id="calibration",
        statement="The error predicted before training ranks tasks and architectures by the trained networks' error.",
        source="ours; after Arora et al. 2019",
        study="calibration",
        measured="Spearman's correlation over task × architecture cells",
        threshold=0.7,
        above=True,
        statistic=_rank,
    ),
    Claim(
        id="calibration-naive",
        statement="That ranking is better than the one of the best naive predictor.",
        source="ours",
        study="calibration",
        measured="difference of Spearman's correlations from the best of constant, entropy, linear model and trace",
        threshold=0.0,
        above=True,
        statistic=_lead,
    ),
)
