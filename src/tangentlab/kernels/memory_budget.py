"""How many bytes a kernel may use, and the block of rows that fits into them."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass

import torch

from tangentlab._errors import ArgumentError, NumericalError

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SHARE = 0.4
"""Share of the free memory taken when no budget is given."""

_STEP_BYTES = 32 * 2**20
"""Terms made in one forward and backward pass: enough rows to fill the processor, few enough to stay in its caches."""

_LEAST_TILE, _LARGEST_TILE = 256, 1024
"""Sides of a tile, counted in rows times outputs."""


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
    try:
        with open("/proc/meminfo") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


@dataclass(frozen=True)
class BlockPlan:
    """Rows in a block, rows evaluated at once, and the bytes this is expected to take beside the kernel itself."""

    block: int
    step: int
    bytes: int
    kept_blocks: int
    """Blocks whose terms fit in memory together and need not be made again."""


def plan_blocks(
    *,
    rows: int,
    columns: int,
    pairs: int,
    row_bytes: int,
    item: int,
    device: torch.device,
    memory: int | str | None,
    storage: str = "dense",
    block: int | None = None,
) -> BlockPlan:
    """The largest block such that two blocks' terms, one tile and one step's activations fit the budget.

    rows, columns: sizes of the kernel; pairs: numbers for each pair of rows; row_bytes: bytes of one row's terms;
    storage: what of the result stays in memory, all ("dense"), the tiles of one triangle ("packed") or nothing
    ("disk"); block: its rows, where they are given.
    Refuses a kernel that cannot be held, before anything is computed, with the bytes it needs.

    >>> cpu = torch.device("cpu")
    >>> plan_blocks(rows=100, columns=100, pairs=1, row_bytes=1000, item=4, device=cpu, memory="1GiB").block
    100
    """
    chosen, block = block, _tile_rows(max(rows, columns), pairs=pairs) if block is None else min(block, rows)
    numbers = {"dense": rows * columns, "packed": rows * (rows + block) // 2, "disk": 0}[storage]
    result = numbers * pairs * item
    free = free_bytes(device)
    budget = int(_SHARE * free) if memory is None else parse_bytes(memory)
    if result > (free if memory is None else budget):
        raise NumericalError(
            f"The kernel of {rows} x {columns} rows takes {_words(result)} and "
            f"{_words(free if memory is None else budget)} are {'free' if memory is None else 'allowed'}.",
            remedy="Use fewer rows, outputs='mean' instead of 'full', dtype=torch.float32, or a larger memory=.",
        )
    left = max(budget - result, budget // 4)
    while chosen is None and block > 1 and _need(block, pairs=pairs, row_bytes=row_bytes) > left:
        block = (block + 1) // 2
    step = max(1, min(block, max(16, _STEP_BYTES // max(row_bytes, 1)), left // (4 * max(row_bytes, 1)) or 1))
    need = _need(block, pairs=pairs, row_bytes=row_bytes)
    kept = max(1, (left - need) // max(1, block * row_bytes) + 1)
    return BlockPlan(block=block, step=step, bytes=need, kept_blocks=kept)


def _tile_rows(rows: int, *, pairs: int) -> int:
    """Rows of a tile when memory does not bind: a quarter of all, so that symmetry saves most of what it can.

    Not so few that products are slow, nor so many that a tile is new memory instead of a buffer in use.
    """
    side = math.isqrt(pairs)
    return min(rows, max(-(-rows // 4), _LEAST_TILE // side, 16), max(_LARGEST_TILE // side, 16))


def _need(block: int, *, pairs: int, row_bytes: int) -> int:
    return 2 * block * row_bytes + 2 * 8 * block * block * pairs


def _words(count: int) -> str:
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
