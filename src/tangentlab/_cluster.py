"""A cluster: the workers of a Dask scheduler, and units of work that outlive the workers they run on.

Dask starts the workers, carries what is sent to them and tells who lives. A unit is idempotent, one runs on a worker
at a time, and a unit whose worker died is given to another.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tangentlab import __version__
from tangentlab._errors import ArgumentError, MissingExtraError, TangentlabError

STARTED, ENDED, RETRIED, LOST = "started", "ended", "retried", "lost"
"""What can be told of a unit."""

ATTEMPTS = 3
"""How often a unit is tried whose worker dies."""

LISTEN = 0.2
"""Seconds between two looks at who lives and at whether to stop."""

CONNECT = 10
"""Seconds in which a scheduler must answer."""

PATIENCE = 120
"""Seconds without any worker after which the wait is given up."""

SHARE = 0.6
"""Of a worker's memory for its unit: Dask begins to write to disk, then pauses, where more is held."""

_PREFIX = "tangentlab"
_START = "Start one with: dask worker {address} --nthreads 1"

Told = Callable[[str, Any, Any], None]
"""Called with what happened, the unit, and the answer of a unit that ended."""


class Waiting(Sized, Protocol):
    """Units that wait, and which of them suits a worker."""

    def take(self, worker: str) -> Any:
        """A unit for this worker, which waits no longer; called while there is one."""

    def put_back(self, unit: Any) -> None:
        """A unit whose worker died, to be taken next."""

    def clear(self) -> None:
        """None waits any longer."""


@dataclass(frozen=True, eq=False)
class InOrder(Waiting):
    """Units taken in their order by whoever is free.

    >>> waiting = InOrder(deque("ab"))
    >>> waiting.take("tcp://1"), len(waiting)
    ('a', 1)
    """

    units: deque[Any]

    def __len__(self) -> int:
        return len(self.units)

    def take(self, worker: str) -> Any:
        """The next."""
        return self.units.popleft()

    def put_back(self, unit: Any) -> None:
        """Before all others."""
        self.units.appendleft(unit)

    def clear(self) -> None:
        """None waits any longer."""
        self.units.clear()


@dataclass(frozen=True, eq=False)
class Cluster:
    """The workers of a scheduler. Made by `connected`."""

    client: Any
    address: str
    patience: float = PATIENCE

    def workers(self) -> dict[str, bool]:
        """Addresses of the workers that live, and whether each takes work now; waits for the first one.

        Errors: `TangentlabError` when none came in `patience` seconds, or when the scheduler has gone.
        """
        with self._answering():
            try:
                self.client.wait_for_workers(1, timeout=self.patience)
            except TimeoutError as error:
                raise TangentlabError(
                    f"The scheduler at {self.address} has had no worker for {self.patience:g} seconds.",
                    remedy=_START.format(address=self.address) + ", or with your deployer's scale().",
                ) from error
            known = self.client.scheduler_info(n_workers=-1)["workers"]
        return {address: about.get("status", "running") == "running" for address, about in known.items()}

    def memory_of_one(self) -> int | None:
        """Bytes that Dask lets the smallest worker hold, less what it needs itself; None where it sets no limit."""
        self.workers()
        with self._answering():
            known = self.client.scheduler_info(n_workers=-1)["workers"].values()
        limits = [about.get("memory_limit") or 0 for about in known]
        return int(SHARE * min(limits)) if limits and min(limits) > 0 else None

    def run(
        self,
        units: Iterable[Any] | Waiting,
        *,
        function: Callable[[Any, Any], Any],
        shared: Any,
        told: Told,
        stop: Callable[[], bool] = lambda: False,
        settled: Callable[[Any], Any] = lambda unit: None,
    ) -> None:
        """Have `function(unit, shared)` done for every unit; once `stop` says so, only for those that have begun.

        Parameters
        ----------
        units: in the order in which to begin them, or with a choice of their own (`Waiting`)
        function: at the top of a module, so that workers find it; what it raises ends the run
        shared: sent once to each worker
        told: called here, with `STARTED`, `ENDED`, `RETRIED` or `LOST`
        settled: asked for a unit whose worker died; an answer that is not None says that it had been done
        """
        bench = f"{_PREFIX} {self.client.id} {uuid.uuid4().hex}"
        with self._answering():
            self.workers()
            for name in self.client.run_on_scheduler(_abandoned):
                self.client.unregister_worker_plugin(name)
            self._send(bench, shared)
        waiting = InOrder(deque(units)) if isinstance(units, Iterable) else units
        deal = _Deal(self, function, bench, told, settled)
        try:
            deal.run(waiting, stop)
        finally:
            deal.cancel()
            with contextlib.suppress(Exception):  # the scheduler may be gone, and why is being raised
                self.client.unregister_worker_plugin(bench)

    def _send(self, bench: str, shared: Any) -> None:
        from tangentlab._cluster_worker import Bench

        try:
            self.client.register_plugin(Bench(shared, __version__), name=bench)
        except (TangentlabError, OSError):
            raise
        except ModuleNotFoundError as error:
            raise TangentlabError(
                f"A worker of {self.address} cannot import {error.name}.",
                remedy="Start scheduler and workers in the environment that this runs in.",
            ) from error
        except Exception as error:
            raise ArgumentError(
                "scheduler",
                expected="left out for networks, tasks or data that cannot be sent to another process",
                got=f"{self.address} ({type(error).__name__}: {error})",
                remedy="Define the builder at the top of a module that the workers can import.",
            ) from error

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:  # of which distributed's own are
            raise TangentlabError(
                f"The scheduler at {self.address} does not answer any more.",
                remedy="What was finished is kept: start it again and go on with the same command.",
            ) from error


