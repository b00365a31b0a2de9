"""What each layer does to the covariances of a network of infinite width, as one table.

Two inputs x, x' have, at each pair of pixels, the covariance k of a unit's values over the draw of the network (the
NNGP kernel) and the inner product t of the gradients of a unit's values (the NTK). In NTK parametrization a linear
layer with weights of deviation σ and biases of deviation β, and an activation φ, take them to

    k ← σ² k + β²,  t ← σ² t + k (the new one)          k ← E[φ(u) φ(v)],  t ← E[φ'(u) φ'(v)] t

(Jacot, Gabriel and Hongler, 2018), where a convolution first averages k and t over its window at both pixels together
(Arora and others, 2019), and pools average over windows at either pixel. In standard parametrization the weights add
fan_in · k to t, and the biases 1. Branches with weights of their own are independent: sums add k and t, products have
k k' and t k' + k t' (as in Novak and others, 2020).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tangentlab._errors import ShapeError
from tangentlab.kernels.activation_dual import CLOSED_FORMS
from tangentlab.kernels.hermite_dual import HermiteDual
from tangentlab.kernels.infinite_layers import (
    Activation,
    AveragePool,
    Convolution,
    Dense,
    Flatten,
    GlobalAveragePool,
    Layer,
    Product,
    Residual,
)
from tangentlab.kernels.pair_covariances import Covariances, PlannedSteps, Step, Variances
from tangentlab.kernels.pixel_pairs import Grid, PixelPairs, Window, padding_before, window_sum
from tangentlab.networks.activation import ACTIVATIONS


@dataclass(frozen=True)
class Rule:
    """How a kind of layer changes the grid of pixels, and what it needs for the pairs `wanted` behind it."""

    grid: Callable[[Any, Grid], Grid]
    plan: Callable[[Any, PixelPairs, Grid], PlannedSteps]


def grid_after(layers: Sequence[Layer], grid: Grid) -> Grid:
    """The pixels that layers leave.

    >>> grid_after([Convolution(3, stride=2), AveragePool(2)], Grid(8, 8))
    Grid(height=2, width=2)
    """
    for layer in layers:
        grid = RULES[type(layer)].grid(layer, grid)
    return grid


def plan_layers(layers: Sequence[Layer], wanted: PixelPairs, grid: Grid) -> PlannedSteps:
    """The steps of layers on images of a grid, found from the pairs wanted of the output backwards.

    >>> planned = plan_layers([Convolution(3), Activation("relu"), Flatten()], PixelPairs.single(), Grid(8, 8))
    >>> len(planned.needed), planned.work
    (64, 64)
    """
    grids = [grid]
    for layer in layers:
        grids.append(RULES[type(layer)].grid(layer, grids[-1]))
    steps, work = (), 0
    for layer, before in zip(reversed(layers), reversed(grids[:-1])):
        wanted, more, cost = RULES[type(layer)].plan(layer, wanted, before)
        steps, work = (*more, *steps), work + cost
    return PlannedSteps(wanted, steps, work)


def _unchanged(_: Any, grid: Grid) -> Grid:
    return grid


def _expect_vector(_: Dense, grid: Grid) -> Grid:
    if grid != (1, 1):
        raise ShapeError(
            "x",
            expected="one vector a row where a Dense layer reads it",
            got=f"images of {grid.height} x {grid.width} pixels",
            remedy="Put Flatten() or GlobalAveragePool() in front of the Dense layer.",
        )
    return grid


def _weigh(layer: Dense | Convolution) -> Step:
    """The linear layer once k and t are averaged over its inputs."""
    gain, shift = layer.weight_std**2, (layer.bias_std or 0.0) ** 2
    learns = layer.bias_std is not None

    def step(given: Covariances, _: Variances) -> Covariances:
        k, t = given
        value = gain * k + shift
        if t is not None:
            t = gain * t + (value if layer.fan_in is None else layer.fan_in * k + learns)
        return Covariances(value, t)

    return step


def _plan_dense(layer: Dense, wanted: PixelPairs, _: Grid) -> PlannedSteps:
    return PlannedSteps(wanted, (_weigh(layer),), 0)


def _convolved(layer: Convolution, grid: Grid) -> Grid:
    found = [padding_before(layer.padding, side=side, size=layer.size, stride=layer.stride)[1] for side in grid]
    return Grid(*found)


def _plan_convolution(layer: Convolution, wanted: PixelPairs, grid: Grid) -> PlannedSteps:
    before = [padding_before(layer.padding, side=side, size=layer.size, stride=layer.stride)[0] for side in grid]
    windows = [Window(axis, layer.size, layer.stride, before[axis], together=True) for axis in (0, 1)]
    averaged = _plan_windows(windows, wanted, grid)
    return PlannedSteps(averaged.needed, (*averaged.steps, _weigh(layer)), 0)


def _plan_windows(windows: Sequence[Window], wanted: PixelPairs, grid: Grid) -> PlannedSteps:
    """Means over the windows along rows, then along columns."""
    middle = Grid(wanted.grid.height, grid.width)
    between, across = window_sum(windows[1], wanted, before=middle)
    needed, down = window_sum(windows[0], between, before=grid)
    count = 1
    for window in windows:
        count *= window.size if window.together else window.size**2

    def step(given: Covariances, _: Variances) -> Covariances:
        return given.average(lambda kernel: across(down(kernel)).div_(count))

    return PlannedSteps(needed, (step,), 0)


def _pooled(layer: AveragePool, grid: Grid) -> Grid:
    return Grid(*(padding_before("valid", side=side, size=layer.size, stride=layer.step)[1] for side in grid))


def _plan_pool(layer: AveragePool, wanted: PixelPairs, grid: Grid) -> PlannedSteps:
    windows = [Window(axis, layer.size, layer.step, 0, together=False) for axis in (0, 1)]
    return _plan_windows(windows, wanted, grid)


def _to_vector(_: Any, grid: Grid) -> Grid:
    return Grid(1, 1)


def _plan_whole(layer: Flatten | GlobalAveragePool, wanted: PixelPairs, grid: Grid) -> PlannedSteps:
    if grid == (1, 1):
        return PlannedSteps(wanted, (), 0)
    together = isinstance(layer, Flatten)
    windows = [Window(axis, side, 1, 0, together=together) for axis, side in enumerate(grid)]
    return _plan_windows(windows, wanted, grid)


def _plan_activation(layer: Activation, wanted: PixelPairs, _: Grid) -> PlannedSteps:
    function = layer.function
    if isinstance(function, str) and function in CLOSED_FORMS:
        dual = CLOSED_FORMS[function]
    else:
        dual = HermiteDual(ACTIVATIONS[function]() if isinstance(function, str) else function)

    def step(given: Covariances, variances: Variances) -> Covariances:
        k, t = given
        first, second = variances.meet(wanted, k)
        value, slope = dual(first, second, k, slope=t is not None)
        return Covariances(value, None if t is None or slope is None else slope * t)

    return PlannedSteps(wanted, (step,), len(wanted))


def _plan_residual(layer: Residual, wanted: PixelPairs, grid: Grid) -> PlannedSteps:
    branch = plan_layers(layer.branch, wanted, grid)
    needed = wanted.joined(branch.needed)
    own, inner = needed.find(wanted.codes), needed.find(branch.needed.codes)

    def step(given: Covariances, variances: Variances) -> Covariances:
        k, t = branch(given.take(inner), variances)
        identity = given.take(own)
        return Covariances(identity.nngp + k, None if t is None or identity.ntk is None else identity.ntk + t)

    return PlannedSteps(needed, (step,), branch.work)


def _plan_product(layer: Product, wanted: PixelPairs, grid: Grid) -> PlannedSteps:
    first, second = (plan_layers(branch, wanted, grid) for branch in (layer.first, layer.second))
    needed = first.needed.joined(second.needed)
    indices = [needed.find(branch.needed.codes) for branch in (first, second)]

    def step(given: Covariances, variances: Variances) -> Covariances:
        k1, t1 = first(given.take(indices[0]), variances)
        k2, t2 = second(given.take(indices[1]), variances)
        return Covariances(k1 * k2, None if t1 is None or t2 is None else t1 * k2 + k1 * t2)

    return PlannedSteps(needed, (step,), first.work + second.work)


def _same_grid(layer: Residual | Product, grid: Grid) -> Grid:
    """Branches that leave the pixels which are added or multiplied."""
    if isinstance(layer, Residual):
        found, wanted = grid_after(layer.branch, grid), grid
    else:
        found, wanted = grid_after(layer.second, grid), grid_after(layer.first, grid)
    if found != wanted:
        raise ShapeError(
            "branch",
            expected=f"one that leaves {wanted.height} x {wanted.width} pixels, as what it is joined with",
            got=f"{found.height} x {found.width}",
            remedy="Give both the same strides, pools and paddings.",
        )
    return found


RULES: dict[type, Rule] = {
    Dense: Rule(_expect_vector, _plan_dense),
    Convolution: Rule(_convolved, _plan_convolution),
    Activation: Rule(_unchanged, _plan_activation),
    AveragePool: Rule(_pooled, _plan_pool),
    GlobalAveragePool: Rule(_to_vector, _plan_whole),
    Flatten: Rule(_to_vector, _plan_whole),
    Residual: Rule(_same_grid, _plan_residual),
    Product: Rule(_same_grid, _plan_product),
}
"""Kind of layer to its rule."""
