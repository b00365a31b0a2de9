"""The kernel of any number of rows, tile by tile; symmetric work is done once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from tangentlab.kernels.layer_terms import TermMaker, Terms
from tangentlab.kernels.memory_budget import BlockPlan
from tangentlab.kernels.output_flavour import OutputFlavour
from tangentlab.networks.evaluation import preserved_random_state
from tangentlab.networks.inputs import Inputs, count_rows, take_rows

Progress = Callable[[int, int], None]
"""Called with (pairs of rows done, pairs of rows in all)."""


def fill_tiles(
    kernel: Tensor,
    maker: TermMaker,
    *,
    x1: Inputs,
    x2: Inputs | None,
    flavour: OutputFlavour,
    plan: BlockPlan,
    progress: Progress | None = None,
) -> None:
    """Write Θ(x1, x2) into `kernel`; with `x2` None the upper triangle is computed and mirrored."""
    symmetric = x2 is None
    columns = x1 if symmetric else x2
    kept: dict[tuple[bool, int], Terms] = {}
    done, total = 0, _pairs(count_rows(x1), count_rows(columns), plan.block, symmetric)
    for a in _blocks(count_rows(x1), plan.block):
        left = _terms(maker, x1, a, plan, kept, first=True)
        for b in _blocks(count_rows(columns), plan.block):
            if symmetric and b.start < a.start:
                continue
            same = symmetric and b.start == a.start
            right = left if same else _terms(maker, columns, b, plan, kept, first=symmetric)
            tile = _tile(maker, left, right, shape=flavour.shape(a.stop - a.start, b.stop - b.start), like=kernel)
            if same:
                tile = (tile + flavour.transpose(tile)) / 2
            kernel[a, b] = tile
            if symmetric and not same:
                kernel[b, a] = flavour.transpose(tile)
            done += (a.stop - a.start) * (b.stop - b.start)
            if progress is not None:
                progress(done, total)


def _tile(maker: TermMaker, left: Terms, right: Terms, *, shape: tuple[int, ...], like: Tensor) -> Tensor:
    total = torch.zeros(shape, dtype=torch.float64, device=like.device)
    maker.add_tile(total, left, right)
    return total


def _terms(
    maker: TermMaker, x: Inputs, rows: slice, plan: BlockPlan, kept: dict[tuple[bool, int], Terms], *, first: bool
) -> Terms:
    """Terms of a block, kept while there is room so that a later tile need not make them again."""
    key = (first, rows.start)
    if key not in kept:
        with preserved_random_state(maker.network.device):
            terms = maker.block(maker.network.place(take_rows(x, rows)), step=plan.step)
        if len(kept) >= plan.kept_blocks:
            return terms
        kept[key] = terms
    return kept[key]


def _blocks(rows: int, block: int) -> Iterator[slice]:
    for start in range(0, rows, block):
        yield slice(start, min(start + block, rows))


def _pairs(n: int, m: int, block: int, symmetric: bool) -> int:
    if not symmetric:
        return n * m
    sizes = [rows.stop - rows.start for rows in _blocks(n, block)]
    return sum(a * b for i, a in enumerate(sizes) for b in sizes[i:])
