"""What a process holds of a device's memory, as the system tells it, and how freed memory goes back or stays."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress

import torch

_LARGEST_SEEN = 2**25 - 2**16
"""The largest block, its header included, that the GNU library learns from."""

AMPLE = 2**30
"""Room from which on what `keep_freed` keeps is little."""


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
