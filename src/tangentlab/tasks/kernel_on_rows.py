"""A kernel on the rows of a task, in whatever form it comes: a kernel or a model, a Gram, a matrix, products.

One number for each pair of rows makes a matrix (n, n); the full kernel of c outputs makes (n·c, n·c) with row index
i·c + k, and functions with c values on each row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from tangentlab._errors import ArgumentError, ShapeError, TangentlabError
from tangentlab.kernels import Gram, InfiniteWidthMLP, InfiniteWidthNetwork, NeuralTangentKernel, TiledGram
from tangentlab.kernels.output_flavour import refuse_no_matrix
from tangentlab.kernels.tiles import Progress
from tangentlab.linalg import KernelBlocks, LinearMap, floating_tensor, rounding_of
from tangentlab.linalg.linear_map import is_matrix_free, share_memory
from tangentlab.networks.binding import refuse_class
from tangentlab.networks.network import Network

_ROWS = 1024
"""Rows of a matrix widened at once."""
_COLUMNS = 256
"""Functions extended at once."""


@dataclass(frozen=True, eq=False)
class KernelOnRows:
    """Θ(x, x) as `matrix` (n·c, n·c), a tensor or a map known by its products, with what is known of it.

    >>> kernel = KernelOnRows.of(torch.eye(3), torch.zeros(3, 2))
    >>> kernel.rows, kernel.outputs, kernel.trace, kernel.description
    (3, 1, 3.0, 'a matrix (3, 3) of float32')
    """

    matrix: Any = field(repr=False)
    rows: int
    outputs: int
    """c for a full kernel of c outputs, else 1."""
    description: str
    fingerprint: str | None
    """Identity of the kernel where it has one."""
    trace: float | None
    """Of `matrix`; None where a diagonal would cost n products."""
    rounding: float
    """Machine epsilon that it was computed with."""

    @staticmethod
    def of(kernel: Any, x: Tensor, *, progress: Progress | None = None) -> KernelOnRows:
        """The kernel on the rows x: evaluated if it is a kernel, a model or a function k(x1, x2), else taken as it is.

        A model of several outputs is given its mean kernel, and functions of one value; a `NeuralTangentKernel` has
        a flavour of its own.

        >>> KernelOnRows.of(torch.nn.Linear(2, 3, bias=False), torch.eye(2)).matrix.tolist()
        [[1.0, 0.0], [0.0, 1.0]]
        """
        if isinstance(kernel, KernelOnRows):
            return kernel
        if isinstance(kernel, (nn.Module, Network)):
            kernel = NeuralTangentKernel(kernel, outputs="mean")
        if isinstance(kernel, NeuralTangentKernel):
            refuse_no_matrix(kernel.outputs)
            kernel = kernel.gram(x, progress=progress)
        if isinstance(kernel, (Gram, TiledGram)):
            refuse_no_matrix(kernel.outputs)
            matrix, description, identity = kernel.matrix, kernel.description, kernel.fingerprint
        else:
            matrix, description = _matrix_of(kernel, x)
            identity = None
        return _laid_out(matrix, x, description=description, fingerprint=identity)

    def map(self) -> LinearMap:
        """The kernel by its products, in float64 where it is not in float32."""
        return LinearMap.of(self.matrix, name="kernel", rounding=self.rounding)

    def on(self, index: Tensor) -> Any:
        """The kernel on some of the rows, as a matrix or by products with the whole one.

        >>> KernelOnRows.of(torch.diag(torch.arange(3.0)), torch.zeros(3, 2)).on(torch.tensor([2, 0])).tolist()
        [[2.0, 0.0], [0.0, 0.0]]
        """
        entries = self.entries(index)
        if isinstance(self.matrix, Tensor):
            leading = torch.equal(entries, torch.arange(len(entries)))
            if leading:  # a view
                return self.matrix[: len(entries), : len(entries)]
            entries = entries.to(self.matrix.device)
            return self.matrix[entries[:, None], entries]
        return _Restricted(self.map(), entries)

    def between(self, first: Tensor, second: Tensor, vectors: Tensor) -> Tensor:
        """Θ(x[first], x[second]) V for float64 V, (rows · c, r).

        >>> kernel = KernelOnRows.of(torch.tensor([[2.0, 1.0], [1.0, 2.0]]), torch.zeros(2, 1))
        >>> kernel.between(torch.tensor([1]), torch.tensor([0]), torch.ones(1, 1).double()).tolist()
        [[1.0]]
        """
        rows, columns = (self.entries(index).to(vectors.device) for index in (first, second))
        if not isinstance(self.matrix, Tensor):
            padded = vectors.new_zeros(self.rows * self.outputs, vectors.shape[1])
            padded[columns] = vectors
            return self.map()(padded)[rows]
        found = vectors.new_empty(len(rows), vectors.shape[1])
        for start in range(0, len(rows), _ROWS):
            part = rows[start : start + _ROWS]
            found[start : start + _ROWS] = self.matrix[part][:, columns].double() @ vectors
        return found

    def extended(self, vectors: Tensor, values: Tensor, *, rows: Tensor) -> Tensor:
        """Eigenvectors of the kernel on some `rows`, (rows · c, k), on all of them: elsewhere Θ(x, X) v_j / ℓ_j.

        >>> kernel = KernelOnRows.of(torch.tensor([[2.0, 1.0], [1.0, 2.0]]), torch.zeros(2, 1))
        >>> kernel.extended(torch.ones(1, 1).double(), torch.tensor([2.0]), rows=torch.tensor([0])).tolist()
        [[1.0], [0.5]]
        """
        others = torch.ones(self.rows, dtype=torch.bool).index_fill(0, rows, False).nonzero()[:, 0]
        here, elsewhere = (self.entries(index).to(vectors.device) for index in (rows, others))
        found = vectors.new_zeros(self.rows * self.outputs, vectors.shape[1])
        found[here] = vectors
        for start in range(0, vectors.shape[1], _COLUMNS):
            part = slice(start, start + _COLUMNS)
            found[elsewhere, part] = self.between(others, rows, vectors[:, part]) / values[part]
        return found

    def entries(self, index: Tensor) -> Tensor:
        """Rows of `matrix` that belong to the rows `index` of data."""
        c = self.outputs
        return index if c == 1 else (index[:, None] * c + torch.arange(c)).flatten()


@dataclass(frozen=True, eq=False)
class _Restricted:
    """A principal block of a map: products of the whole with vectors that are zero elsewhere."""

    whole: LinearMap
    entries: Tensor

    any_precision = True

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.entries), len(self.entries)

    @property
    def dtype(self) -> torch.dtype:
        return self.whole.dtype

    @property
    def device(self) -> torch.device:
        return self.whole.device

    def matmat(self, vectors: Tensor) -> Tensor:
        entries = self.entries.to(vectors.device)
        padded = vectors.new_zeros(self.whole.size, vectors.shape[1])
        padded[entries] = vectors
        return self.whole(padded)[entries]


def _matrix_of(kernel: Any, x: Tensor) -> tuple[Any, str]:
    """What was given as a matrix or a function, and its description."""
    refuse_class("kernel", kernel)
    if isinstance(kernel, (InfiniteWidthMLP, InfiniteWidthNetwork)):
        raise ArgumentError(
            "kernel",
            expected="one kernel",
            got=f"{type(kernel).__name__}, which has two",
            remedy="Pass its method ntk or nngp, as in kernel.ntk.",
        )
    if callable(kernel) and not hasattr(kernel, "shape"):
        kernel = _called(kernel, x)
        description = "a function k(x1, x2)"
        matrix = floating_tensor("kernel(x, x)", kernel, finite=False)
    elif is_matrix_free(kernel):
        description = getattr(kernel, "description", None) or f"products of a {type(kernel).__name__}"
        return kernel, description
    else:
        matrix = floating_tensor("kernel", share_memory(kernel), finite=False)
        description = f"a matrix {tuple(matrix.shape)} of {str(matrix.dtype).removeprefix('torch.')}"
    if matrix.ndim == 4:
        matrix = KernelBlocks.of(matrix, outputs=matrix.shape[2], name="kernel", finite=False).systems[0]
    return matrix, description


def _called(kernel: Any, x: Tensor) -> Any:
    try:
        return kernel(x, x)
    except TangentlabError:
        raise
    except Exception as error:
        raise ArgumentError(
            "kernel",
            expected="a function k(x1, x2) of two batches of rows that returns the matrix of their pairs",
            got=f"one that fails: {type(error).__name__}: {error}",
            remedy=f"Try it by hand: kernel(x, x) with x of shape {tuple(x.shape)}.",
        ) from error


def _laid_out(matrix: Any, x: Tensor, *, description: str, fingerprint: str | None) -> KernelOnRows:
    n, shape = len(x), tuple(matrix.shape)
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0 or shape[0] % n:
        raise ShapeError(
            "kernel",
            expected=f"({n}, {n}) or ({n}, {n}, c, c), a kernel on the {n} rows of x",
            got=str(shape),
            remedy="Give the kernel of one output (outputs=0), the mean of all, or the full one, on the same rows.",
        )
    if isinstance(matrix, Tensor):
        trace, rounding = float(matrix.diagonal().double().sum()), rounding_of(matrix)
    else:
        read = getattr(matrix, "diagonal", None)
        trace = None if read is None else float(torch.as_tensor(read()).double().sum())
        dtype = getattr(matrix, "dtype", None)
        rounding = float(torch.finfo(torch.float32 if str(dtype).endswith("float32") else torch.float64).eps)
    return KernelOnRows(matrix, n, shape[0] // n, description, fingerprint, trace, rounding)


def expect_rows(x: Any) -> Tensor:
    """Rows of a task: one tensor of two rows or more.

    >>> expect_rows(torch.zeros(2, 3)).shape
    torch.Size([2, 3])
    """
    if not isinstance(x, Tensor) or len(x) < 2:
        raise ArgumentError(
            "x",
            expected="one tensor of two rows or more",
            got=str(tuple(x.shape)) if isinstance(x, Tensor) else type(x).__name__,
            remedy="A model of several inputs makes its kernel first; give the task the tensor that names its rows.",
        )
    return x
