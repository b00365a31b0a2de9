"""memory=: how many bytes a kernel may use beside what its process holds already.

A budget bounds the resident memory of the whole process, on the kernel's device: what is held already (interpreter,
libraries, data) counts. Of a budget that the process alone has used up, an eighth is used all the same, and the caller
is told.
"""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import dataclass

import torch

from tangentlab._errors import ArgumentError, NumericalError
from tangentlab.kernels.block_plan import STEP_BYTES
from tangentlab.kernels.process_memory import free_bytes, resident_bytes, settle

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SHARE = 0.4
"""Share of the free memory taken when no budget is given."""

_LEAST_ROOM = 16 * 2**20
"""Used of any budget that is larger, whatever the process holds already."""


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


def bytes_in_words(count: int) -> str:
    """A number of bytes to read.

    >>> bytes_in_words(3 * 2**20)
    '3.0 MiB'
    """
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


_SPARED = 16
"""Of a budget the part that is left free: where blocks come to lie is forecast, and not known."""


class MemoryBudgetWarning(UserWarning):
    """A kernel takes more than its budget, because of what the process held before or of what a single row takes."""


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
        settle(device)  # what earlier kernels have freed is kept, and would count as held
        held = resident_bytes(device)
        least = max(budget // 8, min(budget, _LEAST_ROOM))
        return Room(max(budget - held - budget // _SPARED, least), free, budget, held)

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
                f"The kernel of {rows} x {columns} rows takes {bytes_in_words(result)} and "
                f"{bytes_in_words(allowed)} are {'free' if self.stated is None else 'allowed'}.",
                remedy="Use fewer rows, outputs='mean' instead of 'full', dtype=torch.float32, a larger memory=, or "
                "kernel.tiles(x, store=...), which keeps the tiles on disk.",
            )
        need = self.held + result
        if self.stated is None or need <= self.stated:
            return
        kernel = f" and the kernel of {rows} x {columns} rows takes {bytes_in_words(result)}" if result else ""
        said, enough = f"{self._stated_and_held()}{kernel}", _enough(need + STEP_BYTES)
        if result > self.bytes:
            raise NumericalError(f"{said}.", remedy=f"Give {enough} or more, or free what the process holds.")
        warnings.warn(
            f"{said}{kernel}: {bytes_in_words(self.bytes)} more are used. Give {enough} or more for a peak within it.",
            MemoryBudgetWarning,
            stacklevel=5,
        )

    def tell_of(self, blocks: int, *, result: int) -> None:
        """Tell of a budget that the result can be held in, but not with the terms and tiles of the smallest blocks.

        >>> Room(bytes=100, free=1000, stated=200, held=100).tell_of(80, result=20)
        """
        need = self.held + result
        if self.stated is None or need > self.stated or need + blocks <= self.stated:
            return
        warnings.warn(
            f"{self._stated_and_held()}, and the fewest rows at a time take {bytes_in_words(blocks)} beside the "
            f"result. Give {_enough(need + blocks)} or more for a peak within it.",
            MemoryBudgetWarning,
            stacklevel=5,
        )

    def _stated_and_held(self) -> str:
        allows, holds = bytes_in_words(self.stated or 0), bytes_in_words(self.held)
        return f"memory= allows {allows} for the whole process, which holds {holds} already"

    def beside(self, result: int) -> int:
        """What is left for terms and tiles."""
        least = self.bytes // 4 if self.stated is None else self.stated // 16
        return max(self.bytes - result, least)


def _enough(need: int) -> str:
    return f"memory='{math.ceil(need / 2**20)}MiB'"
