"""Two implementations in processes of their own, run in turn: A B A B, so that a busy minute disturbs both.

What is kept is the ratio of each pair; its median is the answer and its quartiles say how far to trust it.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
from kept_results import HERE


class Failure(Exception):
    """What an implementation said when it could not, or that it took too long."""


class Process:
    """A command that speaks the lines of `peers/serve.py`, ended with the `with` block."""

    def __init__(self, command: list[str], *, patience: float, threads: int):
        self.deadline = time.monotonic() + patience
        path = [str(HERE), str(HERE / "peers"), *filter(None, sys.path)]
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        own = command[0] == sys.executable
        environment = {**os.environ, **quiet} | ({"PYTHONPATH": os.pathsep.join(path)} if own else {})
        if not own:
            environment.pop("PYTHONPATH", None)
        self.stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            text=True,
            env=environment,
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.child.kill()
        self.child.communicate()
        self.stderr.close()

    def run(self) -> dict[str, Any]:
        """{"seconds", "parts", "peak"} of one run."""
        return self._ask({"do": "run"})

    def values(self, rows: list[int]) -> tuple[np.ndarray, dict[str, str]]:
        """The block of the last result at these rows, and the versions of what made it."""
        answer = self._ask({"do": "values", "rows": rows})
        return np.array(answer["values"]), answer["versions"]

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        stdin, stdout = self.child.stdin, self.child.stdout
        assert stdin is not None and stdout is not None
        try:
            stdin.write(json.dumps(command) + "\n")
            stdin.flush()
        except BrokenPipeError:
            raise Failure(self._last_words()) from None
        left = self.deadline - time.monotonic()
        if left <= 0 or not select.select([stdout], [], [], left)[0]:
            raise Failure("took too long")
        line = stdout.readline()
        if not line:
            raise Failure(self._last_words())
        answer = json.loads(line)
        if "error" in answer:
            raise Failure(answer["error"])
        return answer

    def _last_words(self) -> str:
        status = self.child.wait()
        self.stderr.seek(0)
        said = self.stderr.read().strip().splitlines()
        return said[-1][:400] if said and status > 0 else f"ended with status {status}: out of memory, often"


def alternate(first: Process, second: Process, *, pairs: int, seconds: float) -> list[tuple[dict, dict]]:
    """Runs in turn, at least one pair; no new pair is begun after `seconds`."""
    end = time.monotonic() + seconds
    done = [(first.run(), second.run())]
    while len(done) < pairs and time.monotonic() < end:
        done.append((first.run(), second.run()))
    return done
