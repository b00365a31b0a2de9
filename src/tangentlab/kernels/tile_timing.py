"""Seconds that a row of terms, a pair of rows in a tile, a check and a byte take, by doing a little of the work."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from tangentlab.kernels.cross_check import cross_check
from tangentlab.kernels.layer_terms import Terms
from tangentlab.kernels.process_memory import settle
from tangentlab.kernels.tiles import TileMaker
from tangentlab.networks.inputs import count_rows, take_rows
from tangentlab.tangent.joined_factors import joined, some_rows

_Result = TypeVar("_Result")

_WHILE = 0.3
"""Seconds given to each of the measurements; up to five times as many where a few rows take longer."""

LONG = 20.0
"""Seconds of what is not done twice; first uses of a library or of memory can be most of them."""

_FIRST = 2.5
"""How many times as long four rows take as one, which alone has every weight read for it."""

_DOUBLED = 2.5
"""How many times as long a tile of twice the rows takes, where not all of its work is for pairs of rows."""

_FRESH = 40 * 2**20, 256 * 2**20
"""Bytes whose allocation is timed: more than an allocator has at hand, up to what the system has."""


def timed(work: Callable[[], _Result]) -> tuple[_Result, float]:
    """What a piece of work returns, and the seconds that it took.

    >>> timed(lambda: 3)[0]
    3
    """
    start = time.perf_counter()
    result = work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return result, time.perf_counter() - start


def row_and_pair_seconds(tiles: TileMaker) -> tuple[float, float]:
    """Seconds for a row of a block and for a pair of rows of a tile, holding no more than the kernel will."""
    row_seconds, terms = _row_seconds(tiles)
    settle(tiles.maker.network.device)
    for name in terms:
        terms[name] = joined(terms[name])
    return row_seconds, _pair_seconds(tiles, terms)


def _row_seconds(tiles: TileMaker) -> tuple[float, Terms]:
    """Seconds for a row of a block, and the terms of the block measured: a whole one where time allows."""
    maker, step = tiles.maker, tiles.plan.step
    block = min(tiles.plan.block, count_rows(tiles.x1))

    def make(rows: int) -> tuple[Terms, float]:
        x = maker.network.place(take_rows(tiles.x1, slice(0, rows)))
        return timed(lambda: maker.block(x, step=step))

    rows = 1
    make(rows)
    terms, took = make(rows)
    while rows < block:
        more = _FIRST if rows == 1 else 4.0
        if took * min(more, block / rows) >= (_WHILE if rows >= step else 5 * _WHILE):
            break
        rows = min(block, 4 * rows)
        terms = {}  # before the next ones are made
        make(rows) if rows <= step and took < _WHILE else None  # the first of its size makes its workspaces
        terms, took = make(rows)
    if took < _WHILE:
        terms = {}
        terms, again = make(rows)
        took = min(took, again)
    return took / rows, terms


def _pair_seconds(tiles: TileMaker, terms: Terms) -> float:
    """Seconds for a pair of rows of a tile, written twice where the kernel is symmetric."""
    rows, block = _rows(terms), tiles.plan.block
    before, took = None, _tile_seconds(tiles, terms, rows)
    while rows < block and took * min(_DOUBLED, (block / rows) ** 2) < 3 * _WHILE:
        before = took if 2 * rows <= block else None
        rows = min(block, 2 * rows)
        for name in terms:
            terms[name] = _longer(terms[name], rows)
        took = _tile_seconds(tiles, terms, rows)
    written = _written_seconds(tiles, rows)
    if rows == block:
        return (took + written) / block**2
    if before is None and rows > 1:
        for name in terms:
            terms[name] = _longer(terms[name], rows // 2)
        before = _tile_seconds(tiles, terms, rows // 2)
    once, paired = _in_two(took, took if before is None else before)
    return once * (block / rows) / block**2 + (paired + written) / rows**2


def _written_seconds(tiles: TileMaker, rows: int) -> float:
    """Seconds to write a tile of so many rows into the kernel, and once more where that is symmetric."""
    network, flavour = tiles.maker.network, tiles.flavour
    shape = flavour.shape(rows, rows)
    total = torch.zeros(shape, dtype=torch.float64, device=network.device)
    written = torch.zeros(shape, dtype=network.dtype, device=network.device)

    def write() -> None:
        written.copy_(total)
        if tiles.symmetric:
            written.copy_(flavour.transpose(total))

    write()
    return timed(write)[1]


def _in_two(whole: float, half: float) -> tuple[float, float]:
    """Seconds of a tile that grow with its rows, gradients written out say, and those that grow with its pairs; from
    those of half as many rows.

    >>> _in_two(3.0 * 2 + 5.0 * 4, 3.0 + 5.0)
    (6.0, 20.0)
    """
    once = min(max(4 * half - whole, 0.0), whole)
    return once, whole - once


def _tile_seconds(tiles: TileMaker, terms: Terms, rows: int) -> float:
    """Seconds of a tile in the mean: that of a block with itself, and that of two, as often as there are such."""
    blocks = tiles.blocks[0]
    apart = (blocks - 1) / (blocks + 1) if tiles.symmetric else 1.0
    other: Terms = {
        name: some_rows(joined(term), slice(None)) for name, term in terms.items()
    }  # as of another block
    sides = ((terms, 1 - apart), (other, apart))
    return sum(share * _adding_seconds(tiles, terms, right, rows) for right, share in sides if share)


def _adding_seconds(tiles: TileMaker, left: Terms, right: Terms, rows: int) -> float:
    device = tiles.maker.network.device
    total = torch.zeros(tiles.flavour.shape(rows, rows), dtype=torch.float64, device=device)

    def add() -> None:
        tiles.maker.add_tile(total.zero_(), left, right)

    took = [timed(add)[1]]
    if took[0] < LONG:  # the first of its size makes its workspaces
        took.append(timed(add)[1])
    while len(took) < 4 and sum(took) < _WHILE:
        took.append(timed(add)[1])
    return min(took)


def check_seconds(tiles: TileMaker) -> float:
    """Seconds of the comparison with autograd at the end, made on a kernel of the first rows."""
    x1 = take_rows(tiles.x1, slice(0, 2))
    x2 = None if tiles.x2 is None else take_rows(tiles.x2, slice(0, 2))
    small = TileMaker(tiles.maker, x1, x2, tiles.flavour, replace(tiles.plan, block=2, step=2))
    values = small.tile((0, 0)).clone()
    network, flavour, precision = tiles.maker.network, tiles.flavour, tiles.maker.precision
    return min(
        timed(lambda: cross_check(network, values, flavour=flavour, x1=x1, x2=x2, precision=precision))[1]
        for _ in range(2)
    )


def fresh_byte_seconds(device: torch.device, *, count: int) -> float:
    """Seconds that a byte of `count` bytes takes that the process did not have before."""
    count = min(max(count, _FRESH[0]), _FRESH[1])
    return timed(lambda: torch.empty(count, dtype=torch.uint8, device=device).fill_(1))[1] / count


def _longer(factor: Any, rows: int) -> Any:
    """A factor with its rows repeated up to so many."""
    changed: dict[str, Tensor] = {}
    length = max(len(value) for value in _tensors(factor).values())
    for name, value in _tensors(factor).items():
        if len(value) == length:
            changed[name] = value[torch.arange(rows, device=value.device) % length]
    return replace(factor, **changed)


def _rows(terms: Terms) -> int:
    return max(len(value) for value in _tensors(next(iter(terms.values()))).values())


def _tensors(factor: Any) -> dict[str, Tensor]:
    values = {each.name: getattr(factor, each.name) for each in fields(factor)}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}
