"""Units of work bound to the store that holds their records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

from tangentlab.experiments.execution.execute import Outcome, Some, execute, unfinished
from tangentlab.experiments.execution.progress import Event
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.records import Store


@dataclass(frozen=True, eq=False)
class StoredGrid(Generic[Some]):
    """The units of a run, where what they name comes from, where their records go, and the threads of each."""

    cells: tuple[Some, ...]
    sources: Sources
    store: Store
    threads: int

    @property
    def unfinished(self) -> tuple[Some, ...]:
        """Those that have no finished record yet."""
        return unfinished(self.cells, self.store)

    def execute(
        self,
        *,
        jobs: int = 1,
        scheduler: Any = None,
        report: Callable[[Event], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> Outcome:
        """Run what is unfinished (see `execute`)."""
        return execute(
            self.cells,
            store=self.store,
            sources=self.sources,
            jobs=jobs,
            scheduler=scheduler,
            threads=self.threads,
            report=report,
            stop=stop,
        )
