"""Footprint: the bytes that the terms of a row and the tile of two blocks take, found on one row before many."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor

from tangentlab.kernels.counted_pass import CountedPass, Kept
from tangentlab.kernels.heap import Event, Heap
from tangentlab.kernels.layer_terms import TermMaker, Terms
from tangentlab.kernels.operation_count import OperationCount
from tangentlab.kernels.output_flavour import OutputFlavour
from tangentlab.kernels.process_memory import kept_bytes
from tangentlab.networks.inputs import Inputs, count_rows, take_rows
from tangentlab.networks.network import Network
from tangentlab.tangent.factors import Outer

_COUNTED = 2
"""Rows of the pass that is counted. One row takes other ways: axes of length one have no strides to be copied for."""

_SCATTERED = 1.07
"""By how much a process on a CPU was found to hold more than the heap played through, which has no older gaps."""

_PARTS = 4096
"""Of the most that a pass holds, the part that a block must be to count."""


@dataclass(frozen=True, eq=False)
class Footprint:
    """What a `TermMaker` needs, counted on two real rows and, for tiles, on tensors without values.

    >>> from tangentlab.kernels.inspection import Inspection
    >>> from tangentlab.networks import Network
    >>> found = Inspection.of(Network(torch.nn.Linear(4, 1)), torch.ones(2, 4), None, outputs=0, method="auto")
    >>> Footprint.of(found.maker(columns=2)[0], found.samples, found.flavour).term_bytes
    20
    """

    maker: TermMaker
    flavour: OutputFlavour
    row: Terms
    """The terms of one row, without values."""
    term_bytes: int
    """Kept for each row of a block."""
    made: CountedPass
    """The pass that was counted."""
    most: dict[tuple[Any, ...], int] = field(default_factory=dict)
    """Bytes found so far, by those that the process keeps, blocks, steps and tiles."""
    tiles: dict[tuple[int, int | None], list[Event]] = field(default_factory=dict)
    """What tiles have been found to take so far, by their rows and columns."""

    @staticmethod
    def of(maker: TermMaker, samples: Sequence[Inputs], flavour: OutputFlavour) -> Footprint:
        """That of the largest among the first rows of `samples`, placed."""
        found = [_of_rows(maker, take_rows(few, slice(0, _COUNTED)), flavour) for few in samples]
        return max(found, key=lambda each: each.made.peak / each.made.rows)

    def most_bytes(self, blocks: Sequence[int], step: int, tiles: Sequence[tuple[int, int | None]]) -> int:
        """Bytes held at most while blocks of so many rows are made one after another, all to be kept, and then tiles.

        Terms are made `step` rows at a time; of each block two passes are played through, and others add what stays
        where they have made it. Tiles are given by their rows and columns (None: of a block with itself), and one after
        another lies in the gaps that the passes have left.
        """
        key = kept_bytes(), step, tuple(blocks), tuple(tiles)
        if key not in self.most:
            heap, first, more = Heap(kept=key[0]), 0, 0
            for rows in blocks:
                events = self.made.block_events(rows=rows, step=step, first=first)
                heap.replay(events)
                first += 1 + max((number for number, _ in events), default=0)
                more += max(0, rows - 2 * step) * (self.term_bytes - self.made.room_bytes)
            for tile in tiles:
                events = shifted(self.tile_events(*tile), by=first)
                heap.replay(events)
                first += 1 + max(number for number, _ in events)
            scattered = _SCATTERED if self.maker.network.device.type == "cpu" else 1
            self.most[key] = int(heap.peak * scattered) + more
        return self.most[key]

    def tile_events(self, rows: int, columns: int | None = None) -> list[Event]:
        """What is taken and freed for a tile in float64, by its contractions, and for its values where they belong.

        columns: of another block; None for the tile of a block with itself.
        """
        key = rows, columns
        if key not in self.tiles:
            tile = 8 * math.prod(self.flavour.shape(rows, rows if columns is None else columns))
            try:
                inside = shifted(self.tile(rows, columns).events, by=2)
            except (RuntimeError, NotImplementedError):  # a form that computes with values: its sides once more
                inside = [(2, 2 * tile + (rows + (columns or 0)) * self.term_bytes), (2, -1)]
            self.tiles[key] = [(0, tile), *inside, (1, tile), (1, -1), (0, -1)]
        return self.tiles[key]

    def tile(self, rows: int, columns: int | None = None) -> OperationCount:
        """What adding the terms of two blocks to a tile takes, or of one with itself, by doing it without values."""
        left = self.terms(rows)
        right = left if columns is None else self.terms(columns)
        shape = self.flavour.shape(rows, rows if columns is None else columns)
        total = torch.empty(shape, dtype=torch.float64, device="meta")
        with OperationCount() as count:
            self.maker.add_tile(total, left, right)
        return count

    def layer(self, name: str, rows: int, columns: int) -> OperationCount:
        """The same of one term alone."""
        alone = replace(self.maker, forms={name: self.maker.forms[name]})
        return replace(self, maker=alone, row={name: self.row[name]}).tile(rows, columns)

    def terms(self, rows: int) -> Terms:
        """Terms of `rows` rows, without values."""
        return {name: resized(factor, rows) for name, factor in self.row.items()}

    def of_network(self, network: Network) -> Footprint:
        """That of a network of the same structure."""
        return replace(self, maker=replace(self.maker, network=network))


def shifted(events: Sequence[Event], *, by: int) -> list[Event]:
    """The same with other numbers.

    >>> shifted([(0, 8), (0, -1)], by=3)
    [(3, 8), (3, -1)]
    """
    return [(number + by, size) for number, size in events]


def resized(factor: Any, rows: int, *, of: int = 1) -> Any:
    """A factor of `of` rows as a factor of so many, without values."""
    changed: dict[str, Any] = {}
    for each in fields(factor):
        value = getattr(factor, each.name)
        if isinstance(value, Tensor):
            shape = (rows, *value.shape[1:]) if value.shape[:1] == (of,) else value.shape
            changed[each.name] = torch.empty(shape, dtype=value.dtype, device="meta")
    return replace(factor, **changed)


def factor_bytes(factor: Any) -> int:
    """Bytes of the tensors of a factor."""
    return sum(value.numel() * value.element_size() for value in _tensors(factor))


def _tensors(factor: Any) -> list[Tensor]:
    values = (getattr(factor, each.name) for each in fields(factor))
    return [value for value in values if isinstance(value, Tensor)]


def _of_rows(maker: TermMaker, x: Inputs, flavour: OutputFlavour) -> Footprint:
    rows = count_rows(x)
    with OperationCount() as count:
        terms = maker.block(x, step=rows)
    made = CountedPass(
        rows=rows,
        taken=tuple(_counting(count)),
        kept=_kept(maker, terms, count.numbers),
        peak=count.peak,
        operations=count.operations,
        checked=0 if rows == 1 else rows if maker.wary else 1,
    )
    row = {name: resized(factor, 1, of=rows) for name, factor in terms.items()}
    return Footprint(maker, flavour, row, sum(map(factor_bytes, row.values())), made)


def _counting(count: OperationCount) -> list[Event]:
    """The blocks that are not too small to count: of a recurrent network, five of six are."""
    least = count.peak / _PARTS
    small = {number for number, size in count.events if 0 <= size < least}
    return [event for event in count.events if event[0] not in small]


def _kept(maker: TermMaker, terms: Terms, numbers: Mapping[int, int]) -> dict[int, Kept]:
    """What terms have in the blocks that a pass took, by their numbers."""
    found: dict[int, Kept] = {}
    for name, term in terms.items():
        stays = isinstance(term, Outer) and (maker.forms[name] == "explicit" or name in maker.read)
        for tensor in _tensors(term):
            storage = tensor.untyped_storage()
            number = numbers.get(storage._cdata)
            if number is not None:
                before = found.get(number, Kept(0, 0, stays=True))
                size = before.bytes + tensor.numel() * tensor.element_size()
                found[number] = Kept(size, storage.nbytes(), stays=before.stays and stays)
    return found
