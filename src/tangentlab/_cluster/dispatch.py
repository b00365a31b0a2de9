"""Units given out to the workers of a scheduler, one to each, until all are done, and again when a worker dies."""

from __future__ import annotations

import contextlib
import queue
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tangentlab._cluster.waiting import Waiting
from tangentlab._errors import TangentlabError

STARTED, ENDED, RETRIED, LOST = "started", "ended", "retried", "lost"
"""What can be told of a unit."""

ATTEMPTS = 3
"""How often a unit is tried whose worker dies."""

LISTEN = 0.2
"""Seconds between two looks at who lives and at whether to stop."""

Told = Callable[[str, Any, Any], None]
"""Called with what happened, the unit, and the answer of a unit that ended."""


@dataclass(frozen=True, eq=False)
class Dispatch:
    """Units on their way: those at work, under their worker's address, and how often each lost its worker.

    `workers` tells who lives, and which of them take work now.
    """

    client: Any
    address: str
    workers: Callable[[], dict[str, bool]]
    function: Callable[[Any, Any], Any]
    plugin: str
    told: Told
    settled: Callable[[Any], Any]
    busy: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    deaths: Counter[int] = field(default_factory=Counter)
    news: queue.SimpleQueue[tuple[str, Any]] = field(default_factory=queue.SimpleQueue)

    def run(self, waiting: Waiting, stop: Callable[[], bool]) -> None:
        """Until all is done, or what has begun once `stop` says so."""
        while True:
            if stop():
                waiting.clear()
            if not waiting and not self.busy:
                return
            alive = self.workers()
            for worker in [worker for worker in self.busy if worker not in alive]:
                self._bury(worker, waiting)
            for worker, takes_work in alive.items():
                if waiting and takes_work and worker not in self.busy:
                    self._give(worker, waiting.take(worker))
            self._listen(waiting)

    def cancel(self) -> None:
        """Take back what is at work."""
        for _, future in self.busy.values():
            with contextlib.suppress(Exception):
                future.cancel()

    def _give(self, worker: str, unit: Any) -> None:
        from tangentlab._cluster.worker import perform

        self.told(STARTED, unit, None)
        with answering(self.address):
            future = self.client.submit(
                perform,
                self.function,
                unit,
                plugin=self.plugin,
                key=f"tangentlab-{uuid.uuid4().hex}",
                workers=[worker],
                pure=False,
            )
        self.busy[worker] = unit, future
        future.add_done_callback(lambda done: self.news.put((worker, done)))

    def _listen(self, waiting: Waiting) -> None:
        """Take all news there is; wait for the first a moment."""
        with contextlib.suppress(queue.Empty):
            worker, future = self.news.get(timeout=LISTEN)
            while True:
                self._take(worker, future, waiting)
                worker, future = self.news.get_nowait()

    def _take(self, worker: str, future: Any, waiting: Waiting) -> None:
        unit, expected = self.busy.get(worker, (None, None))
        if future is not expected:  # given up before
            return
        if future.status == "finished":
            answer = future.result()
            del self.busy[worker]
            self.told(ENDED, unit, answer)
        elif future.status == "error" and type(error := future.exception()).__name__ != "KilledWorker":
            raise error if isinstance(error, TangentlabError) else _broken(error, worker) from error
        else:
            self._bury(worker, waiting)

    def _bury(self, worker: str, waiting: Waiting) -> None:
        """A worker has died or left: its unit goes to the front, or is given up."""
        unit, future = self.busy.pop(worker)
        with answering(self.address):
            future.cancel()
        if (answer := self.settled(unit)) is not None:  # it died between doing and telling
            self.told(ENDED, unit, answer)
            return
        self.deaths[id(unit)] += 1
        if self.deaths[id(unit)] < ATTEMPTS:
            waiting.put_back(unit)
            self.told(RETRIED, unit, None)
        else:
            self.told(LOST, unit, None)


@contextlib.contextmanager
def answering(address: str) -> Iterator[None]:
    """What asks the scheduler at an address, which may be gone by now.

    >>> with answering("tcp://a:1"):
    ...     raise ConnectionError
    Traceback (most recent call last):
    tangentlab._errors.TangentlabError: The scheduler at tcp://a:1 does not answer any more. What was finished is ...
    """
    try:
        yield
    except OSError as error:  # of which distributed's own are
        raise TangentlabError(
            f"The scheduler at {address} does not answer any more.",
            remedy="What was finished is kept: start it again and go on with the same command.",
        ) from error


def _broken(error: BaseException, worker: str) -> TangentlabError:
    words = " ".join(str(error).split())
    return TangentlabError(
        f"The worker {worker} failed ({type(error).__name__}{f': {words}' if words else ''}).",
        remedy="Its log tells where; what was finished is kept.",
    )
