"""Weight gradients written out, a slice of the weight at a time, into memory that is there.

Formula   W[n, q] = Σ_s G[n, q, s] ⊗ A[n, s]; a slice of it is that of some outputs, or of some channels
Cost      the products of the pass; by channels every window is copied out once, a few rows at a time, and the product
          of a row has the pixels' channels for its rows: four times as quick on a CPU as one of a few outputs
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from tangentlab.linalg.batched_product import batched_product, products_at_once, worth_alone
from tangentlab.linalg.matrix_product import product
from tangentlab.tangent.factors import Outer, Windows
from tangentlab.tangent.patches import kernel_gradients, patch_matrix

_LEAST = 16
"""Lines of the weight that a slice has at least: fewer would not fill registers."""

_WINDOW_NUMBERS = 1 << 19
"""Numbers of windows copied out at once: each is read again at once, out of the nearest cache."""


class Slices(ABC):
    """The weight gradients of some rows, of which slices can be written out."""

    @property
    @abstractmethod
    def sizes(self) -> tuple[int, int, int, int]:
        """Rows, q, how many slices there are, and the numbers of one for each row and q."""

    @property
    @abstractmethod
    def least(self) -> int:
        """Slices below which writing is slow."""

    @abstractmethod
    def write(self, outs: Sequence[Tensor], slices: slice) -> None:
        """Write some slices to one tensor (n, q, numbers) after another; each takes as many as it has room for."""


def sliced(sides: Sequence[Sequence[Outer | Windows]]) -> list[list[Slices]]:
    """The parts of both sides of a product, in slices of one kind and order.

    >>> import torch
    >>> use = Outer(inputs=torch.ones(2, 1, 3, 4), gradients=torch.ones(2, 2, 1, 3, 5))
    >>> sliced([[use]])[0][0].sizes
    (2, 2, 5, 4)
    """
    parts = [part for side in sides for part in side]
    windows = [part for part in parts if isinstance(part, Windows)]
    if len(windows) < len(parts) or windows[0].geometry.groups > 1:
        return [[_outer_slices(part) for part in side] for side in sides]
    quick = any(part.quick_as_convolution for part in windows)
    made = KernelSlices if quick else ChannelSlices
    found: list[list[Slices]] = [[made(part) for part in side if isinstance(part, Windows)] for side in sides]
    return found


def _outer_slices(part: Outer | Windows) -> OuterSlices:
    """Of one output, W or Wᵀ, whose lines are the longer side's."""
    use = (part.outer() if isinstance(part, Windows) else part).plain()
    q, o = use.gradients.shape[1], use.gradients.shape[4]
    if q == use.inputs.shape[1] == 1 and use.inputs.shape[3] < o:
        use = Outer(use.gradients[:, 0], use.inputs.unsqueeze(1))
    return OuterSlices(use)


