"""Rows of a Gram times coefficients, wherever the Gram is: what a mini-batch of descent in function space costs.

A step at the rows B needs K[B] a and nothing else of K: b·n numbers, and an epoch needs each row of K once. Runs that
see the same batches stand side by side in a, so that one reading of those rows serves all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, ShapeError
from tangentlab.linalg import KernelBlocks, LinearMap, product

GATHER = 2**21
"""Entries of K gathered at a time on a CPU: enough for a good matrix product, few enough for its cache."""


class GramRows(ABC):
    """A kernel between `rows` and `columns` rows of data for c `outputs`, read by rows.

    Coefficients are (s, n, c, r): s orders of batches, n rows of data, c outputs, r runs side by side.
    """

    rows: int
    columns: int
    outputs: int
    form: str
    """"shared", "diagonal" or "full", as `KernelBlocks` has it."""
    device: torch.device

    @abstractmethod
    def product(self, index: Tensor, a: Tensor, *, dtype: torch.dtype = torch.float64) -> Tensor:
        """K[index] a, (s, b, c, r) in a's dtype, for index (s, b); multiplied in `dtype`, float32 or float64."""

    def expect(self, index: Tensor) -> None:  # noqa: B027 - a hint that may be ignored
        """A hint that the rows `index` (s, b) come next; where reading is slow it starts now."""

    def whole(self, a: Tensor) -> Tensor:
        """K a, (m, c, r), for a (n, c, r)."""
        return self.product(torch.arange(self.rows, device=a.device)[None], a[None])[0]

    @abstractmethod
    def refuse_asymmetry(self) -> None:
        """Raise where a kernel of rows with themselves differs from its transpose, or is not finite."""


