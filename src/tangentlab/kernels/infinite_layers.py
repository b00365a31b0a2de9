"""The layers of networks of infinite width, as descriptions.

Put together by `InfiniteWidthNetwork`; what each does to covariances stands in `infinite_rules`. In NTK parametrization
a weight is std · ω / √fan_in with ω ~ N(0, 1), a bias std · ω, and gradients are those in ω. With `fan_in=` a layer is
in standard parametrization instead, as torch's own layers are: gradients are those in the weights themselves, of which
there are `fan_in` to a unit in the network of finite width that the kernel stands for (Sohl-Dickstein, Novak,
Schoenholz and Lee, 2020). There a bias learns even if it starts at 0; `bias_std=None` is a layer without.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, final

from torch import Tensor

from tangentlab._errors import ArgumentError, UnknownNameError
from tangentlab._shapes import expect_whole_number
from tangentlab.kernels.activation_dual import CLOSED_FORMS
from tangentlab.networks.activation import ACTIVATIONS

Elementwise = Callable[[Tensor], Tensor]


@final
@dataclass(frozen=True)
class Dense:
    """A linear layer on all units, or on the channels of one pixel.

    >>> Dense(1.4, bias_std=0.2)
    Dense(weight_std=1.4, bias_std=0.2, fan_in=None)
    >>> Dense(-1.0)
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `weight_std` must be a standard deviation of 0 or more, got -1.0. Try 1.0.
    """

    weight_std: float = 1.0
    bias_std: float | None = 0.0
    fan_in: int | None = None

    def __post_init__(self):
        _expect_deviations(self)


@final
@dataclass(frozen=True)
class Convolution:
    """A convolution of size × size pixels; `padding` with zeros is "same", "valid" or a number of pixels a side.

    "same" keeps ⌈side / stride⌉ pixels and puts the odd pixel of padding behind, as JAX and TensorFlow do.

    >>> Convolution(3, 1.4, stride=2).padding
    'same'
    """

    size: int
    weight_std: float = 1.0
    bias_std: float | None = 0.0
    stride: int = field(default=1, kw_only=True)
    padding: int | str = field(default="same", kw_only=True)
    fan_in: int | None = None

    def __post_init__(self):
        _expect_deviations(self)
        expect_whole_number("size", self.size)
        expect_whole_number("stride", self.stride)
        if isinstance(self.padding, str):
            if self.padding not in ("same", "valid"):
                raise UnknownNameError("padding", self.padding, ["same", "valid", "a number of pixels"])
        else:
            expect_whole_number("padding", self.padding, least=0)


@final
@dataclass(frozen=True)
class Activation:
    """An elementwise φ: a name of the catalogue of activations, or any differentiable function of a tensor.

    >>> Activation("relu")
    Activation(function='relu')
    >>> Activation("rely")
    Traceback (most recent call last):
    tangentlab._errors.UnknownNameError: `activation` must be one of erf, gelu, identity, relu, sigmoid, silu,
    softplus, tanh, got 'rely'. Did you mean 'relu'?
    """

    function: str | Elementwise

    def __post_init__(self):
        if isinstance(self.function, str):
            if self.function not in ACTIVATIONS and self.function not in CLOSED_FORMS:
                raise UnknownNameError("activation", self.function, ACTIVATIONS)
        elif not callable(self.function) or isinstance(self.function, type):
            raise ArgumentError(
                "activation",
                expected="a name or a function of a tensor",
                got=repr(self.function),
                remedy="Try 'relu', or torch.tanh.",
            )


@final
@dataclass(frozen=True)
class AveragePool:
    """The mean over windows of size × size pixels, `stride` apart (default: their size); what is left over is dropped.

    >>> AveragePool(2).step
    2
    """

    size: int
    stride: int | None = None

    def __post_init__(self):
        expect_whole_number("size", self.size)
        if self.stride is not None:
            expect_whole_number("stride", self.stride)

    @property
    def step(self) -> int:
        """Pixels from one window to the next."""
        return self.size if self.stride is None else self.stride


@final
@dataclass(frozen=True)
class GlobalAveragePool:
    """The mean over all pixels: it needs the covariances of every pair of them."""


@final
@dataclass(frozen=True)
class Flatten:
    """All pixels and channels as one vector: it needs the covariances of each pixel with itself alone."""


@final
@dataclass(frozen=True)
class Residual:
    """The sum of the identity and a branch that ends in a layer with weights of its own, so that no covariance is left.

    >>> len(Residual([Activation("relu"), Dense(1.2)]).branch)
    2
    """

    branch: Sequence[Any]

    def __post_init__(self):
        object.__setattr__(self, "branch", as_layers("branch", self.branch))


@final
@dataclass(frozen=True)
class Product:
    """The entrywise product of two branches with weights of their own.

    >>> len(Product([Dense(), Activation("relu")], [Dense()]).second)
    1
    """

    first: Sequence[Any]
    second: Sequence[Any]

    def __post_init__(self):
        object.__setattr__(self, "first", as_layers("first", self.first))
        object.__setattr__(self, "second", as_layers("second", self.second))


Layer = Dense | Convolution | Activation | AveragePool | GlobalAveragePool | Flatten | Residual | Product
LAYERS = (Dense, Convolution, Activation, AveragePool, GlobalAveragePool, Flatten, Residual, Product)


def as_layers(name: str, layers: Any) -> tuple[Layer, ...]:
    """Layers in a tuple, each of a kind that has a rule.

    >>> as_layers("branch", [Dense(), "relu"])
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `branch` must be made of layers such as Dense(1.0) and Activation('relu'), got
    'relu'. Write Activation('relu').
    """
    found = tuple(layers) if isinstance(layers, (list, tuple)) else (layers,)
    for layer in found:
        if not isinstance(layer, LAYERS):
            raise ArgumentError(
                name,
                expected="made of layers such as Dense(1.0) and Activation('relu')",
                got=repr(layer),
                remedy=f"Write Activation({layer!r})." if isinstance(layer, str) else "See infinite_layers.",
            )
    return found


def expect_deviation(name: str, value: Any) -> None:
    """Refuse what is no standard deviation.

    >>> expect_deviation("weight_std", 0.0)
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 <= float(value) < math.inf:
        raise ArgumentError(name, expected="a standard deviation of 0 or more", got=repr(value), remedy="Try 1.0.")


def _expect_deviations(layer: Dense | Convolution) -> None:
    expect_deviation("weight_std", layer.weight_std)
    if layer.bias_std is not None:
        expect_deviation("bias_std", layer.bias_std)
    if layer.fan_in is not None:
        expect_whole_number("fan_in", layer.fan_in)