@dataclass(frozen=True)
class OuterSlices(Slices):
    """Those of an outer product: a slice is one output of each group."""

    factor: Outer

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """Rows, q, outputs, and inputs of all groups."""
        n, q, g, _, o = self.factor.gradients.shape
        return n, q, o, g * self.factor.inputs.shape[3]

    @property
    def least(self) -> int:
        """Outputs below which writing is slow."""
        return _LEAST

    def write(self, outs: Sequence[Tensor], slices: slice) -> None:
        """The shares of some outputs."""
        inputs, gradients = self.factor.inputs, self.factor.gradients
        n, q = gradients.shape[:2]
        g, s, i = inputs.shape[1:]
        sizes = [out.shape[2] // (g * i) for out in outs]
        if g > 1 or not worth_alone(q * sum(sizes), s, i):
            start = slices.start
            for out, size in zip(outs, sizes):
                share = Outer(inputs, gradients[..., start : start + size])
                if g > 1:
                    out.copy_(share.rows().rows)
                else:
                    batched_product(_left(share), inputs[:, 0], out=out.view(n, -1, i))
                start += size
            return
        left = _left(Outer(inputs, gradients[..., slices]))
        for row in range(n):
            found = product(left[row], inputs[row, 0]).view(q, -1, i)
            for out, part in zip(outs, found.split(sizes, dim=1)):
                out[row].view(q, -1, i).copy_(part)


def _left(share: Outer) -> Tensor:
    """The gradients of one group as (n, q·o, s)."""
    n, q = share.gradients.shape[:2]
    left = share.gradients[:, :, 0].transpose(2, 3)
    return left[:, 0] if q == 1 else left.reshape(n, -1, left.shape[3])


@dataclass(frozen=True)
class ChannelSlices(Slices):
    """Those of a convolution of one group: a slice is one channel, with all places of the kernel and all outputs.

    >>> import torch
    >>> from tangentlab.tangent.patches import Geometry
    >>> flat = Geometry(kernel=(2,), stride=(1,), dilation=(1,), padding=(0,), groups=1)
    >>> out = torch.empty(1, 1, 2)
    >>> use = Windows(torch.arange(3.0).reshape(1, 1, 3), torch.ones(1, 1, 1, 2), flat)
    >>> ChannelSlices(use).write([out], slice(0, 1))
    >>> out.tolist()
    [[[1.0, 3.0]]]
    """

    factor: Windows

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """Rows, q, channels, and outputs times places of the kernel."""
        n, q, o = self.factor.gradients.shape[:3]
        return n, q, self.factor.pixels.shape[1], o * self._places

    @property
    def least(self) -> int:
        """Channels below which writing is slow."""
        return -(-_LEAST // self._places)

    @property
    def _places(self) -> int:
        return math.prod(self.factor.geometry.kernel)

    def write(self, outs: Sequence[Tensor], slices: slice) -> None:
        """The shares of some channels, as (q, channel, place, o)."""
        pixels = self.factor.pixels[:, slices]
        n, q, o = self.factor.gradients.shape[:3]
        s, lines = self.factor.positions, pixels.shape[1] * self._places
        sizes = [out.shape[2] // o for out in outs]
        step = max(1, min(_WINDOW_NUMBERS // (lines * s), products_at_once(lines, q * o)))
        alone = worth_alone(lines, s, q * o)
        gradients = self._lines.transpose(1, 2) if alone else self._turned
        for start in range(0, n, step):
            some = slice(start, min(start + step, n))
            windows, right = (
                patch_matrix(pixels[some], self.factor.geometry)[:, 0].transpose(1, 2),
                gradients[some],
            )
            if alone:
                for row in range(len(windows)):
                    _put(outs, slice(start + row, start + row + 1), product(windows[row], right[row])[None], sizes)
            else:
                _put(outs, some, batched_product(windows, right), sizes)

    @property
    def _lines(self) -> Tensor:
        """The gradients as (n, q·o, s)."""
        n, q, o = self.factor.gradients.shape[:3]
        return self.factor.gradients.reshape(n, q * o, -1)

    @cached_property
    def _turned(self) -> Tensor:
        """The same as (n, s, q·o), copied once and not for each slice."""
        return self._lines.transpose(1, 2).contiguous()


def _put(outs: Sequence[Tensor], rows: slice, found: Tensor, sizes: Sequence[int]) -> None:
    """Lines (n, lines, q·o) into tensors (n, q, lines·o), so many lines each."""
    for out, part in zip(outs, found.split(list(sizes), dim=1)):
        n, q = len(part), out.shape[1]
        out[rows].view(n, q, part.shape[1], -1).copy_(part.reshape(n, part.shape[1], q, -1).transpose(1, 2))


@dataclass(frozen=True)
class KernelSlices(Slices):
    """Those of a convolution of one group by its own weight gradient, which reads pixels: a slice is one output."""

    factor: Windows

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """Rows, q, outputs, and channels times places of the kernel."""
        n, q, o = self.factor.gradients.shape[:3]
        return n, q, o, self.factor.sizes[0]

    @property
    def least(self) -> int:
        """Outputs below which writing is slow."""
        return _LEAST

    def write(self, outs: Sequence[Tensor], slices: slice) -> None:
        """The shares of some outputs."""
        use, start = self.factor, slices.start
        for out in outs:
            some = slice(start, start + out.shape[2] // use.sizes[0])
            found = kernel_gradients(use.pixels, use.gradients[:, :, some], use.geometry)
            out.copy_(found.reshape(out.shape))
            start = some.stop
