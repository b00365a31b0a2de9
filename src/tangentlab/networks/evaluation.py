"""How a network is evaluated: every operation one that can be differentiated, the random states left as they were.

Fused attention kernels have no forward derivative, the encoder's fast path skips its submodules, and a compiled
module would be compiled again under every transform; all three are switched off for the length of one evaluation and
restored. The values agree up to rounding.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


@contextmanager
def differentiable_arithmetic() -> Iterator[None]:
    """Math attention, no fused encoder path, compiled parts run eagerly; all as before on leaving.

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
        with _eager(), sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _eager() -> AbstractContextManager[Any]:
    """No part can be compiled before the compiler is imported, and importing it takes seconds."""
    if "torch._dynamo" in sys.modules and not torch.compiler.is_compiling():
        return torch.compiler.set_stance("force_eager")
    return nullcontext()


@contextmanager
def outside_inference_mode() -> Iterator[None]:
    """Gradients can be asked for although the caller stands in `torch.inference_mode`; nothing changes otherwise.

    >>> with torch.inference_mode(), outside_inference_mode(), torch.enable_grad():
    ...     torch.ones(1, requires_grad=True).exp().requires_grad
    True
    """
    if not torch.is_inference_mode_enabled():
        yield
        return
    with torch.inference_mode(False), torch.no_grad():
        yield


@contextmanager
def preserved_random_state(device: torch.device, *, beyond_torch: bool = True) -> Iterator[None]:
    """The global random states of torch (CPU and `device`), NumPy and Python, as before on leaving.

    `beyond_torch=False` leaves out NumPy's and Python's, which take most of the time.

    >>> before = torch.get_rng_state()
    >>> with preserved_random_state(torch.device("cpu")):
    ...     noise = torch.rand(3)
    >>> torch.equal(torch.get_rng_state(), before)
    True
    """
    devices = [device] if device.type == "cuda" else []
    states = (random.getstate(), np.random.get_state()) if beyond_torch else None
    try:
        with torch.random.fork_rng(devices=devices, enabled=True):
            yield
    finally:
        if states is not None:
            random.setstate(states[0])
            np.random.set_state(states[1])


def random_states() -> tuple[Any, ...]:
    """Fingerprints of the global random states of the CPU: equal before and after what draws nothing.

    >>> before = random_states()
    >>> with preserved_random_state(torch.device("cpu")):
    ...     noise = torch.rand(3)
    ...     random_states() == before
    False
    """
    name, key, *rest = np.random.get_state()
    return torch.get_rng_state().numpy().tobytes(), name, np.asarray(key).tobytes(), *rest, random.getstate()
