"""One kernel for c outputs, in any of its three forms, as a stack of plain matrices.

A kernel between m and n rows comes as (m, n), shared by all outputs; (m, n, c), one per output; or
(m, n, c, c), coupling them. Each is a stack of b matrices (b, M, N) acting on vectors (b, N, r):

========  ==============  ==============  ==================
form      K               systems         a (n, c) packed
========  ==============  ==============  ==================
shared    (m, n)          (1, m, n)       (1, n, c)
diagonal  (m, n, c)       (c, m, n)       (c, n, 1)
full      (m, n, c, c)    (1, m·c, n·c)   (1, n·c, 1)
========  ==============  ==============  ==================

so that products, solves and eigenproblems are written once, on the stack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from tangentlab._errors import ShapeError
from tangentlab._shapes import expect_shape
from tangentlab.linalg.floating_tensor import floating_tensor


@dataclass(frozen=True, eq=False)
class KernelBlocks:
    """A kernel between m and n rows for c outputs, laid out for linear algebra.

    Fields: `systems` (b, M, N); `form`, one of "shared", "diagonal", "full"; and `outputs` c.
    Made with `KernelBlocks.of(K, outputs=c)`.

    >>> import torch
    >>> blocks = KernelBlocks.of(torch.eye(3), outputs=2)
    >>> blocks.form, tuple(blocks.systems.shape), blocks.rows, blocks.columns
    ('shared', (1, 3, 3), 3, 3)
    >>> torch.equal(blocks.apply(torch.ones(3, 2)), torch.ones(3, 2))
    True
    """

    systems: Tensor
    form: str
    outputs: int

    @staticmethod
    def of(K: Any, *, outputs: int, name: str = "K", finite: bool = True) -> KernelBlocks:
        """Lay out K; refuses shapes that do not fit `outputs`. Views for a shared K, else one copy of it.

        >>> import torch
        >>> KernelBlocks.of(torch.zeros(2, 3, 4, 4), outputs=4).systems.shape
        torch.Size([1, 8, 12])
        """
        K = floating_tensor(name, K, finite=finite)
        if K.ndim not in (2, 3, 4):
            raise ShapeError(
                name,
                expected="of shape (m, n), (m, n, c) or (m, n, c, c)",
                got=str(tuple(K.shape)),
                remedy="Check the order of its axes.",
            )
        expect_shape(name, K, "m n c c"[: 2 * K.ndim - 1], c=outputs)
        if K.ndim == 2:
            return KernelBlocks(K[None], "shared", outputs)
        if K.ndim == 3:
            return KernelBlocks(K.permute(2, 0, 1).contiguous(), "diagonal", outputs)
        m, n, c, _ = K.shape
        return KernelBlocks(K.permute(0, 2, 1, 3).reshape(1, m * c, n * c), "full", outputs)

    @property
    def rows(self) -> int:
        """m, the rows of data on the left."""
        return self.systems.shape[1] // self.stride

    @property
    def columns(self) -> int:
        """n, the rows of data on the right."""
        return self.systems.shape[2] // self.stride

    @property
    def stride(self) -> int:
        """Consecutive entries of a packed vector that belong to one row of data: c if full, else 1."""
        return self.outputs if self.form == "full" else 1

    def pack(self, a: Tensor) -> Tensor:
        """Values per row and output (n, c) as vectors of the stack (b, N, r).

        >>> import torch
        >>> KernelBlocks.of(torch.zeros(2, 2, 3), outputs=3).pack(torch.zeros(2, 3)).shape
        torch.Size([3, 2, 1])
        """
        expect_shape("a", a, "n c", c=self.outputs)
        if self.form == "shared":
            return a[None]
        return a.T[:, :, None] if self.form == "diagonal" else a.reshape(1, -1, 1)

    def unpack(self, vectors: Tensor) -> Tensor:
        """The inverse of `pack`: (b, N, r) as (n, c).

        >>> import torch
        >>> blocks, a = KernelBlocks.of(torch.zeros(2, 2, 3, 3), outputs=3), torch.randn(2, 3)
        >>> torch.equal(blocks.unpack(blocks.pack(a)), a)
        True
        """
        if self.form == "shared":
            return vectors[0]
        return vectors[:, :, 0].T if self.form == "diagonal" else vectors.reshape(-1, self.outputs)

    def apply(self, a: Tensor) -> Tensor:
        """K a, (n, c) -> (m, c): Σ_jl K[i, j, k, l] a[j, l].

        >>> import torch
        >>> K, a = torch.ones(1, 2, 3, 3), torch.ones(2, 3)
        >>> KernelBlocks.of(K, outputs=3).apply(a)
        tensor([[6., 6., 6.]])
        """
        return self.unpack(self.systems @ self.pack(a))

    def take_rows(self, index: Tensor) -> KernelBlocks:
        """The kernel between the rows `index` and all n columns, as for one mini-batch.

        >>> import torch
        >>> KernelBlocks.of(torch.eye(4), outputs=1).take_rows(torch.tensor([2])).systems
        tensor([[[0., 0., 1., 0.]]])
        """
        if self.form != "full":
            return KernelBlocks(self.systems[:, index], self.form, self.outputs)
        c = self.outputs
        taken = self.systems.view(self.rows, c, -1)[index]
        return KernelBlocks(taken.reshape(1, -1, self.systems.shape[2]), self.form, c)


def diagonal_blocks(systems: Tensor, *, stride: int) -> Tensor:
    """The blocks of each row of data with itself, from a stack (b, N, N) with N = n·s, as a view (b, n, s, s).

    >>> import torch
    >>> diagonal_blocks(torch.arange(16.0).view(1, 4, 4), stride=2)[0, 1]
    tensor([[10., 11.],
            [14., 15.]])
    """
    b, N, _ = systems.shape
    n = N // stride
    return systems.reshape(b, n, stride, n, stride).diagonal(dim1=1, dim2=3).permute(0, 3, 1, 2)


def as_columns(name: str, values: Any, *, rows: int | None = None, outputs: int | None = None) -> Tensor:
    """Values per row as (n, c): a vector (n,) becomes one column. Checked to be finite, and of n rows or c outputs
    where these are given.

    >>> as_columns("y", [1.0, 2.0]).shape
    torch.Size([2, 1])
    """
    values = floating_tensor(name, values)
    if values.ndim == 1:
        values = values[:, None]
    known = {letter: size for letter, size in (("n", rows), ("c", outputs)) if size is not None}
    expect_shape(name, values, "n c", **known)
    return values
