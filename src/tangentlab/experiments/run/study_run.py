"""A run of a study: bound to the store that holds it, so that it can be stopped, resumed and repeated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tangentlab import __version__
from tangentlab._errors import StoreError
from tangentlab._fingerprint import fingerprint
from tangentlab.experiments.comparison.grid import Planned
from tangentlab.experiments.execution.execute import Outcome
from tangentlab.experiments.execution.stored_grid import StoredGrid
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.machine.compute_device import present_device
from tangentlab.experiments.run.expected_networks import expect_networks
from tangentlab.experiments.run.resumable import expect_resumable, expect_unchanged
from tangentlab.experiments.studies import STUDIES
from tangentlab.experiments.study.study import DEVICE, Settings, Study
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.networks.catalogue import expect_network_name
from tangentlab.records import Store


@dataclass(frozen=True, eq=False)
class StudyRun:
    """A study at a scale, its sources, its units and its store. Make one with `StudyRun.start` or `.resume`."""

    study: Study
    scale: str
    settings: Settings
    sources: Sources
    cells: tuple[StudyUnit, ...]
    store: Store
    planned: tuple[Planned, ...] = ()

    @classmethod
    def start(
        cls,
        study: Study,
        out: str | Path,
        *,
        scale: str = "small",
        settings: Settings,
        sources: Sources,
        command: str | None = None,
    ) -> StudyRun:
        """Lay out the units of a study and make its store, or open it if it holds the same ones.

        Errors: those of the data and the names in the settings; `StoreError` for a folder that cannot be written or
        that holds something else.
        """
        cells = units_of(study, settings, sources)
        spec = _spec(study, scale, settings, sources)
        return cls(study, scale, settings, sources, cells, Store.create(out, spec | _command(command)))

    @classmethod
    def resume(cls, path: str | Path) -> StudyRun:
        """The run that a store was started for, from the store's own spec.

        Errors: `StoreError` if the version, the data or a network's source is no longer what it was, or if the run
        was started from Python with things that have no name.
        """
        store = Store.open(path)
        stored = store.spec
        if not is_study(store):
            raise StoreError(f"{path} does not hold a study.", remedy="Give the folder of `tangentlab run NAME`.")
        anew = f"tangentlab run {stored['study']} --scale {stored['scale']}"
        expect_resumable(store, call="study", anew=anew)
        study, settings = STUDIES[stored["study"]], stored["settings"]
        sources = named_sources(settings)
        expect_unchanged(store, _spec(study, stored["scale"], settings, sources)["identities"], anew=anew)
        return cls(study, stored["scale"], settings, sources, units_of(study, settings, sources), store)

    @property
    def threads(self) -> int:
        """That one unit computes with."""
        return self.settings["threads"]

    @property
    def grid(self) -> StoredGrid[StudyUnit]:
        """The units, bound to the store."""
        return StoredGrid(self.cells, self.sources, self.store, self.threads)

    @property
    def unfinished(self) -> tuple[StudyUnit, ...]:
        """Those that have no finished record yet."""
        return self.grid.unfinished

    def execute(self, **how: Any) -> Outcome:
        """Run what is unfinished: with `jobs`, a `scheduler`, `report` and `stop` (see `StoredGrid.execute`)."""
        return self.grid.execute(**how)


def is_study(store: Store) -> bool:
    """Whether a store holds the run of a study rather than a comparison."""
    return store.spec.get("study") in STUDIES


def named_sources(settings: Settings) -> Sources:
    """What the settings of a study name, and nothing beside it."""
    return Sources(settings["data"], settings["data_path"] or None, settings["label"] or None)


def units_of(study: Study, settings: Settings, sources: Sources) -> tuple[StudyUnit, ...]:
    """Every unit of a study, in the order in which they are run, with the identities of what they name.

    A network that the catalogue does not have is refused before any, one of the user's own that none of its units could
    have (see `expect_networks`), and a device that is not here.
    """
    present_device(settings.get("device") or DEVICE)
    for name in settings["networks"]:
        if name not in sources.networks:
            expect_network_name(name)
    shared = {"version": __version__, **_data_identity(settings, sources)}
    found = []
    for own in study.units(settings):
        network = sources.network_identity(own["network"]) if "network" in own else None
        found.append(StudyUnit(study.name, own, shared | ({"network": network} if network else {})))
    expect_networks(study, tuple(found), sources)
    return tuple(found)


def _data_identity(settings: Settings, sources: Sources) -> Settings:
    """The content of the data; none where a study makes its own rows, as the parity of signs."""
    return {"data": sources.loaded.identity} if settings["data"] else {}


def _spec(study: Study, scale: str, settings: Settings, sources: Sources) -> dict[str, Any]:
    identities: dict[str, Any] = {"version": __version__, **_data_identity(settings, sources)}
    for name in settings["networks"]:
        if digest := sources.network_identity(name):
            identities[f"network {name}"] = digest
    given = {"data": not isinstance(sources.data, str), "networks": bool(sources.networks)}
    about = {"study": study.name, "scale": scale, "settings": settings, "identities": identities}
    about["about"] = {
        name: getattr(study, name) for name in ("title", "source", "hypothesis", "statistic", "refuted_by")
    }
    about["given"] = [name for name, is_given in given.items() if is_given]
    return about | {"fingerprint": fingerprint(about)}


def _command(command: str | None) -> dict[str, str]:
    return {"command": command} if command else {}
