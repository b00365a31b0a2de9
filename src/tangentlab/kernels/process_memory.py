"""What a process holds of a device's memory, as the system tells it, and how freed memory goes back or stays."""

from __future__ import annotations

import ctypes
import os
import threading
from contextlib import suppress
from functools import cache

import torch

_LARGEST_SEEN = 2**25 - 2**16
"""The largest block, its header included, that the GNU library learns from."""

_MOST_KEPT = 2**32

_HOLDING: list[int] = []
"""Where the first block lies below and the last above the memory that is kept, once there is such memory."""

AMPLE = 2**30
"""Room from which on freed memory is kept for the next kernel."""


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
    elif (library := _gnu_library()) is not None:
        library.malloc_trim(0)


def keep_freed(device: torch.device, *, room: int) -> None:
    """Have the memory that a kernel frees stay with the process for the next one: a quarter of `room`, 4 GiB at most.

    The GNU library gives memory back that is free at the end of its heap, and takes blocks from 32 MiB on from the
    system each time: pages that every kernel must then have cleared again, a tenth of its time. Free memory below a
    block in use stays. So such a block, never written to, is put above as much room as is to be kept, once in a
    process. No setting is touched; `settle` gives the memory back all the same. Where the environment sets how memory
    goes back (`MALLOC_TRIM_THRESHOLD_`, as Dask does for its workers), that stands.
    """
    library = _gnu_library()
    tuned = "malloc" in os.environ.get("GLIBC_TUNABLES", "")
    set_outside = tuned or any(name.startswith("MALLOC_") for name in os.environ)
    main = threading.current_thread() is threading.main_thread()  # the others' heaps are of another kind
    if device.type != "cpu" or library is None or _HOLDING or set_outside or not main:
        return
    blocks = _of_the_heap(library, count=1 + min(room // 4, _MOST_KEPT) // _LARGEST_SEEN)
    for block in blocks[:-1]:
        library.free(block)
    _HOLDING.extend(blocks[:1] + blocks[-1:])


def _of_the_heap(library: ctypes.CDLL, *, count: int) -> list[int]:
    """So many blocks of the heap, or as many as it has room for, in order.

    The library learns the size of a block that has pages of its own when that is freed, and blocks up to this size are
    of the heap from then on. One that the heap has had room for has taught it nothing.
    """
    blocks = list[int]()
    taught = False
    while len(blocks) < count and (block := library.malloc(_LARGEST_SEEN - 4096)):
        if block < library.sbrk(0):
            blocks.append(block)
            continue
        library.free(block)
        if taught:  # this heap cannot grow
            break
        library.free(library.malloc(_LARGEST_SEEN))
        taught = True
    return sorted(blocks)


def kept_bytes() -> int:
    """Bytes of the heap that are not given back when they are freed; 0 before `keep_freed`.

    >>> kept_bytes() >= 0
    True
    """
    return _HOLDING[1] - _HOLDING[0] if _HOLDING else 0


@cache
def _gnu_library() -> ctypes.CDLL | None:
    """The C library of the process, if it is GNU's; only that one keeps freed memory in this way."""
    with suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018 - missing in others
        library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
        library.free.argtypes, library.free.restype = [ctypes.c_void_p], None
        library.sbrk.argtypes, library.sbrk.restype = [ctypes.c_ssize_t], ctypes.c_void_p
        return library
    return None