@dataclass(frozen=True, eq=False)
class StoredRows(GramRows):
    """A Gram in memory.

    >>> rows = StoredRows.of(torch.eye(3), outputs=2)
    >>> rows.whole(torch.ones(3, 2, 1)).shape
    torch.Size([3, 2, 1])
    """

    blocks: KernelBlocks
    scratch: dict[torch.dtype, Tensor]
    """Buffers, kept between products because fresh memory is slow."""

    @staticmethod
    def of(K: Any, *, outputs: int, name: str = "K", finite: bool = True) -> StoredRows:
        """Lay out a kernel; one copy of it if it has outputs, else none."""
        return StoredRows(KernelBlocks.of(K, outputs=outputs, name=name, finite=finite), {})

    @property
    def rows(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """m."""
        return self.blocks.rows

    @property
    def columns(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """n."""
        return self.blocks.columns

    @property
    def outputs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """c."""
        return self.blocks.outputs

    @property
    def form(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The form of the blocks."""
        return self.blocks.form

    @property
    def device(self) -> torch.device:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Where the Gram is."""
        return self.blocks.systems.device

    def product(self, index: Tensor, a: Tensor, *, dtype: torch.dtype = torch.float64) -> Tensor:
        """K[index] a, reading only those rows.

        On a CPU they pass through a buffer that stays in cache; gathering them whole would cost three times the
        memory traffic, and page faults besides.
        """
        K, stride = self.blocks.systems, self.blocks.stride
        stacked, width = K.shape[0], K.shape[2]
        per_row = K.view(stacked, self.rows, stride * width)
        (s, b), (c, r) = index.shape, a.shape[2:]
        cost = stacked * per_row.shape[2]
        result = a.new_empty(s, b, c, r)
        on_cpu = K.device.type == "cpu"
        if s > 1 and (not on_cpu or s * b * cost <= GATHER):
            for k in range(stacked):
                taken = self._taken(per_row[k], index.flatten(), dtype).view(s, b * stride, width)
                given = (a[:, :, k] if self.form == "diagonal" else a).reshape(s, width, -1).to(dtype)
                found = torch.bmm(taken, given)
                part = result[:, :, k] if self.form == "diagonal" else result
                part.copy_(found.view(part.shape))
            return result
        at_once = max(1, GATHER // cost) if on_cpu else b
        for order in range(s):
            given = a[order].to(dtype)
            for k in range(stacked):
                operand = given[:, k] if self.form == "diagonal" else given.reshape(width, -1)
                part = result[order, :, k] if self.form == "diagonal" else result[order]
                for start in range(0, b, at_once):
                    chosen = index[order, start : start + at_once]
                    taken = self._taken(per_row[k], chosen, dtype).view(-1, width)
                    found = product(taken, operand)
                    place = part[start : start + at_once]
                    place.copy_(found.view(place.shape))
        return result

    def _taken(self, matrix: Tensor, index: Tensor, dtype: torch.dtype) -> Tensor:
        """The rows of a matrix, in `dtype`, in a buffer that the next call writes over."""
        shape = (len(index), matrix.shape[1])
        taken = torch.index_select(matrix, 0, index, out=self._buffer(matrix.dtype, shape))
        return taken if matrix.dtype == dtype else self._buffer(dtype, shape).copy_(taken)

    def _buffer(self, dtype: torch.dtype, shape: tuple[int, int]) -> Tensor:
        size = shape[0] * shape[1]
        if dtype not in self.scratch or self.scratch[dtype].numel() < size:
            self.scratch[dtype] = torch.empty(size, dtype=dtype, device=self.device)
        return self.scratch[dtype][:size].view(shape)

    def refuse_asymmetry(self) -> None:
        """Tile by tile, without a copy, because a Gram may fill memory by itself."""
        for matrix in self.blocks.systems:
            LinearMap.of(matrix)


@dataclass(frozen=True, eq=False)
class ProductRows(GramRows):
    """A symmetric kernel, shared by all outputs, that is known by its products: tiles, or an operator.

    Such a kernel has no rows to read, only passes over all of it, and so serves descents whose one batch is all rows.

    >>> rows = ProductRows.of(LinearMap.of(torch.eye(3)))
    >>> rows.whole(torch.ones(3, 2, 1)).shape
    torch.Size([3, 2, 1])
    """

    map: LinearMap
    outputs: int = 1  # pyright: ignore[reportIncompatibleVariableOverride]
    form: str = "shared"  # pyright: ignore[reportIncompatibleVariableOverride]

    @staticmethod
    def of(K: Any) -> ProductRows:
        """The kernel of a map; `LinearMap.of` checks it."""
        return ProductRows(LinearMap.of(K))

    @property
    def rows(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """n."""
        return self.map.size

    @property
    def columns(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """n."""
        return self.map.size

    @property
    def device(self) -> torch.device:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Where its products are."""
        return self.map.device

    def product(self, index: Tensor, a: Tensor, *, dtype: torch.dtype = torch.float64) -> Tensor:
        """K a at the rows `index`, all n of them in some order: one pass for all orders and runs."""
        (s, b), (n, c, r) = index.shape, a.shape[1:]
        if b != n:
            raise ArgumentError(
                "batch_size",
                expected=f"at least {n}, all rows, for a kernel that is known by its products",
                got=b,
                remedy="Each mini-batch would read all of it. Pass its rows as a tensor or as an np.memmap, or "
                "descend on whole batches.",
            )
        f = self.map(a.permute(1, 0, 2, 3).reshape(n, -1).to(dtype)).to(a).view(n, s, c, r)
        return torch.stack([f[index[order], order] for order in range(s)])

    def refuse_asymmetry(self) -> None:
        """Nothing: the map was checked when it was made."""


def check_gram_shape(shape: tuple[int, ...]) -> None:
    """Refuse what is no Gram (n, n), (n, n, c) or (n, n, c, c) of one row or more.

    >>> check_gram_shape((3, 3, 2))
    """
    if len(shape) not in (2, 3, 4) or shape[0] != shape[1] or 0 in shape:
        raise ShapeError(
            "K",
            expected="a Gram of shape (n, n), (n, n, c) or (n, n, c, c)",
            got=str(tuple(shape)),
            remedy="Use the kernel of the training rows with themselves.",
        )
