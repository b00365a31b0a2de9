"""LeNet: two convolutions with average pooling, then three linear layers."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from tangentlab._shapes import expect_whole_number
from tangentlab.networks.activation import activation_maker
from tangentlab.networks.initialization import initialized
from tangentlab.networks.sizes import expect_image


def lenet(
    input_shape: tuple[int, ...],
    outputs: int = 1,
    *,
    generator: torch.Generator,
    initialization: str = "lecun",
    activation: str = "relu",
) -> nn.Module:
    """LeNet-5 as Ortiz-Jimenez, Moosavi-Dezfooli and Frossard (2021) have it, (n, channels, h, w) -> (n, c).

    Convolution 5×5 to 6 channels, φ, average pool 2; convolution 5×5 to 16 channels, φ, average pool 2;
    linear to 120, φ, to 84, φ, to the outputs. Convolutions keep the image's size, pools round down. With one
    output it has 107,021 parameters on (1, 28, 28) and 136,121 on (3, 32, 32).

    Raises `ShapeError` unless the input is an image of at least 4×4 pixels, `UnknownNameError` for an unknown
    activation or initialization.

    >>> network = lenet((1, 28, 28), 1, generator=torch.Generator().manual_seed(0))
    >>> sum(parameter.numel() for parameter in network.parameters())
    107021
    """
    channels, height, width = expect_image("lenet", input_shape, least=4)
    outputs = expect_whole_number("outputs", outputs)
    make_activation = activation_maker(activation)

    def make() -> nn.Module:
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv1=nn.Conv2d(channels, 6, 5, padding=2),
            activation1=make_activation(),
            pool1=nn.AvgPool2d(2),
            conv2=nn.Conv2d(6, 16, 5, padding=2),
            activation2=make_activation(),
            pool2=nn.AvgPool2d(2),
            flatten=nn.Flatten(),
            hidden1=nn.Linear(16 * (height // 4) * (width // 4), 120),
            activation3=make_activation(),
            hidden2=nn.Linear(120, 84),
            activation4=make_activation(),
            readout=nn.Linear(84, outputs),
        )
        return nn.Sequential(layers)

    return initialized(make, generator=generator, initialization=initialization)
