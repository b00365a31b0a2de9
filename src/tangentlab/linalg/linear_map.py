"""A symmetric K known by its products K V: dense, tiled, or a function that nobody could store.

Everything at scale (eigenpairs, traces, densities, conjugate gradients) asks only for products with blocks of
vectors. What is dense is checked to be finite and symmetric tile by tile, without a copy; what is a function is
checked on two random vectors, and every product is checked to be finite.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator
from torch import Tensor

from tangentlab._errors import ArgumentError, NotFiniteError, NotSymmetricError, ShapeError
from tangentlab._seeds import generator
from tangentlab._shapes import expect_shape
from tangentlab.linalg.floating_tensor import floating_tensor, rounding_of
from tangentlab.linalg.matrix_product import product
from tangentlab.linalg.symmetry import Asymmetry

_WIDE_BYTES = 32 * 2**20
"""Of a float32 matrix, widened at once when it meets float64 vectors: what the caches hold."""


@dataclass(frozen=True, eq=False)
class LinearMap:
    """A symmetric linear map of size n, from blocks of vectors (n, r) to (n, r).

    `dense` is the matrix where there is one; `rounding` the machine epsilon that K was computed with. Made with
    `LinearMap.of(K)` from a matrix, from an object with `.shape` and `.matmat` or a call, or from another map.

    >>> K = LinearMap.of(torch.tensor([[2.0, 1.0], [1.0, 2.0]]))
    >>> K.size, K(torch.ones(2, 1)).flatten().tolist()
    (2, [3.0, 3.0])
    """

    size: int
    dtype: torch.dtype
    device: torch.device
    apply: Callable[[Tensor], Tensor]
    rounding: float
    dense: Tensor | None = None
    read_diagonal: Callable[[], Tensor] | None = None
    name: str = "K"

    @staticmethod
    def of(K: Any, *, name: str = "K", rounding: float | None = None) -> LinearMap:
        """The map of K, checked; refuses what is empty, not square, not finite or not symmetric. O(n²) if dense.

        >>> LinearMap.of(np.array([[0.0, 1.0], [-1.0, 0.0]]))
        Traceback (most recent call last):
        tangentlab._errors.NotSymmetricError: `K` must be symmetric, and differs from its transpose by 2 at (0, 1),
        where rounding explains 4.4e-15. Compute it on one set of rows against itself, or pass (K + K.T) / 2 ...
        """
        if isinstance(K, LinearMap):
            return K
        if is_matrix_free(K):
            return _of_function(K, name, rounding)
        return _of_matrix(K, name, rounding)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n)."""
        return self.size, self.size

    def __call__(self, vectors: Tensor) -> Tensor:
        """K V for V (n, r), in the dtype of V where K is dense or tiled, else in its own dtype returned as V's."""
        result = self.apply(vectors)
        if not bool(torch.isfinite(result.sum())) and not bool(torch.isfinite(result).all()):
            raise NotFiniteError(
                f"A product with `{self.name}` is not finite.",
                remedy="Check the entries of the kernel, or the network's gradients, for overflow.",
            )
        return result

    matmat = __call__

    def diagonal(self) -> Tensor:
        """The diagonal in float64: read where K is dense or knows its own, else n products with unit vectors.

        >>> LinearMap.of(torch.diag(torch.tensor([1.0, 2.0]))).diagonal().tolist()
        [1.0, 2.0]
        """
        if self.dense is not None:
            return self.dense.diagonal().double()
        if self.read_diagonal is None:
            return self.materialize().diagonal().clone()
        found = floating_tensor(f"diagonal of {self.name}", self.read_diagonal()).double().to(self.device)
        expect_shape(f"diagonal of {self.name}", found, "n", n=self.size)
        return found

    def materialize(self) -> Tensor:
        """K as a float64 matrix: a copy, or n products with unit vectors.

        >>> LinearMap.of(torch.eye(2)).materialize().dtype
        torch.float64
        """
        if self.dense is not None:
            matrix = self.dense.double()
        else:
            unit = torch.eye(self.size, dtype=self.dtype, device=self.device)
            matrix = torch.cat([self(part) for part in unit.split(256, dim=1)], dim=1).double()
        return (matrix + matrix.T) / 2


def is_matrix_free(K: Any) -> bool:
    """Whether K is known by its products: a map, a SciPy operator, or anything with `.shape` and `.matmat` or a call.

    >>> is_matrix_free(np.eye(2)), is_matrix_free(LinearMap.of(np.eye(2)))
    (False, True)
    """
    if isinstance(K, (Tensor, np.ndarray, list, tuple)):
        return False
    return hasattr(K, "shape") and (hasattr(K, "matmat") or callable(K))


