"""A low-rank approximation as preconditioner: the large directions of K + ridge I, solved before the iteration starts.

Formula   P = F Fᵀ + σ I, σ = ridge + tr(K − F Fᵀ)/n: what F leaves out stands at its mean
Source    Frangella, Tropp and Udell 2023; Díaz, Epperly, Frangella, Tropp and Webber 2024 for pivoted Cholesky
Cost      n r² once, 4 n r a vector
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tangentlab.linalg.low_rank import LowRank
from tangentlab.linalg.matrix_product import product


@dataclass(frozen=True, eq=False)
class LowRankPreconditioner:
    """σ P⁻¹ = I − U diag(λ / (λ + σ)) Uᵀ: `directions` U (n, r) orthonormal, `shares` λ / (λ + σ), float64.

    >>> low = LowRank(torch.tensor([[3.0], [4.0]]), torch.tensor([0]), trace=25.0, trace_error=0.0, columns=1)
    >>> P = LowRankPreconditioner.of(low, ridge=25.0)
    >>> [round(v, 6) for v in P.solve(torch.tensor([[3.0], [4.0]])).flatten().tolist()]
    [1.5, 2.0]
    """

    directions: Tensor
    shares: Tensor

    @staticmethod
    def of(low: LowRank, *, ridge: float) -> LowRankPreconditioner:
        """From F, with its small directions dropped where they are rounding."""
        values, rotation = low.eigenpairs()
        kept = values > 4 * float(torch.finfo(low.dtype).eps) * float(values[:1].sum())
        values, rotation = values[kept], rotation[:, kept]
        directions = product(low.factor.contiguous(), (rotation / values.sqrt()).to(low.factor))
        shift = ridge + low.trace_error / len(low.factor)
        return LowRankPreconditioner(directions, values / (values + shift))

    def solve(self, vectors: Tensor) -> Tensor:
        """σ P⁻¹ V for V (n, s), in the dtype of V; products in that of U."""
        inside = product(self.directions.T.contiguous(), vectors.to(self.directions))
        inside = self.shares[:, None].to(inside) * inside
        return vectors - product(self.directions, inside).to(vectors)
