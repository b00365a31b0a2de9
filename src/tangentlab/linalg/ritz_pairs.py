"""Ritz pairs of a basis that grew: what had settled is not solved for again.

With T₀ = S Θ Sᵀ solved for the first rows, T is in the basis (S, I)

    Θ    Cᵀ
    C    T₁        C = T₁₀ S,

and a column of C that is rounding belongs to a pair that the growth leaves as it is (deflation, Cuppen 1981). Of the
rest only the pairs asked are computed. Cost 4/3 m³ for the m that have not settled and 4 m² for each pair asked.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tangentlab.linalg.tridiagonal import Tridiagonal


@dataclass(frozen=True, eq=False)
class RitzPairs:
    """T c_j = θ_j c_j: `values` (k,) descending, `coefficients` (j, k) orthonormal, float64; `scale` the largest |θ|
    of all pairs, those included that were not asked.

    >>> RitzPairs.of(torch.diag(torch.tensor([1.0, -3.0]).double())).values.tolist()
    [1.0, -3.0]
    """

    values: Tensor
    coefficients: Tensor
    scale: float

    @staticmethod
    def of(T: Tensor) -> RitzPairs:
        """All pairs of a symmetric T (m, m), float64."""
        values, vectors = torch.linalg.eigh(T)
        return RitzPairs(values.flip(0), vectors.flip(1), float(values.abs().max()))

    def grown(self, T: Tensor, count: int, *, rounding: float) -> RitzPairs:
        """The leading `count` pairs of a larger T, where these are all pairs of its leading block.

        `rounding` is that of T over its largest eigenvalue: a tenth of it couples nothing.

        >>> T = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 4.0], [0.0, 4.0, 1.0]]).double()
        >>> pairs = RitzPairs.of(T[:2, :2]).grown(T, 2, rounding=1e-16)
        >>> pairs.values.round(decimals=9).tolist(), pairs.coefficients.square().round(decimals=9).tolist()
        ([5.0, 2.0], [[0.0, 1.0], [0.5, 0.0], [0.5, 0.0]])
        """
        old, size = len(self.coefficients), len(T)
        coupling = T[old:, :old] @ self.coefficients
        active = coupling.norm(dim=0) > 0.1 * rounding * self.scale
        rotation, settled = self.coefficients[:, active], self.values[~active]
        inner = rotation.shape[1]
        rest = torch.empty(inner + size - old, inner + size - old, dtype=T.dtype, device=T.device)
        rest[:inner, :inner] = torch.diag(self.values[active])
        rest[inner:, :inner] = coupling[:, active]
        rest[:inner, inner:] = coupling[:, active].T
        rest[inner:, inner:] = T[old:, old:]
        values, vectors = _leading(rest, count, besides=settled)
        scale = max(float(part.abs().max()) for part in (values, settled) if len(part))
        coefficients = torch.zeros(size, len(settled) + vectors.shape[1], dtype=T.dtype, device=T.device)
        coefficients[:old, : len(settled)] = self.coefficients[:, ~active]
        coefficients[:old, len(settled) :] = rotation @ vectors[:inner]
        coefficients[old:, len(settled) :] = vectors[inner:]
        found, order = torch.cat([settled, values[: vectors.shape[1]]]).sort(descending=True, stable=True)
        return RitzPairs(found[:count], coefficients[:, order[:count]], scale)


def _leading(matrix: Tensor, count: int, *, besides: Tensor) -> tuple[Tensor, Tensor]:
    """All eigenvalues, largest first, and vectors of those that are among the `count` largest with `besides`."""

    def among(values: Tensor) -> int:
        least = torch.cat([values, besides]).sort(descending=True).values[count - 1]
        return int((values >= least).sum())

    if matrix.device.type == "cpu":
        with suppress(np.linalg.LinAlgError):  # LAPACK gives up on some matrices that divide and conquer can do
            reduced = Tridiagonal.of(matrix)
            values = reduced.values()
            leading, vectors = reduced.leading(among(values))
            values[: len(leading)] = leading
            return values, vectors
    values, vectors = torch.linalg.eigh(matrix)
    values = values.flip(0)
    return values, vectors.flip(1)[:, : among(values)]
