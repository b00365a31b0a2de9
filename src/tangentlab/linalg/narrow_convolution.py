"""Convolutions to a few channels, several lines of the image at a time, so that they fill a processor's registers.

Formula   y[n, o, f i + a, j] = Σ_ckl w[o, c, k, l] x[n, c, f i + a + k, j + l]: the outputs of f lines are f·o channels
          of one convolution that steps f lines, whose kernel is w moved down by a lines in k + f - 1
Cost      (k + f - 1)/k as many multiplications on f times as many of the channels of a register, of which a library
          computes all: a convolution from 16 to 6 channels takes 0.7 of its time
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tangentlab.linalg.registers import register_numbers

_WORTH = 1 << 22
"""Multiplications below which either way takes microseconds."""

_MOST_LINES = 8

_GAIN = 1.25
"""How many times as many channels, for as many multiplications, are worth the copy of the result."""


def narrow(channels: int) -> bool:
    """Whether so many channels leave half of a register empty, on this processor.

    >>> narrow(1024)
    False
    """
    return 2 * channels <= register_numbers()


def lines_at_once(x: Tensor, weight: Tensor, padding: Sequence[int]) -> int:
    """How many lines of the convolution of `x` with `weight` are best computed at once; 1 where that is none's gain.

    >>> lines_at_once(torch.ones(8, 3, 32, 32), torch.ones(64, 3, 3, 3), (1, 1))
    1
    """
    if not (x.dtype == weight.dtype == torch.float32 and x.device.type == weight.device.type == "cpu"):
        return 1
    if not (x.layout == weight.layout == torch.strided and x.is_contiguous() and x.shape[1] == weight.shape[1]):
        return 1
    (o, c, k, l), rows = weight.shape, x.shape[2] + 2 * padding[0] - weight.shape[2] + 1
    columns = x.shape[3] + 2 * padding[1] - l + 1
    if min(rows, columns) < 1 or len(x) * rows * columns * o * c * k * l < _WORTH:
        return 1
    most = min(register_numbers() // o, _MOST_LINES)
    return max((f for f in range(2, most + 1) if rows % f == 0 and f * k >= _GAIN * (k + f - 1)), default=1)


def narrow_convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, padding: Sequence[int], lines: int
) -> Tensor:
    """The convolution with steps of one of `x` (n, c, h, w) with `weight` (o, c, k, l), `lines` lines at once.

    >>> x = torch.arange(4.0).reshape(1, 1, 4, 1)
    >>> narrow_convolution(x, torch.ones(1, 1, 2, 1), None, padding=(0, 0), lines=3).flatten().tolist()
    [1.0, 3.0, 5.0]
    """
    o, c, k, l = weight.shape
    moved = weight.new_zeros(lines, o, c, k + lines - 1, l)
    for a in range(lines):
        moved[a, :, :, a : a + k] = weight
    shift = None if bias is None else bias.repeat(lines)
    found = torch.conv2d(x, moved.flatten(0, 1), shift, stride=(lines, 1), padding=list(padding))
    n, _, high, wide = found.shape
    out = found.new_empty(n, o, high, lines, wide)
    for a, part in enumerate(found.split(o, dim=1)):  # whole lines are copied, which one permutation would not
        out[:, :, :, a] = part
    return out.view(n, o, high * lines, wide)


def turned(weight: Tensor) -> Tensor:
    """The weight (c, o, k, l) of the convolution that is the gradient, in its input, of that with (o, c, k, l).

    Its padding is k - 1 less that of the other, and the same for l.

    >>> turned(torch.arange(2.0).reshape(1, 1, 2, 1)).flatten().tolist()
    [1.0, 0.0]
    """
    return weight.flip(2, 3).transpose(0, 1)
