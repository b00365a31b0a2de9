"""CountedPass: what making the terms of a few rows took and freed, to be played through for any number of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tangentlab.kernels.heap import Event

_WHOLE = 0.9
"""Part of a block from which on terms stay in it, see `without_surroundings`."""


@dataclass(frozen=True)
class Kept:
    """What the terms of a pass have in one block of its memory."""

    bytes: int
    of: int
    """Bytes of the block."""
    stays: bool
    """Whether they stay in memory of their own pass, and are not copied to those of other passes."""


@dataclass(frozen=True)
class CountedPass:
    """The blocks of a pass of some rows, all of them in proportion to the rows.

    >>> made = CountedPass(rows=2, taken=((0, 40), (1, 80), (1, -1)), kept={0: Kept(40, 40, stays=False)}, peak=120)
    >>> made.block_events(rows=4, step=4)
    [(0, 80), (1, 160), (1, -1)]
    >>> made.block_events(rows=8, step=6)  # what is kept is copied to its place in the block
    [(0, 120), (1, 240), (1, -1), (3, 160), (0, -1), (4, 40), (5, 80), (5, -1), (4, -1)]
    """

    rows: int
    taken: tuple[Event, ...]
    kept: Mapping[int, Kept]
    """What is left at the end, by the numbers of its blocks."""
    peak: int
    operations: int = 0
    """Floating point operations, those of the checks included."""
    checked: int = 0
    """Rows that were evaluated once more, alone."""

    def block_events(self, *, rows: int, step: int, first: int = 0) -> list[Event]:
        """Those of a block, made `step` rows at a time: of its first two passes, with numbers from `first` on."""
        found: list[Event] = []
        for start in range(0, min(rows, 2 * step), step):
            count = min(step, rows - start)
            found += [(first + i, size if size < 0 else size * count // self.rows) for i, size in self.taken]
            if step < rows:
                found += self._settled(first, count, rows if start == 0 else 0)
            first += len(self.taken) + len(self.kept)
        return found

    @property
    def room_bytes(self) -> int:
        """Of the terms of a row, those that are copied to their place in the block."""
        return sum(kept.bytes for kept in self.kept.values() if not kept.stays) // self.rows

    def _settled(self, first: int, rows: int, room: int) -> list[Event]:
        """Terms are copied to their place in the block or to memory of their own, and then what is left is freed.

        room: rows of the block after its first pass, else 0. Their place is taken then, out of what that pass has freed
        before as far as it fits: the next pass does not find it there.
        """
        left = dict.fromkeys(i for i, size in self.taken if size >= 0)
        for i, size in self.taken:
            if size < 0:
                del left[i]
        copies, freed = list[int](), list[int]()
        for i in left:
            kept = self.kept.get(i, Kept(0, 0, stays=False))
            if kept.stays and kept.bytes >= _WHOLE * kept.of:
                continue
            copies.append(kept.bytes * (rows if kept.stays else room) // self.rows)
            freed.append(first + i)
        copy = first + len(self.taken)
        taken = [(copy + j, size) for j, size in enumerate(filter(None, copies))]
        return [*taken, *((i, -1) for i in freed)]
