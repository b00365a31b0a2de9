"""How much of the machine a computation may use: threads and memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

SHARE = 0.4
"""Of the memory of the machine, for all computations together."""


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """At most `count` threads for torch and for the BLAS of NumPy and SciPy, as before on leaving.

    >>> with limited_threads(1):
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    with threadpool_limits(limits=count):
        torch.set_num_threads(count)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def memory_share(threads: int, *, device: torch.device | None = None) -> int:
    """Bytes for one of as many computations as the machine can run at once with so many threads each.

    A share of what the machine has, or the GPU, not of what is free: tiles, and with them rounding, then stay the same
    from one run to the next.

    >>> memory_share(1) <= memory_share(2)
    True
    """
    if device is not None and device.type == "cuda":
        whole = torch.cuda.get_device_properties(device).total_memory
    else:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return int(SHARE * whole / max(1, available_cores() // threads))


def available_cores() -> int:
    """Cores this process may run on.

    >>> available_cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
