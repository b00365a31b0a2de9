"""Footprint: the bytes that the terms of a row and the tile of two blocks take, found on one row before many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor

from tangentlab.kernels.layer_terms import TermMaker, Terms
from tangentlab.kernels.operation_count import OperationCount
from tangentlab.kernels.output_flavour import OutputFlavour
from tangentlab.networks.inputs import Inputs, take_rows
from tangentlab.networks.network import Network
from tangentlab.tangent.factors import Outer


@dataclass(frozen=True, eq=False)
class Footprint:
    """What a `TermMaker` needs, counted on one real row and, for tiles, on tensors without values.

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
    step_bytes: int
    """Held for each row while its terms are made: activations, the graph of autograd, and the terms."""
    moved_bytes: int
    """Of these terms, those that are copied from a pass into their block where there are several passes."""
    operations: int
    """Of the forward and backward passes of one row."""
    tiles: dict[tuple[int, int | None], int] = field(default_factory=dict)
    """Bytes found for tiles so far, by their rows and columns."""

    @staticmethod
    def of(maker: TermMaker, samples: Sequence[Inputs], flavour: OutputFlavour) -> Footprint:
        """That of the largest among the first rows of `samples`, placed."""
        found = [_one_row(maker, take_rows(few, slice(0, 1)), flavour) for few in samples]
        return max(found, key=lambda each: each.step_bytes)

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

    def tile_bytes(self, rows: int, columns: int | None = None) -> int:
        """Most bytes held while a tile is computed: the tile in float64, and what its contractions need.

        columns: of another block; None for the tile of a block with itself.
        """
        if (rows, columns) not in self.tiles:
            tile = 8 * math.prod(self.flavour.shape(rows, rows if columns is None else columns))
            try:
                self.tiles[rows, columns] = tile + max(tile, self.tile(rows, columns).peak)
            except (
                RuntimeError,
                NotImplementedError,
            ):  # a form that computes with values: its sides once more
                self.tiles[rows, columns] = 3 * tile + (rows + (columns or 0)) * self.term_bytes
        return self.tiles[rows, columns]

    def of_network(self, network: Network) -> Footprint:
        """That of a network of the same structure."""
        return replace(self, maker=replace(self.maker, network=network))


def resized(factor: Any, rows: int) -> Any:
    """A factor of one row as a factor of so many, without values."""
    changed: dict[str, Any] = {}
    for each in fields(factor):
        value = getattr(factor, each.name)
        if isinstance(value, Tensor):
            shape = (rows, *value.shape[1:]) if value.shape[:1] == (1,) else value.shape
            changed[each.name] = torch.empty(shape, dtype=value.dtype, device="meta")
    return replace(factor, **changed)


def factor_bytes(factor: Any) -> int:
    """Bytes of the tensors of a factor."""
    values = (getattr(factor, each.name) for each in fields(factor))
    return sum(value.numel() * value.element_size() for value in values if isinstance(value, Tensor))


def _one_row(maker: TermMaker, x: Inputs, flavour: OutputFlavour) -> Footprint:
    with OperationCount() as count:
        row = maker.block(x, step=1)
    kept = sum(map(factor_bytes, row.values()))
    step = max(kept, count.peak)
    stay = (name for name, term in row.items() if isinstance(term, Outer) and maker.forms[name] == "explicit")
    moved = kept - sum(factor_bytes(row[name]) for name in stay)
    shapes = {name: resized(factor, 1) for name, factor in row.items()}
    return Footprint(maker, flavour, shapes, kept, step, moved, count.operations)
