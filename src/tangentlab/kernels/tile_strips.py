"""Strips of tiles: which tile a worker or a device takes next, so that it makes the terms of few blocks twice."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Hashable
from dataclasses import dataclass, field

from tangentlab.kernels.tiles import Pair


@dataclass(frozen=True, eq=False)
class Strips:
    """Tiles that wait, in strips of a few block rows; whoever takes the first tile of a strip owns the strip.

    An owner keeps the terms of its block rows and makes those of each block of columns once a strip. Who has finished
    its own takes a strip that nobody has, the longest first; then it helps with the one that has most left, from the
    far end, so that none is idle at the end and a dead owner's tiles are done. May be asked from several threads.

    >>> strips = Strips.of([(a, b) for a in range(2) for b in range(a, 2)], kept=1, takers=2)
    >>> strips.take("one"), strips.take("two"), strips.take("one"), len(strips)
    ((0, 0), (1, 1), (0, 1), 0)
    """

    rows: int
    """Block rows of a strip."""
    strips: dict[int, deque[Pair]]
    owners: dict[Hashable, int] = field(default_factory=dict)
    helpers: dict[Hashable, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @staticmethod
    def of(pairs: Collection[Pair], *, kept: int, takers: int) -> Strips:
        """Strips of as many block rows as can be kept, fewer where that would leave a taker without its share."""
        blocks = 1 + max((a for a, _ in pairs), default=0)
        rows = max(1, min(kept, -(-blocks // (2 * max(takers, 1)))))
        strips: dict[int, deque[Pair]] = {}
        for pair in sorted(pairs, key=lambda pair: (pair[0] // rows, pair[1], pair[0])):
            strips.setdefault(pair[0] // rows, deque()).append(pair)
        return Strips(rows, strips)

    def __len__(self) -> int:
        return sum(map(len, self.strips.values()))

    def take(self, worker: Hashable) -> Pair:
        """The tile that suits this taker; `IndexError` if none waits."""
        with self.lock:
            own = self.owners.get(worker)
            if own is not None and self.strips[own]:
                return self.strips[own].popleft()
            taken = set(self.owners.values())
            free = [name for name, strip in self.strips.items() if strip and name not in taken]
            if free:
                self.owners[worker] = max(free, key=lambda name: len(self.strips[name]))
                return self.strips[self.owners[worker]].popleft()
            if not self.strips.get(self.helpers.get(worker, -1)):
                self.helpers[worker] = max(self.strips, key=lambda name: len(self.strips[name]), default=-1)
            return self.strips.get(self.helpers[worker], deque()).pop()

    def put_back(self, unit: Pair) -> None:
        """A tile that was not done after all, to be taken first from its strip."""
        with self.lock:
            self.strips[unit[0] // self.rows].appendleft(unit)

    def clear(self) -> None:
        """None waits any longer."""
        with self.lock:
            for strip in self.strips.values():
                strip.clear()
