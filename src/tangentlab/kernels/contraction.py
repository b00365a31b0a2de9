"""Four ways to contract the per-sample gradients of one layer into its share of the kernel.

Formula   explicit   Σ_p M[i, q, p] M'[j, r, p]                                  any layer
          hadamard   Σ_g (A Aᵀ)[i, j] · (G Gᵀ)[i, q, j, r]                       s = 1
          pairwise   Σ_g Σ_st (A Aᵀ)[i, s, j, t] · (G Gᵀ)[i, q, s, j, r, t]      any outer product or table
          pixels     pairwise, with (A Aᵀ)[i, s, j, t] = Σ_k ⟨x[i, s + k], x[j, t + k]⟩ for windows
Cost      multiplications for one pair of rows, Q = q² (full) or q (trace, diagonal), see `cheapest`
Shapes    "full" (n, m, q, q), "trace" (n, m), "diagonal" (n, m, q)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import Tensor

from tangentlab.kernels.pairwise import add_pairwise
from tangentlab.linalg.matrix_product import gram, product
from tangentlab.tangent.factors import Factor, Outer, Rows, Tokens, Windows, as_rows
from tangentlab.tangent.joined_factors import Stacked, joined
from tangentlab.tangent.written_slices import sliced

COLUMNS = 65_536
"""Longest inner product summed in the working precision; longer ones are split and added in float64."""

PART_NUMBERS = (8 << 20) - (1 << 16)
"""Numbers of a layer's gradients that are written out at once: less stays in the caches, and blocks from 32 MiB on, of
float32, the GNU library takes from the system each time, which has to clear them."""

_WRITING = 3.2
"""Multiplications to write a gradient out, in those of a large product: small products, and one side of each pair."""

_TOUCHING = 64
"""Multiplications that a product makes while a number of a workspace is multiplied and summed up."""


@dataclass
class Workspace:
    """Memory that is used again, because new memory is several times as slow as that in use.

    >>> import torch
    >>> room = Workspace()
    >>> room.take(0, 4, torch.ones(1)).data_ptr() == room.take(0, 3, torch.ones(1)).data_ptr()
    True
    """

    _tensors: dict[int, Tensor] = field(default_factory=dict)

    def take(self, place: int, numbers: int, like: Tensor) -> Tensor:
        """So many numbers, of any value, of the dtype and device of `like`."""
        held = self._tensors.get(place)
        if held is None or held.numel() < numbers or (held.dtype, held.device) != (like.dtype, like.device):
            held = self._tensors[place] = like.new_empty(numbers)
        return held[:numbers]


def cheapest(factor: Factor, *, contraction: str, columns: int) -> str:
    """The form that takes the least time for a row against `columns` others, in multiplications.

    >>> import torch
    >>> wide = Outer(inputs=torch.ones(1, 1, 1, 1000), gradients=torch.ones(1, 1, 1, 1, 1000))
    >>> cheapest(wide, contraction="trace", columns=100)
    'hadamard'
    """
    costs = form_costs(factor, contraction=contraction, columns=columns)
    return min(costs, key=costs.__getitem__)


def form_costs(factor: Factor, *, contraction: str, columns: int) -> dict[str, float]:
    """What each form that a factor allows costs for one pair of rows, in multiplications of a large product.

    >>> import torch
    >>> form_costs(Rows(torch.ones(1, 2, 5)), contraction="full", columns=10)
    {'explicit': 20.0}
    """
    if isinstance(factor, Rows):
        q, numbers = factor.rows.shape[1:]
        return {"explicit": float((q if contraction == "full" else 1) * q * numbers)}
    q = factor.gradients.shape[1]
    pairs = q * q if contraction == "full" else q
    if isinstance(factor, Tokens):
        s, h = factor.gradients.shape[2:]
        table = h * factor.vocabulary
        return {
            "explicit": pairs * table + q * table * _TOUCHING / columns,
            "pairwise": float(s * s * (_TOUCHING + pairs * (h + _TOUCHING))),
        }
    if isinstance(factor, Windows):
        (i, o), g, s = factor.sizes, factor.geometry.groups, factor.positions
    else:
        g, s, i = factor.inputs.shape[1:]
        i += factor.biased
        o = factor.gradients.shape[4]
    costs = {"explicit": pairs * g * i * o + _WRITING * q * g * s * i * o / columns}
    outputs = pairs * (o + _TOUCHING)
    if s == 1:
        costs["hadamard"] = float(g * (i + outputs))
    else:
        costs["pairwise"] = float(g * s * s * (i + outputs))
    if isinstance(factor, Windows) and g == 1 and s > 1:
        places, channels = factor.pixels[0, 0].numel(), factor.pixels.shape[1]
        shifts = math.prod(factor.geometry.kernel) * s * s * _TOUCHING
        costs["pixels"] = float(places * places * channels + shifts + s * s * outputs)
    return costs


def add_contraction(
    total: Tensor,
    left: Factor | Stacked,
    right: Factor | Stacked,
    *,
    form: str,
    contraction: str,
    workspace: Workspace | None = None,
) -> None:
    """Add one layer's share to `total`, a tile in float64; the two sides may have different numbers of positions.

    Gradients are written out into `workspace`, to be given again. Quickest where `total` lies in memory as
    (q, n, r, m), and where `left is right` on the diagonal.

    >>> import torch
    >>> total = torch.zeros(2, 2, dtype=torch.float64)
    >>> M = Rows(torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]]))
    >>> add_contraction(total, M, M, form="explicit", contraction="trace"); total.tolist()
    [[5.0, 11.0], [11.0, 25.0]]
    """
    if form == "explicit":
        for a, b in _written_out(left, right, workspace or Workspace()):
            _add_explicit(total, a, b, contraction)
        return
    same = right is left
    left = joined(left)
    right = left if same else joined(right)
    if isinstance(left, Windows) and isinstance(right, Windows) and form == "hadamard":
        left = left.outer()
        right = left if same else right.outer()
    if form == "hadamard" and left.inputs.shape[2] == right.inputs.shape[2] == 1:  # pyright: ignore
        assert isinstance(left, Outer) and isinstance(right, Outer)
        for g in range(left.inputs.shape[1]):
            a = left.inputs[:, g, 0]
            inputs = gram(a) if right is left else product(a, right.inputs[:, g, 0].T)
            if left.biased:
                inputs.add_(1)
            a = left.gradients[:, :, g, 0]
            outputs = _outputs_first(a, a if right is left else right.gradients[:, :, g, 0], contraction)
            if contraction == "full":
                total.permute(2, 0, 3, 1).add_(outputs.mul_(inputs[:, None]))
            elif contraction == "trace":
                total.add_(outputs.mul_(inputs))
            else:
                total.permute(2, 0, 1).add_(outputs.mul_(inputs))
    else:
        add_pairwise(total, left, right, contraction=contraction, pixels=form == "pixels")


def _outputs_first(left: Tensor, right: Tensor, contraction: str) -> Tensor:
    """⟨G[i, q], G'[j, r]⟩ for (n, q, o) and (m, q, o), as (q, n, r, m), (n, m) or (q, n, m)."""
    n, q, _o = left.shape
    m = right.shape[0]
    if contraction == "trace":
        return _product(left, right, n, m)
    a, b = left.transpose(0, 1), right.transpose(0, 1)
    if contraction == "full":
        return _product(a, a if right is left else b, q * n, q * m).reshape(q, n, q, m)
    return a @ b.transpose(1, 2)


