"""How far a matrix is from its transpose, looked at tile by tile: a transpose read whole misses every cache."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tangentlab._errors import NotSymmetricError
from tangentlab._shapes import expect_finite

_TILE = 256
"""Rows of a tile; two of them stay in the cache."""


@dataclass(frozen=True)
class Asymmetry:
    """max |K − Kᵀ| as `gap`, which stands `at` an entry, and max |K|.

    >>> Asymmetry.of(torch.tensor([[2.0, 1.0], [0.0, -4.0]]), name="K")
    Asymmetry(gap=1.0, at=(0, 1), largest=4.0)
    """

    gap: float
    at: tuple[int, int]
    largest: float

    @staticmethod
    def of(matrix: Tensor, *, name: str) -> Asymmetry:
        """Of a square matrix, which is refused under its name where it is not finite. O(n²), and no memory."""
        largest, gap, where = 0.0, 0.0, (0, 0)
        step = _step(matrix)
        for i, j in _corners(matrix):
            upper, lower = matrix[i : i + step, j : j + step], matrix[j : j + step, i : i + step]
            for tile in (upper, lower):
                low, high = tile.aminmax()
                largest = max(largest, float(-low), float(high))
            differs = upper - lower.T
            furthest = max(float(-differs.min()), float(differs.max()))
            if not np.isfinite([furthest, largest]).all():
                expect_finite(name, matrix)
            if furthest > gap:
                at = divmod(int(differs.abs().argmax()), differs.shape[1])
                gap, where = furthest, (i + at[0], j + at[1])
        return Asymmetry(gap, where, largest)

    def expect_rounding(self, rounding: float, *, rows: int, name: str) -> None:
        """Refuse what is beyond rounding, 10 n ε max |K|.

        >>> Asymmetry(2.0, (0, 1), 4.0).expect_rounding(1e-16, rows=10, name="K")
        Traceback (most recent call last):
        tangentlab._errors.NotSymmetricError: `K` must be symmetric, and differs from its transpose by 2 at (0, 1),
        where rounding explains 4e-14. Compute it on one set of rows against itself, or pass (K + K.T) / 2 if that
        is what you mean.
        """
        allowed = 10 * rows * rounding * self.largest
        if self.gap > allowed:
            raise NotSymmetricError(
                f"`{name}` must be symmetric, and differs from its transpose by {self.gap:.2g} at {self.at}, "
                f"where rounding explains {allowed:.2g}.",
                remedy="Compute it on one set of rows against itself, or pass (K + K.T) / 2 if that is what you mean.",
            )


def mean_with_transpose(matrix: Tensor) -> Tensor:
    """(K + Kᵀ) / 2 of a square matrix.

    >>> mean_with_transpose(torch.tensor([[1.0, 4.0], [2.0, 3.0]])).tolist()
    [[1.0, 3.0], [3.0, 3.0]]
    """
    mean, step = torch.empty_like(matrix), _step(matrix)
    for i, j in _corners(matrix):
        tile = (matrix[i : i + step, j : j + step] + matrix[j : j + step, i : i + step].T) / 2
        mean[i : i + step, j : j + step] = tile
        mean[j : j + step, i : i + step] = tile.T
    return mean


def _step(matrix: Tensor) -> int:
    """Rows of a tile; on an accelerator, where a call costs more than a cache saves, all of them."""
    return _TILE if matrix.device.type == "cpu" else max(1, len(matrix))


def _corners(matrix: Tensor) -> list[tuple[int, int]]:
    """Where tiles begin, on and above the diagonal."""
    starts = range(0, len(matrix), _step(matrix))
    return [(i, j) for i in starts for j in starts if j >= i]
