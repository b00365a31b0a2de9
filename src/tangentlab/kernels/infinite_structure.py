"""Whether the covariances of a network of infinite width are exact: an activation must read a Gaussian.

A linear layer with weights of its own makes units that are Gaussian and independent of all before; a second
activation without one between, or one after a product, has no dual in closed form, and a sum of branches has
covariances between them unless all but one end in such a layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tangentlab._errors import ArgumentError
from tangentlab.kernels.infinite_layers import Activation, Convolution, Dense, Layer, Product, Residual


class Kind(NamedTuple):
    """What is known of the units: Gaussian; with weights of their own since the last bend; with any at all."""

    gaussian: bool = False
    fresh: bool = False
    weighted: bool = False


def expect_structure(layers: Sequence[Layer], *, name: str = "layers") -> None:
    """Refuse a composition whose kernels the rules do not give.

    >>> expect_structure([Dense(), Activation("relu"), Activation("erf"), Dense()])
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `layers` must be such that each activation reads a linear layer, got
    Activation(function='erf') after what is not Gaussian. Put a Dense or a Convolution in front of it.
    """
    if not layers:
        raise ArgumentError(
            name, expected="one layer or more", got="none", remedy="Try [Dense(), Activation('relu'), Dense()]."
        )
    kind = _kind(layers, Kind(), name=name)
    if not kind.weighted:
        raise ArgumentError(
            name,
            expected="a network with weights",
            got="layers without any",
            remedy="End it in a readout, Dense(1.0).",
        )


def _kind(layers: Sequence[Layer], kind: Kind, *, name: str) -> Kind:
    for layer in layers:
        kind = _after(layer, kind, name=name)
    return kind


def _after(layer: Layer, kind: Kind, *, name: str) -> Kind:
    if isinstance(layer, (Dense, Convolution)):
        return Kind(gaussian=True, fresh=True, weighted=True)
    if isinstance(layer, Activation):
        if not kind.gaussian:
            raise ArgumentError(
                name,
                expected="such that each activation reads a linear layer",
                got=f"{layer} after what is not Gaussian",
                remedy="Put a Dense or a Convolution in front of it.",
            )
        return kind._replace(gaussian=False, fresh=False)
    if isinstance(layer, Residual):
        branch = _kind(layer.branch, kind._replace(fresh=False, weighted=False), name="branch")
        if not branch.fresh:
            raise ArgumentError(
                "branch",
                expected="one that ends in weights of its own",
                got=f"{layer.branch}",
                remedy="Put a Dense or a Convolution behind its last activation.",
            )
        return kind._replace(weighted=True)
    if isinstance(layer, Product):
        branches = [
            _kind(branch, kind._replace(weighted=False), name=name) for branch in (layer.first, layer.second)
        ]
        if not any(branch.weighted for branch in branches):
            raise ArgumentError(
                "second",
                expected="independent of the first branch",
                got="two branches without weights of their own",
                remedy="Put a Dense or a Convolution into one of them.",
            )
        return Kind(weighted=True)
    return kind
