"""Myrtle: four 3×3 convolutions, each twice as wide as the one before, pooled to one pixel."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from tangentlab._shapes import expect_whole_number
from tangentlab.networks.activation import activation_maker
from tangentlab.networks.initialization import initialized
from tangentlab.networks.sizes import expect_image


def myrtle(
    input_shape: tuple[int, ...],
    outputs: int = 1,
    *,
    generator: torch.Generator,
    initialization: str = "lecun",
    width: int = 16,
    activation: str = "relu",
) -> nn.Module:
    """The five-layer network of Page's "How to train your ResNet", (n, channels, h, w) -> (n, c).

    Convolutions 3×3 to `width`·(1, 2, 4, 8) channels that keep the image's size, each with φ; average pool 2 after the
    second and the third, the mean over all pixels after the fourth; a linear readout. Average pools and no
    normalization keep the kernel one of single rows (Page's and Nakkiran and others' of 2020 have max pools and batch
    normalization). At `width=16` it has 97,281 parameters on (1, 28, 28) with one output.

    Raises `ShapeError` unless the input is an image of at least 4×4 pixels, `ArgumentError` for a width below 1,
    `UnknownNameError` for an unknown activation or initialization.

    >>> network = myrtle((1, 28, 28), 1, generator=torch.Generator().manual_seed(0))
    >>> sum(parameter.numel() for parameter in network.parameters())
    97281
    """
    channels, _, _ = expect_image("myrtle", input_shape, least=4)
    outputs, width = expect_whole_number("outputs", outputs), expect_whole_number("width", width)
    make_activation = activation_maker(activation)

    def make() -> nn.Module:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        inputs = channels
        for number, multiple in enumerate((1, 2, 4, 8), start=1):
            layers[f"conv{number}"] = nn.Conv2d(inputs, multiple * width, 3, padding=1)
            layers[f"activation{number}"] = make_activation()
            if number in (2, 3):
                layers[f"pool{number}"] = nn.AvgPool2d(2)
            inputs = multiple * width
        layers["mean"] = nn.AdaptiveAvgPool2d(1)
        layers["flatten"] = nn.Flatten()
        layers["readout"] = nn.Linear(inputs, outputs)
        return nn.Sequential(layers)

    return initialized(make, generator=generator, initialization=initialization)
