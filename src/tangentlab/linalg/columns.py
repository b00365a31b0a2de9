"""Columns of a positive kernel, computed when they are asked for: what low-rank approximation needs of it.

A kernel of 60,000 rows has 3.6 billion entries; a rank of 1,000 asks for the diagonal and some thousand columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import NotPositiveError
from tangentlab._shapes import expect_finite, expect_shape
from tangentlab.linalg.linear_map import LinearMap


@dataclass(frozen=True, eq=False)
class Columns:
    """A positive K (n, n) by its diagonal (n,), float64, and `block(rows, columns)` for indices, rows None for all.

    `group` columns are computed together whichever of them is asked for: those of one row's c outputs.

    >>> columns = Columns.of(torch.tensor([[2.0, 1.0], [1.0, 2.0]]))
    >>> columns.block(None, torch.tensor([1])).flatten().tolist(), columns.cost(torch.tensor([1]))
    ([1.0, 2.0], 1)
    """

    size: int
    dtype: torch.dtype
    diagonal: Tensor
    block: Callable[[Tensor | None, Tensor], Tensor]
    group: int = 1

    @staticmethod
    def of(K: Any, *, name: str = "K") -> Columns:
        """Those of a matrix that is there, checked as by `LinearMap.of`."""
        if isinstance(K, Columns):
            return K
        linear = LinearMap.of(K, name=name)
        matrix = linear.dense if linear.dense is not None else linear.materialize()

        def block(rows: Tensor | None, columns: Tensor) -> Tensor:
            return matrix[:, columns] if rows is None else matrix[rows][:, columns]

        return Columns(linear.size, matrix.dtype, expect_diagonal(matrix.diagonal(), name=name), block)

    def cost(self, columns: Tensor) -> int:
        """Columns of K computed when these are asked for."""
        return self.group * len(torch.unique(columns // self.group))


def expect_diagonal(diagonal: Tensor, *, name: str = "K") -> Tensor:
    """The diagonal of a positive kernel in float64; refused when it is not finite or below zero.

    >>> expect_diagonal(torch.tensor([1.0, -1.0]))
    Traceback (most recent call last):
    tangentlab._errors.NotPositiveError: `K` must be positive semidefinite, and its diagonal is -1 at 1. Pass ...
    """
    expect_shape(f"diagonal of {name}", diagonal, "n")
    expect_finite(f"diagonal of {name}", diagonal)
    diagonal = diagonal.detach().double()
    if bool((diagonal < 0).any()):
        first = int((diagonal < 0).int().argmax())
        raise NotPositiveError(
            f"`{name}` must be positive semidefinite, and its diagonal is {float(diagonal[first]):.3g} at {first}.",
            remedy="Pass the kernel of one set of rows with itself.",
        )
    return diagonal
