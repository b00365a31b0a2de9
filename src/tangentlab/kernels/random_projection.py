"""Random projection of tangent features: n rows of a few hundred numbers whose inner products estimate the kernel.

Formula   F = J R / √r with R (p, r) of independent signs or normal numbers: E[F Fᵀ] = J Jᵀ      Johnson, Lindenstrauss
Error     of an entry, relative to √(K_ii K_jj): about √((1 + ρ²) / r), ρ = K_ij / √(K_ii K_jj)
Cost      one forward and q backward passes a row for each group of directions that the memory holds, and 2 p r
          operations
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import UnknownNameError
from tangentlab._seeds import generator
from tangentlab._shapes import expect_finite, expect_whole_number
from tangentlab.kernels.kernel import NeuralTangentKernel
from tangentlab.kernels.output_flavour import Outputs
from tangentlab.kernels.tangent_rows import TangentRows
from tangentlab.linalg import product
from tangentlab.networks.inputs import take_rows

KINDS = ("signs", "normal")
_CHUNK = 65_536
"""Terms of one float32 sum; longer sums are added in float64."""


@dataclass(frozen=True, eq=False)
class TangentProjection:
    """Features F with F Fᵀ ≈ K, and how far off they are on rows where K was computed to see.

    `features` is (n, r) for the kernel of one output or of the sum, (n·c, r) for "full" (row index i·c + k), and
    (n, c·r) for "trace" and "mean". `error` is the root mean square over pairs of rows i ≠ j of
    ((F Fᵀ)_ij − K_ij) / √(K_ii K_jj), `standard_error` its standard error by the jackknife over rows, and `expected`
    what the formula gives for it, exact for normal numbers and one output and an upper bound for the others; nan
    where there are too few rows to tell.

    >>> found = tangent_projection(torch.nn.Linear(2, 1, bias=False), torch.eye(2), dimension=64, outputs=0)
    >>> found.features.shape, found.features.norm(dim=1).round(decimals=5).tolist()
    (torch.Size([2, 64]), [1.0, 1.0])
    """

    features: Tensor
    error: float
    standard_error: float
    expected: float
    kind: str
    seed: int


def tangent_projection(
    kernel: Any,
    x: Any,
    *,
    dimension: int = 256,
    kind: str = "signs",
    seed: int = 0,
    outputs: Outputs = "full",
    parameters: Any = None,
    mode: str | None = None,
    dtype: torch.dtype | None = None,
    check: int = 64,
    memory: int | str = "1GiB",
) -> TangentProjection:
    """Features of a `NeuralTangentKernel`, or of a model with the arguments of one, at the rows `x`.

    The same seed gives the same directions for any rows, so that features of new rows go with those of old ones.
    `check` rows are drawn on which the kernel is computed and compared; `memory` bounds the directions held at once.

    >>> one, other = (tangent_projection(torch.nn.Linear(1, 1), torch.ones(1, 1), seed=s) for s in (0, 1))
    >>> torch.equal(one.features, other.features)
    False
    """
    if kind not in KINDS:
        raise UnknownNameError("kind", kind, KINDS)
    dimension, check = (
        expect_whole_number(name, value, remedy="Try 256.")
        for name, value in (("dimension", dimension), ("check", check))
    )
    if not isinstance(kernel, NeuralTangentKernel):
        kernel = NeuralTangentKernel(kernel, outputs=outputs, parameters=parameters, mode=mode, dtype=dtype)
    rows = TangentRows.of(kernel.network, x, outputs=kernel.outputs, memory=memory)
    q = rows.flavour.count
    features = torch.zeros(rows.count, q, dimension, dtype=rows.network.dtype, device=rows.network.device)
    item = features.element_size()
    width = max(1, min(dimension, rows.budget // (2 * item * rows.network.space.size)))
    for start in range(0, dimension, width):
        directions = _directions(rows, range(start, min(start + width, dimension)), kind=kind, seed=seed)
        for part, block in rows.gradients():
            features[part, :, start : start + width] = _project(block, directions)
    features = features * (rows.flavour.scale / dimension) ** 0.5
    features = features.flatten(0, 1) if rows.group > 1 or q == 1 else features.flatten(1)
    expect_finite(
        "features", features, remedy="A gradient overflowed; scale the inputs or use dtype=torch.float64."
    )
    error, spread, expected = _measure(kernel, rows, features, dimension=dimension, check=check, seed=seed)
    return TangentProjection(features, error, spread, expected, kind, seed)


def _directions(rows: TangentRows, which: range, *, kind: str, seed: int) -> dict[str, Tensor]:
    """Directions by rows (len(which), numel) for each parameter; each its own stream, whichever are asked together."""
    found = {}
    for name, tensor in rows.network.parameters.items():
        stack = torch.empty(len(which), tensor.numel(), dtype=tensor.dtype)
        for place, j in enumerate(which):
            draw = generator(seed, "random_projection", kind, name, j)
            if kind == "normal":
                stack[place] = torch.randn(tensor.numel(), generator=draw, dtype=tensor.dtype)
            else:
                stack[place] = torch.randint(0, 2, (tensor.numel(),), generator=draw, dtype=torch.int8)
        found[name] = (stack if kind == "normal" else stack.mul_(2).sub_(1)).to(tensor.device)
    return found


def _project(block: dict[str, Tensor], directions: dict[str, Tensor]) -> Tensor:
    total: Tensor | float = 0.0
    for name, gradient in block.items():
        flat = gradient.flatten(2).flatten(0, 1)
        for start in range(0, flat.shape[1], _CHUNK):
            columns = slice(start, start + _CHUNK)
            total = total + product(flat[:, columns].contiguous(), directions[name][:, columns].T).double()
    some = next(iter(block.values()))
    return torch.as_tensor(total).reshape(*some.shape[:2], -1).to(some.dtype)


def _measure(
    kernel: NeuralTangentKernel, rows: TangentRows, features: Tensor, *, dimension: int, check: int, seed: int
) -> tuple[float, float, float]:
    n, c = rows.count, rows.group
    drawn = torch.randperm(n, generator=generator(seed, "random_projection", "check"))[:check]
    m = len(drawn)
    if m < 2:
        return float("nan"), float("nan"), float("nan")
    exact = kernel.gram(take_rows(rows.x, drawn)).matrix.double()
    some = features.reshape(n, c, -1)[drawn.to(features.device)].flatten(0, 1).double()
    size = exact.diagonal().clamp_min(torch.finfo(torch.float64).tiny).sqrt()
    relative = ((some @ some.T - exact) / size / size[:, None]).square()
    spread = (1 + (exact / size / size[:, None]).square()) / dimension
    pairs = relative.reshape(m, c, m, c).mean(dim=(1, 3))
    theory = spread.reshape(m, c, m, c).mean(dim=(1, 3))
    apart = ~torch.eye(m, dtype=torch.bool, device=pairs.device)
    by_row = (pairs * apart).sum(1)
    whole, count = by_row.sum(), m * (m - 1)
    error = float((whole / count).sqrt())
    expected = float((theory[apart].mean()).sqrt())
    if m < 3:
        return error, float("nan"), expected
    without = ((whole - 2 * by_row) / ((m - 1) * (m - 2))).clamp_min(0).sqrt()
    return error, float(((m - 1) / m * (without - without.mean()).square().sum()).sqrt()), expected
