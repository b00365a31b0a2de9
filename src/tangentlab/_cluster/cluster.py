"""A cluster: the workers of a Dask scheduler, and units of work that outlive the workers they run on.

Dask starts the workers, carries what is sent to them and tells who lives. A unit is idempotent, one runs on a worker
at a time, and a unit whose worker died is given to another.
"""

from __future__ import annotations

import contextlib
import json
import socket
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tangentlab import __version__
from tangentlab._cluster.dispatch import Dispatch, Told, answering
from tangentlab._cluster.waiting import InOrder, Waiting
from tangentlab._errors import ArgumentError, MissingExtraError, TangentlabError

CONNECT = 10
"""Seconds in which a scheduler must answer."""

PATIENCE = 120
"""Seconds without any worker after which the wait is given up."""

SHARE = 0.6
"""Of a worker's memory for its unit: Dask begins to write to disk, then pauses, where more is held."""

_PREFIX = "tangentlab"
_START = "Start one with: dask worker {address} --nthreads 1"


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
        with answering(self.address):
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
        with answering(self.address):
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
        plugin = f"{_PREFIX} {self.client.id} {uuid.uuid4().hex}"
        with answering(self.address):
            self.workers()
            for name in self.client.run_on_scheduler(_abandoned):
                self.client.unregister_worker_plugin(name)
            self._send(plugin, shared)
        waiting = InOrder(deque(units)) if isinstance(units, Iterable) else units
        dispatch = Dispatch(self.client, self.address, self.workers, function, plugin, told, settled)
        try:
            dispatch.run(waiting, stop)
        finally:
            dispatch.cancel()
            with contextlib.suppress(Exception):  # the scheduler may be gone, and why is being raised
                self.client.unregister_worker_plugin(plugin)

    def _send(self, plugin: str, shared: Any) -> None:
        from tangentlab._cluster.worker import SharedPlugin

        try:
            self.client.register_plugin(SharedPlugin(shared, __version__), name=plugin)
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
        except AssertionError:  # on a busy machine its loop may not have begun in the ten seconds that it is given
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
