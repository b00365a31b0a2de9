"""A small VGG-11: eight 3×3 convolutions in five stages, pooled as often as the image allows."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from tangentlab._errors import UnknownNameError
from tangentlab._shapes import expect_whole_number
from tangentlab.networks.activation import activation_maker
from tangentlab.networks.initialization import initialized
from tangentlab.networks.sizes import expect_image

# channels of each convolution as multiples of the width, stage by stage
_STAGES = ((1,), (2,), (4, 4), (8, 8), (8, 8))
_POOLS: dict[str, type[nn.Module]] = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


def vgg(
    input_shape: tuple[int, ...],
    outputs: int = 1,
    *,
    generator: torch.Generator,
    initialization: str = "lecun",
    width: int = 16,
    batch_norm: bool = False,
    pool: str = "max",
    activation: str = "relu",
) -> nn.Module:
    """VGG-11's convolutions at `width`·(1, 2, 4, 4, 8, 8, 8, 8) channels and one linear readout.

    Shapes: (n, channels, height, width) -> (n, outputs).

    Source: Simonyan and Zisserman (2015), configuration A, without its hidden linear layers, as is usual on
    small images; `width=64` is its own width and then has 9,225,610 parameters on (3, 32, 32) with 10
    outputs. A pool of 2 ends a stage: the last min(5, ⌊log₂ side⌋) stages have one, so that an 8×8 image is
    still 2×2 at the last convolutions and a larger one is pooled from the first. `pool="average"` makes the
    network smooth between activations. Without BatchNorm the signal halves in power at each ReLU: give it
    small steps and time, or `batch_norm=True`.

    Raises `ShapeError` unless the input is an image, `ArgumentError` for a width below 1, `UnknownNameError`
    for an unknown pool, activation or initialization.

    >>> network = vgg((1, 8, 8), 10, generator=torch.Generator().manual_seed(0))
    >>> network(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """
    channels, height, image_width = expect_image("vgg", input_shape)
    outputs = expect_whole_number("outputs", outputs)
    width = expect_whole_number("width", width)
    make_activation = activation_maker(activation)
    if not isinstance(pool, str) or pool not in _POOLS:
        raise UnknownNameError("pool", pool, _POOLS)
    pools = min(len(_STAGES), min(height, image_width).bit_length() - 1)

    def make() -> nn.Module:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        inputs, number = channels, 0
        for level, stage in enumerate(_STAGES, start=1):
            for multiple in stage:
                number += 1
                layers[f"conv{number}"] = nn.Conv2d(inputs, multiple * width, 3, padding=1)
                if batch_norm:
                    layers[f"norm{number}"] = nn.BatchNorm2d(multiple * width)
                layers[f"activation{number}"] = make_activation()
                inputs = multiple * width
            if level > len(_STAGES) - pools:
                layers[f"pool{level}"] = _POOLS[pool](2)
        pixels = (height >> pools) * (image_width >> pools)
        layers["flatten"] = nn.Flatten()
        layers["readout"] = nn.Linear(inputs * pixels, outputs)
        return nn.Sequential(layers)

    return initialized(make, generator=generator, initialization=initialization)
