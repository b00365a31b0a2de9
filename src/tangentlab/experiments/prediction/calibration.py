"""How well predictions made before training have held up: the figures of the calibration study, kept with the package.

The file `calibration.json` beside this module is written from the records of the study by `Calibration.of(cells)` and
`.write()`. Where it is missing, predictions say that they are not calibrated. Its fields:

    {"schema": 1, "created": date, "command": what made it, "data": [...], "networks": [...], "tasks": 24, "seeds": 3,
     "cells": 48, "samples": [...],
     "rankings": {"predicted": {"value": ρ, "low": ..., "high": ..., "n": 48}, "constant": ..., ...},
     "curve": {"n": ..., "median": ..., "low": ..., "high": ..., "inside": ...},
     "network": {"n": ..., "median": ..., "low": ..., "high": ...}}

`rankings` are Spearman correlations with the trained networks' test error of what was predicted and of each naive
baseline, with intervals over draws of whole tasks, since cells of one task are not independent; `curve` is the relative
difference of predicted and measured error of the linearization, the middle 90 % of the cells and the share inside the
predicted band; `network` is the trained network's error minus the predicted one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tangentlab._atomic import write_atomically
from tangentlab._errors import DataError
from tangentlab.report.claims.calibration import correlation_intervals
from tangentlab.report.intervals import spearman

SCHEMA = 1
FILE = "calibration.json"
_MIDDLE = (0.05, 0.5, 0.95)


class Rank(BaseModel):
    """A rank correlation of `n` cells with its 95 % interval; no value where one side is constant."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    value: float | None
    low: float | None
    high: float | None
    n: int


class Spread(BaseModel):
    """The median and the middle 90 % of `n` cells; `inside` is the share of cells inside their predicted band."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    median: float
    low: float
    high: float
    n: int
    inside: float | None = None


class Calibration(BaseModel):
    """What the calibration study found (see the module).

    >>> cells = [{"network": "mlp", "task": str(k), "data": "d", "samples": 10, "seeds": 3, "predicted": k / 10,
    ...           "predicted_low": 0.0, "predicted_high": 1.0, "linearization": k / 10, "trained": k / 20,
    ...           "baselines": {"constant": 0.5}} for k in range(1, 6)]
    >>> found = Calibration.of(cells, command="tangentlab run calibration")
    >>> round(found.rankings["predicted"].value, 6), found.rankings["constant"].value, found.curve.inside
    (1.0, None, 1.0)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    format: int = Field(default=SCHEMA, alias="schema")
    created: str
    command: str
    data: tuple[str, ...]
    networks: tuple[str, ...]
    tasks: int
    seeds: int
    cells: int
    samples: tuple[int, ...]
    rankings: dict[str, Rank]
    curve: Spread
    network: Spread

    @classmethod
    def of(
        cls,
        cells: Iterable[Mapping[str, Any]],
        *,
        draws: Iterable[Mapping[str, Any]] | None = None,
        command: str,
        created: str = "",
    ) -> Calibration:
        """The figures from one row for each cell, task × architecture × size held out from any tuning.

        A row has `network`, `task`, `data`, `samples`, `seeds`; the error `predicted` with `predicted_low` and
        `predicted_high`; the measured ones of the `linearization` and of the `trained` network, means over seeds; and
        `baselines`, what naive predictors say of the cell (the larger the harder). `draws` are the same rows seed by
        seed, by which bands are held against what they are bands of; without them the cells are.
        """
        rows = [dict(cell) for cell in cells]
        single = rows if draws is None else list(draws)
        if len(rows) < 4:
            raise DataError(f"{len(rows)} cells cannot calibrate anything.", remedy="Run the whole study.")
        trained = [float(row["trained"]) for row in rows]
        told = {"predicted": [float(row["predicted"]) for row in rows]}
        for name in rows[0]["baselines"]:
            told[name] = [float(row["baselines"][name]) for row in rows]
        bounds = correlation_intervals(rows)
        predicted = np.array([float(row["predicted"]) for row in single])
        measured = np.array([float(row["linearization"]) for row in single])
        reached = np.array([float(row["trained"]) for row in single])
        inside = [row["predicted_low"] <= m <= row["predicted_high"] for row, m in zip(single, measured)]
        return cls.model_validate(
            {
                "schema": SCHEMA,
                "created": created,
                "command": command,
                "data": sorted({row["data"] for row in rows}),
                "networks": sorted({row["network"] for row in rows}),
                "tasks": len({(row["data"], row["task"]) for row in rows}),
                "seeds": min(int(row["seeds"]) for row in rows),
                "cells": len(rows),
                "samples": sorted({int(row["samples"]) for row in rows}),
                "rankings": {
                    name: _rank(spearman(values, trained).value, bounds.get(name), n=len(rows))
                    for name, values in told.items()
                },
                "curve": _spread(predicted / np.maximum(measured, 1e-3) - 1, inside=float(np.mean(inside))),
                "network": _spread(reached - predicted),
            }
        )

    def write(self, path: str | Path) -> Path:
        """Write the file that `read_calibration` reads, whole or not at all."""
        path = Path(path)
        text = json.dumps(self.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False) + "\n"
        write_atomically(path, text.encode())
        return path

    def sentences(self) -> tuple[str, ...]:
        """How far to trust a prediction, in words."""
        rank, curve, gap = self.rankings["predicted"], self.curve, self.network
        others = [
            f"{name.replace('_', ' ')} {_correlation(each)}"
            for name, each in self.rankings.items()
            if name != "predicted"
        ]
        beside = f" (beside it: {', '.join(others)})" if others else ""
        covered = "" if curve.inside is None else f", {100 * curve.inside:.0f} % of them inside the band"
        return (
            f"Over {self.cells} cells of {self.tasks} tasks and {len(self.networks)} architectures, predictions like "
            f"this ranked the test errors of trained networks with Spearman's {_correlation(rank)}{beside}.",
            f"Predicted errors of the linearization lay {_signed(curve.low)} to {_signed(curve.high)} from the "
            f"measured ones in nine of ten cells{covered}.",
            f"The trained network's error was {_points(gap.low)} to {_points(gap.high)} points from the predicted one "
            f"in nine of ten cells, {_points(gap.median)} in the middle one.",
        )