def _of_matrix(K: Any, name: str, rounding: float | None) -> LinearMap:
    rounding = rounding_of(K) if rounding is None else rounding
    matrix = floating_tensor(name, share_memory(K), finite=False)
    n = expect_shape(name, matrix, "n n")["n"]
    refuse_empty(n, name)
    asymmetry = Asymmetry.of(matrix, name=name)
    asymmetry.expect_rounding(rounding, rows=n, name=name)
    exact = asymmetry.gap == 0
    if exact and matrix.stride(1) != 1:
        matrix = matrix.T  # the same numbers, row by row

    def apply(vectors: Tensor) -> Tensor:
        result = _dense_product(matrix, vectors)
        return result if exact else (result + _dense_product(matrix.T, vectors)) / 2

    return LinearMap(n, matrix.dtype, matrix.device, apply, rounding, dense=matrix, name=name)


def share_memory(K: Any) -> Any:
    """A read-only array, memory-mapped say, as a tensor on the same memory, not to be written to; else K itself.

    >>> share_memory(np.broadcast_to(np.ones(1), (2, 2))).shape
    torch.Size([2, 2])
    """
    if not isinstance(K, np.ndarray) or K.flags.writeable or K.dtype not in (np.float32, np.float64):
        return K
    if min(K.strides, default=0) < 0:
        return K
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return torch.from_numpy(K)


def _dense_product(matrix: Tensor, vectors: Tensor) -> Tensor:
    if matrix.dtype == torch.float64:  # from the left, which some BLAS do twice as fast
        return (vectors.double().T @ matrix.T).T.to(vectors)
    if matrix.dtype == vectors.dtype:
        return product(matrix, vectors)
    rows = max(1, _WIDE_BYTES // (8 * len(matrix)))
    return torch.cat([part.to(vectors.dtype) @ vectors for part in matrix.split(rows)])


def _of_function(K: Any, name: str, rounding: float | None) -> LinearMap:
    shape = tuple(K.shape)
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ShapeError(
            name,
            expected="of shape (n, n)",
            got=str(shape),
            remedy="A map between two sets of rows has no spectrum.",
        )
    n = int(shape[0])
    refuse_empty(n, name)
    dtype = _torch_dtype(getattr(K, "dtype", None))
    device = torch.device(getattr(K, "device", None) or "cpu")
    inner = K.matmat if hasattr(K, "matmat") else K
    by_numpy = isinstance(K, LinearOperator)
    as_given = getattr(K, "any_precision", False)

    def apply(vectors: Tensor) -> Tensor:
        given = vectors.to(dtype=vectors.dtype if as_given else dtype, device=device)
        result = inner(given.cpu().numpy() if by_numpy else given)
        result = torch.as_tensor(result).detach()
        expect_shape(f"{name} V", result, "n r", n=n, r=vectors.shape[1])
        return result.to(vectors)

    rounding = float(torch.finfo(dtype).eps) if rounding is None else rounding
    read_diagonal = getattr(K, "diagonal", None)
    linear = LinearMap(n, dtype, device, apply, rounding, read_diagonal=read_diagonal, name=name)
    _check_symmetry_by_products(linear)
    return linear


def _torch_dtype(dtype: Any) -> torch.dtype:
    if isinstance(dtype, torch.dtype):
        return dtype if dtype in (torch.float32, torch.float64) else torch.float64
    return torch.float32 if dtype is not None and np.dtype(dtype) == np.float32 else torch.float64


def refuse_empty(n: int, name: str) -> None:
    """Refuse a kernel of no rows.

    >>> refuse_empty(1, "K")
    """
    if n == 0:
        raise ArgumentError(
            name, expected="a kernel of one row or more", got="one of shape (0, 0)", remedy="Pass some rows."
        )


def _check_symmetry_by_products(linear: LinearMap) -> None:
    """⟨u, K v⟩ = ⟨K u, v⟩ for two random vectors, up to rounding."""
    vectors = torch.randn(linear.size, 2, generator=generator(0, "symmetry"), dtype=torch.float64)
    vectors = vectors.to(dtype=linear.dtype, device=linear.device)
    images = linear(vectors).double()
    inner = vectors.double().T @ images
    gap = float((inner[0, 1] - inner[1, 0]).abs())
    allowed = 1e3 * linear.rounding * float(vectors.double().norm(dim=0).max() * images.norm(dim=0).max())
    if gap > allowed:
        raise NotSymmetricError(
            f"`{linear.name}` must be symmetric, and ⟨u, K v⟩ differs from ⟨K u, v⟩ by {gap:.2g} for two random "
            f"vectors, where rounding explains {allowed:.2g}.",
            remedy="Give a map of one set of rows to itself, the same on every call.",
        )
