"""Matrix products and shifts that a parameter enters, read off the graph that autograd recorded.

Formula   y = x W, y = x Wᵀ:  W̄ = Σ_s x_s ⊗ ȳ_s;    y = x + b:  b̄ = Σ_s ȳ_s
Cost      one walk through the graph; the gradients ȳ come with the backward passes that are made anyway

So the weights of attention, of recurrent cells and of modules of the user's own take the form of a layer's, without
a rule for the module. The lines of x are rows and positions, in either order: which one is found by comparing with
the gradient of each row alone (`routes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.autograd.graph import GradientEdge

from tangentlab.linalg.quick_linear import QuickLinear
from tangentlab.tangent.factors import Factor, Outer, Rows

ROWS_FIRST, ROWS_LAST = "rows first", "rows last"
_QUICK_LINEAR = f"{QuickLinear.__name__}Backward"

ORDERS = (ROWS_FIRST, ROWS_LAST)
"""Of the lines of a product: all positions of a row together, or all rows at a position."""


@dataclass(frozen=True)
class Operation:
    """One use of a parameter: where the gradient of its result is found, and what it was multiplied with."""

    edge: GradientEdge
    inputs: Tensor | None
    """x, (lines, i); None for a shift."""
    turned: bool = False
    """Whether the parameter is W of x W, (i, o), and not of x Wᵀ."""

    def factor(self, G: Tensor, *, rows: int, order: str) -> Factor | None:
        """The parameter's gradients from those of the result, (first axis, q, ..., o); None if rows do not fit.

        >>> import torch
        >>> W = torch.ones(2, 3, requires_grad=True)
        >>> y = torch.eye(2) @ W
        >>> use = operations_on(y.sum(), {id(W): "W"})["W"][0]
        >>> use.factor(torch.ones(2, 1, 3), rows=2, order=ROWS_FIRST).rows().rows[0, 0].tolist()
        [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
        """
        q, o = G.shape[1], G.shape[-1]
        lines = G.transpose(0, 1).reshape(q, -1, o)
        if lines.shape[1] % rows:
            return None
        if order == ROWS_FIRST:
            gradients = lines.reshape(q, rows, -1, o).transpose(0, 1)
        else:
            gradients = lines.reshape(q, -1, rows, o).permute(2, 0, 1, 3)
        if self.inputs is None:
            return Rows(gradients.sum(2))
        i = self.inputs.shape[1]
        if order == ROWS_FIRST:
            inputs = self.inputs.reshape(rows, -1, i)
        else:
            inputs = self.inputs.reshape(-1, rows, i).transpose(0, 1)
        return Outer(inputs.unsqueeze(1), gradients.unsqueeze(2), inputs_first=self.turned)


def operations_on(f: Tensor, wanted: Mapping[int, str]) -> dict[str, list[Operation]]:
    """For leaves by their `id`, by name: their uses, where all that `f` depends on are products and shifts.

    >>> import torch
    >>> W, b = torch.ones(3, 2, requires_grad=True), torch.ones(3, requires_grad=True)
    >>> f = torch.nn.functional.linear(torch.ones(4, 2), W) + b + b.sin()
    >>> list(operations_on(f, {id(W): "W", id(b): "b"}))  # b enters a sine too
    ['W']
    """
    uses: dict[str, list[tuple[Any, int, Tensor]]] = {}
    of_turned: dict[Any, list[tuple[Any, int]]] = {}
    waiting = [] if f.grad_fn is None else [f.grad_fn]
    seen = set(waiting)
    while waiting:
        node = waiting.pop()
        for slot, (source, _) in enumerate(node.next_functions):
            if source is None:
                continue
            leaf = getattr(source, "variable", None)
            if leaf is not None:
                if id(leaf) in wanted:
                    uses.setdefault(wanted[id(leaf)], []).append((node, slot, leaf))
                continue
            if source.name() == "TBackward0":
                of_turned.setdefault(source, []).append((node, slot))
            if source not in seen:
                seen.add(source)
                waiting.append(source)
    found = {}
    for name, places in uses.items():
        each: list[Operation | None] = []
        for node, slot, leaf in places:
            if node.name() == "TBackward0":
                each += [_product(user, at, turned=False) for user, at in of_turned.get(node, [])] or [None]
            elif leaf.ndim == 1:
                each.append(_shift(node, slot))
            else:
                each.append(_product(node, slot, turned=True))
        known = [use for use in each if use is not None]
        if len(known) == len(each):
            found[name] = known
    return found


def _product(node: Any, slot: int, *, turned: bool) -> Operation | None:
    """The product that has the parameter on its right."""
    if (node.name(), slot) == (_QUICK_LINEAR, 1):
        x = node.saved_tensors[0].detach()
        return Operation(GradientEdge(node, 0), x.reshape(-1, x.shape[-1]))
    saved = {("AddmmBackward0", 2): "_saved_mat1", ("MmBackward0", 1): "_saved_self"}.get((node.name(), slot))
    x = None if saved is None else getattr(node, saved, None)
    if x is None or getattr(node, "_saved_alpha", 1) != 1:
        return None
    return Operation(GradientEdge(node, 0), x.detach(), turned)


def _shift(node: Any, slot: int) -> Operation | None:
    """The sum that has the parameter as a vector added to every line."""
    scale = {
        ("AddmmBackward0", 0): "_saved_beta",
        ("AddBackward0", 0): "",
        ("AddBackward0", 1): "_saved_alpha",
        (_QUICK_LINEAR, 2): "",
    }.get((node.name(), slot))
    if scale is None or getattr(node, scale, 1) != 1:
        return None
    return Operation(GradientEdge(node, 0), None)
