"""The windows of an image (or signal, or volume) that a convolution's kernel visits, and sums of outer products there.

Formula   U[n, (channel, k), s] = x[n, channel, stride·s + dilation·k - padding]
          kernel gradient   W[n, q, o, channel, k] = Σ_s G[n, q, o, s] U[n, (channel, k), s]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Geometry:
    """Where a convolution's windows lie: one number an axis, and zeros on both sides of each.

    >>> Geometry(kernel=(3, 3), stride=(1, 1), dilation=(1, 1), padding=(1, 1), groups=1).positions((8, 8))
    (8, 8)
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[int, ...]
    groups: int

    def positions(self, space: Sequence[int]) -> tuple[int, ...]:
        """How many windows an image of size `space` has along each axis."""
        axes = zip(space, self.kernel, self.stride, self.dilation, self.padding)
        return tuple((size + 2 * p - d * (k - 1) - 1) // stride + 1 for size, k, stride, d, p in axes)

    def meeting(self, axis: int, k: int, size: int) -> tuple[slice, slice]:
        """The positions along an axis of so many pixels where place `k` of the kernel meets one, and those pixels.

        >>> Geometry(kernel=(3,), stride=(2,), dilation=(1,), padding=(1,), groups=1).meeting(0, 0, 6)
        (slice(1, 3, None), slice(1, 4, 2))
        """
        stride, padding = self.stride[axis], self.padding[axis]
        shift, reach = self.dilation[axis] * k - padding, self.dilation[axis] * (self.kernel[axis] - 1)
        first = max(0, -(shift // stride))  # the least s with stride·s + shift ≥ 0
        last = min((size + 2 * padding - reach - 1) // stride, (size - 1 - shift) // stride)
        if last < first:
            return slice(0, 0), slice(0, 0)
        return slice(first, last + 1), slice(stride * first + shift, stride * last + shift + 1, stride)


def patches(x: Tensor, *, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Tensor:
    """Windows of `x` (n, channels, *space), already padded, as (n, channels, *positions, *kernel), without a copy.

    >>> patches(torch.arange(4.0).reshape(1, 1, 4), kernel=[2], stride=[1], dilation=[2]).reshape(2, 2).tolist()
    [[0.0, 2.0], [1.0, 3.0]]
    """
    dims = len(kernel)
    for axis in range(dims):
        reach = dilation[axis] * (kernel[axis] - 1) + 1
        x = x.unfold(2 + axis, reach, stride[axis])
    for axis in range(dims):
        if dilation[axis] > 1:
            index = [slice(None)] * x.ndim
            index[2 + dims + axis] = slice(None, None, dilation[axis])
            x = x[tuple(index)]
    return x


def pad(x: Tensor, *, before: Sequence[int], after: Sequence[int], mode: str = "constant") -> Tensor:
    """Pad (or, where negative, crop) the spatial axes of `x` (n, channels, *space)."""
    widths = [width for pair in zip(reversed(before), reversed(after)) for width in pair]
    if not any(widths):
        return x
    return F.pad(x, widths, mode=mode)


def patch_matrix(x: Tensor, geometry: Geometry) -> Tensor:
    """The windows of `x` (n, channels, *space) as columns of a weight, (n, g, s, channels/g · kernel).

    A view of memory ordered (n, channels, *kernel, *positions): whole lines of an image are copied at once, which is
    several times as fast as the order of the result, and as `torch.nn.functional.unfold`.

    >>> flat = Geometry(kernel=(2,), stride=(1,), dilation=(1,), padding=(0,), groups=1)
    >>> patch_matrix(torch.arange(4.0).reshape(1, 1, 4), flat)[0, 0].tolist()
    [[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]]
    """
    n, channels = x.shape[:2]
    dims, groups = len(geometry.kernel), geometry.groups
    padded = pad(x, before=geometry.padding, after=geometry.padding)
    windows = patches(padded, kernel=geometry.kernel, stride=geometry.stride, dilation=geometry.dilation)
    positions = windows.shape[2 : 2 + dims].numel()
    order = (0, 1, *range(2 + dims, 2 + 2 * dims), *range(2, 2 + dims))
    size = channels // groups * math.prod(geometry.kernel)
    return windows.permute(order).reshape(n, groups, size, positions).transpose(2, 3)


def kernel_gradients(x: Tensor, G: Tensor, geometry: Geometry) -> Tensor:
    """The gradient of a convolution's weight for each row and each q: (n, q, o, channels, *kernel), one group.

    `x` (n, channels, *space), `G` (n, q, o, *positions). One weight gradient of a convolution in which every row is
    a group of its own: it reads pixels, never windows.

    >>> flat = Geometry(kernel=(2,), stride=(1,), dilation=(1,), padding=(0,), groups=1)
    >>> kernel_gradients(torch.arange(3.0).reshape(1, 1, 3), torch.ones(1, 1, 1, 2), flat).flatten().tolist()
    [1.0, 3.0]
    """
    n, channels = x.shape[:2]
    q, o = G.shape[1:3]
    weight = x.new_empty(1).expand(n * q * o, channels, *geometry.kernel)
    found = torch.ops.aten.convolution_backward(
        G.reshape(1, n * q * o, *G.shape[3:]),
        x.reshape(1, n * channels, *x.shape[2:]),
        weight,
        [0],
        list(geometry.stride),
        list(geometry.padding),
        list(geometry.dilation),
        False,
        [0] * len(geometry.kernel),
        n,
        [False, True, False],
    )[1]
    return found.reshape(n, q, o, channels, *geometry.kernel)
