"""The upper triangle of a kernel in one piece of memory, half of what the whole takes."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from tangentlab.kernels.device_tiles import DeviceTiles
from tangentlab.kernels.tiles import Pair, Progress, TileMaker
from tangentlab.linalg import SymmetricTiles


def packed_tiles(
    tiles: TileMaker,
    *,
    devices: Collection[torch.device] = (),
    home: torch.device | None = None,
    progress: Progress | None = None,
) -> SymmetricTiles:
    """Compute every tile of a symmetric kernel where it will stay: each number is written once, and not copied.

    On several `devices` tiles are copied from each to `home`, by default where the network is.
    """
    network, pairs = tiles.maker.network, sorted(tiles.pairs())
    home = network.device if home is None else home
    shapes = {pair: tiles.matrix_shape(pair) for pair in pairs}
    memory = torch.empty(
        sum(rows * columns for rows, columns in shapes.values()), dtype=network.dtype, device=home
    )
    places: dict[Pair, Tensor] = {}
    start = 0
    for pair, (rows, columns) in shapes.items():
        places[pair] = memory[start : start + rows * columns].view(rows, columns)
        start += rows * columns
    done, total = [0], tiles.cost(pairs)

    def put(maker: TileMaker, pair: Pair) -> None:
        if maker.maker.network.device == home:
            maker.matrix(pair, out=places[pair])
        else:
            places[pair].copy_(maker.matrix(pair))

    def told(pair: Pair) -> None:
        done[0] += tiles.cost([pair])
        if progress is not None:
            progress(done[0], total)

    DeviceTiles.of(tiles, devices).each(list(tiles.pairs()), put, done=told)
    step = tiles.plan.block * tiles.side
    kept = [(a * step, b * step, places[a, b]) for a, b in pairs]
    size = tiles.side * tiles.span(tiles.blocks[0] - 1).stop
    return SymmetricTiles(size, network.dtype, home, lambda: kept)
