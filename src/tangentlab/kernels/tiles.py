"""The kernel of any number of rows, tile by tile; symmetric work is done once, terms are made as seldom as fits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tangentlab._shapes import expect_finite
from tangentlab.kernels.block_plan import BlockPlan
from tangentlab.kernels.layer_terms import TermMaker, Terms
from tangentlab.kernels.output_flavour import OutputFlavour
from tangentlab.networks.evaluation import outside_inference_mode, preserved_random_state
from tangentlab.networks.inputs import Inputs, count_rows, take_rows

Progress = Callable[[int, int], None]
"""Called with (pairs of rows done, pairs of rows in all)."""

Pair = tuple[int, int]
"""Numbers of a block of rows and of a block of columns."""


@dataclass(frozen=True, eq=False)
class TileMaker:
    """Computes the tiles of Θ(x1, x2), or with `x2` None those of Θ(x1, x1) on and above the diagonal.

    The numbers of a tile depend on nothing but the rows, the network and the plan: not on the tiles computed before,
    nor on the process, as long as the machine, the versions and the number of threads are the same. It can be pickled;
    the terms that it keeps to use again, of the blocks used last, stay behind.
    """

    maker: TermMaker
    x1: Inputs
    x2: Inputs | None
    flavour: OutputFlavour
    plan: BlockPlan
    _kept: dict[tuple[bool, int], Terms] = field(default_factory=dict, repr=False)
    _workspace: list[Tensor] = field(default_factory=list, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return TileMaker, (self.maker, self.x1, self.x2, self.flavour, self.plan)

    @property
    def symmetric(self) -> bool:
        """Whether it is the kernel of one set of rows."""
        return self.x2 is None

    @property
    def blocks(self) -> tuple[int, int]:
        """How many blocks of rows and of columns there are."""
        rows = -(-count_rows(self.x1) // self.plan.block)
        return rows, rows if self.x2 is None else -(-count_rows(self.x2) // self.plan.block)

    @property
    def side(self) -> int:
        """Rows of the kernel's matrix for each row of data: c if it is full, else 1."""
        return self.flavour.side

    def span(self, block: int, *, right: bool = False) -> slice:
        """The rows of data of a block."""
        rows = count_rows(self.x2 if right and self.x2 is not None else self.x1)
        return slice(block * self.plan.block, min((block + 1) * self.plan.block, rows))

    def matrix_shape(self, pair: Pair) -> tuple[int, int]:
        """Rows and columns of a tile in the kernel's matrix."""
        rows, columns = self.span(pair[0]), self.span(pair[1], right=True)
        return self.side * (rows.stop - rows.start), self.side * (columns.stop - columns.start)

    def pairs(self) -> Iterator[Pair]:
        """Every tile, ordered so that the fewest terms are made twice.

        As many blocks of rows as can be kept, and against them every block of columns, one after another.
        """
        rows, columns = self.blocks
        group = max(1, min(rows, self.plan.kept_blocks))
        for first in range(0, rows, group):
            for b in range(first if self.symmetric else 0, columns):
                for a in range(first, min(first + group, b + 1 if self.symmetric else rows, rows)):
                    yield a, b

    def cost(self, pairs: Collection[Pair]) -> int:
        """Pairs of rows in some tiles."""
        sizes = [self.matrix_shape(pair) for pair in pairs]
        return sum(rows * columns for rows, columns in sizes) // self.side**2

    @outside_inference_mode()
    def tile(self, pair: Pair) -> Tensor:
        """Θ between two blocks, before scaling; a workspace, overwritten by the next call.

        In float64, or in float32 where all that it sums up is one short sum, see `short_sums`.
        """
        a, b = pair
        right = self._terms(b, right=True)
        left = self._terms(a)
        rows, columns = self.span(a), self.span(b, right=True)
        shape = self.flavour.shape(rows.stop - rows.start, columns.stop - columns.start)
        numbers = torch.Size(shape).numel()
        if not self._workspace or self._workspace[0].numel() < numbers:
            device = self.maker.network.device
            self._workspace[:] = [torch.empty(numbers, dtype=self.maker.tile_dtype, device=device)]
        total = self.flavour.outputs_first(self._workspace[0][:numbers].zero_(), *shape[:2])
        self.maker.add_tile(total, left, right)
        if self.symmetric and a == b:
            total.add_(self.flavour.mirrored(total)).div_(2)
        return total

    def matrix(self, pair: Pair, *, out: Tensor | None = None) -> Tensor:
        """A tile of the kernel's matrix, scaled and finite, in the network's dtype: (n·c, m·c) if it is full."""
        total, network = self.tile(pair), self.maker.network
        if out is None:
            out = torch.empty(self.matrix_shape(pair), dtype=network.dtype, device=network.device)
        if self.side > 1:
            n, m, c, _ = total.shape
            out.view(n, c, m, c).copy_(total.transpose(1, 2))
        else:
            out.copy_(total.view(out.shape))
        if not torch.isfinite(out.sum()):
            expect_finite(
                "kernel", out, remedy="A gradient overflowed; scale the inputs or use dtype=torch.float64."
            )
        return self.flavour.scaled_(out)

    def _terms(self, block: int, *, right: bool = False) -> Terms:
        """Terms of a block; the one used longest ago makes room, as `pairs` and any other order want it."""
        key = (right and not self.symmetric, block)
        kept = self._kept
        if key not in kept:
            while len(kept) > max(1, self.plan.kept_blocks):
                del kept[next(iter(kept))]
            x = self.x2 if key[0] else self.x1
            network = self.maker.network
            with preserved_random_state(network.device):
                rows = network.place(take_rows(x, self.span(block, right=right)))
                kept[key] = self.maker.block(rows, step=self.plan.step)
        elif not right:  # else the blocks of rows, wanted again at once, would be the oldest
            kept[key] = kept.pop(key)
        return kept[key]


def fill_tiles(kernel: Tensor, tiles: TileMaker, *, progress: Progress | None = None) -> None:
    """Write Θ(x1, x2) into `kernel`, before scaling; a symmetric one is computed above the diagonal and mirrored."""
    flavour = tiles.flavour
    done, total = 0, tiles.cost(list(tiles.pairs()))
    for a, b in tiles.pairs():
        rows, columns = tiles.span(a), tiles.span(b, right=True)
        tile = tiles.tile((a, b))
        kernel[rows, columns] = tile
        if tiles.symmetric and a != b:
            mirrored = flavour.mirrored(tile) if tile.ndim == 2 else flavour.transpose(kernel[rows, columns])
            kernel[columns, rows] = mirrored
        done += tiles.cost([(a, b)])
        if progress is not None:
            progress(done, total)
