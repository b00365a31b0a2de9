"""The block of rows that fits into a room of memory: how many rows a tile has, and how many are evaluated at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

STORAGES = ("dense", "packed", "disk")
"""Where a result goes: a tensor, the tiles of one triangle in memory, or tiles on disk."""

STEP_BYTES = 128 * 2**20
"""Terms made in one forward and backward pass: enough rows to fill the processor, few enough to stay in its caches."""

_LEAST_STEP = 16

_LEAST_TILE, _LARGEST_TILE = 256, 1280
"""Sides of a tile, counted in rows times outputs."""

_UNDIVIDED = 640
"""The side up to which a kernel is one tile."""

_MOST_ROWS, _LEAST_ROWS = 1024, 16
"""Rows of a tile, whatever the outputs."""

_LIBRARIES = 16 * 2**20
"""What the libraries beneath torch allocate for themselves while they multiply and convolve."""


def held_bytes(
    rows: int, columns: int, *, numbers: int, item: int, storage: str = "dense", block: int | None = None
) -> int:
    """Bytes of a result of `numbers` for each pair of rows that stay in memory.

    storage: all of it ("dense"), the tiles of one triangle ("packed") or nothing ("disk").

    >>> held_bytes(100, 100, numbers=1, item=4), held_bytes(100, 100, numbers=1, item=4, storage="disk")
    (40000, 0)
    """
    tile = _tile_rows(rows, side=math.isqrt(numbers)) if block is None else min(block, rows)
    pairs = {"dense": rows * columns, "packed": rows * (rows + tile) // 2, "disk": 0}[storage]
    return pairs * numbers * item


@dataclass(frozen=True)
class BlockPlan:
    """Rows in a block, rows evaluated at once, and the bytes this is expected to take beside the kernel itself."""

    block: int
    step: int
    bytes: int
    kept_blocks: int
    """Blocks whose terms are kept to use again, beside those of one more."""


def plan_blocks(
    *,
    rows: int,
    columns: int,
    side: int,
    symmetric: bool,
    term_bytes: int,
    most_bytes: Callable[[Sequence[int], int, Sequence[tuple[int, int | None]]], int],
    room: int,
    block: int | None = None,
) -> BlockPlan:
    """The largest blocks and steps, and the most blocks kept, of which all that is held together fits into `room`.

    rows, columns: of the kernel, and whether they are the same rows; side: c for a full kernel, else 1; term_bytes:
    kept for each row; most_bytes: held at most while blocks of so many rows are made, so many rows at a time, and then
    tiles of such rows and columns are computed, or with None those of a block with itself; block: its rows, where they
    are given.

    >>> small = dict(rows=100, columns=100, side=1, symmetric=True, term_bytes=1000)
    >>> need = lambda blocks, step, tiles: 1000 * sum(blocks) + max(3000 * step, 24 * tiles[0][0] ** 2)
    >>> plan_blocks(**small, most_bytes=need, room=2**30).block
    100
    >>> plan_blocks(**small, most_bytes=need, room=20 * 2**20).bytes <= 20 * 2**20
    True
    """
    longest = max(rows, columns)
    largest_step = max(_LEAST_STEP, STEP_BYTES // max(term_bytes, 1))

    def total(size: int) -> int:
        return -(-rows // size) + (0 if symmetric else -(-columns // size))

    def tiles_of(size: int) -> list[tuple[int, int | None]]:
        if not symmetric:
            return [(min(size, rows), min(size, columns))]
        beside = min(size, rows - size)  # rows of the second block; none where the first is all there is
        found: list[tuple[int, int | None]] = [(size, beside)] if beside > 0 else []
        return found if beside == size else [*found, (size, None)]

    @cache
    def used(held: int, last: int, size: int, step: int) -> int:
        """Bytes where `held` rows are held, `last` of them of the block made last."""
        before = [size] if held - last >= size else []
        others = (held - last - sum(before)) * term_bytes
        return others + most_bytes([*before, last], step, tiles_of(size))

    def need(size: int, step: int, kept: int = 1) -> int:
        held = min((min(kept, total(size) - 1) + 1) * size, rows + (0 if symmetric else columns))
        found = used(held, min(size, held), size, step)
        rest = held % size
        if rest and held > size:  # the last block is the smaller one
            found = max(used(held - rest, size, size, step), used(held, rest, size, step))
        return _LIBRARIES + found

    def fitted(size: int) -> BlockPlan | None:
        step = -(-size // -(-size // largest_step))  # steps of one size
        least = 1 if block is not None else min(step, max(_LEAST_STEP, largest_step // 4))
        while need(size, step) > room and step > least:
            step = max(step // 2, least)
        if need(size, step) > room and not (step == 1 and (size == 1 or block is not None)):
            return None
        kept = 1 + max(0, room - need(size, step)) // max(1, term_bytes * size)
        kept = min(kept, total(size))
        while kept > 1 and need(size, step, kept) > room:
            kept -= 1
        return BlockPlan(block=size, step=step, bytes=need(size, step, kept), kept_blocks=kept)

    size = _tile_rows(longest, side=side) if block is None else min(block, longest)
    while (found := fitted(size)) is None:
        size = (size + 1) // 2
    while block is None and found.kept_blocks + 1 < total(size) and size // 2 >= _LEAST_TILE // side:
        size = size // 2  # where terms are made more than once, smaller blocks leave room for more rows at a time
        smaller = fitted(size)
        if smaller is None or smaller.kept_blocks * size < 1.2 * found.kept_blocks * found.block:
            break
        found = smaller
    return found


def _tile_rows(rows: int, *, side: int) -> int:
    """Rows of a tile when memory does not bind, all tiles of one size.

    The products of a tile with itself are symmetric too, so that few tiles are as good as many. Not so small that
    products are slow and gradients are written out again and again, nor so large that a tile is new memory instead of
    a buffer in use.
    """
    parts = max(2 if rows * side > _UNDIVIDED else 1, -(-rows // _MOST_ROWS), -(-rows * side // _LARGEST_TILE))
    return min(rows, max(-(-rows // parts), _LEAST_ROWS))
