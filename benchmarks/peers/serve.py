"""One implementation in a process of its own: it is told when to run, and answers with its seconds and its memory.

Lines of JSON on standard input and output, so that any Python with NumPy can be at the other end.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

Parts = dict[str, float]
"""Seconds by how they grow: {"1": those proportional to the rows, "2": to their square}."""


class Clock:
    """Seconds since the last lap, kept by the power of n that they grow with."""

    def __init__(self):
        self.parts: Parts = {}
        self._last = time.perf_counter()

    def lap(self, power: int) -> None:
        now = time.perf_counter()
        self.parts[str(power)] = self.parts.get(str(power), 0.0) + now - self._last
        self._last = now


def serve(
    run: Callable[[Clock], Any],
    pick: Callable[[Any, list[int]], Any],
    *,
    versions: Callable[[], dict[str, str]],
) -> None:
    """Answer "run" and "values" until the input ends. `pick(result, rows)` gives a block as an (r, r, ...) array."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not end up between the answers
    result = None
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if command["do"] == "run":
                result = None
                clock = Clock()
                start = time.perf_counter()
                result = run(clock)
                seconds = time.perf_counter() - start
                answer = {"seconds": seconds, "parts": clock.parts or {"1": seconds}, "peak": peak_bytes()}
            else:
                answer = {"values": pick(result, command["rows"]).tolist(), "versions": versions()}
        except BaseException as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:400]}
        print(json.dumps(answer), file=answers, flush=True)


def peak_bytes() -> int:
    """The most memory that this process has held, not what its parent had when it was started."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
