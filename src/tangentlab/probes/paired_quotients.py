"""Rayleigh quotients of two kernels on the same rows along the same directions, and the jackknife of their ratios.

Formula   q(v) = vᵀ K v / ‖v‖²        without row i: vᵀ K v − 2 v_i (K v)_i + v_i K_ii v_i, the direction held
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab.linalg import KernelBlocks, LinearMap, diagonal_blocks, floating_tensor
from tangentlab.linalg.linear_map import is_matrix_free
from tangentlab.probes.jackknife import Jackknife, jackknife


@dataclass(frozen=True, eq=False)
class KernelProducts:
    """A kernel as a map, with its blocks of rows with themselves (n, c, c).

    >>> found = KernelProducts.of("K", torch.diag(torch.tensor([4.0, 1.0])))
    >>> found.size, found.trace
    (2, 5.0)
    """

    map: LinearMap
    own: Tensor

    @staticmethod
    def of(name: str, K: Any) -> KernelProducts:
        """That of a matrix (n, n), a full kernel (n, n, c, c), or anything known by its products."""
        if is_matrix_free(K):
            found = LinearMap.of(K, name=name)
            return KernelProducts(found, found.diagonal()[:, None, None])
        K = floating_tensor(name, K)
        c = K.shape[2] if K.ndim == 4 else 1
        if K.ndim == 4:
            K = KernelBlocks.of(K, outputs=c, name=name).systems[0]
        found = LinearMap.of(K, name=name)
        assert found.dense is not None
        return KernelProducts(found, diagonal_blocks(found.dense[None], stride=c)[0].double())

    @property
    def size(self) -> int:
        """n, or n·c of a full kernel."""
        return self.map.size

    @property
    def trace(self) -> float:
        """Sum of the diagonal."""
        return float(self.own.diagonal(dim1=1, dim2=2).sum())

    def parts(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """What each row has in v·Kv and v_i·K_ii v_i for each column v of vectors (N, k), both (n, k)."""
        image = self.map(vectors).double()
        n, c, _ = self.own.shape
        blocks = vectors.reshape(n, c, -1)
        inner = torch.einsum("nck,ncd,ndk->nk", blocks, self.own.to(vectors), blocks)
        return (vectors * image).reshape(n, c, -1).sum(1), inner


@dataclass(frozen=True, eq=False)
class PairedQuotients:
    """What each row has in the quotients of both kernels along k directions.

    >>> kernels = [KernelProducts.of("K", torch.eye(2, dtype=torch.float64) * size) for size in (1.0, 3.0)]
    >>> found = PairedQuotients.of(*kernels, torch.tensor([[2.0], [0.0]], dtype=torch.float64))
    >>> found.before.tolist(), found.after.tolist()
    ([1.0], [3.0])
    """

    first: tuple[Tensor, Tensor]
    """Of each row (n, k): v_i (K v)_i, and v_i K_ii v_i."""
    second: tuple[Tensor, Tensor]
    energies: Tensor
    """‖v‖² of each direction, (k,)."""
    traces: tuple[Tensor, Tensor]
    """What each row has in the trace of either kernel, (n,)."""

    @staticmethod
    def of(first: KernelProducts, second: KernelProducts, directions: Tensor) -> PairedQuotients:
        """Those along the columns of `directions` (n, k), or (n·c, k)."""
        traces = [one.own.diagonal(dim1=1, dim2=2).sum(1).to(directions) for one in (first, second)]
        parts = (first.parts(directions), second.parts(directions.to(second.map.device)))
        moved = [tuple(part.to(directions) for part in each) for each in parts]
        return PairedQuotients(*moved, directions.square().sum(0), (traces[0], traces[1]))  # pyright: ignore

    def summed(self) -> PairedQuotients:
        """All directions as the columns of one target."""
        first, second = ((a.sum(1, keepdim=True), b.sum(1, keepdim=True)) for a, b in (self.first, self.second))
        return PairedQuotients(first, second, self.energies.sum()[None], self.traces)

    def only(self, k: int) -> PairedQuotients:
        """One of the directions."""
        first, second = ((a[:, k, None], b[:, k, None]) for a, b in (self.first, self.second))
        return PairedQuotients(first, second, self.energies[k, None], self.traces)

    @property
    def before(self) -> Tensor:
        """Quotients of the first kernel, (k,)."""
        return self.first[0].sum(0) / self.energies

    @property
    def after(self) -> Tensor:
        """Quotients of the second, (k,)."""
        return self.second[0].sum(0) / self.energies

    def jackknives(self, level: float) -> list[Jackknife]:
        """Of each direction's ratio for kernels of one trace, the direction held."""
        (before, own_before), (after, own_after) = self.first, self.second
        ratios = (after.sum(0) - 2 * after + own_after) / (before.sum(0) - 2 * before + own_before)
        t0, t1 = self.traces
        ratios = ratios * ((t0.sum() - t0) / (t1.sum() - t1))[:, None]
        values = after.sum(0) / before.sum(0) * t0.sum() / t1.sum()
        return [jackknife(value, each, level=level) for value, each in zip(values.tolist(), ratios.T)]
