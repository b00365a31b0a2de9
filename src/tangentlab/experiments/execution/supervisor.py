"""The supervisor: keeps workers at cells, replaces those that die, and leaves none behind.

A pool of the standard library loses every task when one worker is killed; here a death costs one attempt at one cell.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from tangentlab._errors import ArgumentError, TangentlabError
from tangentlab.experiments.execution.progress import DONE, FAILED, RETRIED, STARTED, Event
from tangentlab.experiments.execution.run_unit import put_lost
from tangentlab.experiments.execution.unit import Unit
from tangentlab.experiments.execution.worker import BROKEN, READY, work
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.records import Store

ATTEMPTS = 3
"""How often a cell is tried whose worker dies."""

LISTEN = 0.2
"""Seconds between two looks at whether to stop."""

GRACE = 2.0
"""Seconds that a worker gets to end before it is killed."""

UNBORN = ""
"""Under which the deaths of workers are counted that never got to a cell."""


@dataclass(frozen=True, eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection


@dataclass(frozen=True, eq=False)
class Supervisor:
    """Runs cells on `jobs` worker processes; a context manager, on leaving which no worker is left.

    A worker that dies is replaced and its cell tried again, three times in all; then the cell is recorded as failed.
    """

    store: Store
    sources: Sources
    jobs: int
    threads: int
    report: Callable[[Event], None]
    stop: Callable[[], bool]
    workers: list[_Worker] = field(default_factory=list)
    idle: set[_Worker] = field(default_factory=set)
    busy: dict[_Worker, Unit] = field(default_factory=dict)
    deaths: Counter[str] = field(default_factory=Counter)

    def __enter__(self) -> Supervisor:
        try:
            pickle.dumps(self.sources)
        except Exception as error:
            raise ArgumentError(
                "jobs",
                expected="1 for networks, tasks or data that cannot be sent to another process",
                got=self.jobs,
                remedy="Use jobs=1, or define the builder at the top of a module.",
            ) from error
        return self

    def __exit__(self, *_: Any) -> None:
        for worker in self.workers:
            worker.process.terminate()
        deadline = time.monotonic() + GRACE
        for worker in self.workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()

    def run(self, cells: Iterable[Unit]) -> None:
        """Run every cell, in order; once `stop` says so, only those that have begun."""
        waiting = deque(cells)
        while True:
            if self.stop():
                waiting.clear()
            if not waiting and not self.busy:
                return
            while len(self.workers) < min(self.jobs, len(waiting) + len(self.busy)):
                self.workers.append(self._start())
            while waiting and self.idle:
                self._give(self.idle.pop(), waiting.popleft())
            self._listen(waiting)

    def _start(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=work, args=(theirs, self.store.path, self.sources, self.threads), daemon=True
        )
        with _interrupts_held():
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def _give(self, worker: _Worker, cell: Unit) -> None:
        self.busy[worker] = cell
        self.report(Event(STARTED, cell))
        with contextlib.suppress(OSError):  # it has died: the end of its pipe tells
            worker.pipe.send(cell)

    def _listen(self, waiting: deque[Unit]) -> None:
        """Wait for news: an answer, or the end of a pipe, which is a death."""
        by_pipe: dict[Any, _Worker] = {worker.pipe: worker for worker in self.workers}
        for pipe in connection.wait(list(by_pipe), timeout=LISTEN):
            worker = by_pipe[pipe]
            try:
                status, error = worker.pipe.recv()
            except (EOFError, OSError):
                self._bury(worker, waiting)
            else:
                self._answer(worker, status, error=error)

    def _answer(self, worker: _Worker, status: str, *, error: Exception | None) -> None:
        if status == BROKEN:
            raise error if isinstance(error, TangentlabError) else RuntimeError("a worker broke") from error
        self.idle.add(worker)
        if status == READY:
            self.deaths.pop(UNBORN, None)
        else:
            self.report(Event(status, self.busy.pop(worker)))

    def _bury(self, worker: _Worker, waiting: deque[Unit]) -> None:
        """A worker has died: its cell goes back to the front, or is given up."""
        worker.process.join(GRACE)
        self.workers.remove(worker)
        worker.pipe.close()
        exit_code = worker.process.exitcode
        if worker in self.idle:
            self.idle.remove(worker)
            return
        cell = self.busy.pop(worker, None)
        name = UNBORN if cell is None else cell.fingerprint
        self.deaths[name] += 1
        if cell is None:
            if self.deaths[name] == ATTEMPTS:
                raise TangentlabError(
                    f"{ATTEMPTS} workers ended before they could begin, the last with exit code {exit_code}.",
                    remedy="In a script, call compare under `if __name__ == '__main__':`, or use jobs=1.",
                )
        elif self.store.has(cell.fingerprint, status="done"):  # it died between writing and telling
            self.report(Event(DONE, cell))
        elif self.deaths[name] < ATTEMPTS:
            waiting.appendleft(cell)
            self.report(Event(RETRIED, cell))
        else:
            put_lost(cell, self.store, exit_code=exit_code, attempts=ATTEMPTS)
            self.report(Event(FAILED, cell))


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Start a process with Ctrl-C blocked in it from its first moment, and lose none that arrives meanwhile here."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it would unblock them again when first started
    held = {signal.SIGINT, signal.SIGUSR1}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
