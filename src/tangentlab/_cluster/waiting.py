"""Units of work that wait for a worker, and which of them suits the one that is free."""

from __future__ import annotations

from collections import deque
from collections.abc import Sized
from dataclasses import dataclass
from typing import Any, Protocol


class Waiting(Sized, Protocol):
    """Units that wait, and which of them suits a worker."""

    def take(self, worker: str) -> Any:
        """A unit for this worker, which waits no longer; called while there is one."""

    def put_back(self, unit: Any) -> None:
        """A unit whose worker died, to be taken next."""

    def clear(self) -> None:
        """None waits any longer."""


@dataclass(frozen=True, eq=False)
class InOrder(Waiting):
    """Units taken in their order by whoever is free.

    >>> waiting = InOrder(deque("ab"))
    >>> waiting.take("tcp://1"), len(waiting)
    ('a', 1)
    """

    units: deque[Any]

    def __len__(self) -> int:
        return len(self.units)

    def take(self, worker: str) -> Any:
        """The next."""
        return self.units.popleft()

    def put_back(self, unit: Any) -> None:
        """Before all others."""
        self.units.appendleft(unit)

    def clear(self) -> None:
        """None waits any longer."""
        self.units.clear()
