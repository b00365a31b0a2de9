"""Every eigenpair of a positive kernel in any of its three forms, for functions of the kernel.

With K = V diag(λ) Vᵀ on each matrix of the stack, φ(K) b = V φ(λ) Vᵀ b: kernel regression at any ridge and
gradient flow at any time cost one product each once the pairs are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab._shapes import expect_shape
from tangentlab.linalg.eigenpairs import fix_signs
from tangentlab.linalg.floating_tensor import rounding_of
from tangentlab.linalg.output_blocks import KernelBlocks
from tangentlab.linalg.positive import noise_floor, refuse_negative, symmetric


@dataclass(frozen=True, eq=False)
class BlockEigenpairs:
    """`values` (b, N) descending and clipped at zero, `vectors` (b, N, N), float64; `blocks` lays out vectors.

    >>> pairs = block_eigenpairs(torch.diag(torch.tensor([1.0, 4.0])), outputs=1)
    >>> pairs.values.tolist()
    [[4.0, 1.0]]
    """

    values: Tensor
    vectors: Tensor
    blocks: KernelBlocks
    rounding: float

    @property
    def floor(self) -> Tensor:
        """Eigenvalues at or below it count as zero, (b, 1) (see `noise_floor`).

        >>> block_eigenpairs(torch.eye(2), outputs=1).floor.item() == rounding_of(torch.eye(2))
        True
        """
        return noise_floor(self.values, rounding=self.rounding)

    def project(self, b: Tensor) -> Tensor:
        """Vᵀ b: values per row and output (n, c) to coordinates in the eigenvectors (b, N, r).

        >>> pairs = block_eigenpairs(torch.diag(torch.tensor([1.0, 4.0])), outputs=1)
        >>> pairs.project(torch.tensor([[5.0], [7.0]])).flatten().tolist()
        [7.0, 5.0]
        """
        return self.vectors.mT @ self.blocks.pack(b.to(self.vectors))

    def expand(self, coordinates: Tensor) -> Tensor:
        """V z: the inverse of `project`, (b, N, r) to (n, c).

        >>> pairs, y = block_eigenpairs(torch.eye(2), outputs=1), torch.tensor([[5.0], [7.0]])
        >>> pairs.expand(pairs.project(y)).flatten().tolist()
        [5.0, 7.0]
        """
        return self.blocks.unpack(self.vectors @ coordinates)


def block_eigenpairs(K: Any, *, outputs: int, rounding: float | None = None, name: str = "K") -> BlockEigenpairs:
    """All eigenpairs of a kernel (n, n), (n, n, c) or (n, n, c, c), or of `KernelBlocks`, checked. O(b N³).

    >>> pairs = block_eigenpairs(torch.ones(2, 2, 3), outputs=3)
    >>> pairs.values.shape, pairs.values.sum().item()
    (torch.Size([3, 2]), 6.0)
    """
    blocks = K if isinstance(K, KernelBlocks) else KernelBlocks.of(K, outputs=outputs, name=name)
    rounding = rounding_of(blocks.systems) if rounding is None else rounding
    expect_shape(name, blocks.systems, "b n n")
    matrices = [symmetric(matrix, name=name, rounding=rounding) for matrix in blocks.systems]
    values, vectors = torch.linalg.eigh(torch.stack(matrices))
    values, vectors = values.flip(1), fix_signs(vectors.flip(2))
    for one in values:
        refuse_negative(one, band=30 * len(one) * rounding * float(one.abs().max()), name=name)
    return BlockEigenpairs(values.clamp_min(0), vectors, blocks, rounding)
