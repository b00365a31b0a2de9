"""TileWork: a kernel on its way into a store of tiles, that any number of processes may carry on at any time.

The unit is `write_tile`: compute one tile and put it under its name. It may be repeated, interrupted and done in any
order; the numbers are the same, bit for bit, on one kind of machine with one number of threads.
"""

from __future__ import annotations

import platform
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tangentlab._fingerprint import fingerprint
from tangentlab.kernels.device_tiles import DeviceTiles
from tangentlab.kernels.inspection import Inspection
from tangentlab.kernels.path_changed import PathChanged
from tangentlab.kernels.tile_store import FORMAT, TileStore
from tangentlab.kernels.tiles import Pair, Progress, TileMaker
from tangentlab.networks.inputs import Inputs, count_rows, tensors_of


def write_tile(tiles: TileMaker, store: TileStore, pair: Pair) -> None:
    """Compute the tile `pair` and write it to the store. Both arguments can be pickled and sent anywhere.

    Raises `PathChanged` where rows of the tile take another way through the network than those it was inspected on:
    then continue with `TileWork.without(error.names)`, which begins anew.
    """
    store.write(pair, tiles.matrix(pair))


@dataclass(frozen=True, eq=False)
class TileWork:
    """The tiles of Θ(x, x), the store they go to, and what was found out about the network.

    >>> import tempfile
    >>> from tangentlab.kernels import NeuralTangentKernel
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     kernel = NeuralTangentKernel(torch.nn.Linear(2, 1, bias=False), outputs=0)
    ...     work = kernel.tile_work(torch.eye(2), store=folder, tile=1)
    ...     for pair in work.missing():
    ...         write_tile(work.tiles, work.store, pair)
    ...     work.missing(), work.store.tiles().matmat(torch.ones(2, 1)).flatten().tolist()
    ([], [1.0, 1.0])
    """

    found: Inspection
    tiles: TileMaker
    store: TileStore
    memory: int | str | None

    @staticmethod
    def begin(
        found: Inspection,
        x: Inputs,
        *,
        kernel: str,
        description: str,
        path: Path | str,
        tile: int | None,
        memory: int | str | None,
    ) -> TileWork:
        """The work on a kernel (its fingerprint and words) in a folder, begun there or found there and carried on.

        What decides about the last bits is taken from the store: sizes of tiles and steps, and the parameters that
        turned out to need the general route.
        """
        rows, side = count_rows(x), found.flavour.side
        about: dict[str, Any] = {
            "format": FORMAT,
            "kernel": kernel,
            "data": _identity(x),
            "method": found.method,
            "size": rows * side,
            "side": side,
            "dtype": str(found.network.dtype).removeprefix("torch."),
            "outputs": found.flavour.name,
        }
        earlier = TileStore.open(path).about if TileStore.is_one(path) else {}
        block, step = earlier.get("tile") if tile is None else tile, earlier.get("step")
        general = set(earlier.get("general", ()))
        if general:
            found = found.without(general)
        found, tiles, changed = _tiles(found, x, memory=memory, block=block, step=step)
        about |= {"tile": tiles.plan.block, "step": tiles.plan.step}
        about |= {"general": sorted(general | changed), "difference": None}
        about |= {"description": f"{description}; {found.routes.describe()}", "made_by": [made_by()]}
        store = TileStore.at(path, about)
        if store.about["step"] != tiles.plan.step:  # another process was the first to begin
            tiles = found.tiles(x, None, memory=memory, storage="disk", block=block, step=store.about["step"])
        if made_by() not in store.about["made_by"]:
            store = store.note(made_by=[*store.about["made_by"], made_by()])
        return TileWork(found, tiles, store, memory)

    def missing(self, progress: Progress | None = None) -> list[Pair]:
        """Tiles to compute, in the order that makes the fewest terms twice. Reads every tile that is there."""
        absent = set(self.store.missing(progress))
        return [pair for pair in self.tiles.pairs() if pair in absent]

    def without(self, names: Collection[str]) -> TileWork:
        """The work begun anew with the general route for the parameters `names`: one kernel is of one piece."""
        x, plan = self.tiles.x1, self.tiles.plan
        found = self.found.without(names)
        found, tiles, changed = _tiles(found, x, memory=self.memory, block=plan.block, step=plan.step)
        general = sorted({*self.store.about["general"], *names, *changed})
        for pair in self.store.pairs():
            self.store.remove(pair)
        return replace(self, found=found, tiles=tiles, store=self.store.note(general=general, difference=None))

    def run(self, *, devices: Collection[torch.device] = (), progress: Progress | None = None) -> TileWork:
        """Compute all tiles that are missing, here, on several devices if given; the work as it then stands."""
        pairs = self.missing()
        total = self.tiles.cost(self.store.pairs())
        done = [total - self.tiles.cost(pairs)]

        def told(pair: Pair) -> None:
            done[0] += self.tiles.cost([pair])
            if progress is not None:
                progress(done[0], total)

        try:
            on_devices = DeviceTiles.of(self.tiles, devices)
            on_devices.each(pairs, lambda tiles, pair: write_tile(tiles, self.store, pair), done=told)
        except PathChanged as change:
            return self.without(change.names).run(devices=devices, progress=progress)
        return self


def _tiles(
    found: Inspection, x: Inputs, *, memory: int | str | None, block: int | None, step: int | None
) -> tuple[Inspection, TileMaker, set[str]]:
    """The tiles, and the parameters that the network's own precision uses otherwise than float64 did, if any."""
    changed: set[str] = set()
    while True:
        try:
            tiles = found.tiles(x, None, memory=memory, storage="disk", block=block, step=step)
            return found, tiles, changed
        except PathChanged as change:
            changed |= set(change.names)
            found = found.without(change.names)


def _identity(x: Inputs) -> str:
    others = (
        [] if isinstance(x, torch.Tensor) else [repr(v) for v in _entries(x) if not isinstance(v, torch.Tensor)]
    )
    return fingerprint([dict(tensors_of(x)), others], length=32)


def _entries(x: Any) -> list[Any]:
    return list(x.values() if hasattr(x, "values") else x)


def made_by() -> dict[str, Any]:
    """What the last bits of a number may depend on."""
    return {
        "torch": torch.__version__,
        "machine": platform.machine(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
    }
