"""The kernel of each row with itself, parameter by parameter, without the kernel of all rows with each other.

Formula   Θ_l(x_i, x_i)[q, r] = ⟨J_l[i, q], J_l[i, r]⟩         (n, q, q) for each parameter l; they sum to Θ(x_i, x_i)
Cost      one forward and q backward passes a row, then per layer the cheaper of: squared lengths of the two sides of
          an outer product (s = 1), products over pairs of positions, or the gradient of the row written out
"""

from __future__ import annotations

import torch
from torch import Tensor

from tangentlab._shapes import expect_finite
from tangentlab.kernels.inspection import Inspection
from tangentlab.kernels.layer_terms import TermMaker
from tangentlab.kernels.memory_budget import parse_bytes
from tangentlab.kernels.output_flavour import Outputs, refuse_no_matrix
from tangentlab.kernels.path_changed import PathChanged
from tangentlab.kernels.tiles import Progress
from tangentlab.networks.evaluation import outside_inference_mode, preserved_random_state
from tangentlab.networks.inputs import Inputs, check_inputs, count_rows, take_rows
from tangentlab.networks.network import Network
from tangentlab.tangent.factors import Factor, Outer, Rows, Tokens, Windows
from tangentlab.tangent.joined_factors import add_uses
from tangentlab.tangent.sample_gradients import sample_gradients

_COLUMNS = 16_384
"""Numbers of a gradient raised to float64 at once."""
_MOST_ROWS = 256
_SHARE = 4
"""The terms of a block of rows take at most this part of the budget."""


@outside_inference_mode()
def own_kernels(
    network: Network,
    x: Inputs,
    *,
    outputs: Outputs = "full",
    method: str = "auto",
    memory: int | str = "1GiB",
    progress: Progress | None = None,
) -> dict[str, Tensor]:
    """Θ_l(x_i, x_i) of each selected parameter, (n, q, q) in float64, zero for one that f does not use.

    q counts the combinations of outputs of the flavour: c for "full", "trace" and "mean", 1 for "sum" and one
    output; no scale is applied. `method` as in `NeuralTangentKernel`; `memory` bounds the terms of a block of rows;
    `progress` is called with (rows done, rows in all).

    >>> network = Network(torch.nn.Linear(2, 1))
    >>> found = own_kernels(network, torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
    >>> {name: own.flatten().tolist() for name, own in found.items()}
    {'weight': [25.0, 1.0], 'bias': [1.0, 1.0]}
    """
    x = check_inputs(x)
    refuse_no_matrix(outputs)
    budget = parse_bytes(memory)
    with preserved_random_state(network.device):
        found = Inspection.of(network, x, None, outputs=outputs, method=method)
        while True:
            try:
                own = _all_blocks(found, x, budget=budget, progress=progress)
                break
            except PathChanged as change:
                found = found.without(change.names)
    for name, blocks in own.items():
        expect_finite(
            f"gradient of {name}", blocks, remedy="Scale the inputs, or compute with dtype=torch.float64."
        )
    return own


def _all_blocks(found: Inspection, x: Inputs, *, budget: int, progress: Progress | None) -> dict[str, Tensor]:
    network, n, q = found.network, count_rows(x), found.flavour.count
    planned, row_bytes = found.maker(columns=1)
    cotangents = planned.cotangents
    maker = TermMaker(network, found.routes, cotangents, "full", frozenset(), {}, found.wary)
    wide = max((network.parameters[name].numel() for name in network.names), default=0)
    row_bytes += q * wide * cotangents.element_size()  # one layer may be written out
    step = max(1, min(_MOST_ROWS, budget // (_SHARE * row_bytes)))
    own = {name: torch.zeros(n, q, q, dtype=torch.float64, device=network.device) for name in network.names}
    for start in range(0, n, step):
        part = slice(start, min(start + step, n))
        placed = network.place(take_rows(x, part))
        for name, uses in maker.uses(placed, checks=1).items():
            own[name][part] = own_blocks(add_uses(uses))
        if found.routes.general:
            way = found.routes.general_way
            rows = sample_gradients(network, placed, names=found.routes.general, cotangents=cotangents, way=way)
            for name, gradients in rows.items():
                own[name][part] = own_blocks(Rows(gradients.detach().reshape(*gradients.shape[:2], -1)))
        if progress is not None:
            progress(part.stop, n)
    return own


def own_blocks(factor: Factor) -> Tensor:
    """Inner products of each row's q gradients with each other, (n, q, q) in float64, in the cheapest form.

    >>> use = Outer(inputs=2 * torch.ones(1, 1, 3, 4), gradients=torch.ones(1, 1, 1, 3, 5))
    >>> own_blocks(use).item() == float(use.rows().rows.square().sum()) == 720.0
    True
    """
    if isinstance(factor, Windows):
        (i, o), g, s = factor.sizes, factor.geometry.groups, factor.positions
        q = factor.gradients.shape[1]
        return own_blocks(factor.outer() if _by_pairs(q, g, s, i, o) else factor.rows())
    if isinstance(factor, Tokens):
        q, s, _ = factor.gradients.shape[1:]
        return _of_tokens(factor) if s * (1 + q) <= factor.vocabulary else own_blocks(factor.rows())
    if isinstance(factor, Outer):
        factor = factor.plain()
        g, s, i = factor.inputs.shape[1:]
        q, o = factor.gradients.shape[1], factor.gradients.shape[4]
        return _of_outer(factor) if _by_pairs(q, g, s, i, o) else own_blocks(factor.rows())
    n, q = factor.rows.shape[:2]
    total = torch.zeros(n, q, q, dtype=torch.float64, device=factor.rows.device)
    for part in factor.rows.split(_COLUMNS, dim=2):
        wide = part.double()
        total += wide @ wide.mT
    return total


def _by_pairs(q: int, g: int, s: int, i: int, o: int) -> bool:
    """Whether products over pairs of positions take fewer multiplications than writing the gradient out."""
    return s * s * (i + q * q * (o + 1)) < q * i * o * (s + q) and s * q <= 1024


def _of_outer(factor: Outer) -> Tensor:
    n, q, g, s, o = factor.gradients.shape
    total = torch.zeros(n, q, q, dtype=torch.float64, device=factor.gradients.device)
    for k in range(g):
        inputs = factor.inputs[:, k].double() if s == 1 else factor.inputs[:, k]
        left = inputs @ inputs.mT  # (n, s, s)
        flat = factor.gradients[:, :, k].reshape(n, q * s, o)
        right = (flat @ flat.mT).reshape(n, q, s, q, s)
        total += torch.einsum("nst,nqsrt->nqr", left.double(), right.double())
    return total


def _of_tokens(factor: Tokens) -> Tensor:
    n, q, s, h = factor.gradients.shape
    same = (factor.tokens[:, :, None] == factor.tokens[:, None, :]).double()
    flat = factor.gradients.reshape(n, q * s, h)
    pairs = (flat @ flat.mT).reshape(n, q, s, q, s).double()
    return torch.einsum("nst,nqsrt->nqr", same, pairs)
