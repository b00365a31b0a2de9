"""Activations by name: the scalar functions a catalogue network may put between its layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
from torch import nn

from tangentlab._errors import UnknownNameError


@final
class Erf(nn.Module):
    """The error function erf(x) = 2/√π ∫₀ˣ exp(−t²) dt, whose infinite-width kernels are known in closed form.

    >>> Erf()(torch.zeros(2))
    tensor([0., 0.])
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Entrywise erf."""
        return torch.erf(x)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "erf": Erf,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "identity": nn.Identity,
}
"""Name to a maker of the layer. None works in place, so that each layer's input survives its forward."""


def activation_maker(name: str) -> Callable[[], nn.Module]:
    """What makes a fresh activation layer of this name.

    Every use in a network gets a layer of its own, so that hooks and names tell the uses apart.
    Raises `UnknownNameError` for a name outside `ACTIVATIONS`.

    >>> activation_maker("relu")()
    ReLU()
    >>> activation_maker("rely")
    Traceback (most recent call last):
    tangentlab._errors.UnknownNameError: `activation` must be one of erf, gelu, identity, relu, sigmoid, silu,
    softplus, tanh, got 'rely'. Did you mean 'relu'?
    """
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise UnknownNameError("activation", name, ACTIVATIONS)
    return ACTIVATIONS[name]
