"""Run the cells of a grid, here, on workers or on a cluster, skipping those that the store already holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from tangentlab._errors import ArgumentError
from tangentlab.experiments.execution.cluster import run_on_cluster
from tangentlab.experiments.execution.progress import DONE, FAILED, STARTED, Event
from tangentlab.experiments.execution.run_unit import run_unit
from tangentlab.experiments.execution.supervisor import Supervisor
from tangentlab.experiments.execution.unit import Unit
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.machine.share import limited_threads
from tangentlab.records import Store

Some = TypeVar("Some", bound=Unit)


@dataclass(frozen=True)
class Outcome:
    """How a run of a grid ended: cells `done` and `failed` now, `kept` from before, and `left` undone."""

    done: int
    failed: int
    kept: int
    left: int


def unfinished(cells: Iterable[Some], store: Store) -> tuple[Some, ...]:
    """The cells without a finished record; those that failed are among them, for another try.

    Raises `DamagedRecordError` for a record that cannot be trusted: it is neither used nor overwritten.
    """
    return tuple(cell for cell in cells if not store.has(cell.fingerprint, status="done"))


def execute(
    cells: Iterable[Unit],
    *,
    store: Store,
    sources: Sources,
    jobs: int = 1,
    threads: int = 1,
    scheduler: Any = None,
    report: Callable[[Event], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Outcome:
    """Run what is unfinished of `cells`; every finished cell is in the store before the next one is begun.

    Parameters
    ----------
    jobs: worker processes; 1 runs the cells in this process, one after the other
    threads: that each cell may compute with
    scheduler: of a Dask cluster, to run on its workers instead: an address, a scheduler file, a `Client` or a cluster
    report: called with each `Event`
    stop: asked between cells; once it is true no cell is begun any more

    A failing cell becomes a failed record. A store that cannot be written is raised (`StoreError`).
    """
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise ArgumentError("jobs", expected="a positive number of workers", got=jobs, remedy="Try jobs=2.")
    cells = tuple(cells)
    todo = unfinished(cells, store)
    counts = {DONE: 0, FAILED: 0}

    def tell(event: Event) -> None:
        if event.kind in counts:
            counts[event.kind] += 1
        if report is not None:
            report(event)

    asked = stop or (lambda: False)
    if scheduler is not None:
        if todo:
            run_on_cluster(todo, scheduler=scheduler, store=store, sources=sources, report=tell, stop=asked)
    elif jobs == 1:
        with limited_threads(threads):
            for cell in todo:
                if asked():
                    break
                tell(Event(STARTED, cell))
                tell(Event(DONE if run_unit(cell, sources, store).done else FAILED, cell))
    elif todo:
        with Supervisor(store, sources, min(jobs, len(todo)), threads, tell, asked) as supervisor:
            supervisor.run(todo)
    left = len(todo) - counts[DONE] - counts[FAILED]
    return Outcome(counts[DONE], counts[FAILED], len(cells) - len(todo), left)
