"""What was read of a kernel on its way through training, by network and task, from records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tangentlab.records import Record
from tangentlab.report.network_and_task import by_network_and_task

Reading = Mapping[str, Any]


@dataclass(frozen=True)
class KernelPath:
    """The records of one network on one task, a seed each.

    >>> KernelPath("mlp", "t", ()).place
    'mlp, t'
    """

    network: str
    task: str
    records: tuple[Record, ...]

    @property
    def place(self) -> str:
        """Network and task in words."""
        return f"{self.network}, {self.task}"

    @property
    def test_rows(self) -> int:
        """The fewest test rows of any record."""
        return min(record.readings["test_rows"] for record in self.records)

    def each_seed(self, read: Callable[[list[Reading], Mapping[str, Any]], float | None]) -> list[float]:
        """What `read` makes of the readings and of the record's other findings, for each seed; None is left out.

        >>> record = Record(fingerprint="a", spec={}, readings={"readings": [{"step": 0}], "steps": 9})
        >>> KernelPath("mlp", "t", (record,)).each_seed(lambda readings, found: found["steps"])
        [9]
        """
        values = [read(record.readings["readings"], record.readings) for record in self.records]
        return [value for value in values if value is not None]

    def by_step(self, read: Callable[[Reading], float]) -> dict[int, list[float]]:
        """Step to the values over seeds, in order of time.

        >>> record = Record(fingerprint="a", spec={}, readings={"readings": [{"step": 5, "trace": 2.0}]})
        >>> KernelPath("mlp", "t", (record,)).by_step(lambda reading: reading["trace"])
        {5: [2.0]}
        """
        found: dict[int, list[float]] = {}
        for record in self.records:
            for reading in record.readings["readings"]:
                found.setdefault(reading["step"], []).append(read(reading))
        return dict(sorted(found.items()))


def kernel_paths(records: Iterable[Record]) -> tuple[KernelPath, ...]:
    """Records by network and task, in order of their names.

    >>> kernel_paths([])
    ()
    """
    places = by_network_and_task(records, holding="readings")
    return tuple(KernelPath(*place, held) for place, held in places.items())
