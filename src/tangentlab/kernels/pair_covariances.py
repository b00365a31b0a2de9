"""The covariances of two rows at pairs of pixels, and the steps that carry them through a network of infinite width."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from torch import Tensor

from tangentlab.kernels.pixel_pairs import PixelPairs


class Covariances(NamedTuple):
    """Both kernels at pairs of pixels, (pairs, ...).

    `ntk` is None where it was not asked for, and a number, 0, before the first layer with weights.
    """

    nngp: Tensor
    ntk: Tensor | None

    @property
    def last(self) -> tuple[Tensor, ...]:
        """Those there are, at the one pair of pixels that is left at the end."""
        return tuple(kernel[0] for kernel in self if kernel is not None)

    def take(self, index: Tensor) -> Covariances:
        """At some of the pairs."""
        found = [t if t is None or t.ndim == 0 else t.index_select(0, index.to(t.device)) for t in self]
        return Covariances(*found)  # pyright: ignore[reportArgumentType]

    def average(self, mean: Callable[[Tensor], Tensor]) -> Covariances:
        """Both after a linear map of the pairs."""
        found = [t if t is None or t.ndim == 0 else mean(t) for t in self]
        return Covariances(*found)  # pyright: ignore[reportArgumentType]


class Variances(Protocol):
    """Knows the variances of single rows before each activation, in the order in which they are met."""

    def meet(self, pairs: PixelPairs, nngp: Tensor) -> tuple[Tensor, Tensor]:
        """Of either pixel of each pair, as they broadcast against `nngp`."""
        ...


Step = Callable[[Covariances, Variances], Covariances]


class PlannedSteps(NamedTuple):
    """The pairs of pixels that steps need, the steps, and how many numbers their activations treat a pair of rows."""

    needed: PixelPairs
    steps: tuple[Step, ...]
    work: int

    def __call__(self, given: Covariances, variances: Variances) -> Covariances:
        """All steps in turn."""
        for step in self.steps:
            given = step(given, variances)
        return given
