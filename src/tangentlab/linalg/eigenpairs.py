"""Eigenpairs of a kernel, largest first, the same on every call.

Eigenvectors are fixed up to sign by making the first of their largest entries positive; within a repeated
eigenvalue they are only a basis, so compare subspaces there. Dense solves are always float64, for a float32
tridiagonalisation buries every eigenvalue below about 1e-5 λ_max; large kernels go by block Krylov iteration,
whose small problem is float64 too.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab._shapes import expect_shape
from tangentlab.linalg.block_krylov import Progress, dense_eigenpairs, expect_count, krylov_eigenpairs
from tangentlab.linalg.floating_tensor import floating_tensor, rounding_of
from tangentlab.linalg.linear_map import LinearMap, is_matrix_free, refuse_empty, share_memory
from tangentlab.linalg.output_blocks import KernelBlocks
from tangentlab.linalg.positive import NumericalWarning, symmetric

DENSE_ROWS = 3000  # up to here a dense solve takes seconds
LARGEST_DENSE_ROWS = 20_000  # beyond, minutes become hours


@dataclass(frozen=True, eq=False)
class Eigenpairs:
    """K v_j = λ_j v_j: `values` (k,) descending, `vectors` (n, k) orthonormal columns, float64.

    `residuals` (k,) are ‖K v_j − λ_j v_j‖ / max |λ|.

    >>> pairs = eigenpairs(torch.diag(torch.tensor([1.0, 3.0])))
    >>> pairs.values.tolist(), pairs.vectors.tolist()
    ([3.0, 1.0], [[0.0, 1.0], [1.0, 0.0]])
    """

    values: Tensor
    vectors: Tensor
    residuals: Tensor


def eigenpairs(
    K: Any,
    k: int | None = None,
    *,
    tolerance: float | None = None,
    seed: int = 0,
    rounding: float | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    name: str = "K",
) -> Eigenpairs:
    """The k largest eigenpairs of a symmetric K, or all of them.

    K is a matrix (n, n), memory-mapped if it likes; a full kernel (n, n, c, c), flattened to (n·c, n·c) with row
    index i·c + k; or anything known by its products (see `LinearMap.of`). Indefinite K is allowed.

    Dense in float64 up to 3000 rows and wherever all pairs, or a quarter of them, are asked (O(n³)). Block Krylov
    otherwise, some 2 k products with K in its own dtype: every residual is below `tolerance` (1e-6 for a float32 K,
    1e-12 for float64) and below a thousandth of its own eigenvalue where rounding allows; a `NumericalWarning`
    says so where that was not reached. `rounding` is the machine epsilon K was computed with, by default its
    dtype's. The same `seed` gives the same pairs. `checkpoint` names a folder in which a long search keeps its steps:
    killed and called again, it goes on (see `krylov_eigenpairs`); delete the folder when you have the pairs.

    >>> x = torch.tensor([3.0, 4.0])
    >>> pairs = eigenpairs(torch.outer(x, x), 1)
    >>> round(pairs.values.item(), 9), [round(v, 9) for v in pairs.vectors[:, 0].tolist()]
    (25.0, [0.6, 0.8])
    """
    rounding = rounding_of(K) if rounding is None and not is_matrix_free(K) else rounding
    search = {"tolerance": tolerance, "seed": seed, "checkpoint": checkpoint, "progress": progress}
    if is_matrix_free(K):
        return _krylov(LinearMap.of(K, name=name, rounding=rounding), k, **search)
    K = floating_tensor(name, share_memory(K), finite=False)
    if K.ndim == 4:
        K = KernelBlocks.of(K, outputs=K.shape[2], name=name).systems[0]
    n = expect_shape(name, K, "n n")["n"]
    refuse_empty(n, name)
    if k is not None:
        expect_count(k, size=n, name=name)
    if k is not None and n > DENSE_ROWS and 4 * k <= n:
        return _krylov(LinearMap.of(K, name=name, rounding=rounding), k, **search)
    matrix = symmetric(K, name=name, rounding=rounding)
    values, vectors = torch.linalg.eigh(matrix)
    values, vectors = values.flip(0)[:k].contiguous(), fix_signs(vectors.flip(1)[:, :k]).contiguous()
    scale = float(values.abs().max()) or 1.0
    missed = (matrix @ vectors - vectors * values).div_(scale)  # before it is squared
    return Eigenpairs(values, vectors, missed.norm(dim=0))


def _krylov(K: LinearMap, k: int | None, **search: Any) -> Eigenpairs:
    k = K.size if k is None else k
    found = krylov_eigenpairs(K, k, **search)
    if found.doubt is not None and K.dense is not None and K.size <= LARGEST_DENSE_ROWS:
        found = dense_eigenpairs(K, k)  # a flat spectrum: no Krylov space of a fair size holds it
    if found.doubt is not None:
        warnings.warn(found.doubt, NumericalWarning, stacklevel=3)
    vectors = found.vectors
    for start in range(0, k, 128):  # fresh memory is slow
        vectors[:, start : start + 128] = fix_signs(vectors[:, start : start + 128])
    return Eigenpairs(found.values, vectors, found.residuals)


def fix_signs(vectors: Tensor) -> Tensor:
    """Columns (..., n, k) with signs such that the first of each one's largest entries is positive.

    Entries within 1e-6 of the largest count as largest, so that rounding does not choose among them.

    >>> fix_signs(torch.tensor([[-1.0, 0.1], [1.0, -2.0]]))
    tensor([[ 1.0000, -0.1000],
            [-1.0000,  2.0000]])
    """
    size = vectors.abs()
    largest = size >= (1 - 1e-6) * size.amax(dim=-2, keepdim=True)
    first = largest.to(torch.int8).argmax(dim=-2, keepdim=True)
    return vectors * torch.where(vectors.gather(-2, first) < 0, -1.0, 1.0).to(vectors)
