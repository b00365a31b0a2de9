"""The patches of an image (or signal, or volume) that a convolution's kernel visits, for any number of dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor


def patches(x: Tensor, *, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Tensor:
    """Windows of `x` (n, channels, *space), already padded, as (n, channels, *positions, *kernel), without a copy.

    >>> import torch
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


def patch_matrix(
    x: Tensor, *, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], groups: int
) -> Tensor:
    """The patches of `x`, already padded, as the matrix (n, g, s, channels/g · kernel) of a weight's columns.

    >>> import torch
    >>> patch_matrix(torch.arange(4.0).reshape(1, 1, 4), kernel=[2], stride=[1], dilation=[1], groups=1).shape
    torch.Size([1, 1, 3, 2])
    """
    n, channels = x.shape[:2]
    dims = len(kernel)
    if dims == 2:  # torch copies these patches itself, about twice as fast
        columns = F.unfold(x, tuple(kernel), dilation=tuple(dilation), stride=tuple(stride))
        return columns.reshape(n, groups, -1, columns.shape[2]).transpose(2, 3)
    windows = patches(x, kernel=kernel, stride=stride, dilation=dilation)
    positions = windows.shape[2 : 2 + dims].numel()
    size = windows.shape[2 + dims :].numel()
    split = windows.reshape(n, groups, channels // groups, positions, size)
    return split.permute(0, 1, 3, 2, 4).reshape(n, groups, positions, (channels // groups) * size)
