"""ResNet-18 in its form for small images: a 3×3 stem, four stages of two residual blocks, BatchNorm."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import final

import torch
from torch import nn

from tangentlab._shapes import expect_whole_number
from tangentlab.networks.activation import activation_maker
from tangentlab.networks.initialization import initialized
from tangentlab.networks.sizes import expect_image


@final
class ResidualBlock(nn.Module):
    """φ(shortcut(x) + BN(conv3×3(φ(BN(conv3×3(x)))))), (n, inputs, h, w) -> (n, channels, ⌈h/stride⌉, ⌈w/stride⌉).

    The shortcut is the identity where shapes agree and a 1×1 convolution with BatchNorm elsewhere.
    Source: He, Zhang, Ren and Sun (2016), the basic block.

    >>> draws = torch.Generator().manual_seed(0)
    >>> block = initialized(
    ...     lambda: ResidualBlock(4, 8, stride=2, make_activation=nn.ReLU), generator=draws
    ... )
    >>> block(torch.zeros(2, 4, 6, 6)).shape
    torch.Size([2, 8, 3, 3])
    """

    def __init__(self, inputs: int, channels: int, *, stride: int, make_activation: Callable[[], nn.Module]):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels, eps=1e-5, momentum=0.1)
        self.activation1 = make_activation()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels, eps=1e-5, momentum=0.1)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != channels:
            projection = nn.Conv2d(inputs, channels, 1, stride=stride, bias=False)
            norm = nn.BatchNorm2d(channels, eps=1e-5, momentum=0.1)
            self.shortcut = nn.Sequential(OrderedDict(conv=projection, norm=norm))
        self.activation2 = make_activation()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The block's output."""
        branch = self.activation1(self.norm1(self.conv1(x)))
        branch = self.norm2(self.conv2(branch))
        return self.activation2(self.shortcut(x) + branch)


def resnet18(
    input_shape: tuple[int, ...],
    outputs: int = 1,
    *,
    generator: torch.Generator,
    initialization: str = "lecun",
    width: int = 64,
    zero_init_residual: bool = True,
    activation: str = "relu",
) -> nn.Module:
    """ResNet-18 with a 3×3 stem of stride 1 and `width`·(1, 2, 4, 8) channels, (n, channels, h, w) -> (n, c).

    As in Ortiz-Jimenez, Moosavi-Dezfooli and Frossard (2021): convolutions without bias, BatchNorm with ε =
    1e-5 that keeps 0.9 of its running statistics a step, and, with `zero_init_residual`, the last scale of
    each block 0. Then every block starts as its shortcut, and the convolutions and the first BatchNorm inside
    the branches have exactly zero gradient: the tangent kernel at initialization does not see them.
    11,173,962 parameters on (3, 32, 32) with 10 outputs.

    BatchNorm mixes rows in train mode; the tangent kernel is that of `.eval()`, where at initialization it
    divides by √(1 + ε) only.

    Raises `ShapeError` unless the input is an image, `ArgumentError` for a width below 1, `UnknownNameError`
    for an unknown activation or initialization.

    >>> network = resnet18((1, 8, 8), 10, width=4, generator=torch.Generator().manual_seed(0)).eval()
    >>> network(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """
    channels, _, _ = expect_image("resnet18", input_shape)
    outputs = expect_whole_number("outputs", outputs)
    width = expect_whole_number("width", width)
    make_activation = activation_maker(activation)

    def stage(inputs: int, level: int) -> nn.Module:
        wide = width * 2**level
        first = ResidualBlock(inputs, wide, stride=2 if level else 1, make_activation=make_activation)
        return nn.Sequential(first, ResidualBlock(wide, wide, stride=1, make_activation=make_activation))

    def make() -> nn.Module:
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            stem=nn.Conv2d(channels, width, 3, padding=1, bias=False),
            norm=nn.BatchNorm2d(width, eps=1e-5, momentum=0.1),
            activation=make_activation(),
        )
        for level in range(4):
            layers[f"stage{level + 1}"] = stage(width * 2 ** max(level - 1, 0), level)
        layers["pool"] = nn.AdaptiveAvgPool2d(1)
        layers["flatten"] = nn.Flatten()
        layers["readout"] = nn.Linear(8 * width, outputs)
        return nn.Sequential(layers)

    model = initialized(make, generator=generator, initialization=initialization)
    if zero_init_residual:
        for layer in model.modules():
            if isinstance(layer, ResidualBlock):
                nn.init.zeros_(layer.norm2.weight)
    return model
