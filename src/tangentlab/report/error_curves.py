"""Test errors against the number of training rows, by network, task, learner and seed, from records of contests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tangentlab.records import Record
from tangentlab.report.network_and_task import by_network_and_task

KERNELS = ("initial", "infinite", "after", "after-constant")
"""Learners that regress with a kernel, and so have errors under two rules for the ridge."""

NAMES = {
    "network": "network",
    "linearization": "linearization",
    "initial": "initial kernel",
    "infinite": "infinite-width kernel",
    "after": "after-kernel, same n",
    "after-constant": "after-kernel, constant n",
}
"""Learner to its name in figures and sentences."""

ROLES = {
    "network": "network",
    "linearization": "linear-init",
    "initial": "ridge-init",
    "infinite": "infinite",
    "after": "ridge-end",
    "after-constant": "ridge-constant",
}
"""Learner to its stroke."""

CHOSEN, RIDGELESS = "chosen", "ridgeless"
"""The rules: by rows held out of those of training, or a ridge of next to nothing."""


@dataclass(frozen=True)
class Point:
    """A share of wrong decisions and their number, on `rows` training rows."""

    rows: int
    error: float
    mistakes: int
    train_error: float


Curves = Mapping[int, Sequence[Point]]
"""Seed to points in order of rows."""


@dataclass(frozen=True)
class Contested:
    """The records of one network on one task; `points` of a record are its errors on each number of rows."""

    network: str
    task: str
    records: tuple[Record, ...]

    @property
    def learners(self) -> tuple[str, ...]:
        """Those that any record has, in the order of `NAMES`."""
        found = {name for _, point in self._points() for name in point["learners"]}
        return tuple(name for name in NAMES if name in found)

    def curves(self, learner: str, *, ridge: str = CHOSEN) -> dict[int, list[Point]]:
        """Points of a learner by seed; of a kernel, under one of the rules for the ridge.

        >>> errors = {"network": {"test_error": 0.5, "test_mistakes": 2, "train_error": 0.0}}
        >>> record = Record(fingerprint="a", spec={"seed": 1}, readings={"points": [{"rows": 10, "learners": errors}]})
        >>> Contested("mlp", "t", (record,)).curves("network")
        {1: [Point(rows=10, error=0.5, mistakes=2, train_error=0.0)]}
        """
        found: dict[int, list[Point]] = {}
        for seed, point in self._points():
            errors = point["learners"].get(learner)
            if errors is not None:
                errors = errors.get(RIDGELESS, errors) if ridge == RIDGELESS else errors
                one = Point(point["rows"], errors["test_error"], errors["test_mistakes"], errors["train_error"])
                found.setdefault(seed, []).append(one)
        return {seed: sorted(points, key=lambda point: point.rows) for seed, points in found.items()}

    def means(self, learner: str, *, ridge: str = CHOSEN) -> dict[int, float]:
        """Mean error of a learner over seeds on each number of rows.

        >>> Contested("mlp", "t", ()).means("network")
        {}
        """
        found: dict[int, list[float]] = {}
        for points in self.curves(learner, ridge=ridge).values():
            for point in points:
                found.setdefault(point.rows, []).append(point.error)
        return {rows: sum(found[rows]) / len(found[rows]) for rows in sorted(found)}

    def at(self, rows: int, read: Callable[[Mapping[str, Any]], float | None]) -> dict[int, float]:
        """What `read` finds in the `learners` of each seed on so many rows; None is left out.

        >>> points = [{"rows": 10, "learners": {"after": {"test_error": 0.5}}}]
        >>> record = Record(fingerprint="a", spec={}, readings={"points": points})
        >>> Contested("mlp", "t", (record,)).at(10, lambda learners: learners["after"]["test_error"])
        {0: 0.5}
        """
        found = {seed: read(point["learners"]) for seed, point in self._points() if point["rows"] == rows}
        return {seed: value for seed, value in found.items() if value is not None}

    @property
    def rows(self) -> tuple[int, ...]:
        """Every number of training rows, rising."""
        return tuple(sorted({point["rows"] for _, point in self._points()}))

    @property
    def test_rows(self) -> int:
        """The fewest test rows of any record."""
        return min(record.readings["test_rows"] for record in self.records)

    def _points(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Seed and errors on a number of rows."""
        for record in self.records:
            for point in record.readings["points"]:
                yield int(record.spec.get("seed", 0)), point


def contested(records: Iterable[Record]) -> tuple[Contested, ...]:
    """Records of contests by network and task, in order of their names; those that failed are left out.

    >>> contested([])
    ()
    """
    places = by_network_and_task(records, holding="points")
    return tuple(Contested(*place, held) for place, held in places.items())


def error_of(learners: Mapping[str, Any], learner: str, *, ridge: str = CHOSEN) -> float | None:
    """The test error of a learner among the readings of one unit; None where it is not there.

    >>> error_of({"initial": {"test_error": 0.2, "ridgeless": {"test_error": 0.3}}}, "initial", ridge="ridgeless")
    0.3
    """
    errors = learners.get(learner)
    if errors is None:
        return None
    return errors.get(RIDGELESS, errors)["test_error"] if ridge == RIDGELESS else errors["test_error"]
