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
    [(0, 120), (1, 240), (1, -1), (3, 120), (0, -1), (4, 40), (5, 80), (5, -1), (7, 40), (4, -1)]
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
                found += self._settled(first, count)
            first += len(self.taken) + len(self.kept)
        return found

    def _settled(self, first: int, rows: int) -> list[Event]:
        """Terms are copied to their place in the block, whose pages are held once written to; the rest is freed."""
        found: list[Event] = []
        copy = first + len(self.taken)
        left = dict.fromkeys(i for i, size in self.taken if size >= 0)
        for i, size in self.taken:
            if size < 0:
                del left[i]
        for i in left:
            kept = self.kept.get(i, Kept(0, 0, stays=False))
            if kept.stays and kept.bytes >= _WHOLE * kept.of:
                continue
            if kept.bytes:
                found.append((copy, kept.bytes * rows // self.rows))
                copy += 1
            found.append((first + i, -1))
        return found
