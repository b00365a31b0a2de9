"""The only source of randomness: a seed and a purpose give a generator of their own.

Two purposes under one seed are independent streams, so that adding a draw for one never moves another,
and the global random state of torch and NumPy is neither read nor written.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch


def derive(seed: int, *purpose: object) -> int:
    """A 63-bit seed from a root seed and a purpose, the same on every machine.

    >>> derive(0, "batches") == derive(0, "batches")
    True
    >>> derive(0, "batches") == derive(0, "subset")
    False
    """
    text = "\x1f".join([str(int(seed)), *map(str, purpose)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *purpose: object) -> torch.Generator:
    """A CPU `torch.Generator` for one purpose.

    >>> import torch
    >>> a, b = (torch.rand(2, generator=generator(0, "x")) for _ in range(2))
    >>> torch.equal(a, b)
    True
    """
    import torch

    return torch.Generator().manual_seed(derive(seed, *purpose))


def numpy_generator(seed: int, *purpose: object) -> np.random.Generator:
    """A NumPy generator for one purpose.

    >>> int(numpy_generator(0, "x").integers(10)) == int(numpy_generator(0, "x").integers(10))
    True
    """
    import numpy as np

    return np.random.default_rng(derive(seed, *purpose))


@contextmanager
def seeded_randomness(seed: int) -> Iterator[None]:
    """Global generators of Python, NumPy and torch (all devices in use) start from `seed`; all as before on leaving.

    Layers and users' functions draw from the global generators and offer no other way; this lends them a stream.

    >>> import torch
    >>> before = torch.random.get_rng_state()
    >>> draws = []
    >>> for _ in range(2):
    ...     with seeded_randomness(0):
    ...         draws.append(torch.rand(1).item())
    >>> draws[0] == draws[1], torch.equal(before, torch.random.get_rng_state())
    (True, True)
    """
    import numpy as np
    import torch

    cuda = torch.cuda.is_initialized()  # seeding a device that is not in use would wake it
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=list(range(torch.cuda.device_count())) if cuda else []):
        try:
            random.seed(seed)
            np.random.seed(seed % 2**32)
            torch.default_generator.manual_seed(seed)
            if cuda:
                torch.cuda.manual_seed_all(seed)
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
