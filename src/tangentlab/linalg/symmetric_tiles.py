"""A symmetric matrix kept as the tiles of its upper triangle, in memory or on disk, and its products.

Each product with a block of vectors reads every tile once and uses it twice, so a kernel of 60,000 rows is read as
7.2 GB of float32 and never needs to be whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError
from tangentlab._shapes import expect_shape
from tangentlab.linalg.floating_tensor import floating_tensor
from tangentlab.linalg.linear_map import share_memory
from tangentlab.linalg.matrix_product import product

_WIDENED = 1 << 20
"""Numbers of a float32 tile widened at once: fresh memory is slow."""

Tile = tuple[int, int, Tensor]
"""First row, first column, and the numbers (rows, columns) of K that stand there."""


@dataclass(frozen=True, eq=False)
class SymmetricTiles:
    """K (n, n) from `read()`, which goes through the tiles (i, j, values) with i ≤ j, each once, in any order.

    Values may be tensors or arrays, memory-mapped for instance, and need to stand only until the next are asked for.
    A tile on the diagonal is whole; the others stand for their transposes too. Pass it wherever a kernel is known by
    its products: `eigenpairs`, `conjugate_gradient`, ...

    >>> K = torch.tensor([[2.0, 1.0, 0.5], [1.0, 2.0, 0.0], [0.5, 0.0, 1.0]])
    >>> tiles = SymmetricTiles.of([(0, 0, K[:2, :2]), (0, 2, K[:2, 2:]), (2, 2, K[2:, 2:])])
    >>> tiles.matmat(torch.ones(3, 1)).flatten().tolist()
    [3.5, 3.0, 1.5]
    """

    size: int
    dtype: torch.dtype
    device: torch.device
    read: Callable[[], Iterable[Tile]]

    @staticmethod
    def of(tiles: Iterable[Tile] | Callable[[], Iterable[Tile]]) -> SymmetricTiles:
        """The matrix of a list of tiles, or of a function that reads them anew each time it is called.

        Refuses tiles that leave a part of the upper triangle out or cover one twice. Reads every tile once.

        >>> SymmetricTiles.of([(0, 1, torch.zeros(1, 1))])
        Traceback (most recent call last):
        tangentlab._errors.ArgumentError: `tiles` must be ... of the 3 entries of the upper triangle of 2 rows, got ...
        """
        kept = None if callable(tiles) else list(tiles)
        read = tiles if callable(tiles) else lambda: kept or []
        size, entries, dtype, device = 0, 0, torch.float32, torch.device("cpu")
        corners: set[tuple[int, int]] = set()
        for i, j, values in read():
            values = floating_tensor(f"tile ({i}, {j})", share_memory(values))
            rows, columns = expect_shape(f"tile ({i}, {j})", values, "n m").values()
            size = max(size, i + rows, j + columns)
            entries += rows * (rows + 1) // 2 if i == j and rows == columns else rows * columns
            if (i, j) in corners or j < i or (i < j < i + rows):
                entries = -1
                break
            corners.add((i, j))
            dtype, device = values.dtype, values.device
        wanted = size * (size + 1) // 2
        if entries != wanted or not size:
            raise ArgumentError(
                "tiles",
                expected=f"each once, (i, j, values) with i = j or j past the tile's rows, of the {wanted} entries of "
                f"the upper triangle of {size} rows",
                got="one twice or below the diagonal" if entries < 0 else f"{entries} entries",
                remedy="Give the tiles of one kernel, all of them.",
            )
        return SymmetricTiles(size, dtype, device, read)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n)."""
        return self.size, self.size

    any_precision: ClassVar[bool] = True
    """Products with float64 vectors are made in float64 even where the tiles are float32."""

    def matmat(self, vectors: Tensor) -> Tensor:
        """K V for V (n, r), in the dtype of V. One pass over the tiles, each used twice."""
        expect_shape("vectors", vectors, "n r", n=self.size)
        given = vectors.T
        total = torch.zeros(given.shape, dtype=given.dtype, device=given.device)
        pieces: dict[tuple[int, int], Tensor] = {}

        def piece(start: int, stop: int) -> Tensor:
            """Those rows of V, as rows without gaps: products with gaps are slow."""
            if (start, stop) not in pieces:
                pieces[start, stop] = given[:, start:stop].contiguous()
            return pieces[start, stop]

        for i, j, values in self.read():
            tile = floating_tensor("tile", share_memory(values), finite=False).to(given.device)
            rows, columns = tile.shape
            right = piece(j, j + columns)
            step = rows if tile.dtype == given.dtype else max(1, _WIDENED // columns)
            for start in range(0, rows, step):
                part = tile[start : start + step].to(given.dtype)
                first, last = i + start, i + start + len(part)
                total[:, first:last] += product(right, part.T)
                if i != j:
                    total[:, j : j + columns] += product(piece(first, last), part)
        return total.T

    def diagonal(self) -> Tensor:
        """The diagonal (n,), float64. One pass over the tiles on it."""
        found = torch.zeros(self.size, dtype=torch.float64, device=self.device)
        for i, j, values in self.read():
            if i == j:
                tile = floating_tensor("tile", share_memory(values), finite=False)
                found[i : i + len(tile)] = tile.diagonal().double()
        return found
