"""The gradients of q combinations of f in the outputs of layers, gathered pass by pass; sums of them at once.

Formula   G[i, q] = ∂⟨u_q, f⟩/∂z_i for the output z_i of a layer on row i
Cost      q backward passes; what is kept is written once, into memory ordered as it will be read

The parameters of a normalization need sums of G alone. Summed pass by pass, they take the room of one pass and not
of q: about half of all in a convolutional network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from tangentlab.tangent.factors import Factor
from tangentlab.tangent.layer_rules import joined_outputs

Sums = Callable[[Tensor], Mapping[str, Factor]]
"""From the gradients of one combination (n, 1, ...), what the parameters of a layer need of them."""


def output_gradients(
    f: Tensor,
    outputs: Sequence[Tensor | GradientEdge],
    cotangents: Tensor,
    *,
    outputs_first: bool = False,
    sums: Mapping[int, Sums] | None = None,
) -> list[Tensor | dict[str, Factor] | None]:
    """For each of `outputs` G as (rows, q, ...), its sums where `sums` has them, None where f does not depend on it.

    `cotangents` (q, c) or (q, n, c). `outputs_first` orders those of one position, (rows, q, o), as (q, rows, o) in
    memory: their products are taken for all rows at once, those of more positions row by row. Their shape stays.

    >>> z = torch.ones(3, 2, requires_grad=True)
    >>> output_gradients(2 * z, [z], torch.eye(2))[0][0].tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """
    found: list[Tensor | dict[str, Factor] | None] = [None] * len(outputs)
    if not (f.requires_grad and outputs):
        return found
    count = len(cotangents)
    parts: dict[int, list[Mapping[str, Factor]]] = {}
    for q, u in enumerate(cotangents):
        more = q + 1 < count
        gradients: list[Tensor | None] = [
            *torch.autograd.grad(f, list(outputs), u.expand_as(f), retain_graph=more, allow_unused=True)  # pyright: ignore
        ]
        for place in range(len(gradients)):
            gradient, gradients[place] = gradients[place], None  # its memory serves the next
            if gradient is None:
                continue
            if sums is not None and place in sums:
                with torch.no_grad():
                    parts.setdefault(place, []).append(sums[place](gradient.unsqueeze(1)))
            elif count == 1:
                found[place] = gradient.unsqueeze(1)
            else:
                room = found[place]
                if room is None:
                    room = found[place] = _room(gradient, count, outputs_first=outputs_first)
                assert isinstance(room, Tensor)
                room[:, q] = gradient
    for place, passes in parts.items():
        found[place] = joined_outputs(passes)
    return found


def _room(gradient: Tensor, count: int, *, outputs_first: bool) -> Tensor:
    rows, *rest = gradient.shape
    if outputs_first and len(rest) == 1:
        return gradient.new_empty(count, rows, *rest).transpose(0, 1)
    return gradient.new_empty(rows, count, *rest)
