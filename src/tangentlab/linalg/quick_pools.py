"""Average pools whose windows tile an image, as products with a small matrix: several times as quick on a CPU.

Formula   y[i, j] = Σ_ab x[k i + a, l j + b] / (k l): k lines of an image of width w, one behind the other, times a
          matrix (k w, w/l) that is 1/(k l) where a pixel lies in a window; the gradient is the product with its
          transpose
Cost      w/l multiplications a pixel, which is why wide images are left to torch
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from tangentlab.linalg.matrix_product import product

_MOST_WINDOWS = 64
"""Windows in a line up to which the product is the quicker way."""

_WORTH = 1 << 14
"""Pixels below which either way takes microseconds."""


def average_pool(x: Tensor, window: Sequence[int]) -> Tensor:
    """Means over the windows that tile the last two axes, one behind the other in memory; see `tiling_window`.

    >>> average_pool(torch.arange(8.0).reshape(1, 1, 2, 4), [2, 2]).tolist()
    [[[[2.5, 4.5]]]]
    """
    height, width = window
    *rest, high, wide = x.shape
    lines = x.view(-1, height * wide)
    means = product(lines, _windows(wide, height, width, x.dtype))
    return means.view(*rest, high // height, wide // width)


def average_pool_gradient(G: Tensor, window: Sequence[int]) -> Tensor:
    """The gradient of `average_pool` in its input, from that in its result.

    >>> average_pool_gradient(torch.tensor([[[[4.0, 8.0]]]]), [2, 2]).tolist()
    [[[[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]]]
    """
    height, width = window
    *rest, high, wide = G.shape
    spread = product(G.reshape(-1, wide), _windows(wide * width, height, width, G.dtype).T)
    return spread.view(*rest, high * height, wide * width)


def tiling_window(
    x: Tensor,
    window: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> tuple[int, int] | None:
    """The sides of the windows of `avg_pool2d` if they tile `x` and a product is the quick way to their means.

    >>> tiling_window(torch.zeros(64, 6, 28, 28), [2, 2]), tiling_window(torch.zeros(64, 6, 28, 28), [3, 3], [1, 1])
    ((2, 2), None)
    """
    if x.dtype != torch.float32 or x.device.type != "cpu" or x.layout != torch.strided or x.numel() < _WORTH:
        return None
    height, width = window[0], window[-1]
    moves = (stride[0], stride[-1]) if stride else (height, width)
    quick = (
        moves == (height, width)
        and not any(padding)
        and divisor_override is None
        and x.shape[-2] % height == x.shape[-1] % width == 0
        and x.shape[-1] // width <= _MOST_WINDOWS
        and x.is_contiguous()
    )
    return (height, width) if quick else None


@cache
def _windows(wide: int, height: int, width: int, dtype: torch.dtype) -> Tensor:
    """1/(k l) where a pixel of k lines lies in a window, (k·w, w/l)."""
    with torch.inference_mode(False):
        inside = torch.arange(wide)[:, None] // width == torch.arange(wide // width)
        return inside.repeat(height, 1).to(dtype) / (height * width)
