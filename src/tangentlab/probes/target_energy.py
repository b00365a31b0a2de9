"""How much of a target lies in the leading eigenvectors of a kernel.

    share of the top k = ‖V_kᵀ y‖² / ‖y‖²

A kernel learns first what lies in its leading eigenvectors, so that a target with its energy there is easy. The
eigenvectors are those of the rows at hand, and fit them: of labels drawn at random they hold k / n on average.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tangentlab._errors import ArgumentError, DataError
from tangentlab._shapes import expect_whole_number
from tangentlab.linalg import eigenpairs
from tangentlab.probes.jackknife import Jackknife, jackknife
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
    A kernel that is zero everywhere is refused: its eigenvectors are any.

    >>> found = target_energy([[2.0, 0.0], [0.0, 1.0]], [3.0, 4.0])
    >>> found.values.tolist(), found.shares.tolist()
    ([2.0, 1.0], [0.36, 0.64])
    """
    pair = KernelTarget.of(K, y, rounding=rounding)
    _refuse_no_kernel(pair)
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


def energy_interval(K: Any, y: Any, *, k: int, level: float = 0.95, rounding: float | None = None) -> Jackknife:
    """The share of y in the k leading eigenvectors of K (n, n), and its jackknife over rows, their span held. O(n² k).

    With h_i the length² of row i of V_k, and u = V_kᵀy − v_i y_i, what is left in the span without row i is
    ‖u‖² + (v_i·u)² / (1 − h_i). Beside it stands k / n, what random labels have there.

    >>> found = energy_interval(torch.diag(torch.tensor([3.0, 2.0, 1.0])), [1.0, 1.0, 1.0], k=2)
    >>> round(found.value, 9), found.low < 2 / 3 < found.high
    (0.666666667, True)
    """
    pair = KernelTarget.of(K, y, rounding=rounding)
    _refuse_no_kernel(pair)
    n = pair.blocks.rows
    if pair.blocks.form != "shared" and pair.blocks.outputs > 1:
        raise ArgumentError(
            "K",
            expected="of shape (n, n)",
            got=f"a kernel of {pair.blocks.outputs} outputs",
            remedy="Take one output.",
        )
    k = expect_whole_number("k", k, most=n - 1, remedy="Try k=50 of a thousand rows.")
    V = eigenpairs(pair.blocks.systems[0], k, rounding=pair.rounding).vectors
    whole, energies = V.mT @ pair.target, pair.target.square().sum(1)
    left = whole - V[:, :, None] * pair.target[:, None, :]  # (n, k, r)
    along = torch.einsum("nk,nkr->nr", V, left)
    kept = left.square().sum(dim=(1, 2)) + along.square().sum(1) / (1 - V.square().sum(1)).clamp_min(1e-12)
    value = float(whole.square().sum()) / pair.target_energy
    return jackknife(value, kept / (energies.sum() - energies), level=level)


def _refuse_no_kernel(pair: KernelTarget) -> None:
    if not bool(pair.blocks.systems.any()):
        raise DataError(
            "`K` is zero everywhere: it has no leading eigenvectors.",
            remedy="Check its anchor: a network that is constant at its weights has no tangent.",
        )
