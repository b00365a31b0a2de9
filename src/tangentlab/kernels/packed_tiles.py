"""The upper triangle of a kernel in one piece of memory, half of what the whole takes."""

from __future__ import annotations

import torch
from torch import Tensor

from tangentlab.kernels.tiles import Pair, Progress, TileMaker
from tangentlab.linalg import SymmetricTiles


def packed_tiles(tiles: TileMaker, *, progress: Progress | None = None) -> SymmetricTiles:
    """Compute every tile of a symmetric kernel where it will stay: each number is written once, never copied."""
    network, pairs = tiles.maker.network, sorted(tiles.pairs())
    shapes = {pair: tiles.matrix_shape(pair) for pair in pairs}
    memory = torch.empty(
        sum(rows * columns for rows, columns in shapes.values()), dtype=network.dtype, device=network.device
    )
    places: dict[Pair, Tensor] = {}
    start = 0
    for pair, (rows, columns) in shapes.items():
        places[pair] = memory[start : start + rows * columns].view(rows, columns)
        start += rows * columns
    done, total = 0, tiles.cost(pairs)
    for pair in tiles.pairs():
        tiles.matrix(pair, out=places[pair])
        done += tiles.cost([pair])
        if progress is not None:
            progress(done, total)
    step = tiles.plan.block * tiles.side
    kept = [(a * step, b * step, places[a, b]) for a, b in pairs]
    size = tiles.side * tiles.span(tiles.blocks[0] - 1).stop
    return SymmetricTiles(size, network.dtype, network.device, lambda: kept)
