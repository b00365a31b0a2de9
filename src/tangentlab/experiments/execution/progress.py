"""What happens to cells while a grid runs, and how long the rest will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tangentlab.experiments.execution.unit import Unit

STARTED, DONE, FAILED, RETRIED = "started", "done", "failed", "retried"


@dataclass(frozen=True)
class Event:
    """Something that happened to a cell: it was started, done, failed, or is tried again after a worker died."""

    kind: str
    cell: Unit


def counting(progress: Callable[[int, int], None] | None, *, total: int) -> Callable[[Event], None]:
    """A receiver of events that calls `progress` with (units ended, total), for each that is done or failed.

    >>> from tangentlab.experiments.study.unit import StudyUnit
    >>> counting(print, total=3)(Event(DONE, StudyUnit("spectrum", {})))
    1 3
    """
    ended: list[Event] = []

    def report(event: Event) -> None:
        if event.kind in (DONE, FAILED):
            ended.append(event)
            if progress is not None:
                progress(len(ended), total)

    return report


@dataclass(frozen=True, eq=False)
class Forecast:
    """The time left, from the cells that are done.

    A unit costs its weight times the rate of its group. Rates are measured; a group that has none yet gets the mean of
    the others.

    >>> from tangentlab.experiments.comparison.cell import Cell
    >>> from tangentlab.experiments.comparison.spec import ComparisonSpec
    >>> cells = [Cell(spec=ComparisonSpec(), network="mlp", task="t", samples=100, seed=s) for s in range(4)]
    >>> forecast = Forecast(cells, jobs=2)
    >>> forecast.seconds_left is None
    True
    >>> forecast.note(Event(STARTED, cells[0]), now=0.0)
    >>> forecast.note(Event(DONE, cells[0]), now=10.0)
    >>> forecast.done, forecast.seconds_left
    (1, 15.0)
    """

    cells: Iterable[Unit]
    jobs: int = 1
    left: dict[str, Unit] = field(default_factory=dict)
    begun: dict[str, float] = field(default_factory=dict)
    spent: dict[str, tuple[float, float]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: {DONE: 0, FAILED: 0})

    def __post_init__(self) -> None:
        self.left.update({cell.fingerprint: cell for cell in self.cells})

    @property
    def done(self) -> int:
        """Cells that have finished."""
        return self.counts[DONE]

    @property
    def failed(self) -> int:
        """Cells that have failed."""
        return self.counts[FAILED]

    @property
    def total(self) -> int:
        """All cells."""
        return self.done + self.failed + len(self.left)

    def note(self, event: Event, *, now: float | None = None) -> None:
        """Take an event into account."""
        now = time.monotonic() if now is None else now
        name, network = event.cell.fingerprint, event.cell.group
        if event.kind == STARTED:
            self.begun[name] = now
        elif event.kind in self.counts and self.left.pop(name, None) is not None:
            self.counts[event.kind] += 1
            if event.kind == DONE and name in self.begun:
                weight, seconds = self.spent.get(network, (0.0, 0.0))
                self.spent[network] = (weight + event.cell.weight, seconds + now - self.begun[name])

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the last cell is done; None until the first one was."""
        if not self.spent:
            return None
        weights, seconds = (sum(part) for part in zip(*self.spent.values()))
        rates = {network: spent / weight for network, (weight, spent) in self.spent.items()}
        left = sum(cell.weight * rates.get(cell.group, seconds / weights) for cell in self.left.values())
        return left / min(self.jobs, max(len(self.left), 1))
