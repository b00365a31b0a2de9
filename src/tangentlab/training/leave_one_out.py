"""Exact leave-one-out of a linear smoother from one factorization, for kernels of one output or many.

With G = (K + ridge I)⁻¹ and α = G (y − f0), the residual at row i of the fit without row i is

    y_i − f₋ᵢ(x_i) = (G_ii)⁻¹ α_i

where G_ii is the entry of row i or, for a kernel that couples c outputs, its (c, c) block: all outputs of the row
are left out together. It is the Schur complement of the system without that row.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tangentlab.linalg import KernelBlocks


def spectral_blocks(vectors: Tensor, weights: Tensor, *, stride: int) -> Tensor:
    """The blocks on the diagonal of V diag(w) Vᵀ, (b, n, s, s), from vectors (b, N, N) and weights (b, N), without
    forming it: one for each row of data. O(N² s).

    >>> spectral_blocks(torch.eye(2)[None], torch.tensor([[3.0, 4.0]]), stride=1).flatten().tolist()
    [3.0, 4.0]
    """
    b, N, _ = vectors.shape
    rows = vectors.reshape(b, N // stride, stride, N)
    return (rows * weights[:, None, None, :]) @ rows.mT


def left_out_residuals(blocks: KernelBlocks, coefficients: Tensor, diagonal: Tensor) -> Tensor:
    """y_i − f₋ᵢ(x_i), (n, c), from the coefficients α (n, c) and the blocks G_ii (b, n, s, s).

    >>> y, ridge = torch.tensor([[1.0], [2.0]]), 1.0       # K = I: without its own row, a row is predicted by 0
    >>> blocks = KernelBlocks.of(torch.eye(2), outputs=1)
    >>> left_out_residuals(blocks, y / (1 + ridge), torch.full((1, 2, 1, 1), 1 / (1 + ridge))).flatten().tolist()
    [1.0, 2.0]
    """
    alpha = blocks.pack(coefficients)
    b, n, s, _ = diagonal.shape
    apart = alpha.reshape(b, n, s, -1)
    left_out = apart / diagonal if s == 1 else torch.linalg.solve(diagonal, apart)
    return blocks.unpack(left_out.reshape(alpha.shape))
