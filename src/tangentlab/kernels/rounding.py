"""What a kernel lost to TF32 or bfloat16: a sub-block of it, computed once more in full precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from tangentlab._errors import NumericalError
from tangentlab._seeds import generator
from tangentlab.kernels.reduced_precision import TOLERANCES
from tangentlab.kernels.tiles import TileMaker
from tangentlab.networks.inputs import count_rows, take_rows


def rounding(tiles: TileMaker, block: Callable[[Tensor, Tensor], Tensor], *, most: int = 8) -> float:
    """How far a finished kernel lies from full precision on a random sub-block, relative to its largest number.

    `block` reads the kernel, before scaling, at some rows and columns. Refused above `TOLERANCES`; 0 where nothing
    was rounded. Cost: the kernel of `most` rows.

    >>> from tangentlab.kernels.inspection import Inspection
    >>> from tangentlab.networks import Network
    >>> x = torch.tensor([[1.0, 1.001]])
    >>> found = Inspection.of(Network(torch.nn.Linear(2, 1)), x, None, outputs=0, method="auto", precision="bf16")
    >>> tiles = found.tiles(x, None, memory=None)
    >>> round(rounding(tiles, lambda rows, columns: tiles.tile((0, 0))), 5)  # 3 and not 3.002001
    0.00067
    """
    maker = tiles.maker
    if maker.precision == "float32":
        return 0.0
    draw = generator(0, "rounding")
    first = torch.randperm(count_rows(tiles.x1), generator=draw)[:most]
    second = first if tiles.x2 is None else torch.randperm(count_rows(tiles.x2), generator=draw)[:most]
    small = replace(tiles.plan, block=most, step=most)
    x2 = None if tiles.x2 is None else take_rows(tiles.x2, second)
    x1 = take_rows(tiles.x1, first)
    full = replace(
        tiles, maker=replace(maker, precision="float32"), x1=x1, x2=x2, plan=small, _kept={}, _workspace=[]
    )
    exact = full.tile((0, 0))
    found = block(first, second).to(exact)
    size = float(exact.abs().max())
    moved = float((found - exact).abs().max()) / size if size > 0 else 0.0
    allowed = TOLERANCES[maker.precision]
    if not moved <= allowed:
        raise NumericalError(
            f"In {maker.precision} a sub-block of the kernel is off by {moved:.1e} of its largest number "
            f"({allowed:.0e} is allowed).",
            remedy="Use precision='float32'.",
        )
    return moved