@contextlib.contextmanager
def connected(scheduler: Any) -> Iterator[Cluster]:
    """The cluster at an address ("tcp://host:8786"), in a scheduler file (".json"), or of a Dask `Client` or cluster.

    Errors: `MissingExtraError` without distributed, `ArgumentError` where no scheduler answers.
    """
    if isinstance(scheduler, Cluster):
        yield scheduler
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError("distributed", extra="dask") from error
    if isinstance(scheduler, Client):
        yield Cluster(scheduler, str(scheduler.scheduler_info()["address"]))
        return
    try:
        address = _address_in(scheduler) if str(scheduler).endswith(".json") else scheduler
        if isinstance(address, str):
            _expect_address(address)
        try:
            client = Client(address, set_as_default=False, timeout=CONNECT)
        except (
            AssertionError
        ):  # on a busy machine its event loop may not have begun in the ten seconds it is given
            client = Client(address, set_as_default=False, timeout=CONNECT)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ArgumentError(
            "scheduler",
            expected="the address of a Dask scheduler that answers, such as tcp://127.0.0.1:8786",
            got=str(scheduler),
            remedy="Start one with: dask scheduler",
        ) from error
    try:
        yield Cluster(client, str(client.scheduler_info()["address"]))
    finally:
        client.close()


def _broken(error: BaseException, worker: str) -> TangentlabError:
    words = " ".join(str(error).split())
    return TangentlabError(
        f"The worker {worker} failed ({type(error).__name__}{f': {words}' if words else ''}).",
        remedy="Its log tells where; what was finished is kept.",
    )


def _expect_address(address: str) -> None:
    """Refuse an unknown kind and an unknown host before a loop is started for it, which would end late and loudly."""
    from distributed.comm.registry import get_backend

    kind, _, place = address.rpartition("://")
    if kind:
        get_backend(kind)
    if kind in ("", "tcp", "tls"):
        host, _, port = place.rpartition(":")
        socket.getaddrinfo(host.strip("[]"), int(port))


def _address_in(file: str) -> str:
    """Of a scheduler file; Dask itself would wait for one that is not there."""
    return json.loads(Path(file).read_text(encoding="utf-8"))["address"]


def _abandoned(dask_scheduler: Any) -> list[str]:
    """What runs left with the workers that were killed before they could take it back; asked on the scheduler."""
    ours = [name for name in dask_scheduler.worker_plugins if name.startswith(f"{_PREFIX} ")]
    return [name for name in ours if name.split()[1] not in dask_scheduler.clients]


@dataclass(frozen=True, eq=False)
class _Deal:
    """Units on their way: those at work, under their worker's address, and how often each lost its worker."""

    cluster: Cluster
    function: Callable[[Any, Any], Any]
    bench: str
    told: Told
    settled: Callable[[Any], Any]
    busy: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    deaths: Counter[int] = field(default_factory=Counter)
    news: queue.SimpleQueue[tuple[str, Any]] = field(default_factory=queue.SimpleQueue)

    def run(self, waiting: Waiting, stop: Callable[[], bool]) -> None:
        while True:
            if stop():
                waiting.clear()
            if not waiting and not self.busy:
                return
            alive = self.cluster.workers()
            for worker in [worker for worker in self.busy if worker not in alive]:
                self._bury(worker, waiting)
            for worker, takes_work in alive.items():
                if waiting and takes_work and worker not in self.busy:
                    self._give(worker, waiting.take(worker))
            self._listen(waiting)

    def cancel(self) -> None:
        for _, future in self.busy.values():
            with contextlib.suppress(Exception):
                future.cancel()

    def _give(self, worker: str, unit: Any) -> None:
        from tangentlab._cluster_worker import perform

        self.told(STARTED, unit, None)
        with self.cluster._answering():
            future = self.cluster.client.submit(
                perform,
                self.function,
                unit,
                bench=self.bench,
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
        with self.cluster._answering():
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
