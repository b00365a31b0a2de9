"""What a per-sample gradient is made of: outer products over positions, windows, rows of a table, or the row itself.

Formula   outer:   W_n[q] = Σ_s G[n, q, s] ⊗ A[n, s]        A (n, g, s, i), G (n, q, g, s, o)
          windows: the same, A[n, s] being the window at s   pixels (n, channels, *space), G (n, q, g·o, *positions)
          tokens:  W_n[q] = Σ_s e_{T[n, s]} ⊗ G[n, q, s]    T (n, s) integers, G (n, q, s, h)
          rows:    W_n[q] as it stands                       (n, q, p)
Axes      n rows, q output combinations, g groups, s positions, i and o sizes of the two sides
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tangentlab.linalg.batched_product import batched_product
from tangentlab.linalg.registers import blas_fills_registers
from tangentlab.tangent.line_gradients import line_gradients, line_gradients_in_any_order, quick_by_lines
from tangentlab.tangent.patches import Geometry, kernel_gradients, patch_matrix

_WINDOW_NUMBERS = 1 << 21
"""Numbers of windows copied out at once: memory in use, and in the caches, is several times as fast as new memory."""

_BLOCK = 8
"""Channels in the smallest block that a library convolves."""


@dataclass(frozen=True)
class Outer:
    """Σ_s G_s ⊗ A_s for each of g groups; the weight is flattened as (g, o, i), or (g, i, o) if `inputs_first`.

    >>> use = Outer(inputs=torch.ones(2, 1, 3, 4), gradients=torch.ones(2, 1, 1, 3, 5))
    >>> use.rows().rows.shape, use.rows().rows[0, 0, 0].item()
    (torch.Size([2, 1, 20]), 3.0)
    """

    inputs: Tensor
    gradients: Tensor
    inputs_first: bool = False
    biased: bool = False
    """Whether one more input, of one, stands behind the last: that of the bias. It is not stored."""

    def plain(self) -> Outer:
        """The same with the input of the bias written out."""
        if not self.biased:
            return self
        # written, not concatenated: that of two tensors of shapes alone would import torch's compiler
        inputs = self.inputs.new_empty(*self.inputs.shape[:-1], self.inputs.shape[-1] + 1)
        inputs[..., :-1] = self.inputs
        inputs[..., -1] = 1
        return Outer(inputs, self.gradients, self.inputs_first)

    def rows(self) -> Rows:
        """The same gradients written out."""
        if self.biased:
            return self.plain().rows()
        n, q = self.gradients.shape[:2]
        g, s, i = self.inputs.shape[1:]
        left = self.gradients.permute(0, 2, 1, 4, 3)  # (n, g, q, o, s)
        o = left.shape[3]
        if q == 1:
            left, right = left[:, :, 0].flatten(0, 1), self.inputs.flatten(0, 1)
        else:
            left, right = left.reshape(n * g, q * o, s), self.inputs.flatten(0, 1)
        found = batched_product(left, right).reshape(n, g, q, o, i)
        order = (0, 2, 1, 4, 3) if self.inputs_first else (0, 2, 1, 3, 4)
        return Rows(found.permute(order).reshape(n, q, -1))

    @property
    def row_numbers(self) -> int:
        """Numbers kept for each row in this form."""
        return self.inputs[0].numel() + self.gradients[0].numel()

    @property
    def explicit_numbers(self) -> int:
        """Numbers each row would have written out."""
        g, _, i = self.inputs.shape[1:]
        return self.gradients.shape[1] * g * (i + self.biased) * self.gradients.shape[4]


@dataclass(frozen=True)
class Windows:
    """Outer products with the windows of an image (signal, volume) that a convolution visits, kept as pixels.

    >>> geometry = Geometry(kernel=(2,), stride=(1,), dilation=(1,), padding=(0,), groups=1)
    >>> use = Windows(torch.arange(3.0).reshape(1, 1, 3), torch.ones(1, 1, 1, 2), geometry)
    >>> use.rows().rows.tolist(), use.outer().inputs[0, 0].tolist()
    ([[[1.0, 3.0]]], [[0.0, 1.0], [1.0, 2.0]])
    """

    pixels: Tensor
    """(n, channels, *space), without the zeros of `geometry.padding`."""
    gradients: Tensor
    """(n, q, g·o, *positions)"""
    geometry: Geometry

    def rows(self) -> Rows:
        """The same gradients written out."""
        n, q = self.gradients.shape[:2]
        if self.quick_as_convolution:
            return Rows(kernel_gradients(self.pixels, self.gradients, self.geometry).reshape(n, q, -1))
        if quick_by_lines(self.pixels, self.gradients, self.geometry):
            return Rows(line_gradients(self.pixels, self.gradients, self.geometry).reshape(n, q, -1))
        step = max(1, _WINDOW_NUMBERS // (self.sizes[0] * self.geometry.groups * self.positions))
        if step >= n:
            return self.outer().rows()
        found = self.pixels.new_empty(n, q, self.explicit_numbers // q)
        for start in range(0, n, step):
            some = slice(start, start + step)
            found[some] = Windows(self.pixels[some], self.gradients[some], self.geometry).outer().rows().rows
        return Rows(found)

    def rows_in_any_order(self) -> Rows:
        """The same where the order of a row's numbers does not matter, see `Rows.order`."""
        outputs, channels = self.gradients.shape[1:3].numel(), self.pixels.shape[1]
        # channels that do not fill a block are what the library's own weight gradient is slow for
        slow = channels % _BLOCK > 0 == outputs % _BLOCK and self.quick_as_convolution
        if not (slow and quick_by_lines(self.pixels, self.gradients, self.geometry)):
            return self.rows()
        return Rows(line_gradients_in_any_order(self.pixels, self.gradients, self.geometry), order="lines")

    def outer(self) -> Outer:
        """The same with its windows copied out, which takes as many times more room as a kernel has places."""
        n, q = self.gradients.shape[:2]
        inputs = patch_matrix(self.pixels, self.geometry)
        gradients = self.gradients.reshape(n, q, self.geometry.groups, -1, inputs.shape[2])
        return Outer(inputs, gradients.transpose(3, 4))

    @property
    def positions(self) -> int:
        """s, how many windows there are."""
        return self.gradients.shape[3:].numel()

    @property
    def sizes(self) -> tuple[int, int]:
        """i and o for each group."""
        groups = self.geometry.groups
        inputs = self.pixels.shape[1] // groups * math.prod(self.geometry.kernel)
        return inputs, self.gradients.shape[2] // groups

    @property
    def row_numbers(self) -> int:
        """Numbers kept for each row in this form."""
        return self.pixels[0].numel() + self.gradients[0].numel()

    @property
    def explicit_numbers(self) -> int:
        """Numbers each row would have written out."""
        inputs, outputs = self.sizes
        return self.gradients.shape[1] * self.geometry.groups * inputs * outputs

    @property
    def quick_as_convolution(self) -> bool:
        """Few channels and many positions: oneDNN's own weight gradient, a group for each row, needs no windows."""
        return (
            self.geometry.groups == 1
            and 3 < self.pixels.shape[1] <= 64
            and (self.gradients.shape[1] == 1 or not blas_fills_registers())
            and self.positions >= 64
            and len(self.geometry.kernel) == 2
            and math.prod(self.geometry.kernel) > 1
            and self.pixels.device.type in ("cpu", "meta")  # without values, they stand for those of a CPU
            and self.pixels.dtype == torch.float32
        )


