"""The heap of a process, without its bytes: where blocks come to lie, and how much a process holds for them at most.

What is freed lies between what is kept, and serves again only what is small enough. How much that is follows from the
order and the sizes of the blocks alone, as the GNU library lays them out (malloc(3), mallopt(3)): best fit, neighbours
joined once both are free, 64-byte alignment by asking for more, and pages of their own for what is large.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field

Event = tuple[int, int]
"""The number of a block, and its bytes when it is taken or -1 when it is freed."""

_HEADER = 16
_MORE = 96
"""Asked for beside an aligned block: one that was freed alone is too small for the next of its size."""

_MAPPED = 32 * 2**20
"""From so many bytes on a block that fits nowhere has pages of its own, given back when it is freed."""

_TRIMMED = 2 * _MAPPED
"""Free bytes at the heap's end that are given back."""


@dataclass
class Heap:
    """Blocks by their numbers, the gaps between them, and the most that was held at once.

    >>> heap = Heap()
    >>> heap.replay([(0, 2**20), (1, 2**20), (2, 2**20), (1, -1)])  # a gap of one between two
    >>> heap.replay([(3, 2**19)])
    >>> heap.peak >> 20
    3
    >>> heap.replay([(3, -1), (4, 2**20 + 1)])
    >>> heap.peak >> 20
    4
    """

    kept: int = 0
    """Bytes from its beginning on that are not given back, and serve large blocks too, see `keep_freed`."""
    peak: int = 0
    _held: int = 0
    """Up to where the heap has pages."""
    _end: int = 0
    """Where the last block ends."""
    _mapped: int = 0
    _blocks: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Place and bytes of each; place -1 for pages of its own."""
    _gaps: list[tuple[int, int]] = field(default_factory=list)
    """Bytes and place of each, in order."""
    _from: dict[int, int] = field(default_factory=dict)
    """Bytes of the gap that begins at a place."""
    _until: dict[int, int] = field(default_factory=dict)
    """Beginning of the gap that ends at a place."""

    @property
    def held(self) -> int:
        """Bytes held now, gaps included."""
        return self._held + self._mapped

    def replay(self, events: Iterable[Event]) -> None:
        """Take and free blocks in order; what is freed must have been taken."""
        for number, size in events:
            if size < 0:
                self._free(*self._blocks.pop(number))
            else:
                self._blocks[number] = self._take(-(-(size + _HEADER) // 16) * 16)
                self.peak = max(self.peak, self.held)

    def _take(self, size: int) -> tuple[int, int]:
        best = bisect_left(self._gaps, (size + _MORE, -1))
        if best < len(self._gaps):
            gap, place = self._gaps.pop(best)
            del self._from[place], self._until[place + gap]
            self._leave(place + size, gap - size)
            return place, size
        if self._end + size > max(self._held, self.kept) and size >= _MAPPED:
            self._mapped += size
            return -1, size
        place, self._end = self._end, self._end + size
        self._held = max(self._held, self._end)
        return place, size

    def _free(self, place: int, size: int) -> None:
        if place < 0:
            self._mapped -= size
            return
        before = self._until.get(place)
        if before is not None:
            size += self._drop(before)
            place = before
        if place + size in self._from:
            size += self._drop(place + size)
        if place + size < self._end:
            self._leave(place, size)
            return
        self._end = place
        if self._held - self._end > _TRIMMED:
            self._held = max(self._end, min(self._held, self.kept))

    def _leave(self, place: int, size: int) -> None:
        insort(self._gaps, (size, place))
        self._from[place], self._until[place + size] = size, place

    def _drop(self, place: int) -> int:
        size = self._from.pop(place)
        del self._until[place + size]
        del self._gaps[bisect_left(self._gaps, (size, place))]
        return size
