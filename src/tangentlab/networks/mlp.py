"""The multilayer perceptron: any input flattened, equal hidden layers, a linear readout."""

from __future__ import annotations

from collections import OrderedDict
from math import prod

import torch
from torch import nn

from tangentlab._shapes import expect_whole_number
from tangentlab.networks.activation import activation_maker
from tangentlab.networks.initialization import initialized
from tangentlab.networks.sizes import expect_input_shape


def mlp(
    input_shape: tuple[int, ...],
    outputs: int = 1,
    *,
    generator: torch.Generator,
    initialization: str = "lecun",
    width: int = 100,
    depth: int = 2,
    activation: str = "relu",
) -> nn.Module:
    """f(x) = W_L φ(… φ(W_1 x + b_1) …) + b_L with `depth` hidden layers of `width` units.

    Shapes: (n, *input_shape) -> (n, outputs).

    The defaults are the MLP of Ortiz-Jimenez, Moosavi-Dezfooli and Frossard (2021), flatten-100-100-outputs
    with ReLU: 88,701 parameters on (1, 28, 28) and 317,501 on (3, 32, 32) with one output. `depth=0` is
    linear regression on the pixels. Layers are named `hidden1`, `activation1`, …, `readout`.

    Raises `ShapeError` for an empty input shape, `ArgumentError` for sizes below 1 and `UnknownNameError` for
    an unknown activation or initialization.

    >>> network = mlp((1, 28, 28), 1, generator=torch.Generator().manual_seed(0))
    >>> sum(parameter.numel() for parameter in network.parameters())
    88701
    """
    inputs = prod(expect_input_shape(input_shape))
    outputs = expect_whole_number("outputs", outputs)
    width = expect_whole_number("width", width)
    depth = expect_whole_number("depth", depth, least=0)
    make_activation = activation_maker(activation)

    def make() -> nn.Module:
        layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
        for level in range(1, depth + 1):
            layers[f"hidden{level}"] = nn.Linear(inputs if level == 1 else width, width)
            layers[f"activation{level}"] = make_activation()
        layers["readout"] = nn.Linear(width if depth else inputs, outputs)
        return nn.Sequential(layers)

    return initialized(make, generator=generator, initialization=initialization)