def read_calibration(path: str | Path | None = None) -> Calibration | None:
    """The calibration kept with the package, or that in a file; None where there is none.

    >>> read_calibration("no-such-file.json") is None
    True
    """
    source = files("tangentlab.experiments.prediction") / FILE if path is None else Path(path)
    if not source.is_file():
        return None
    try:
        return Calibration.model_validate_json(source.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": "not text"}
        place = ".".join(map(str, first["loc"])) or "the file"
        raise DataError(
            f"The calibration {source} cannot be read: {place}: {first['msg']}.",
            remedy="Make it again from the records of the calibration study, or remove it.",
        ) from error


def _rank(value: float | None, bounds: tuple[float, float] | None, *, n: int) -> Rank:
    low, high = (None, None) if value is None or bounds is None else (min(bounds[0], value), max(bounds[1], value))
    return Rank(value=value, low=low, high=high, n=n)


def _spread(values: np.ndarray, *, inside: float | None = None) -> Spread:
    low, median, high = (float(v) for v in np.quantile(values, _MIDDLE))
    return Spread(median=median, low=low, high=high, n=len(values), inside=inside)


def _correlation(rank: Rank) -> str:
    if rank.value is None:
        return "undefined"
    bounds = "" if rank.low is None or rank.high is None else f" ({rank.low:.2f} to {rank.high:.2f})"
    return f"{rank.value:.2f}{bounds}".replace("-", "−")


def _signed(share: float) -> str:
    return f"{'+' if share >= 0 else '−'}{abs(100 * share):.0f} %"


def _points(difference: float) -> str:
    return f"{'+' if difference >= 0 else '−'}{abs(100 * difference):.1f}"
