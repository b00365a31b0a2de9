"""LowRank: K ≈ F Fᵀ with a thin F, what it leaves out, and how many columns of K it cost.

For a positive K and F from some of its columns, K − F Fᵀ is positive too, so its trace is an honest size of the
error: it bounds the spectral norm, and never falls below the sum of the eigenvalues beyond the rank.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tangentlab._shapes import expect_whole_number
from tangentlab.linalg.matrix_product import product

_SLICE = 4096
"""Rows handled at once in float64."""


@dataclass(frozen=True, eq=False)
class LowRank:
    """K ≈ F Fᵀ, a map of its own: pass it wherever a kernel is known by its products.

    >>> low = LowRank(torch.tensor([[1.0], [2.0]]), torch.tensor([1]), trace=6.0, trace_error=1.0, columns=1)
    >>> low.rank, round(low.relative_error, 3), low.matmat(torch.ones(2, 1)).flatten().tolist()
    (1, 0.167, [3.0, 6.0])
    """

    factor: Tensor
    """F (n, r), in the dtype in which the columns came."""
    pivots: Tensor
    """Indices of the columns used, in the order in which they were taken; none for a sketch, which mixes all."""
    trace: float
    """tr K."""
    trace_error: float
    """tr(K − F Fᵀ), at least 0."""
    columns: int
    """Columns of K that were computed."""

    @property
    def rank(self) -> int:
        """r, which is less than what was asked where K itself has no more."""
        return self.factor.shape[1]

    @property
    def relative_error(self) -> float:
        """tr(K − F Fᵀ) / tr K."""
        return self.trace_error / self.trace if self.trace else 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n)."""
        return len(self.factor), len(self.factor)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the factor."""
        return self.factor.dtype

    @property
    def device(self) -> torch.device:
        """The device of the factor."""
        return self.factor.device

    def matmat(self, vectors: Tensor) -> Tensor:
        """F Fᵀ V for V (n, s). Cost 4 n r s."""
        return product(self.factor, product(self.factor.T.contiguous(), vectors.to(self.factor)))

    def diagonal(self) -> Tensor:
        """The diagonal of F Fᵀ (n,), float64."""
        return torch.cat([part.double().square().sum(1) for part in self.factor.split(_SLICE)])

    def eigenpairs(self) -> tuple[Tensor, Tensor]:
        """The nonzero eigenvalues (r,) of F Fᵀ, largest first, float64, and R (r, r) such that F R has them as columns'
        squared lengths and is orthogonal. Cost n r² + r³.

        >>> low = LowRank(torch.tensor([[3.0], [4.0]]), torch.tensor([0]), trace=25.0, trace_error=0.0, columns=1)
        >>> low.eigenpairs()[0].tolist()
        [25.0]
        """
        gram = torch.zeros(self.rank, self.rank, dtype=torch.float64, device=self.device)
        for part in self.factor.split(_SLICE):
            gram += part.T.double() @ part.double()
        values, rotation = torch.linalg.eigh(gram)
        return values.flip(0).clamp_min(0), rotation.flip(1)

    def truncate(self, rank: int) -> LowRank:
        """The best approximation of F Fᵀ of a smaller rank: fewer columns of F than columns of K paid for.

        >>> low = LowRank(torch.eye(2), torch.tensor([0, 1]), trace=2.0, trace_error=0.0, columns=2)
        >>> low.truncate(1).trace_error
        1.0
        """
        if rank >= self.rank:
            return self
        values, rotation = self.eigenpairs()
        factor = product(self.factor.contiguous(), rotation[:, :rank].to(self.factor).contiguous())
        return replace(self, factor=factor, trace_error=self.trace_error + float(values[rank:].sum()))


def expect_rank(rank: int, *, size: int, name: str = "rank") -> int:
    """A rank that is an integer, 1 or more; at most the size of the kernel.

    >>> expect_rank(5, size=3)
    3
    >>> expect_rank(0, size=3)
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `rank` must be a whole number of at least 1, got 0. Try 100.
    """
    return min(expect_whole_number(name, rank, remedy="Try 100."), size)
