"""The infinite width of a module made of torch's own layers in a row, at the initialization it was drawn from.

Torch's layers are in standard parametrization, where the tangent kernel of the limit grows with the width. So the
widths of the module are kept as factors, and only what its random weights give the kernel is replaced by its limit:
what the kernel at initialization tends to as layers widen at these fan-ins (Sohl-Dickstein, Novak, Schoenholz and Lee,
2020). Weights enter by their variance alone, as if they were Gaussian.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from torch import nn

from tangentlab._errors import NetworkError, UnknownNameError
from tangentlab.kernels.infinite_layers import (
    Activation,
    AveragePool,
    Convolution,
    Dense,
    Flatten,
    GlobalAveragePool,
)
from tangentlab.kernels.infinite_width import InfiniteWidthNetwork
from tangentlab.networks.activation import Erf

DEVIATIONS: dict[str, tuple[float, float]] = {"lecun": (1.0, 0.0), "torch": (3**-0.5, 3**-0.5)}
"""Initialization to √fan_in times the standard deviations of weights and of biases."""


def infinite_width_of(module: nn.Module, *, initialization: str) -> InfiniteWidthNetwork:
    """The network of infinite width behind an `nn.Sequential` of layers that have a rule.

    Raises `NetworkError` for a module or layer without one, by its name, and `UnknownNameError` for an unknown
    initialization.

    >>> import torch
    >>> model = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 1))
    >>> network = infinite_width_of(model, initialization="lecun")
    >>> network.ntk(torch.ones(1, 2)).item()          # q/2 fan_in + 1, and E[φ'²] (q fan_in + 1), at q = 1
    34.5
    """
    if initialization not in DEVIATIONS:
        raise UnknownNameError("initialization", initialization, DEVIATIONS)
    return InfiniteWidthNetwork([_layer(name, part, initialization) for name, part in _in_a_row("", module)])


def _in_a_row(name: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    if not isinstance(module, nn.Sequential):
        if not isinstance(module, nn.Identity):
            yield name, module
        return
    for inner, part in module.named_children():
        yield from _in_a_row(f"{name}.{inner}" if name else inner, part)


def _layer(name: str, module: nn.Module, initialization: str) -> Any:
    rule = RULES.get(type(module))
    layer = None if rule is None else rule(module, DEVIATIONS[initialization])
    if layer is None:
        where = f"The layer '{name}'" if name else "The network"
        raise NetworkError(
            f"{where} ({type(module).__name__}) has no rule for infinite width as it stands.",
            remedy="Known are linear layers, plain convolutions, average pools, Flatten and elementwise activations "
            "in an nn.Sequential; compose others yourself with InfiniteWidthNetwork.",
        )
    return layer


def _weights(module: nn.Linear | nn.Conv2d, deviations: tuple[float, float]) -> dict[str, Any]:
    fan_in = prod(module.weight.shape[1:])
    bias = None if module.bias is None else deviations[1] / fan_in**0.5
    return {"weight_std": deviations[0], "bias_std": bias, "fan_in": fan_in}


def _linear(module: nn.Linear, deviations: tuple[float, float]) -> Dense:
    return Dense(**_weights(module, deviations))


def _convolution(module: nn.Conv2d, deviations: tuple[float, float]) -> Convolution | None:
    size, stride, padding = module.kernel_size, module.stride, module.padding
    square = size[0] == size[1] and stride[0] == stride[1]
    plain = module.groups == 1 and set(module.dilation) == {1} and module.padding_mode == "zeros"
    if not square or not plain or not (isinstance(padding, str) or padding[0] == padding[1]):
        return None
    pixels = padding if isinstance(padding, str) else padding[0]
    if pixels == "same" and size[0] % 2 == 0:
        return None  # torch puts the odd pixel in front, JAX behind
    return Convolution(size[0], **_weights(module, deviations), stride=stride[0], padding=pixels)


def _pool(module: nn.AvgPool2d, _: Any) -> AveragePool | None:
    size, stride, padding = (_one(value) for value in (module.kernel_size, module.stride, module.padding))
    if size is None or stride is None or padding != 0 or module.ceil_mode or module.divisor_override:
        return None
    return AveragePool(size, stride)


def _global_pool(module: nn.AdaptiveAvgPool2d, _: Any) -> GlobalAveragePool | None:
    return GlobalAveragePool() if module.output_size in (1, (1, 1)) else None


def _flatten(module: nn.Flatten, _: Any) -> Flatten | None:
    return Flatten() if (module.start_dim, module.end_dim) == (1, -1) else None


def _one(value: Any) -> int | None:
    """A size that is the same along both sides."""
    if isinstance(value, int):
        return value
    return value[0] if len(set(value)) == 1 else None


def _named(name: str) -> Callable[[Any, Any], Activation]:
    return lambda module, _: Activation(name)


def _itself(module: nn.Module, _: Any) -> Activation:
    return Activation(module)


RULES: dict[type, Callable[[Any, Any], Any]] = {
    nn.Linear: _linear,
    nn.Conv2d: _convolution,
    nn.AvgPool2d: _pool,
    nn.AdaptiveAvgPool2d: _global_pool,
    nn.Flatten: _flatten,
    nn.ReLU: _named("relu"),
    Erf: _named("erf"),
    nn.GELU: lambda module, _: Activation("gelu" if module.approximate == "none" else module),
    nn.Tanh: _itself,
    nn.Sigmoid: _itself,
    nn.SiLU: _itself,
    nn.Softplus: _itself,
}
"""Class of layer to its description; None from one that has options without a rule."""
