"""The network of finite width that a network of infinite width is the limit of, in NTK parametrization."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from torch import nn

from tangentlab._errors import ArgumentError
from tangentlab._seeds import generator
from tangentlab._shapes import expect_whole_number
from tangentlab.kernels.infinite_layers import (
    Activation,
    AveragePool,
    Convolution,
    Dense,
    Flatten,
    GlobalAveragePool,
    Product,
    Residual,
)
from tangentlab.kernels.infinite_rules import RULES
from tangentlab.kernels.pixel_pairs import Grid, padding_before
from tangentlab.networks.activation import ACTIVATIONS
from tangentlab.networks.initialization import initialized
from tangentlab.networks.scaled_layers import Added, Elementwise, Multiplied, ScaledConvolution, ScaledLinear
from tangentlab.networks.sizes import expect_input_shape


class _Size(NamedTuple):
    channels: int
    grid: Grid


def finite_network(
    layers: Sequence[Any], shape: tuple[int, ...], *, width: int, outputs: int = 1, seed: int = 0
) -> nn.Module:
    """Layers with `width` units or channels each and `outputs` at the readout, for rows of a shape, drawn from `seed`.

    Its tangent kernel at a draw is that of infinite width plus terms of order 1/√width.

    >>> model = finite_network([Dense(1.4), Activation("relu"), Dense()], (10,), width=64)
    >>> [tuple(parameter.shape) for parameter in model.parameters()]
    [(64, 10), (1, 64)]
    """
    shape = expect_input_shape(shape)
    width, outputs = expect_whole_number("width", width), expect_whole_number("outputs", outputs)
    weighted = [i for i, layer in enumerate(layers) if isinstance(layer, (Dense, Convolution, Residual, Product))]
    if not weighted or not isinstance(layers[weighted[-1]], (Dense, Convolution)):
        raise ArgumentError(
            "layers",
            expected="a network that ends in a readout",
            got="none at its end",
            remedy="Let the last layer be Dense(1.0).",
        )
    size = _Size(shape[0], Grid(shape[1], shape[2])) if len(shape) == 3 else _Size(prod(shape), Grid(1, 1))
    if len(shape) == 3 and isinstance(layers[0], Flatten):
        size = _Size(prod(shape), Grid(1, 1))

    def make() -> nn.Module:
        return _sequence(layers, size, width=width, last=outputs)[0]

    return initialized(make, generator=generator(seed, "network"))


def _sequence(layers: Sequence[Any], size: _Size, *, width: int, last: int) -> tuple[nn.Sequential, _Size]:
    """Modules of layers of which the last with weights has `last` units."""
    weighted = [i for i, layer in enumerate(layers) if isinstance(layer, (Dense, Convolution))]
    modules = []
    for i, layer in enumerate(layers):
        units = last if weighted and i == weighted[-1] else width
        module, size = _module(layer, size, width=width, units=units)
        modules.append(module)
    return nn.Sequential(*modules), size


def _module(layer: Any, size: _Size, *, width: int, units: int) -> tuple[nn.Module, _Size]:
    channels, grid = size
    after = _Size(channels, RULES[type(layer)].grid(layer, grid))
    if isinstance(layer, (Dense, Convolution)):
        return _linear(layer, size, units=units), after._replace(channels=units)
    if isinstance(layer, Flatten):
        return nn.Flatten(), after._replace(channels=channels * grid.height * grid.width)
    if isinstance(layer, GlobalAveragePool):
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), after
    if isinstance(layer, AveragePool):
        return nn.AvgPool2d(layer.size, layer.step), after
    if isinstance(layer, Activation):
        known = isinstance(layer.function, str)
        return ACTIVATIONS[layer.function]() if known else Elementwise(layer.function), after  # pyright: ignore[reportArgumentType]
    if isinstance(layer, Residual):
        return Added(_sequence(layer.branch, size, width=width, last=channels)[0]), after
    parts = [_sequence(branch, size, width=width, last=width) for branch in (layer.first, layer.second)]
    if len({part[1].channels for part in parts}) > 1:
        raise ArgumentError(
            "width",
            expected=f"the {channels} units before a product with a branch without weights",
            got=width,
            remedy="Give both branches weights, or put a layer in front.",
        )
    return Multiplied(*(part[0] for part in parts)), after._replace(channels=parts[0][1].channels)


def _linear(layer: Dense | Convolution, size: _Size, *, units: int) -> nn.Module:
    if layer.fan_in is not None:
        raise ArgumentError(
            "fan_in",
            expected="left out in a network to be drawn in NTK parametrization",
            got=layer.fan_in,
            remedy="Build a network in standard parametrization from torch's own layers.",
        )
    stds = {"weight_std": layer.weight_std, "bias_std": layer.bias_std or 0.0}
    if isinstance(layer, Dense):
        return ScaledLinear(size.channels, units, **stds)
    pads = []
    for side in reversed(size.grid):
        before, length = padding_before(layer.padding, side=side, size=layer.size, stride=layer.stride)
        pads += [before, max((length - 1) * layer.stride + layer.size - side - before, 0)]
    return ScaledConvolution(
        size.channels, units, layer.size, **stds, stride=layer.stride, pads=(pads[0], pads[1], pads[2], pads[3])
    )