@dataclass(frozen=True)
class Tokens:
    """Σ_s e_{T_s} ⊗ G_s: the gradient of a table that rows look up; never as wide as the table.

    >>> use = Tokens(tokens=torch.tensor([[1, 1]]), gradients=torch.ones(1, 1, 2, 3), vocabulary=4)
    >>> use.rows().rows.reshape(4, 3)[:, 0].tolist()
    [0.0, 2.0, 0.0, 0.0]
    """

    tokens: Tensor
    gradients: Tensor
    vocabulary: int

    def rows(self) -> Rows:
        """The same gradients written out."""
        n, q, s, h = self.gradients.shape
        table = self.gradients.new_zeros(n, q, self.vocabulary, h)
        index = self.tokens[:, None, :, None].expand(n, q, s, h)
        return Rows(table.scatter_add_(2, index, self.gradients).reshape(n, q, -1))

    @property
    def row_numbers(self) -> int:
        """Numbers kept for each row in this form."""
        return self.tokens[0].numel() + self.gradients[0].numel()

    @property
    def explicit_numbers(self) -> int:
        """Numbers each row would have written out."""
        return self.gradients.shape[1] * self.gradients.shape[3] * self.vocabulary


@dataclass(frozen=True)
class Rows:
    """Per-sample gradients as they stand, (n, q, p)."""

    rows: Tensor
    order: str = ""
    """Of the p numbers, where it is not the parameter's own: rows of one order alone go together."""

    @property
    def row_numbers(self) -> int:
        """Numbers kept for each row in this form."""
        return self.rows[0].numel()

    @property
    def explicit_numbers(self) -> int:
        """The same."""
        return self.row_numbers


Factor = Outer | Windows | Tokens | Rows


def as_rows(factor: Factor) -> Rows:
    """Any factor, written out."""
    return factor if isinstance(factor, Rows) else factor.rows()
