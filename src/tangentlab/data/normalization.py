"""Centring and scaling by the statistics of the train part."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tangentlab._errors import ShapeError

CONSTANT = 1e-7  # a spread below this share of the mean is float32 rounding


@dataclass(frozen=True, eq=False, kw_only=True)
class Normalization:
    """x ↦ (x − mean) / std, for each channel of images and each feature of tables.

    `mean` and `std` broadcast against a row: (channels, 1, ..., 1) or (d,). The standard deviation is that
    of the population (dividing by n). A channel or feature that is constant is centred and not scaled.

    >>> Normalization(mean=torch.tensor([1.0]), std=torch.tensor([2.0]))(torch.tensor([[5.0]]))
    tensor([[2.]])
    """

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, x: Tensor) -> Normalization:
        """Statistics of rows `x`: (n, d) by feature, (n, channels, ...) by channel.

        >>> Normalization.of(torch.tensor([[0.0, 5.0], [2.0, 5.0]])).std
        tensor([1., 1.])
        """
        each = (-1, *[1] * (x.ndim - 2))
        mean = _mean(x).reshape(each)
        left = x - mean.to(x.dtype)
        unit = _power_of_two(left).reshape(each)
        spread = _mean(left.div_(unit).square_()).sqrt().reshape(each) * unit
        std = torch.where(spread > CONSTANT * mean.abs(), spread, torch.ones_like(spread))
        return cls(mean=mean.to(x.dtype), std=std.to(x.dtype))

    def __call__(self, x: Tensor) -> Tensor:
        """The same rows, centred and scaled.

        >>> Normalization.of(torch.tensor([[0.0], [4.0]]))(torch.tensor([[6.0]]))
        tensor([[2.]])
        """
        if x.ndim != self.mean.ndim + 1 or x.shape[1] != self.mean.shape[0]:
            raise ShapeError(
                "x",
                expected=f"with {self.mean.shape[0]} channels or features, as the rows it was made from",
                got=str(tuple(x.shape)),
                remedy="Normalize rows of one data set only.",
            )
        return (x - self.mean) / self.std


def _power_of_two(x: Tensor) -> Tensor:
    """About the largest magnitude of each channel or feature: what is divided by it has squares that are numbers, and
    not a digit is lost.
    """
    rest = [axis for axis in range(x.ndim) if axis != 1]
    largest = torch.maximum(x.amax(rest), -x.amin(rest))
    return torch.exp2(torch.frexp(largest).exponent.clamp(-125, 126).to(x.dtype))


def _mean(x: Tensor) -> Tensor:
    """Mean of each channel or feature, summed in float64 over the rows."""
    return (x if x.ndim == 2 else x.flatten(2).mean(2)).double().mean(0)
