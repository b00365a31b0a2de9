"""Layers in NTK parametrization: standard normal parameters, and the scales of the initialization in the forward pass.

f = std · W x / √fan_in + bias_std · b with every entry of W and b drawn from N(0, 1) (Jacot, Gabriel and Hongler,
2018). Such a network computes the same functions as one of torch's own layers, with another tangent kernel: one that
stays finite as the width grows. They fill themselves by `draw_parameters(generator)`, see `initialized`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@final
class ScaledLinear(nn.Module):
    """(n, inputs) -> (n, outputs); no bias where `bias_std` is 0.

    >>> layer = ScaledLinear(4, 1, weight_std=2.0)
    >>> _ = layer.weight.data.fill_(1.0)
    >>> layer(torch.ones(1, 4)).item()                        # 2 · 4 / √4
    4.0
    """

    def __init__(self, inputs: int, outputs: int, *, weight_std: float = 1.0, bias_std: float = 0.0):
        super().__init__()
        self.scale, self.bias_std = weight_std / sqrt(inputs), bias_std
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias_std else None

    def draw_parameters(self, generator: torch.Generator) -> None:
        """Fill the parameters with standard normals."""
        _draw(self, generator)

    def forward(self, x: Tensor) -> Tensor:
        """The scaled affine map."""
        return F.linear(x, self.weight * self.scale, None if self.bias is None else self.bias * self.bias_std)


@final
class ScaledConvolution(nn.Module):
    """(n, inputs, h, w) -> (n, outputs, h', w'); `pads` are zeros (left, right, top, bottom).

    >>> layer = ScaledConvolution(1, 1, 3, weight_std=3.0, pads=(1, 1, 1, 1))
    >>> _ = layer.weight.data.fill_(1.0)
    >>> layer(torch.ones(1, 1, 3, 3)).amax().item()           # 3 · 9 / √9 in the middle
    9.0
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        *,
        weight_std: float = 1.0,
        bias_std: float = 0.0,
        stride: int = 1,
        pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    ):
        super().__init__()
        self.scale, self.bias_std = weight_std / sqrt(inputs * size**2), bias_std
        self.stride, self.pads = stride, pads
        self.weight = nn.Parameter(torch.empty(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias_std else None

    def draw_parameters(self, generator: torch.Generator) -> None:
        """Fill the parameters with standard normals."""
        _draw(self, generator)

    def forward(self, x: Tensor) -> Tensor:
        """The scaled convolution of padded images."""
        bias = None if self.bias is None else self.bias * self.bias_std
        return F.conv2d(F.pad(x, self.pads), self.weight * self.scale, bias, stride=self.stride)


@final
class Elementwise(nn.Module):
    """A function of a tensor as a layer.

    >>> Elementwise(torch.sin)(torch.zeros(1)).item()
    0.0
    """

    def __init__(self, function: Callable[[Tensor], Tensor]):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function."""
        return self.function(x)


@final
class Added(nn.Module):
    """x + branch(x).

    >>> Added(nn.Identity())(torch.ones(1)).item()
    2.0
    """

    def __init__(self, branch: nn.Module):
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        """The sum."""
        return x + self.branch(x)


@final
class Multiplied(nn.Module):
    """first(x) · second(x), entry by entry.

    >>> Multiplied(nn.Identity(), nn.Identity())(torch.full((1,), 3.0)).item()
    9.0
    """

    def __init__(self, first: nn.Module, second: nn.Module):
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: Tensor) -> Tensor:
        """The product."""
        return self.first(x) * self.second(x)


def _draw(layer: ScaledLinear | ScaledConvolution, generator: torch.Generator) -> None:
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(generator=generator)
