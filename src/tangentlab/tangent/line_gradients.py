"""Weight gradients of convolutions to few outputs, a line of the kernel at a time, from pixels copied once a column.

Formula   W[n, q, o, c, (k, l)] = Σ_s G[n, q, o, s] L[n, (c, l), s + k·width], L being x moved by l along every axis but
          the first: the windows of one line of a kernel lie in L one behind the other, and those of the next a line on
Cost      the products of the pass. As many times fewer numbers are copied out as a kernel has lines, which is what
          takes the time where each is multiplied with few outputs
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product as every

import torch
from torch import Tensor

from tangentlab.tangent.patches import Geometry

_LINE_NUMBERS = 1 << 19
"""Numbers of L at once: they are read again at once, out of the nearest cache."""

_MOST_OUTPUTS = 16
"""Combinations times channels of the result up to which copies take longer than products."""

_LEAST_POSITIONS = 64
"""Windows below which a product of one line is too short."""


def quick_by_lines(x: Tensor, G: Tensor, geometry: Geometry) -> bool:
    """Whether the weight gradients of `x` (n, channels, *space) and `G` (n, q, o, *positions) are best made so.

    >>> image = Geometry(kernel=(3, 3), stride=(1, 1), dilation=(1, 1), padding=(1, 1), groups=1)
    >>> [quick_by_lines(torch.ones(1, 1, 9, 9), torch.ones(1, 1, o, 9, 9), image) for o in (6, 64)]
    [True, False]
    """
    return (
        geometry.groups == geometry.stride[0] == 1
        and geometry.kernel[0] > 1
        and G.shape[1] * G.shape[2] <= _MOST_OUTPUTS
        and G.shape[3:].numel() >= _LEAST_POSITIONS
        and x.device.type == "cpu"
        and x.dtype == torch.float32
    )


def line_gradients(x: Tensor, G: Tensor, geometry: Geometry) -> Tensor:
    """The gradient of a convolution's weight for each row and each q: (n, q, o, channels, *kernel), one group.

    `x` (n, channels, *space), `G` (n, q, o, *positions); the first step of the geometry is one.

    >>> flat = Geometry(kernel=(2,), stride=(1,), dilation=(1,), padding=(0,), groups=1)
    >>> line_gradients(torch.arange(3.0).reshape(1, 1, 3), torch.ones(1, 1, 1, 2), flat).flatten().tolist()
    [1.0, 3.0]
    """
    n, channels = x.shape[:2]
    q, o = G.shape[1:3]
    columns = math.prod(geometry.kernel[1:])
    found = x.new_empty(n, q * o, channels, geometry.kernel[0], columns)
    room = x.new_empty(_rows_at_once(x, geometry), q * o, channels * columns)
    for some, lines in _lines(x, geometry):
        left, share = G[some].reshape(len(lines), q * o, -1), room[: len(lines)]
        for k in range(geometry.kernel[0]):
            windows = _windows(lines, k, left.shape[2], geometry)
            torch.bmm(left, windows.transpose(1, 2), out=share)
            found[some, :, :, k] = share.view(len(lines), q * o, channels, columns)
    return found.view(n, q, o, channels, *geometry.kernel)


def line_gradients_in_any_order(x: Tensor, G: Tensor, geometry: Geometry) -> Tensor:
    """The same as (n, q, numbers), in the order (line of the kernel, channel, its other axes, o): no number is moved.

    >>> flat = Geometry(kernel=(2,), stride=(1,), dilation=(1,), padding=(0,), groups=1)
    >>> line_gradients_in_any_order(torch.arange(3.0).reshape(1, 1, 3), torch.ones(1, 1, 2, 2), flat).flatten().tolist()
    [1.0, 1.0, 3.0, 3.0]
    """
    n, channels = x.shape[:2]
    q, o = G.shape[1:3]
    size = channels * math.prod(geometry.kernel[1:])
    found = x.new_empty(n, geometry.kernel[0], size, q * o)
    room = x.new_empty(_rows_at_once(x, geometry), size, q * o)
    for some, lines in _lines(x, geometry):
        right, share = G[some].reshape(len(lines), q * o, -1).transpose(1, 2), room[: len(lines)]
        for k in range(geometry.kernel[0]):
            torch.bmm(_windows(lines, k, right.shape[1], geometry), right, out=share)
            found[some, k] = share
    return found.view(n, -1, q, o).transpose(1, 2).reshape(n, q, -1)


def _lines(x: Tensor, geometry: Geometry) -> Iterator[tuple[slice, Tensor]]:
    """Some rows, and L of them as (rows, (c, l), pixels along the first axis times positions along the others)."""
    n, channels, *space = x.shape
    columns = list(every(*(range(k) for k in geometry.kernel[1:])))
    step, inside = _rows_at_once(x, geometry), slice(geometry.padding[0], geometry.padding[0] + space[0])
    high, wide = space[0] + 2 * geometry.padding[0], geometry.positions(space)[1:]
    lines = x.new_zeros(step, channels, len(columns), high, *wide)  # what is not written below is padding
    for start in range(0, n, step):
        some = slice(start, min(start + step, n))
        here = lines[: some.stop - start]
        for j, column in enumerate(columns):
            meeting = [geometry.meeting(axis, k, space[axis]) for axis, k in enumerate(column, start=1)]
            to, of = [to for to, _ in meeting], [of for _, of in meeting]
            here[(slice(None), slice(None), j, inside, *to)] = x[(some, slice(None), slice(None), *of)]
        yield some, here.flatten(3).flatten(1, 2)


def _rows_at_once(x: Tensor, geometry: Geometry) -> int:
    n, channels, *space = x.shape
    numbers = channels * math.prod(geometry.kernel[1:]) * (space[0] + 2 * geometry.padding[0])
    return max(1, min(n, _LINE_NUMBERS // (numbers * math.prod(geometry.positions(space)[1:]))))


def _windows(lines: Tensor, k: int, positions: int, geometry: Geometry) -> Tensor:
    """The windows of line k of a kernel, a view."""
    high = (geometry.kernel[0] - 1) * geometry.dilation[0]
    width = (lines.shape[2] - positions) // high if high else 0
    first = k * geometry.dilation[0] * width
    return lines[:, :, first : first + positions]
