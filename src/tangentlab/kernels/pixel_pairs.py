"""Which pairs of pixels a covariance is needed for, and the linear maps between them.

The covariance of two images under a network of infinite width is a matrix over pairs of pixels. A layer that reads
windows of pixels gives each of its pairs from a few pairs before it; so the pairs that are needed are found from the
output backwards, and no other is ever computed: one pair for a fully connected network, the pairs of neighbours that
a pool will average for one that flattens, every pair only where a global average asks for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from tangentlab._errors import ShapeError


class Grid(NamedTuple):
    """Pixels of an image, (1, 1) for a vector."""

    height: int
    width: int


@dataclass(frozen=True, eq=False)
class PixelPairs:
    """Pairs (pixel of the first image, pixel of the second), as ascending codes.

    Each pixel of a pair is also in one with itself, so that activations find its variance.

    >>> pairs = PixelPairs.of(Grid(1, 3), torch.tensor([[0, 0, 0, 2]]))       # row, column, row', column'
    >>> pairs.places.tolist()
    [[0, 0, 0, 0], [0, 0, 0, 2], [0, 2, 0, 2]]
    """

    grid: Grid
    codes: Tensor

    @staticmethod
    def single() -> PixelPairs:
        """The one pair of a vector."""
        return PixelPairs(Grid(1, 1), torch.zeros(1, dtype=torch.int64))

    @staticmethod
    def of(grid: Grid, places: Tensor) -> PixelPairs:
        """Places (pairs, 4) and the pairs of their pixels with themselves, each once."""
        own = [places, places[:, [0, 1, 0, 1]], places[:, [2, 3, 2, 3]]]
        return PixelPairs(grid, torch.unique(_encode(grid, torch.cat(own))))

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def places(self) -> Tensor:
        """Row and column of either pixel, (pairs, 4)."""
        height, width = self.grid
        code, found = self.codes, []
        for side in (width, height, width, height):
            found.append(code % side)
            code = code // side
        return torch.stack(found[::-1], 1)

    @property
    def pixels(self) -> tuple[Tensor, Tensor]:
        """The index of either pixel in the flattened image."""
        count = self.grid.height * self.grid.width
        return self.codes // count, self.codes % count

    @cached_property
    def own(self) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs of a pixel with itself, and for either pixel of each pair its index among them."""
        first, second = self.pixels
        alone = torch.nonzero(first == second).flatten()
        known = first[alone]
        return alone, torch.searchsorted(known, first), torch.searchsorted(known, second)

    def joined(self, other: PixelPairs) -> PixelPairs:
        """The pairs of either."""
        return PixelPairs(self.grid, torch.unique(torch.cat([self.codes, other.codes])))

    def find(self, codes: Tensor) -> Tensor:
        """The index of each code, all of which are here."""
        return torch.searchsorted(self.codes, codes)


@dataclass(frozen=True)
class Window:
    """Windows along one axis: position i of the output reads i · stride − before … + size − 1 of the input.

    `together`: the same position of the window in both images, as a convolution's or a flattening's; else every
    position of one with every position of the other, as a mean's.
    """

    axis: int
    size: int
    stride: int
    before: int
    together: bool


@dataclass(frozen=True, eq=False)
class PairSum:
    """Each pair of the output as a sum of pairs of the input: `index` (terms, pairs), the input's length for none."""

    index: Tensor

    def __call__(self, values: Tensor) -> Tensor:
        """Sums (pairs, ...) of values (pairs before, ...)."""
        padded, index = torch.cat([values, values.new_zeros(1, *values.shape[1:])]), self.index.to(values.device)
        total = padded.index_select(0, index[0])
        for one in index[1:]:
            total += padded.index_select(0, one)
        return total


def window_sum(window: Window, wanted: PixelPairs, *, before: Grid) -> tuple[PixelPairs, PairSum]:
    """The pairs that windows need of the input for the pairs `wanted` of the output, and the sum over them.

    >>> row = PixelPairs.of(Grid(1, 1), torch.tensor([[0, 0, 0, 0]]))
    >>> both = Window(axis=1, size=2, stride=2, before=0, together=False)
    >>> len(window_sum(both, row, before=Grid(1, 2))[0])
    4
    """
    places, side = wanted.places, before[window.axis]
    steps = torch.arange(window.size)
    shifts = torch.stack([steps, steps], 1) if window.together else torch.cartesian_prod(steps, steps)
    columns = [window.axis, window.axis + 2]
    read = places.repeat(len(shifts), 1, 1)
    read[:, :, columns] = read[:, :, columns] * window.stride - window.before + shifts[:, None, :]
    inside = ((read[:, :, columns] >= 0) & (read[:, :, columns] < side)).all(2)
    needed = PixelPairs.of(before, read[inside])
    index = torch.full(inside.shape, len(needed))
    index[inside] = needed.find(_encode(before, read[inside]))
    return needed, PairSum(index)


def padding_before(padding: int | str, *, side: int, size: int, stride: int) -> tuple[int, int]:
    """Pixels of padding in front of a side, and the length of what windows of `size` leave of it.

    >>> padding_before("same", side=8, size=3, stride=2), padding_before(2, side=28, size=5, stride=1)
    ((0, 4), (2, 28))
    """
    if padding == "same":
        length = -(-side // stride)
        return max((length - 1) * stride + size - side, 0) // 2, length
    pixels = 0 if isinstance(padding, str) else padding
    length = (side + 2 * pixels - size) // stride + 1
    if length < 1:
        raise ShapeError(
            "x",
            expected=f"of at least {size - 2 * pixels} pixels a side where a window of {size} reads it",
            got=f"{side}",
            remedy="Pass larger images, or take smaller windows.",
        )
    return pixels, length


def _encode(grid: Grid, places: Tensor) -> Tensor:
    height, width = grid
    row, column, other_row, other_column = places.unbind(1)
    return ((row * width + column) * height + other_row) * width + other_column
