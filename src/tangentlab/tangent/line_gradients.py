"""Weight gradients of convolutions to few outputs, a line of the kernel at a time, from pixels copied once a column.

Formula   W[n, q, o, c, (k, l)] = Σ_s G[n, q, o, s] L[n, (c, l), s + k·width], L being x moved by l along every axis but
          the first: the windows of one line of a kernel lie in L one behind the other, and those of the next a line on
Cost      the products of the pass. As many times fewer numbers are copied out as a kernel has lines, which is what
          takes the time where each is multiplied with few outputs
"""

from __future__ import annotations

import math
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
    n, channels, *space = x.shape
    q, o = G.shape[1:3]
    at = geometry.positions(space)
    width, positions = math.prod(at[1:]), math.prod(at)
    columns = list(every(*(range(k) for k in geometry.kernel[1:])))
    inside = slice(geometry.padding[0], geometry.padding[0] + space[0])
    high = space[0] + 2 * geometry.padding[0]
    step = max(1, min(n, _LINE_NUMBERS // (channels * len(columns) * high * width)))
    lines = x.new_zeros(step, channels, len(columns), high, *at[1:])
    room = x.new_empty(step * q * o * channels * len(columns))
    found = x.new_empty(n, q * o, channels, geometry.kernel[0], len(columns))
    for start in range(0, n, step):
        some = slice(start, min(start + step, n))
        count = some.stop - start
        for j, column in enumerate(columns):
            meeting = [geometry.meeting(axis, k, space[axis]) for axis, k in enumerate(column, start=1)]
            to, of = [to for to, _ in meeting], [of for _, of in meeting]
            lines[(slice(count), slice(None), j, inside, *to)] = x[(some, slice(None), slice(None), *of)]
        left, flat = G[some].reshape(count, q * o, positions), lines[:count].flatten(3).flatten(1, 2)
        share = room[: count * q * o * channels * len(columns)].view(count, q * o, -1)
        for k in range(geometry.kernel[0]):
            first = k * geometry.dilation[0] * width
            torch.bmm(left, flat[:, :, first : first + positions].transpose(1, 2), out=share)
            found[some, :, :, k] = share.view(count, q * o, channels, -1)
    return found.view(n, q, o, channels, *geometry.kernel)
