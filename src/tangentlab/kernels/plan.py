"""Plan: what a kernel will take, layer by layer, in operations, bytes and seconds, before anything long runs.

Seconds   checks + rows made · s/row + pairs of rows · s/pair + new bytes · s/byte, each measured for about a third
          of a second, and up to two where a few rows take longer, on this network, these rows and this machine, by the
          functions that will do the work
Bytes     peak resident memory of the process: what it holds, the result, and the terms and tiles of `plan_blocks`
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from tangentlab.kernels.memory_budget import bytes_in_words

_STORED = {"dense": "in memory", "packed": "one triangle in memory", "disk": "tiles on disk"}


@dataclass(frozen=True)
class LayerPlan:
    """One term of the kernel: the parameters of a layer, the form of its contraction, and what that takes in all."""

    name: str
    factor: str
    form: str
    operations: int
    """Of matrix products and convolutions, over all tiles; an addition and a multiplication are two."""
    moved: int
    """Bytes read and written by the operations on all tiles, if none were found in a cache."""
    row_bytes: int
    """Kept for each row while its block is in use."""


@dataclass(frozen=True)
class Plan:
    """What a kernel will take on this machine; made by `NeuralTangentKernel.plan`.

    Counted in `seconds`: the checks before and after, every forward and backward pass, every tile, the writing of the
    result into memory new to the process. Not counted: what a process pays once (`first_use_seconds`, where the plan
    itself was the first to pay it), the import of libraries, and the writing of tiles to disk.

    Counted in `bytes`: all that the process has resident at its peak, the interpreter and the libraries included; on
    a GPU, what it holds there.

    >>> import torch
    >>> from tangentlab.kernels import NeuralTangentKernel
    >>> plan = NeuralTangentKernel(torch.nn.Linear(60, 50), outputs=0).plan(torch.randn(5, 60))
    >>> plan.shape, [layer.form for layer in plan.layers], plan.seconds < 10
    ((5, 5), ['hadamard'], True)
    """

    kernel: str
    routes: str
    shape: tuple[int, ...]
    dtype: str
    device: str
    threads: int
    layers: tuple[LayerPlan, ...]
    backward_passes: int
    forward_operations: int
    """Of all rows made; None of the checks' are counted."""
    backward_operations: int
    block: int
    """Rows of a tile."""
    step: int
    """Rows in one forward pass and its backward passes."""
    kept_blocks: int
    tiles: int
    rows_made: int
    """Rows put through the network: more than there are where their terms cannot all be kept."""
    pairs: int
    storage: str
    result_bytes: int
    resident_bytes: int
    """What the process holds before it begins."""
    work_bytes: int
    """Terms, tiles and activations, at their peak together."""
    bytes: int
    budget: int | None
    check_seconds: float
    row_seconds: float
    pair_seconds: float
    byte_seconds: float
    """For a byte of memory that is new to the process."""
    first_use_seconds: float
    seconds: float

    @property
    def contraction_operations(self) -> int:
        """Of all tiles."""
        return sum(layer.operations for layer in self.layers)

    @property
    def operations(self) -> int:
        """In all."""
        return self.forward_operations + self.backward_operations + self.contraction_operations

    def to_dict(self) -> dict[str, Any]:
        """Every figure by name, as plain numbers and strings."""
        totals = {"contraction_operations": self.contraction_operations, "operations": self.operations}
        return (
            asdict(self) | totals | {"shape": list(self.shape), "layers": [asdict(each) for each in self.layers]}
        )

    def describe(self) -> str:
        """The plan in words, a line for each layer."""
        names = [_short(layer.name) for layer in self.layers]
        width = max(map(len, names), default=0)
        lines = [
            f"{self.kernel}; {self.routes}",
            f"{' x '.join(map(str, self.shape))} {self.dtype} on {self.device}, "
            f"{bytes_in_words(self.result_bytes) + ' ' if self.result_bytes else ''}{_STORED[self.storage]}",
            "",
            *(
                f"  {name:<{width}}  {layer.factor:<7}  {layer.form:<9}  {_flop(layer.operations):>12}  "
                f"{bytes_in_words(layer.moved):>10} moved  {bytes_in_words(layer.row_bytes):>10} a row"
                for name, layer in zip(names, self.layers)
            ),
            "",
            f"operations  {_flop(self.operations)}: forward {_flop(self.forward_operations)}, "
            f"{self.backward_passes} backward {_flop(self.backward_operations)}, "
            f"tiles {_flop(self.contraction_operations)}",
            f"tiles       {self.tiles} of {self.block} rows; terms made {self.step} rows at a time, "
            f"{self.rows_made} rows in all, {self.kept_blocks} blocks kept",
            f"memory      {bytes_in_words(self.bytes)} at the peak: "
            f"{bytes_in_words(self.resident_bytes)} held already, "
            f"{bytes_in_words(self.result_bytes)} result, {bytes_in_words(self.work_bytes)} terms and tiles"
            + ("" if self.budget is None else f"; {bytes_in_words(self.budget)} allowed"),
            f"time        {_time(self.seconds)}: checks {_time(self.check_seconds)}, "
            f"rows {_time(self.rows_made * self.row_seconds)}, tiles {_time(self.pairs * self.pair_seconds)}",
            f"measured    {1 / self.row_seconds:.3g} rows/s, {1 / self.pair_seconds:.3g} pairs/s "
            f"({self._rate():.0f} GFLOP/s), {1e-9 / self.byte_seconds:.2g} GB/s of new memory, {self.threads} threads",
        ]
        return "\n".join(lines)

    def _rate(self) -> float:
        return self.contraction_operations / (self.pairs * self.pair_seconds) / 1e9


def count_tiles(rows: int, columns: int, *, symmetric: bool, block: int) -> tuple[int, int]:
    """Tiles of `TileMaker.pairs`, and pairs of rows in them.

    >>> count_tiles(5, 5, symmetric=True, block=2), count_tiles(5, 3, symmetric=False, block=2)
    ((6, 17), (6, 15))
    """
    left, right = -(-rows // block), -(-columns // block)
    if not symmetric:
        return left * right, rows * columns
    last = rows - (left - 1) * block
    return left * (left + 1) // 2, (rows**2 + (left - 1) * block**2 + last**2) // 2


def count_rows_made(rows: int, columns: int, *, symmetric: bool, block: int, kept: int) -> int:
    """Rows whose terms `TileMaker.pairs` makes, those that it makes again included.

    >>> count_rows_made(6, 6, symmetric=True, block=2, kept=2), count_rows_made(8, 8, symmetric=True, block=2, kept=1)
    (6, 20)
    """
    left, right = -(-rows // block), -(-columns // block)
    if left + (0 if symmetric else right) <= kept + 1:
        return rows if symmetric else rows + columns
    group = max(1, min(left, kept)) * block
    if symmetric:
        return sum(rows - first for first in range(0, rows, group))
    return rows + columns * math.ceil(rows / group)


def _short(name: str, width: int = 44) -> str:
    return name if len(name) <= width else f"{name[: width - 3]}..."


def _flop(count: float) -> str:
    for unit, size in (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}FLOP"
    return f"{count:.0f} FLOP"


def _time(seconds: float) -> str:
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    if seconds >= 120:
        return f"{seconds / 60:.1f} min"
    return f"{seconds:.2g} s"
