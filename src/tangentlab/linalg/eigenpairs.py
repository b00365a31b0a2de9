"""Eigenpairs of a kernel, largest first, the same on every call.

Eigenvectors are fixed up to sign by making the first of their largest entries positive; within a repeated
eigenvalue they are only a basis, so compare subspaces there. Always float64: a float32 tridiagonalisation
buries every eigenvalue below about 1e-5 λ_max.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse.linalg import ArpackNoConvergence, eigsh
from torch import Tensor

from tangentlab._errors import ArgumentError, NumericalError
from tangentlab._seeds import numpy_generator
from tangentlab.linalg.floating_tensor import floating_tensor, rounding_of
from tangentlab.linalg.output_blocks import KernelBlocks
from tangentlab.linalg.positive import as_operator, symmetric

DENSE_ROWS = 3000  # up to here a dense solve takes seconds


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


def eigenpairs(K: Any, k: int | None = None, *, rounding: float | None = None, name: str = "K") -> Eigenpairs:
    """The k largest eigenpairs of a symmetric K (n, n), or all of them.

    A full kernel (n, n, c, c) is flattened to (n·c, n·c), row index i·c + k. Indefinite K is allowed.
    Dense up to 3000 rows and wherever all pairs, or an eighth of them, are asked (O(n³)); Lanczos with
    a fixed start otherwise (O(n²) a step).

    >>> x = torch.tensor([3.0, 4.0])
    >>> pairs = eigenpairs(torch.outer(x, x), 1)
    >>> round(pairs.values.item(), 9), [round(v, 9) for v in pairs.vectors[:, 0].tolist()]
    (25.0, [0.6, 0.8])
    """
    rounding = rounding_of(K) if rounding is None else rounding
    K = floating_tensor(name, K)
    if K.ndim == 4:
        K = KernelBlocks.of(K, outputs=K.shape[2], name=name).systems[0]
    matrix = symmetric(K, name=name, rounding=rounding)
    n = matrix.shape[0]
    if n == 0 or (k is not None and not 1 <= k <= n):
        raise ArgumentError(
            "k" if n else name,
            expected=f"an integer from 1 to the size of {name}, {n}" if n else "a kernel of one row or more",
            got=repr(k) if n else "one of shape (0, 0)",
            remedy="Ask for fewer pairs, or leave k out for all of them." if n else "Pass some rows.",
        )
    if k is None or n <= DENSE_ROWS or 8 * k > n:
        values, vectors = torch.linalg.eigh(matrix)
        values, vectors = values.flip(0)[:k], vectors.flip(1)[:, :k]
    else:
        values, vectors = _lanczos(matrix, k)
    vectors = fix_signs(vectors)
    scale = float(values.abs().max()) or 1.0
    residuals = (matrix @ vectors - vectors * values).norm(dim=0) / scale
    return Eigenpairs(values.contiguous(), vectors.contiguous(), residuals)


def _lanczos(matrix: Tensor, k: int) -> tuple[Tensor, Tensor]:
    n = matrix.shape[0]
    start = numpy_generator(0, "eigenpairs").standard_normal(n)
    try:
        values, vectors = eigsh(as_operator(matrix), k=k, which="LA", v0=start)
    except ArpackNoConvergence as error:
        raise NumericalError(
            f"Lanczos found {len(error.eigenvalues)} of {k} eigenpairs of a {n} by {n} kernel.",
            remedy="Leave k out for a dense solve.",
        ) from error
    order = np.argsort(values)[::-1]
    found = torch.from_numpy(values[order].copy()), torch.from_numpy(vectors[:, order].copy())
    return found[0].to(matrix), found[1].to(matrix)


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
