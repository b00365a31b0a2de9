"""How much of a target lies in the leading eigenvectors of a kernel.

    share of the top k = ‖V_kᵀ y‖² / ‖y‖²

A kernel learns first what lies in its leading eigenvectors, so that a target with its energy there is easy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tangentlab.linalg import eigenpairs
from tangentlab.probes.kernel_target import KernelTarget


@dataclass(frozen=True, eq=False)
class TargetEnergy:
    """`values` (k,), the leading eigenvalues, descending; `shares` (k,), of ‖y‖² in each one's eigenvector.

    >>> found = TargetEnergy(np.array([2.0, 1.0]), np.array([0.75, 0.25]))
    >>> found.cumulative.tolist(), found.top(1)
    ([0.75, 1.0], 0.75)
    """

    values: np.ndarray
    shares: np.ndarray

    @property
    def cumulative(self) -> np.ndarray:
        """Shares in the first 1, 2, ... eigenvectors."""
        return np.cumsum(self.shares)

    def top(self, k: int) -> float:
        """The share in the first k eigenvectors.

        >>> TargetEnergy(np.array([1.0]), np.array([0.5])).top(1)
        0.5
        """
        return float(self.shares[:k].sum())


def target_energy(K: Any, y: Any, *, k: int | None = None, rounding: float | None = None) -> TargetEnergy:
    """Energy of y (n,) or (n, c) in the k leading eigenvectors of K, or in all of them. O(n³), O(n² k) for few.

    Sums over columns of y. For K (n, n, c) the eigenvectors of all outputs are ranked together; a full
    (n, n, c, c) is flattened. Within a repeated eigenvalue the split is arbitrary. Pass ±1 or centred targets.

    >>> found = target_energy([[2.0, 0.0], [0.0, 1.0]], [3.0, 4.0])
    >>> found.values.tolist(), found.shares.tolist()
    ([2.0, 1.0], [0.36, 0.64])
    """
    pair = KernelTarget.of(K, y, rounding=rounding)
    sides = pair.blocks.pack(pair.target)
    values, energies = [], []
    for system, side in zip(pair.blocks.systems, sides):
        found = eigenpairs(system, k, rounding=pair.rounding)
        values.append(found.values)
        energies.append(((found.vectors.mT @ side) ** 2).sum(dim=1))
    merged = torch.cat(values)
    order = merged.argsort(descending=True, stable=True)[:k]
    shares = torch.cat(energies)[order] / pair.target_energy
    return TargetEnergy(merged[order].cpu().numpy(), shares.cpu().numpy())
