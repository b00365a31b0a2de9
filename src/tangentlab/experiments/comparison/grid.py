"""The grid of a spec: every cell, in a fixed order, each kept or skipped with a reason, before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

from tangentlab import __version__
from tangentlab._errors import ArgumentError, DataError, NetworkError, ShapeError, TangentlabError
from tangentlab.experiments.comparison.cell import Cell
from tangentlab.experiments.comparison.own_networks import OwnNetworks
from tangentlab.experiments.comparison.spec import ComparisonSpec
from tangentlab.experiments.inputs.sources import Model, Sources
from tangentlab.experiments.learning.infinite import refusal_of_infinite
from tangentlab.experiments.machine.compute_device import present_device
from tangentlab.tasks import Task


@dataclass(frozen=True)
class Planned:
    """A cell of the grid, and what speaks against running it, if anything does."""

    cell: Cell
    refusal: TangentlabError | None = None

    @property
    def skipped(self) -> str:
        """Why the cell cannot run; empty if it can."""
        return "" if self.refusal is None else str(self.refusal)


def plan(spec: ComparisonSpec, sources: Sources) -> tuple[Planned, ...]:
    """Every cell of the spec, resolved for its data: seeds, then sizes, tasks and networks.

    Seeds come first, so that a comparison that is stopped early is whole for some of them. A size that the data do
    not have, or a network that cannot take a task's rows or has other outputs, is skipped with the reason. A name that
    means nothing, a device that is not here, or a network of the user's own that no task can have, is refused, and so
    is the learner "infinite" where no cell has it; where some have it, the others run without. No network is trained
    and no kernel computed.

    >>> from tangentlab.experiments.comparison.defaults import resolved
    >>> sources = Sources(data="digits")
    >>> spec = resolved(ComparisonSpec.of(networks="mlp", tasks="random:2", samples=[50, 5000]), sources.loaded)
    >>> for each in plan(spec, sources)[:2]:
    ...     print(each.cell, "|", each.skipped)
    mlp on random:2, 50 samples, seed 0 |
    mlp on random:2, 5,000 samples, seed 0 | digits has 1797 rows for this task; 5000 to train on and ...
    """
    tasks, samples = spec.tasks or (), spec.samples or ()
    if not tasks or not samples:
        raise ArgumentError(
            "spec", expected="one with tasks and samples", got="none", remedy="Resolve it for its data first."
        )
    present_device(spec.device)
    networks = {name: sources.network_identity(name) for name in spec.networks}
    contents = {name: {"task" if name in sources.tasks else "data": sources.task_identity(name)} for name in tasks}

    @cache
    def task_of(name: str, size: int) -> Task | DataError:
        try:
            return sources.task(name, spec, samples=size, seed=spec.seeds[0])
        except DataError as error:
            return error

    @cache
    def refusal(network: str, name: str, size: int) -> TangentlabError | None:
        task = task_of(name, size)
        if not isinstance(task, Task):
            return task
        if (reason := own.refusal(network, task)) is not None:
            return reason
        try:
            model = built(network, task.shape, task.outputs)
        except ShapeError as error:
            return error
        except (
            NetworkError
        ):  # a builder of the user's own that fails for this seed and not for all: its cells tell
            return None
        if "infinite" in spec.learners:
            without[network, name, size] = refusal_of_infinite(network, spec, sources, model=model, task=task)
        return without.get((network, name, size)) if spec.learners == ("infinite",) else None

    @cache
    def built(network: str, shape: tuple[int, ...], outputs: int) -> Model:
        return sources.model(network, spec, shape=shape, outputs=outputs, seed=spec.seeds[0])

    own = OwnNetworks(spec, sources)
    without: dict[tuple[str, str, int], TangentlabError | None] = {}
    planned = []
    for seed, size, name, network in product(spec.seeds, samples, tasks, spec.networks):
        reason = refusal(network, name, size)
        identities = {"version": __version__, "network": networks[network], **contents[name]}
        cell = Cell(spec=spec, network=network, task=name, samples=size, seed=seed, identities=identities)
        planned.append(Planned(cell, reason))
    if without and None not in without.values():  # asked for, and nowhere to be had
        raise next(reason for reason in without.values() if reason is not None)
    own.expect_somewhere()
    return tuple(planned)


def runnable(planned: tuple[Planned, ...]) -> tuple[Cell, ...]:
    """The cells that are not skipped; the reason is raised when none is left.

    >>> runnable(())
    ()
    """
    cells = tuple(p.cell for p in planned if not p.skipped)
    refusals = [p.refusal for p in planned if p.refusal is not None]
    if cells or not refusals:
        return cells
    if len({str(refusal) for refusal in refusals}) == 1:
        raise refusals[0]
    raise DataError(
        f"None of the {len(planned)} cells can run, the first because: {refusals[0].message}",
        remedy=refusals[0].remedy,
    )


def skipped_reasons(planned: tuple[Planned, ...]) -> dict[str, int]:
    """Each reason for skipping and how many cells it took.

    >>> skipped_reasons(())
    {}
    """
    found: dict[str, int] = {}
    for each in planned:
        if each.skipped:
            found[each.skipped] = found.get(each.skipped, 0) + 1
    return found
