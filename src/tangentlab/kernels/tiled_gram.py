"""TiledGram: a kernel on one set of rows as the tiles of its upper triangle, in memory or on disk, checked."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from tangentlab.kernels.cross_check import cross_check
from tangentlab.kernels.inspection import Inspection
from tangentlab.kernels.output_flavour import Outputs
from tangentlab.kernels.packed_tiles import packed_tiles
from tangentlab.kernels.path_changed import PathChanged
from tangentlab.kernels.rounding import rounding
from tangentlab.kernels.tile_work import TileWork
from tangentlab.kernels.tiles import Pair, Progress, TileMaker
from tangentlab.linalg import SymmetricTiles
from tangentlab.networks.inputs import Inputs

_FEW = 4
"""Rows of the sub-block that tells what a reduced precision cost: each pair of them reads a tile."""


@dataclass(frozen=True)
class TiledGram:
    """What `Gram` is, for n beyond a dense kernel: made by `NeuralTangentKernel.tiles`.

    >>> from tangentlab.kernels import NeuralTangentKernel
    >>> gram = NeuralTangentKernel(torch.nn.Linear(2, 3, bias=False), outputs="trace").tiles(torch.eye(2))
    >>> gram.matrix.shape, gram.trace, gram.dense().tolist()
    ((2, 2), 6.0, [[3.0, 0.0], [0.0, 3.0]])
    """

    matrix: SymmetricTiles = field(repr=False)
    """The kernel's matrix: (n, n), or for "full" (n·c, n·c) with row index i·c + k. `eigenpairs` and all else that
    knows a kernel by its products takes it."""
    outputs: Outputs
    description: str
    fingerprint: str
    difference: float
    """Largest difference from plain autograd on a random sub-block, relative; nan where it was not checked."""
    trace: float
    rounding: float = 0.0
    """How far a reduced precision moved a random sub-block, as in `Gram`."""

    any_precision: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, int]:
        """That of `matrix`."""
        return self.matrix.shape

    @property
    def dtype(self) -> torch.dtype:
        """That of `matrix`."""
        return self.matrix.dtype

    @property
    def device(self) -> torch.device:
        """That of `matrix`."""
        return self.matrix.device

    def matmat(self, vectors: Tensor) -> Tensor:
        """Products of `matrix`, so that the whole goes where a kernel is known by its products."""
        return self.matrix.matmat(vectors)

    def diagonal(self) -> Tensor:
        """The diagonal of `matrix`, float64."""
        return self.matrix.diagonal()

    def dense(self) -> Tensor:
        """The whole matrix, twice the memory."""
        n, matrix = self.matrix.size, self.matrix
        whole = torch.empty(n, n, dtype=matrix.dtype, device=matrix.device)
        for i, j, values in matrix.read():
            rows, columns = slice(i, i + len(values)), slice(j, j + values.shape[1])
            whole[rows, columns] = torch.as_tensor(values)
            if i != j:
                whole[columns, rows] = torch.as_tensor(values).T
        return whole


def gram_in_memory(
    found: Inspection,
    x: Inputs,
    *,
    kernel: str,
    description: str,
    tile: int | None,
    memory: int | str | None,
    devices: Collection[torch.device],
    home: torch.device,
    progress: Progress | None,
) -> TiledGram:
    """The kernel packed in memory; refused before any work if it does not fit."""
    storage = "packed" if home.type == found.network.device.type else "disk"
    while True:
        try:
            tiles = found.tiles(x, None, memory=memory, storage=storage, block=tile)
            matrix = packed_tiles(tiles, devices=devices, home=home, progress=progress)
            break
        except PathChanged as change:
            found = found.without(change.names)
    step = tiles.plan.block * tiles.side
    places = {(i // step, j // step): torch.as_tensor(values) for i, j, values in matrix.read()}
    return _checked(tiles, matrix, places.__getitem__, kernel, f"{description}; {found.routes.describe()}")


def gram_of_store(work: TileWork) -> TiledGram:
    """The kernel of a finished store, compared with autograd once."""
    store, about = work.store, work.store.about
    known = about["difference"]
    gram = _checked(
        work.tiles, store.tiles(), store.read, about["kernel"], about["description"], known, about.get("rounding")
    )
    if known is None:
        finite = gram.difference == gram.difference
        store.note(difference=gram.difference if finite else "unknown", rounding=gram.rounding)
    return gram


def _checked(
    tiles: TileMaker,
    matrix: SymmetricTiles,
    tile: Callable[[Pair], Tensor],
    kernel: str,
    description: str,
    known: float | str | None = None,
    moved: float | None = None,
) -> TiledGram:
    flavour, blocks = tiles.flavour, range(tiles.blocks[0])
    if known is None:

        def block(first: Tensor, second: Tensor) -> Tensor:
            return _entries(tiles, tile, first, second) / flavour.scale

        difference = cross_check(
            tiles.maker.network, block, flavour=flavour, x1=tiles.x1, x2=None, precision=tiles.maker.precision
        )
        moved = rounding(tiles, block, most=_FEW)
    else:
        difference = float("nan") if isinstance(known, str) else known
        moved = 0.0 if moved is None else moved
    trace = sum(float(tile((a, a)).diagonal().double().sum()) for a in blocks)
    return TiledGram(matrix, flavour.name, description, kernel, difference, trace, moved)


def _entries(tiles: TileMaker, tile: Callable[[Pair], Tensor], first: Tensor, second: Tensor) -> Tensor:
    """Θ between a few rows, float64: (rows, columns), with two axes more of outputs if it is full."""
    c, size = tiles.side, tiles.plan.block
    found = torch.empty(len(first) * c, len(second) * c, dtype=torch.float64, device=tiles.maker.network.device)
    for p, i in enumerate(first.tolist()):
        for r, j in enumerate(second.tolist()):
            a, b = i // size, j // size
            values = tile((a, b)) if a <= b else tile((b, a)).T
            left, right = (i - a * size) * c, (j - b * size) * c
            found[p * c : (p + 1) * c, r * c : (r + 1) * c] = values[left : left + c, right : right + c]
    if tiles.flavour.contraction != "full":
        return found
    return found.reshape(len(first), c, len(second), c).transpose(1, 2)
