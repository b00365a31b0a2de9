"""Randomness that a module draws by itself, such as dropout's, made repeatable and kept private."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from tangentlab._seeds import derive


@contextmanager
def seeded_randomness(seed: int, *, device: torch.device) -> Iterator[None]:
    """Global generators of Python, NumPy and torch (CPU and `device`) start from `seed`; all as before on leaving.

    Layers draw from the global generators and offer no other way; this lends them a stream of their own.

    >>> before = torch.random.get_rng_state()
    >>> draws = []
    >>> for _ in range(2):
    ...     with seeded_randomness(0, device=torch.device("cpu")):
    ...         draws.append(torch.rand(1).item())
    >>> draws[0] == draws[1], torch.equal(before, torch.random.get_rng_state())
    (True, True)
    """
    cuda = [device] if device.type == "cuda" else []
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(derive(seed, "module"))
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(derive(seed, "module"))
        random.seed(derive(seed, "module", "python"))
        np.random.seed(derive(seed, "module", "numpy") % 2**32)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
