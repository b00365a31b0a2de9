"""A run: a comparison bound to the store that holds it, so that it can be stopped, resumed and repeated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tangentlab import __version__
from tangentlab._atomic import write_atomically
from tangentlab._errors import StoreError
from tangentlab._fingerprint import fingerprint
from tangentlab.experiments.comparison.cell import Cell
from tangentlab.experiments.comparison.defaults import resolved
from tangentlab.experiments.comparison.grid import Planned, plan, runnable
from tangentlab.experiments.comparison.spec import ComparisonSpec
from tangentlab.experiments.comparison.spec_file import spec_to_toml
from tangentlab.experiments.execution.execute import Outcome
from tangentlab.experiments.execution.stored_grid import StoredGrid
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.run.resumable import expect_resumable, expect_unchanged
from tangentlab.records import Store

SPEC_FILE = "spec.toml"
_ABOUT = ("identities", "given", "fingerprint", "command")


@dataclass(frozen=True, eq=False)
class Run:
    """A resolved spec, its sources, its grid and its store. Make one with `Run.start` or `Run.resume`.

    >>> import tempfile
    >>> spec = ComparisonSpec.of(networks="mlp:width=4", tasks="random:2", samples=20, seeds=1, epochs=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = Run.start(spec, folder + "/run", sources=Sources("digits"))
    ...     run.execute().done, Run.resume(folder + "/run").unfinished
    (1, ())
    """

    spec: ComparisonSpec
    sources: Sources
    planned: tuple[Planned, ...]
    store: Store

    @classmethod
    def start(cls, spec: ComparisonSpec, out: str | Path, *, sources: Sources, command: str | None = None) -> Run:
        """Resolve a spec for its data, lay out its grid, and make its store, or open it if it holds the same grid.

        Nothing is written before the whole spec makes sense. `command` is the line that repeats the run.
        Errors: those of the spec, the data and the names in it; `StoreError` for a folder that cannot be written or
        that holds another comparison.
        """
        spec = resolved(spec, sources.loaded)
        planned = plan(spec, sources)
        runnable(planned)
        about = _about(spec, sources, command=command)
        store = Store.create(out, spec.to_dict() | about)
        if not (store.path / SPEC_FILE).exists():
            text = f"# tangentlab run {SPEC_FILE}\n# fingerprint {about['fingerprint']}\n{spec_to_toml(spec)}"
            write_atomically(store.path / SPEC_FILE, text.encode())
        return cls(spec, sources, planned, store)

    @classmethod
    def resume(cls, path: str | Path) -> Run:
        """The run that a store was started for, to be completed; the store's own spec is all that is needed.

        Errors: `StoreError` if the version, the data or a network's source is no longer what it was, or if the run
        was started from Python with things that have no name.
        """
        store = Store.open(path)
        stored = store.spec
        if not isinstance(stored.get("identities"), Mapping):
            raise StoreError(f"{path} does not hold a comparison.", remedy="Give the folder of a comparison.")
        anew = f"tangentlab run {store.path / SPEC_FILE}"
        expect_resumable(store, call="compare", anew=anew)
        spec = ComparisonSpec.of(**{name: value for name, value in stored.items() if name not in _ABOUT})
        sources = Sources.named(spec)
        expect_unchanged(store, _about(spec, sources, command=None)["identities"], anew=anew)
        return cls(spec, sources, plan(spec, sources), store)

    @property
    def threads(self) -> int:
        """That one cell computes with."""
        return self.spec.threads

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of the grid that can run."""
        return runnable(self.planned)

    @property
    def grid(self) -> StoredGrid[Cell]:
        """The cells, bound to the store."""
        return StoredGrid(self.cells, self.sources, self.store, self.threads)

    @property
    def unfinished(self) -> tuple[Cell, ...]:
        """Those that have no finished record yet."""
        return self.grid.unfinished

    def execute(self, **how: Any) -> Outcome:
        """Run what is unfinished: with `jobs`, a `scheduler`, `report` and `stop` (see `StoredGrid.execute`)."""
        return self.grid.execute(**how)


def _about(spec: ComparisonSpec, sources: Sources, *, command: str | None) -> dict[str, Any]:
    """What a store keeps beside the fields of the spec."""
    identities: dict[str, Any] = {"version": __version__, "data": sources.loaded.identity}
    for name in spec.networks:
        if digest := sources.network_identity(name):
            identities[f"network {name}"] = digest
    for name in sources.tasks:
        identities[f"task {name}"] = sources.task_identity(name)
    given = {
        "data": not isinstance(sources.data, str),
        "networks": bool(sources.networks),
        "tasks": bool(sources.tasks),
    }
    about = {"identities": identities, "given": [name for name, is_given in given.items() if is_given]}
    about["fingerprint"] = fingerprint(spec.to_dict() | about)
    return about | ({"command": command} if command else {})
