"""A linear map that is pulled back by the quicker product, over those lines alone that have a gradient.

Formula   y = x Wᵀ + b;  x̄ = ȳ W, W̄ = ȳᵀ x, b̄ = Σ ȳ
Cost      lines·i·o multiplications forward, and backward for the lines of ȳ that are not zero: a classifier that reads
          one token leaves most lines of its last block zero. As many again for W̄ where that is asked for
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tangentlab.linalg.matrix_product import product, quick_linear_map

_WORTH = 0.5
"""Share of the lines that have a gradient, above which all of them are multiplied."""


class QuickLinear(torch.autograd.Function):
    """x Wᵀ + b, as `quick_linear_map` makes it; no gradient of a parameter is formed while `inputs_only()` says so.

    >>> x, W = torch.ones(2048, 64, requires_grad=True), torch.ones(64, 64)
    >>> y = QuickLinear.apply(x, W, None, lambda: True)
    >>> y[0, 0].item(), torch.autograd.grad(y[:2].sum(), x)[0].sum(1)[:3].tolist()
    (64.0, [4096.0, 4096.0, 0.0])
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, inputs_only: Callable[[], bool]
    ) -> Tensor:
        """The map of x (..., i)."""
        ctx.save_for_backward(x, weight)
        ctx.inputs_only = inputs_only
        ctx.of_parameters = isinstance(weight, nn.Parameter), isinstance(bias, nn.Parameter)
        found = quick_linear_map(x.reshape(-1, x.shape[-1]), weight, bias)
        if found is None:
            return F.linear(x, weight, bias)
        # no view to autograd, so that an operation may write into it
        return torch.ops.aten._unsafe_view.default(found, (*x.shape[:-1], len(weight)))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore
        """Gradients of those arguments that ask for one."""
        G, (x, weight) = gradients[0], ctx.saved_tensors
        of_x, of_weight, of_bias, _ = ctx.needs_input_grad
        lines = G.reshape(-1, G.shape[-1])
        if torch.is_grad_enabled():  # a derivative of this one is asked for
            back = G @ weight if of_x else None
        else:
            back = _pulled_back(lines, weight).view(x.shape) if of_x else None
            if ctx.inputs_only():
                of_weight, of_bias = of_weight and not ctx.of_parameters[0], of_bias and not ctx.of_parameters[1]
        return (
            back,
            lines.T @ x.reshape(-1, x.shape[-1]) if of_weight else None,
            lines.sum(0) if of_bias else None,
            None,
        )


def _pulled_back(lines: Tensor, weight: Tensor) -> Tensor:
    """ȳ W, of the lines that are not zero where those are few."""
    count = len(lines)
    if bool(lines[:: max(1, count - 1)].any(1).all()):  # neither the first line nor the last is zero
        return product(lines, weight)
    kept = lines.abs().amax(1).nonzero().flatten()
    if len(kept) > _WORTH * count:
        return product(lines, weight)
    found = lines.new_zeros(count, weight.shape[1])
    return found.index_copy_(0, kept, product(lines.index_select(0, kept), weight))
