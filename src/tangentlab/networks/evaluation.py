"""The arithmetic under which a network is evaluated: every operation one that can be differentiated.

Fused attention kernels have no forward derivative and the encoder's fast path skips its submodules; both are
switched off for the length of one evaluation and restored. The values agree up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


@contextmanager
def differentiable_arithmetic() -> Iterator[None]:
    """Math attention, no fused encoder path; both as before on leaving.

    >>> before = torch.backends.mha.get_fastpath_enabled()
    >>> with differentiable_arithmetic():
    ...     torch.backends.mha.get_fastpath_enabled()
    False
    >>> torch.backends.mha.get_fastpath_enabled() == before
    True
    """
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


@contextmanager
def preserved_random_state(device: torch.device) -> Iterator[None]:
    """The global random state of the CPU and of `device`, as before on leaving."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices, enabled=True):
        yield
