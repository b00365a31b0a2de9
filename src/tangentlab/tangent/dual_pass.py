"""f and J δ by one forward pass with dual tensors, in which nothing is multiplied that has no tangent.

The first layers of a network meet inputs that do not move. The forward derivative of x Wᵀ + b is x Ẇᵀ + ḃ there, and
torch adds ẋ Wᵀ with an ẋ of zeros: for a network of small layers a quarter of the step. Here that product is left out,
and the tensors are made dual directly, which takes a fifth of the time that `torch.func.jvp` needs around a pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.autograd.forward_ad as dual
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from tangentlab._errors import NetworkError
from tangentlab._seeds import generator
from tangentlab.networks.inputs import Inputs
from tangentlab.networks.network import Network
from tangentlab.networks.precision import ROUNDING, agree, lowest_precision
from tangentlab.tangent.products import push_forward

DUAL = "dual"
"""The name of this way to push forward, beside those of `tangent.products`."""

LINEAR_IN_WEIGHTS = {F.linear, F.conv1d, F.conv2d, F.conv3d}
"""Functions of (input, weight, bias, ...) that are linear in weight and bias together."""


def dual_pass(
    network: Network, x: Inputs, *, along: Mapping[str, Tensor], at: Mapping[str, Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    """f(θ0, x) and J(x) δ as `push_forward` has them; within another forward derivative it is `push_forward`.

    >>> net = Network(torch.nn.Linear(2, 1, bias=False))
    >>> dual_pass(net, torch.ones(1, 2), along={"weight": torch.ones(1, 2)})[1].item()
    2.0
    """
    stack = torch._C._functorch.peek_interpreter_stack()  # pyright: ignore[reportAttributeAccessIssue]
    if dual._current_level >= 0 or stack is not None:
        return push_forward(network, x, along=along, at=at)
    own = network.parameters if at is None else at
    # an autograd.Function switches tangents off in itself
    with dual._set_fwd_grad_enabled(True), dual.dual_level():
        moving = {name: dual.make_dual(own[name], change) for name, change in along.items()}
        with _OnlyTangentsThatAre():
            f, df = dual.unpack_dual(network.apply(moving, x))
    return f, torch.zeros_like(f) if df is None else df


def dual_passes_rightly(network: Network, x: Inputs) -> bool:
    """Whether `dual_pass` gives what `push_forward` does, on `x` and one random direction.

    >>> dual_passes_rightly(Network(torch.nn.Linear(2, 1)), torch.ones(1, 2))
    True
    """
    draw = generator(0, "directions")
    along = {
        name: torch.randn(tensor.shape, generator=draw, dtype=torch.float64).to(tensor)
        for name, tensor in network.parameters.items()
    }
    try:
        with torch.no_grad():
            found, truth = dual_pass(network, x, along=along), push_forward(network, x, along=along)
    except (RuntimeError, NotImplementedError, NetworkError):
        return False
    tolerance = 10 * ROUNDING[lowest_precision(network, x)]
    return all(agree(a, b, tolerance=tolerance) for a, b in zip(found, truth))


class _OnlyTangentsThatAre(TorchFunctionMode):
    """Inside it, a linear layer of an input without a tangent multiplies the tangents of its weights alone."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in LINEAR_IN_WEIGHTS and len(args) > 1 and dual.unpack_dual(args[0]).tangent is None:
            x, weight, *rest = args
            weight, change = dual.unpack_dual(weight)
            if change is not None:
                named = dict(kwargs or {})
                bias, by = (rest[0] if rest else named.pop("bias", None)), None
                if bias is not None:
                    bias, by = dual.unpack_dual(bias)
                value = func(x, weight, bias, *rest[1:], **named)
                return dual.make_dual(value, func(x, change, by, *rest[1:], **named))
        return func(*args, **(kwargs or {}))
