"""Θ(x1, x2) as one tensor: filled tile by tile, finite, compared with plain autograd on a sub-block."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tangentlab._shapes import expect_finite
from tangentlab.kernels.cross_check import cross_check
from tangentlab.kernels.device_tiles import fill_on_devices
from tangentlab.kernels.inspection import Inspection
from tangentlab.kernels.path_changed import PathChanged
from tangentlab.kernels.rounding import rounding
from tangentlab.kernels.tiles import Progress, fill_tiles
from tangentlab.networks.inputs import Inputs, count_rows
from tangentlab.networks.network import Network


@dataclass(frozen=True)
class DenseKernel:
    """The kernel of two batches, by which routes it was computed, and what its check found; see `Gram` for the last."""

    values: Tensor = field(repr=False)
    routes: str
    difference: float
    rounding: float


def dense_kernel(
    found: Inspection,
    x1: Inputs,
    x2: Inputs | None,
    *,
    network: Network,
    memory: int | str | None,
    devices: Collection[torch.device],
    progress: Progress | None,
) -> DenseKernel:
    """The kernel of `network`, in its dtype and where it lies; `found` of it, or of its replica on other devices.

    >>> x = torch.eye(2)
    >>> found = Inspection.of(Network(torch.nn.Linear(2, 3, bias=False)), x, None, outputs="mean", method="auto")
    >>> dense_kernel(found, x, None, network=found.network, memory=None, devices=(), progress=None).values.tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    while True:
        try:
            values, moved = _filled(found, x1, x2, network.device, memory, devices, progress)
            break
        except PathChanged as change:
            found = found.without(change.names)
    expect_finite("kernel", values, remedy="A gradient overflowed; scale the inputs or use dtype=torch.float64.")
    difference = cross_check(network, values, flavour=found.flavour, x1=x1, x2=x2, precision=found.precision)
    return DenseKernel(found.flavour.scaled_(values), found.routes.describe(), difference, moved)


def _filled(
    found: Inspection,
    x1: Inputs,
    x2: Inputs | None,
    home: torch.device,
    memory: int | str | None,
    devices: Collection[torch.device],
    progress: Progress | None,
) -> tuple[Tensor, float]:
    """The kernel before scaling, and how far a reduced precision moved it."""
    shape = found.flavour.shape(count_rows(x1), count_rows(x1 if x2 is None else x2))
    apart = home.type != found.network.device.type  # then the result takes none of the devices' memory
    tiles = found.tiles(x1, x2, memory=memory, storage="disk" if apart else "dense")
    values = torch.empty(shape, dtype=found.network.dtype, device=home)
    if devices:
        fill_on_devices(values, tiles, devices=devices, progress=progress)
    else:
        fill_tiles(values, tiles, progress=progress)
    return values, rounding(tiles, lambda rows, columns: values[rows.to(home)][:, columns.to(home)])