def _product(left: Tensor, right: Tensor, n: int, m: int) -> Tensor:
    """A Bᵀ for both sides as so many rows each; the half of it where they are one."""
    rows = left.reshape(n, -1)
    return gram(rows) if right is left else product(rows, right.reshape(m, -1).T)


def _written_out(
    left: Factor | Stacked, right: Factor | Stacked, workspace: Workspace
) -> Iterator[tuple[Tensor, Tensor]]:
    """The gradients of both sides as rows (n, q, numbers), a part of the weight at a time."""
    if isinstance(left, (Rows, Tokens)) or isinstance(right, (Rows, Tokens)):
        a = as_rows(joined(left)).rows
        yield a, a if right is left else as_rows(joined(right)).rows
        return
    factors = [left] if right is left else [left, right]
    sides = sliced([side.parts if isinstance(side, Stacked) else [side] for side in factors])
    _, q, total, lines = sides[0][0].sizes
    rows = [sum(part.sizes[0] for part in side) for side in sides]
    at_once = max(sides[0][0].least, PART_NUMBERS // (q * max(rows)) // lines)
    at_once = -(-total // -(-total // at_once))  # parts of one size
    most = max(1, COLUMNS // lines)
    most = -(-at_once // -(-at_once // most))  # and in them shorter ones, each of which is one product
    like = (left.parts[0] if isinstance(left, Stacked) else left).gradients
    room = [workspace.take(k, n * q * at_once * lines, like) for k, n in enumerate(rows)]
    for start in range(0, total, at_once):
        slices = slice(start, min(start + at_once, total))
        count = slices.stop - start
        written = []
        for side, n, numbers in zip(sides, rows, room):
            places = range(0, count, most)
            shares = numbers[: n * q * count * lines].split([n * q * lines * min(most, count - k) for k in places])
            written.append([share.view(n, q, -1) for share in shares])
            row = 0
            for part in side:
                some = slice(row, row + part.sizes[0])
                part.write([out[some] for out in written[-1]], slices)
                row = some.stop
        yield from zip(written[0], written[-1])


def _add_explicit(total: Tensor, left: Tensor, right: Tensor, contraction: str) -> None:
    n, q, length = left.shape
    m = len(right)
    step = max(1, COLUMNS // q) if contraction == "trace" else COLUMNS
    for start in range(0, length, step):
        a = left[:, :, start : start + step]
        b = a if right is left else right[:, :, start : start + step]
        if contraction == "full" and left.transpose(0, 1).is_contiguous():
            total.permute(2, 0, 3, 1).add_(_outputs_first(a, b, contraction))
        elif contraction == "full":
            total.permute(0, 2, 1, 3).add_(_product(a, b, n * q, m * q).reshape(n, q, m, q))
        else:
            found = _outputs_first(a, b, contraction)
            (total if contraction == "trace" else total.permute(2, 0, 1)).add_(found)
