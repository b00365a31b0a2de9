"""How many bytes a kernel may use, and the block of rows that fits into them.

A budget bounds the resident memory of the whole process, on the kernel's device: what is held already (interpreter,
libraries, data) counts. Of a budget that the process alone has used up, an eighth is used all the same, and the caller
is told.
"""

from __future__ import annotations

import ctypes
import math
import os
import re
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

import torch

from tangentlab._errors import ArgumentError, NumericalError

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SHARE = 0.4
"""Share of the free memory taken when no budget is given."""

_STEP_BYTES = 64 * 2**20
"""Terms made in one forward and backward pass: enough rows to fill the processor, few enough to stay in its caches."""

_LEAST_STEP = 16
_LEAST_ROOM = 16 * 2**20
"""Used of any budget that is larger, whatever the process holds already."""

_LEAST_TILE, _LARGEST_TILE = 256, 1024
"""Sides of a tile, counted in rows times outputs."""

_LARGEST_SEEN = 2**25 - 2**16
"""The largest block, its header included, that the GNU library learns from."""

AMPLE = 2**30
"""Room from which on what `keep_freed` keeps is little."""

STORAGES = ("dense", "packed", "disk")
"""Where a result goes: a tensor, the tiles of one triangle in memory, or tiles on disk."""

_LIBRARIES = 16 * 2**20
"""What the libraries beneath torch allocate for themselves while they multiply and convolve."""

_SPLINTERS = 4, 48 * 2**20
"""Where terms are made in several passes, what is kept of one lies between what it has freed, in pieces too small for
the next: this part of all, up to so many bytes, as was seen in networks of every kind."""


def parse_bytes(memory: int | float | str) -> int:
    """A number of bytes, or words such as "512MiB" and "4GB".

    >>> parse_bytes("1.5 KiB")
    1536
    """
    if isinstance(memory, (int, float)) and not isinstance(memory, bool) and 0 < memory < float("inf"):
        return int(memory)
    match = re.fullmatch(r"\s*([0-9.]+)\s*([a-z]*)\s*", str(memory).lower())
    if match and match[2] in _UNITS and re.fullmatch(r"\d+(\.\d*)?|\.\d+", match[1]) and float(match[1]) > 0:
        return int(float(match[1]) * _UNITS[match[2]])
    raise ArgumentError(
        "memory", expected="a positive number of bytes or words such as '4GiB'", got=memory, remedy="Try '2GiB'."
    )


def free_bytes(device: torch.device) -> int:
    """Bytes free on the device now."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    told = _told("/proc/meminfo", "MemAvailable")
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2 if told is None else told


def resident_bytes(device: torch.device) -> int:
    """Bytes that this process holds on the device now; 0 where the system does not tell.

    >>> resident_bytes(torch.device("cpu")) < 2**50
    True
    """
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    return _told("/proc/self/status", "VmRSS") or 0


def peak_bytes(device: torch.device) -> int:
    """The most that this process has held on the device until now; 0 where the system does not tell.

    >>> peak_bytes(torch.device("cpu")) < 2**50
    True
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    return _told("/proc/self/status", "VmHWM") or 0


def _told(path: str, name: str) -> int | None:
    """Bytes in the line `name` of a file of the system; None where there is no such file or line."""
    with suppress(OSError), open(path) as lines:
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)
    return None


