"""A kernel on one set of rows is symmetric and positive semidefinite: checked before any solve.

With ε the machine epsilon of the dtype in which K was *computed* and n its size, a departure is rounding while

    max |K − Kᵀ| ≤ 10 n ε max |K|        and        λ_min ≥ −30 n ε ‖K‖₂

and beyond that it is an error in K, refused with how far it goes and what to do. LAPACK would return NaN, or
read one triangle, without a word.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

from tangentlab._errors import NotPositiveError
from tangentlab._seeds import numpy_generator
from tangentlab._shapes import expect_shape
from tangentlab.linalg.floating_tensor import floating_tensor, rounding_of
from tangentlab.linalg.symmetry import Asymmetry, mean_with_transpose

DENSE_ROWS = 256  # below this a dense eigenvalue solve is quicker than Lanczos


class NumericalWarning(UserWarning):
    """A result that was had, but with less certainty than it looks: the message says by how much."""


def symmetric(K: Any, *, name: str = "K", rounding: float | None = None) -> Tensor:
    """K (n, n) in float64, finite and exactly symmetric: (K + Kᵀ)/2, or a refusal. Cost O(n²).

    `rounding` is the machine epsilon of the dtype in which K was computed; by default that of K's dtype, so
    give it for a float32 kernel that was widened to float64 on the way here.

    >>> symmetric([[2.0, 1.0], [1.0, 2.0]]).tolist()
    [[2.0, 1.0], [1.0, 2.0]]
    >>> symmetric([[2.0, 1.0], [0.0, 2.0]])
    Traceback (most recent call last):
    tangentlab._errors.NotSymmetricError: `K` must be symmetric, and differs from its transpose by 1 at (0, 1),
    where rounding explains 8.9e-15. Compute it on one set of rows against itself, or pass (K + K.T) / 2 if that
    is what you mean.
    """
    rounding = rounding_of(K) if rounding is None else rounding
    given = floating_tensor(name, K, finite=False)
    n = expect_shape(name, given, "n n")["n"]
    matrix = given.to(torch.float64)
    asymmetry = Asymmetry.of(matrix, name=name)
    asymmetry.expect_rounding(rounding, rows=n, name=name)
    if asymmetry.gap:
        return mean_with_transpose(matrix)
    return matrix.clone() if matrix is given else matrix


def spectral_norm(matrix: Tensor, *, tolerance: float = 1e-4) -> float:
    """Largest |λ| of a symmetric float64 matrix, to a relative `tolerance`, from below; deterministic.

    A tolerance of 0 stands for float64 precision. O(n²) a Lanczos step.

    >>> round(spectral_norm(torch.diag(torch.tensor([1.0, -3.0], dtype=torch.float64))), 12)
    3.0
    """
    n = matrix.shape[0]
    if n <= DENSE_ROWS:
        return float(torch.linalg.eigvalsh(matrix).abs().max()) if n else 0.0
    if not bool(matrix.any()):
        return 0.0
    start = numpy_generator(0, "spectral_norm").standard_normal(n)
    try:
        values = eigsh(as_operator(matrix), k=1, which="LM", v0=start, tol=tolerance, return_eigenvectors=False)  # pyright: ignore[reportArgumentType]
    except ArpackNoConvergence:
        return float(torch.linalg.eigvalsh(matrix).abs().max())
    return float(np.abs(values[0]))


def as_operator(matrix: Tensor) -> LinearOperator:
    """A tensor, wherever it lives, as a SciPy operator: only vectors travel.

    >>> as_operator(2 * torch.eye(2, dtype=torch.float64)) @ np.ones(2)
    array([2., 2.])
    """

    def product(vector: np.ndarray) -> np.ndarray:
        return (matrix @ torch.from_numpy(np.ascontiguousarray(vector)).to(matrix)).cpu().numpy()

    operator: Any = LinearOperator
    return operator(tuple(matrix.shape), matvec=product, dtype=np.float64)


def negative_band(matrix: Tensor, *, rounding: float) -> float:
    """30 n ε ‖K‖₂: how far below zero rounding can push an eigenvalue.

    >>> negative_band(torch.eye(2, dtype=torch.float64), rounding=0.001)
    0.06
    """
    return 30 * matrix.shape[0] * rounding * spectral_norm(matrix)


def noise_floor(values: Tensor, *, rounding: float) -> Tensor:
    """The noise in eigenvalues (..., n), max(n ε₆₄, ε) λ_max, as (..., 1): those below it count as zero.

    Entries rounded independently move an eigenvalue by about ε λ_max at the most, and the float64
    eigensolver by n ε₆₄ λ_max.

    >>> noise_floor(torch.tensor([2.0, 1.0]), rounding=0.25)
    tensor([0.5000])
    """
    n = values.shape[-1]
    return max(n * float(np.finfo(np.float64).eps), rounding) * values.amax(dim=-1, keepdim=True)


def expect_positive(matrix: Tensor, *, band: float, name: str = "K") -> None:
    """Refuse a symmetric float64 matrix with an eigenvalue below −band. Cost: one Cholesky, n³/3.

    K + band I has a Cholesky factor exactly when λ_min > −band, so that eigenvalues are computed only to say
    how bad it is.

    >>> expect_positive(torch.diag(torch.tensor([1.0, -0.5], dtype=torch.float64)), band=1e-14)
    Traceback (most recent call last):
    tangentlab._errors.NotPositiveError: `K` must be positive semidefinite, and has 1 negative eigenvalue of 2, the
    smallest -0.5, where rounding explains -1e-14 and the largest is 1. Compute it in float64, check that it is a
    kernel of one set of rows, or add 0.5 to its diagonal if you know it to be indefinite.
    """
    if not bool(matrix.any()):
        return
    shifted = matrix.clone()
    shifted.diagonal().add_(band)
    if int(torch.linalg.cholesky_ex(shifted).info) == 0:
        return
    refuse_negative(torch.linalg.eigvalsh(matrix).flip(0), band=band, name=name)


def refuse_negative(values: Tensor, *, band: float, name: str = "K") -> None:
    """The same refusal from eigenvalues (descending, (n,)) that are known already.

    >>> refuse_negative(torch.tensor([1.0, -1e-17]), band=1e-14)
    """
    smallest = float(values[-1]) if len(values) else 0.0
    if smallest >= -band:
        return
    count = int((values < -band).sum())
    raise NotPositiveError(
        f"`{name}` must be positive semidefinite, and has {count} negative eigenvalue{'s' * (count > 1)} "
        f"of {len(values)}, the smallest {smallest:.3g}, where rounding explains {-band:.2g} "
        f"and the largest is {float(values[0]):.3g}.",
        remedy="Compute it in float64, check that it is a kernel of one set of rows, or add "
        f"{-smallest:.2g} to its diagonal if you know it to be indefinite.",
    )
