"""Where and with what a record was made."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Any

import torch

from tangentlab import __version__

LIBRARIES = ("torch", "numpy", "scipy")


def versions() -> dict[str, str]:
    """Versions of tangentlab, Python and the libraries that compute.

    >>> sorted(versions())
    ['numpy', 'python', 'scipy', 'tangentlab', 'torch']
    """
    found = {name: metadata.version(name) for name in LIBRARIES}
    return {"tangentlab": __version__, "python": platform.python_version(), **found}


def machine(*, threads: int) -> dict[str, Any]:
    """The processor and how much of it was used; nothing that names the user or the host.

    >>> machine(threads=1)["threads"]
    1
    """
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "threads": threads,
    }
