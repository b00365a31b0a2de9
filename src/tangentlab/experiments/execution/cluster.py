"""A grid on a cluster: every cell a unit on a Dask worker, every record in the store that all of them share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tangentlab._cluster import ATTEMPTS, LOST, RETRIED, STARTED, connected
from tangentlab._errors import StoreError
from tangentlab._fingerprint import fingerprint
from tangentlab.experiments.execution import progress
from tangentlab.experiments.execution.run_unit import put_lost, run_unit
from tangentlab.experiments.execution.unit import Unit
from tangentlab.experiments.execution.worker import log_to
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.machine.share import limited_threads
from tangentlab.records import Store

_KINDS = {STARTED: progress.STARTED, RETRIED: progress.RETRIED}


@dataclass(frozen=True)
class Grid:
    """What the cells of a run share: where records go and to which run they belong, data by value, other sources.

    >>> Grid(Path("/no/such/folder"), "3f9a", Sources("digits"), ()).store()
    Traceback (most recent call last):
    tangentlab._errors.StoreError: A worker on this machine does not see the run in /no/such/folder. ...
    """

    path: Path
    run: str
    sources: Sources
    folders: tuple[str, ...]
    """Where this process looks for modules: a network of one's own lies in one of them."""

    def store(self) -> Store:
        """The store, as the worker sees it."""
        try:
            store = Store.open(self.path)
            same = fingerprint(store.spec) == self.run
        except StoreError:
            same = False
        if not same:
            raise StoreError(
                f"A worker on this machine does not see the run in {self.path}.",
                remedy="Give --out a folder on a file system that all workers share.",
            )
        return store


def run_on_cluster(
    cells: Iterable[Unit],
    *,
    scheduler: Any,
    store: Store,
    sources: Sources,
    report: Callable[[progress.Event], None],
    stop: Callable[[], bool],
) -> None:
    """Run every cell on a worker of a cluster, in order; once `stop` says so, only those that have begun.

    A cell whose worker dies is given to another, three times in all, and then recorded as failed, as on workers here.
    """

    def told(kind: str, cell: Unit, status: Any) -> None:
        if kind == LOST:
            put_lost(cell, store, attempts=ATTEMPTS)
            status = progress.FAILED
        report(progress.Event(_KINDS.get(kind) or status, cell))

    def settled(cell: Unit) -> str | None:
        return progress.DONE if store.has(cell.fingerprint, status="done") else None

    path = store.path.resolve()
    folders = tuple(str(Path(folder).resolve()) for folder in sys.path)
    with connected(scheduler) as cluster:
        grid = Grid(path, fingerprint(store.spec), replace(sources, data=sources.loaded), folders)
        cluster.run(cells, function=run_cell_there, shared=grid, told=told, stop=stop, settled=settled)


def run_cell_there(cell: Unit, grid: Grid) -> str:
    """Run a cell on this worker and put its record into the store; how it ended."""
    store = grid.store()
    sys.path += [folder for folder in grid.folders if folder not in sys.path]
    with limited_threads(cell.threads), log_to(store.log_path(cell.fingerprint)):
        record = run_unit(cell, grid.sources, store)
    return progress.DONE if record.done else progress.FAILED
