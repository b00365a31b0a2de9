"""What one unit of work found: readings, arrays and the seconds of its parts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Findings:
    """Readings as plain JSON values, arrays by name, and how long each part took in seconds.

    >>> Findings({"loss": 0.5}).arrays
    {}
    """

    readings: dict[str, Any]
    timings: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Clock:
    """Wall seconds of named parts.

    >>> clock = Clock()
    >>> with clock.part("nothing"):
    ...     pass
    >>> list(clock.seconds)
    ['nothing']
    """

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add the seconds spent inside to those of `name`."""
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
