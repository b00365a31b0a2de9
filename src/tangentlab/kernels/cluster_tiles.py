"""Tiles on a cluster: workers of a Dask scheduler write the tiles of a kernel into the store that all of them share.

The network and the rows travel once to each worker, by value. A tile takes as many threads as its worker has, and is
the same, bit for bit, wherever it was made with equal threads on equal machines.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from tangentlab._cluster import ATTEMPTS, ENDED, LOST, Cluster
from tangentlab._errors import StoreError, TangentlabError
from tangentlab.kernels.path_changed import PathChanged
from tangentlab.kernels.tile_store import TileStore
from tangentlab.kernels.tile_strips import Strips
from tangentlab.kernels.tile_work import TileWork, made_by, write_tile
from tangentlab.kernels.tiles import Pair, Progress, TileMaker


@dataclass(frozen=True, eq=False)
class SharedTiles:
    """What a worker needs for any tile of a kernel; the terms of blocks it has made stay with it."""

    tiles: TileMaker
    store: TileStore

    def refuse_elsewhere(self) -> None:
        """Refuse a folder that is not the store itself: what is written there would be lost."""
        try:
            found = TileStore.open(self.store.path).about
        except StoreError:
            found = {}
        if any(found.get(key) != self.store.about[key] for key in ("kernel", "data", "tile", "size")):
            raise StoreError(
                f"A worker does not see the store in {self.store.path}.",
                remedy="Give a folder on a file system that all workers share.",
            )


def write_tile_there(pair: Pair, shared: SharedTiles) -> dict[str, Any]:
    """Write a tile from this worker, with the worker's number of threads; by what it was made, or what has changed."""
    from distributed import get_worker

    shared.refuse_elsewhere()
    before = torch.get_num_threads()
    torch.set_num_threads(get_worker().state.nthreads)
    try:
        write_tile(shared.tiles, shared.store, pair)
        return {"made_by": made_by()}
    except PathChanged as change:
        return {"changed": change.names}
    finally:
        torch.set_num_threads(before)


def run_on_cluster(work: TileWork, *, cluster: Cluster, progress: Progress | None = None) -> TileWork:
    """Have all tiles that are missing computed by the workers of a cluster; the work as it then stands.

    A tile whose worker dies is computed by another. Errors: `StoreError` where a worker does not see the store,
    `TangentlabError` for a tile on which three workers died, and those of the connection.
    """
    work, changed = _write_missing(work, cluster, progress)
    while changed:
        work, changed = _write_missing(work.without(changed), cluster, progress)
    return work


def _write_missing(work: TileWork, cluster: Cluster, progress: Progress | None) -> tuple[TileWork, set[str]]:
    """Also the names of parameters that some rows use otherwise than expected; none once every tile is there."""
    pairs, tiles, store = work.missing(), work.tiles, work.store
    if not pairs:
        return work, set()
    total = tiles.cost(store.pairs())
    done = [total - tiles.cost(pairs)]
    changed: set[str] = set()
    makers = list(store.about["made_by"])

    def told(kind: str, pair: Pair, answer: Any) -> None:
        if kind == LOST:
            raise TangentlabError(
                f"{ATTEMPTS} workers died at the tile of blocks {pair[0]} and {pair[1]}.",
                remedy="Often memory ran out: give memory= a smaller number and a new folder, or start larger workers.",
            )
        if kind != ENDED:
            return
        changed.update(answer.get("changed", ()))
        if "made_by" in answer:
            if answer["made_by"] not in makers:
                makers.append(answer["made_by"])
            done[0] += tiles.cost([pair])
            if progress is not None:
                progress(done[0], total)

    def settled(pair: Pair) -> dict[str, Any] | None:
        return {"made_by": makers[0]} if store.state(pair) == "whole" else None

    cluster.run(
        Strips.of(pairs, kept=tiles.plan.kept_blocks, takers=len(cluster.workers())),
        function=write_tile_there,
        shared=SharedTiles(tiles, store),
        told=told,
        stop=lambda: bool(changed),
        settled=settled,
    )
    return replace(work, store=store.note(made_by=makers)), changed
