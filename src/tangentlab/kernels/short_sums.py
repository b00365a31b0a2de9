"""Shares of several layers summed in float32 while that is as exact as one product, and only then in float64.

One product of at most `COLUMNS` columns is summed in float32. Layers that together have no more are summed as exactly
when they share a float32 tile; each would otherwise be cast to float64 and added there, which takes as long as the
product of a small layer. Where that is all layers, the tile itself is float32.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from tangentlab.kernels.contraction import COLUMNS
from tangentlab.tangent.factors import Factor, Outer, Tokens, Windows


class ShortSums:
    """Where to add the next layer's share to a tile: to a float32 tile, or to the float64 tile itself.

    >>> tile = torch.zeros(1, 1, dtype=torch.float64)
    >>> sums = ShortSums(tile, torch.float32)
    >>> sums.into(100).add_(1).item(), sums.into(200).add_(2).item(), tile.item()
    (1.0, 3.0, 0.0)
    >>> sums.into(None) is tile, sums.flush(), tile.item()
    (True, None, 3.0)
    """

    def __init__(self, total: Tensor, dtype: torch.dtype):
        self._total = total
        self._short: Tensor | None = None
        self._dtype = dtype
        self._apart = dtype == torch.float32 != total.dtype
        self._summed = 0

    def into(self, numbers: int | None) -> Tensor:
        """The tile for a share that sums so many numbers in the working precision; None where that is not known."""
        if numbers is None or numbers > COLUMNS or not self._apart:
            return self._total
        if self._summed + numbers > COLUMNS:
            self.flush()
        if self._short is None:
            self._short = torch.zeros_like(self._total, dtype=self._dtype)
        self._summed += numbers
        return self._short

    def flush(self) -> None:
        """Add what is held to the tile in float64."""
        if self._short is not None and self._summed:
            self._total.add_(self._short)
            self._short.zero_()
        self._summed = 0


def tile_dtype(summed: Collection[int | None], dtype: torch.dtype) -> torch.dtype:
    """In what to sum a tile, given what each share sums up: float32 only where together they are one short sum.

    >>> tile_dtype([100, 200], torch.float32), tile_dtype([100, None], torch.float32)
    (torch.float32, torch.float64)
    """
    short = None not in summed and sum(numbers or 0 for numbers in summed) <= COLUMNS
    return torch.float32 if short and dtype == torch.float32 else torch.float64


def summed_numbers(factor: Factor, *, form: str, contraction: str) -> int | None:
    """How many products a share of the kernel sums up in the working precision; None where it is done in parts.

    >>> from tangentlab.tangent.factors import Rows
    >>> summed_numbers(Rows(torch.ones(3, 2, 10)), form="explicit", contraction="trace")
    20
    """
    if form == "explicit":
        q = factor.rows.shape[1] if not isinstance(factor, (Outer, Windows, Tokens)) else factor.gradients.shape[1]
        return factor.explicit_numbers if contraction == "trace" else factor.explicit_numbers // q
    if form == "hadamard" and isinstance(factor, Outer):
        g, s, i = factor.inputs.shape[1:]
        q, o = factor.gradients.shape[1], factor.gradients.shape[4]
        return g * s * (i + o * (q if contraction == "trace" else 1))
    return None
