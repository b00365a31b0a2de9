"""NNGP and NTK of networks of infinite width, composed of layers, in one pass over pairs of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from tangentlab._errors import ArgumentError, DataError, ShapeError
from tangentlab._shapes import expect_finite
from tangentlab.kernels.finite_network import finite_network
from tangentlab.kernels.infinite_layers import Flatten, as_layers
from tangentlab.kernels.infinite_pass import pass_through
from tangentlab.kernels.infinite_rules import grid_after, plan_layers
from tangentlab.kernels.infinite_structure import expect_structure
from tangentlab.kernels.pair_covariances import PlannedSteps
from tangentlab.kernels.pixel_pairs import Grid, PixelPairs
from tangentlab.linalg import floating_tensor

Progress = Callable[[int, int], None]


class InfiniteKernels(NamedTuple):
    """The covariance of the outputs over the draw of the network, and the tangent kernel, (n, m) each."""

    nngp: Tensor
    ntk: Tensor


@dataclass(frozen=True)
class InfiniteWidthNetwork:
    """A network of infinite width, of layers in a row; its last one is the readout.

    Layers are `Dense`, `Convolution`, `Activation`, `AveragePool`, `GlobalAveragePool`, `Flatten`, `Residual` and
    `Product` of `tangentlab.kernels.infinite_layers`. Rows are vectors (n, d), images (n, channels, height, width), or
    of any shape where the first layer is `Flatten()`. Kernels are computed in float64 and returned in the dtype of the
    rows, or in `dtype`; one output of the network has them, and several are independent with the same.

    Cost: a matrix product of the rows, and a few dozen operations for each activation, pair of rows and pair of pixels
    that is needed (`work`). Raises `ArgumentError` for a composition that the rules do not cover.

    >>> from tangentlab.kernels.infinite_layers import Activation, Dense
    >>> network = InfiniteWidthNetwork([Dense(2**0.5), Activation("relu"), Dense()])
    >>> x = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    >>> network.nngp(x).tolist(), network.ntk(x).tolist()          # opposite rows share no unit
    ([[0.5, 0.0], [0.0, 0.5]], [[1.0, 0.0], [0.0, 1.0]])
    """

    layers: Sequence[Any]

    def __post_init__(self):
        object.__setattr__(self, "layers", as_layers("layers", self.layers))
        expect_structure(self.layers)

    def nngp(
        self,
        x1: Any,
        x2: Any = None,
        *,
        dtype: torch.dtype | None = None,
        memory: int | str | None = None,
        progress: Progress | None = None,
    ) -> Tensor:
        """E[f(x) f(x')] over the draw of the network, (n, m); symmetric, and half the work, when `x2` is None.

        >>> from tangentlab.kernels.infinite_layers import Dense
        >>> InfiniteWidthNetwork([Dense()]).nngp([[3.0, 4.0]]).tolist()           # x·x / d
        [[12.5]]
        """
        return self._evaluate(x1, x2, with_ntk=False, dtype=dtype, memory=memory, progress=progress)[0]

    def ntk(
        self,
        x1: Any,
        x2: Any = None,
        *,
        dtype: torch.dtype | None = None,
        memory: int | str | None = None,
        progress: Progress | None = None,
    ) -> Tensor:
        """The neural tangent kernel, (n, m), of each output; it stays as it is during training.

        >>> from tangentlab.kernels.infinite_layers import Dense
        >>> InfiniteWidthNetwork([Dense(), Dense()]).ntk([[3.0, 4.0]]).tolist()   # a share for each layer
        [[25.0]]
        """
        return self.kernels(x1, x2, dtype=dtype, memory=memory, progress=progress).ntk

    def kernels(
        self,
        x1: Any,
        x2: Any = None,
        *,
        dtype: torch.dtype | None = None,
        memory: int | str | None = None,
        progress: Progress | None = None,
    ) -> InfiniteKernels:
        """Both in one pass.

        >>> from tangentlab.kernels.infinite_layers import Dense
        >>> [kernel.item() for kernel in InfiniteWidthNetwork([Dense(1.0, bias_std=2.0)]).kernels([[1.0]])]
        [5.0, 5.0]
        """
        return InfiniteKernels(
            *self._evaluate(x1, x2, with_ntk=True, dtype=dtype, memory=memory, progress=progress)
        )

    def work(self, shape: tuple[int, ...]) -> int:
        """Covariances that the activations treat for one pair of rows of a shape: about 25 ns each on one core.

        >>> from tangentlab.kernels.infinite_layers import Activation, Convolution, Dense, GlobalAveragePool
        >>> layers = Convolution(3), Activation("relu"), GlobalAveragePool(), Dense()
        >>> InfiniteWidthNetwork(layers).work((3, 8, 8))           # every pair of 64 pixels
        4096
        """
        return self._plan(_grid_of(self.layers, "shape", (1, *shape))).work

    def finite(self, shape: tuple[int, ...], *, width: int, outputs: int = 1, seed: int = 0) -> nn.Module:
        """A draw of the network with `width` units or channels a layer, in NTK parametrization, for rows of a shape.

        >>> from tangentlab.kernels.infinite_layers import Activation, Dense
        >>> model = InfiniteWidthNetwork([Dense(), Activation("erf"), Dense()]).finite((3,), width=8, outputs=2)
        >>> model(torch.zeros(5, 3)).shape
        torch.Size([5, 2])
        """
        return finite_network(self.layers, shape, width=width, outputs=outputs, seed=seed)

    def _plan(self, grid: Grid) -> PlannedSteps:
        left = grid_after(self.layers, grid)
        if left != (1, 1):
            raise ShapeError(
                "x",
                expected="one vector a row at the end of the network",
                got=f"images of {left.height} x {left.width} pixels",
                remedy="End the network in Flatten() or GlobalAveragePool(), and a readout Dense().",
            )
        return plan_layers(self.layers, PixelPairs.single(), grid)

    def _evaluate(
        self,
        x1: Any,
        x2: Any,
        *,
        with_ntk: bool,
        dtype: torch.dtype | None,
        memory: int | str | None,
        progress: Progress | None,
    ) -> Tensor:
        if dtype not in (None, torch.float32, torch.float64):
            raise ArgumentError(
                "dtype",
                expected="torch.float32 or torch.float64",
                got=dtype,
                remedy="Leave it out for that of the rows.",
            )
        first, grid = _rows(self.layers, "x1", x1)
        second = None if x2 is None else _rows(self.layers, "x2", x2)[0]
        if second is not None and second.shape[1:] != first.shape[1:]:
            raise ShapeError(
                "x2",
                expected=f"rows like those of x1, with {_words(first)}",
                got=_words(second),
                remedy="Pass rows of one kind.",
            )
        found = first.dtype if second is None else torch.promote_types(first.dtype, second.dtype)
        result = pass_through(
            self._plan(grid),
            first.double().flatten(2),
            None if second is None else second.double().flatten(2),
            with_ntk=with_ntk,
            memory=memory,
            progress=progress,
        )
        expect_finite("kernel", result, remedy="The rows are too large for float64: scale them.")
        result = result.to(found if dtype is None else dtype)
        expect_finite("kernel", result, remedy="The rows are too large for float32: pass dtype=torch.float64.")
        return result


def _rows(layers: Sequence[Any], name: str, x: Any) -> tuple[Tensor, Grid]:
    """Rows as (n, channels, height, width), those of vectors as (n, d, 1, 1), and the grid of their pixels."""
    x = floating_tensor(name, x)
    grid = _grid_of(layers, name, tuple(x.shape))
    if x.numel() == 0:
        raise DataError(f"`{name}` is empty, of shape {tuple(x.shape)}.", remedy="Pass some rows.")
    return x.reshape(len(x), -1, *grid), grid


def _grid_of(layers: Sequence[Any], name: str, shape: tuple[int, ...]) -> Grid:
    if len(shape) == 4 and not isinstance(layers[0], Flatten):
        return Grid(shape[2], shape[3])
    if len(shape) == 2 or (len(shape) > 2 and isinstance(layers[0], Flatten)):
        return Grid(1, 1)
    raise ShapeError(
        name,
        expected="of shape (n, d), or (n, channels, height, width) for images",
        got=str(tuple(shape)),
        remedy="Reshape the rows; where Flatten() is the first layer, rows may have any shape.",
    )


def _words(rows: Tensor) -> str:
    channels, height, width = rows.shape[1:]
    return f"{channels} entries" if (height, width) == (1, 1) else f"{channels} x {height} x {width} entries"