def settle(device: torch.device) -> None:
    """Give freed memory back to the system, so that what is resident is what is in use."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        return
    with suppress(OSError, AttributeError):  # only the GNU library keeps freed memory in this way
        ctypes.CDLL(None).malloc_trim(0)


def keep_freed(device: torch.device) -> None:
    """Have freed memory of a few passes stay with the process, where that is what the system's library does by itself.

    The GNU library gives freed memory back from twice the largest block on that it has seen freed, 32 MiB at the most:
    pages that each pass must then have cleared again, a tenth of a small network's kernel. A block of that size, never
    written to, is freed here. No setting is touched, and up to 64 MiB stay; where the environment sets a threshold
    (`MALLOC_TRIM_THRESHOLD_`, as Dask does for its workers) that one stands.
    """
    if device.type == "cpu":
        torch.empty(_LARGEST_SEEN, dtype=torch.uint8)


class MemoryBudgetWarning(UserWarning):
    """The process held more than its budget before the kernel began."""


@dataclass(frozen=True)
class Room:
    """Bytes that a kernel, its result included, may add to what its process holds."""

    bytes: int
    free: int
    """On the device, for all processes."""
    stated: int | None
    """The budget, where one was given; else a share of what is free was taken."""
    held: int = 0
    """By the process already, where a budget was given."""

    @staticmethod
    def on(device: torch.device, memory: int | str | None) -> Room:
        """What there is now.

        >>> Room.on(torch.device("cpu"), "8 KiB").bytes
        8192
        """
        free = free_bytes(device)
        if memory is None:
            return Room(int(_SHARE * free), free, None)
        budget = parse_bytes(memory)
        if budget < resident_bytes(device) + _LEAST_ROOM:
            settle(device)
        held = resident_bytes(device)
        least = max(budget // 8, min(budget, _LEAST_ROOM))
        return Room(max(budget - held, least), free, budget, held)

    def refuse(self, rows: int, columns: int, *, result: int) -> None:
        """Refuse a result that cannot be held, and tell of a budget that the process has used up, with what it needs.

        >>> Room.on(torch.device("cpu"), "80 MiB").refuse(10, 10, result=40 * 2**20)
        Traceback (most recent call last):
        ...
        tangentlab._errors.NumericalError: memory= allows 80.0 MiB for the whole process, which holds ...
        """
        allowed = self.free if self.stated is None else self.stated
        if result > allowed:
            raise NumericalError(
                f"The kernel of {rows} x {columns} rows takes {words(result)} and {words(allowed)} are "
                f"{'free' if self.stated is None else 'allowed'}.",
                remedy="Use fewer rows, outputs='mean' instead of 'full', dtype=torch.float32, a larger memory=, or "
                "kernel.tiles(x, store=...), which keeps the tiles on disk.",
            )
        need = self.held + result
        if self.stated is None or need <= self.stated:
            return
        kernel = f" and the kernel of {rows} x {columns} rows takes {words(result)}" if result else ""
        said = f"memory= allows {words(self.stated)} for the whole process, which holds {words(self.held)} already"
        enough = f"memory='{math.ceil((need + _STEP_BYTES) / 2**20)}MiB'"
        if result > self.bytes:
            raise NumericalError(
                f"{said}{kernel}.", remedy=f"Give {enough} or more, or free what the process holds."
            )
        warnings.warn(
            f"{said}{kernel}: {words(self.bytes)} more are used. Give {enough} or more for a peak within it.",
            MemoryBudgetWarning,
            stacklevel=5,
        )

    def beside(self, result: int) -> int:
        """What is left for terms and tiles."""
        least = self.bytes // 4 if self.stated is None else self.stated // 16
        return max(self.bytes - result, least)


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
    step_bytes: int,
    tile_bytes: Callable[[int, int | None], int],
    room: int,
    moved_bytes: int | None = None,
    backward_passes: int = 1,
    block: int | None = None,
) -> BlockPlan:
    """The largest blocks and steps, and the most blocks kept, of which all that is held together fits into `room`.

    rows, columns: of the kernel, and whether they are the same rows; side: c for a full kernel, else 1; term_bytes:
    kept for each row; step_bytes: held for each row while its terms are made; tile_bytes: held while a tile of so many
    rows and columns is computed, or with None that of a block with itself; moved_bytes: of the terms, those that are
    copied from a pass into their block, by default all; backward_passes: for each forward pass; block: its rows, where
    they are given.

    >>> small = dict(rows=100, columns=100, side=1, symmetric=True, term_bytes=1000, step_bytes=4000)
    >>> plan_blocks(**small, tile_bytes=lambda rows, columns: 24 * rows**2, room=2**30).block
    100
    >>> found = plan_blocks(**small, tile_bytes=lambda rows, columns: 24 * rows**2, room=20 * 2**20)
    >>> found.bytes <= 20 * 2**20
    True
    """
    longest = max(rows, columns)
    moved = term_bytes if moved_bytes is None else moved_bytes
    largest_step = max(_LEAST_STEP, _STEP_BYTES // max(term_bytes, 1))

    def total(size: int) -> int:
        return -(-rows // size) + (0 if symmetric else -(-columns // size))

    @cache
    def size_of_tile(size: int) -> int:
        if not symmetric:
            return tile_bytes(min(size, rows), min(size, columns))
        beside = min(size, rows - size)  # rows of the second block; none where the first is all there is
        found = [tile_bytes(size, beside)] if beside > 0 else []
        return max(found + ([] if beside == size else [tile_bytes(size, None)]))

    def need(size: int, step: int, kept: int = 1) -> int:
        held = min((min(kept, total(size) - 1) + 1) * size, rows + (0 if symmetric else columns))
        in_passing = step * (max(0, step_bytes - term_bytes) + (moved if step < size else 0))
        used = held * term_bytes + in_passing + size_of_tile(size)  # what a pass has freed stays with the process
        splinters = min(used // _SPLINTERS[0], _SPLINTERS[1]) if backward_passes > 1 or step < longest else 0
        return _LIBRARIES + used + splinters

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
    """Rows of a tile when memory does not bind: a quarter of all, so that symmetry saves most of what it can.

    Not so few that products are slow, nor so many that a tile is new memory instead of a buffer in use.
    """
    return min(rows, max(-(-rows // 4), _LEAST_TILE // side, 16), max(_LARGEST_TILE // side, 16))


def words(count: int) -> str:
    """A number of bytes to read.

    >>> words(3 * 2**20)
    '3.0 MiB'
    """
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
