"""δ ↦ J δ and u ↦ Jᵀ u as differentiable functions: each is the derivative of the other, to any order.

Cost      push: one pass with tangents; its backward pass is one backward pass through the graph that the same pass
          recorded, or one product `pull_back` where nothing was recorded
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import NetworkError
from tangentlab._seeds import generator
from tangentlab.networks.evaluation import preserved_random_state
from tangentlab.networks.inputs import Inputs, map_tensors, tensors_of
from tangentlab.networks.network import Network
from tangentlab.networks.precision import ROUNDING, agree, largest, lowest_precision
from tangentlab.tangent.dual_pass import DUAL, dual_pass
from tangentlab.tangent.products import autograd_gradients, pull_back, push_forward


def push(
    network: Network, x: Inputs, *, along: dict[str, Tensor], way: str, record: bool = False
) -> tuple[Tensor, Tensor]:
    """f0(x) and J(x) δ, differentiable in δ = `along` and not in x; `record` as `records_rightly` allows.

    >>> net = Network(torch.nn.Linear(2, 1, bias=False))
    >>> change = torch.ones(1, 2, requires_grad=True)
    >>> _, df = push(net, torch.ones(3, 2), along={"weight": change}, way="forward")
    >>> df.sum().backward(); change.grad.tolist()
    [[3.0, 3.0]]
    """
    names = tuple(along)
    return _Push.apply(network, x, way, names, record and torch.is_grad_enabled(), *along.values())  # pyright: ignore


def push_from_inputs(
    network: Network, x: Inputs, *, along: dict[str, Tensor], way: str, centred: bool = False
) -> Tensor:
    """f0(x) + J(x) δ (without f0 if `centred`), differentiable once in δ = `along` and in the tensors of x.

    Formula   ∇ₓ⟨u, J(x) δ⟩ = ∇ₓ⟨∇_θ⟨u, f⟩, δ⟩      two backward passes: torch's derivatives of its forward derivatives
                                                     are wrong for layer and instance normalization

    >>> net = Network(torch.nn.Linear(2, 1, bias=False))
    >>> x = torch.ones(1, 2, requires_grad=True)
    >>> push_from_inputs(net, x, along={"weight": torch.ones(1, 2)}, way="forward", centred=True).sum().backward()
    >>> x.grad.tolist()
    [[1.0, 1.0]]
    """
    given = {i: tensor for i, (_, tensor) in enumerate(tensors_of(x)) if tensor.requires_grad}
    fixed = network, map_tensors(torch.Tensor.detach, x), tuple(given), way, tuple(along), centred
    return _PushFromInputs.apply(fixed, *given.values(), *along.values())  # pyright: ignore


def records_rightly(network: Network, x: Inputs, *, way: str) -> bool:
    """Whether a backward pass through the graph that `push` records gives what `pull_back` does, on `x`.

    It does not where a part of the forward pass runs again in the backward pass, which is then without tangents.

    >>> records_rightly(Network(torch.nn.Linear(2, 1)), torch.ones(1, 2), way="forward")
    True
    """
    if way == "double backward":
        return False
    along = {name: torch.zeros_like(tensor) for name, tensor in network.parameters.items()}
    needed = dict.fromkeys(along, True)
    try:
        f0, _, leaves = _push_recording(network, x, along, needed, way)
        u = torch.randn(f0.shape, generator=generator(0, "weights"), dtype=torch.float64).to(f0)
        found = autograd_gradients(network, f0, list(leaves.values()), u)
    except (RuntimeError, NotImplementedError, NetworkError):
        return False
    truth = pull_back(network, x, weights=u)
    tolerance = 10 * ROUNDING[lowest_precision(network, x)]
    whole = max(map(largest, truth.values()))
    return all(
        agree(a, b, tolerance=tolerance) or largest(a - b) <= 1e-3 * tolerance * whole
        for a, b in zip(found, truth.values())
    )


def _push_recording(
    network: Network, x: Inputs, along: dict[str, Tensor], needed: dict[str, bool], way: str
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """f0 with the graph that leads to fresh leaves at the anchor, J δ without one, and the leaves."""
    leaves = {
        name: tensor.requires_grad_(needed[name]) for name, tensor in network.parameters.items() if name in along
    }
    with torch.enable_grad():
        f0, df = _push_forward(network, x, along, way, at=leaves)
    return f0, df.detach(), leaves


def _push_forward(
    network: Network, x: Inputs, along: dict[str, Tensor], way: str, *, at: dict[str, Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    if way == DUAL:
        return dual_pass(network, x, along=along, at=at)
    return push_forward(network, x, along=along, way=way, at=at)


class _Push(torch.autograd.Function):
    """δ ↦ (f0, J δ)."""

    @staticmethod
    def forward(
        ctx: Any, network: Network, x: Inputs, way: str, names: tuple[str, ...], record: bool, *along: Tensor
    ) -> Any:
        ctx.network, ctx.x, ctx.way, ctx.names, ctx.recorded = network, x, way, names, None
        moving, needed = dict(zip(names, along)), dict(zip(names, ctx.needs_input_grad[5:]))
        if record and any(needed.values()):
            f0, df, leaves = _push_recording(network, x, moving, needed, way)
            ctx.recorded, f0 = (f0, leaves), f0.detach()
        else:
            f0, df = _push_forward(network, x, moving, way)
        ctx.mark_non_differentiable(f0)
        return f0, df

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        wanted = tuple(name for name, needed in zip(ctx.names, ctx.needs_input_grad[5:]) if needed)
        if ctx.recorded is None or torch.is_grad_enabled():  # a gradient that is itself to be differentiated
            pulled = _Pull.apply(ctx.network, ctx.x, ctx.way, wanted, grad_outputs[1])
        else:
            f0, leaves = ctx.recorded
            moving = [leaves[name] for name in wanted]
            pulled = autograd_gradients(ctx.network, f0, moving, grad_outputs[1], retain_graph=True)
        found = dict(zip(wanted, pulled))  # pyright: ignore[reportArgumentType]
        return (None, None, None, None, None, *(found.get(name) for name in ctx.names))


class _Pull(torch.autograd.Function):
    """u ↦ Jᵀ u."""

    @staticmethod
    def forward(ctx: Any, network: Network, x: Inputs, way: str, names: tuple[str, ...], u: Tensor) -> Any:
        ctx.network, ctx.x, ctx.way, ctx.names = network, x, way, names
        with preserved_random_state(network.device):
            return tuple(pull_back(network, x, weights=u, names=names).values())

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        back = _Push.apply(ctx.network, ctx.x, ctx.way, ctx.names, False, *grad_outputs)
        return None, None, None, None, back[1]  # pyright: ignore[reportIndexIssue]


class _PushFromInputs(torch.autograd.Function):
    """(x, δ) ↦ f0(x) + J(x) δ."""

    @staticmethod
    def forward(ctx: Any, fixed: tuple[Any, ...], *tensors: Tensor) -> Tensor:
        network, x, given, way, names, centred = ctx.fixed = fixed
        ctx.along = dict(zip(names, tensors[len(given) :]))
        f0, df = _push_forward(network, x, ctx.along, way)
        return df if centred else f0 + df

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        if torch.is_grad_enabled():  # silence would be a graph without these derivatives
            raise NetworkError(
                "A linearization is differentiated once in its inputs, and a graph of that gradient was asked for.",
                remedy="Leave out create_graph=True, or pass inputs that do not require gradients.",
            )
        (u,) = grad_outputs
        network, x, given, _, names, centred = ctx.fixed
        leaves = [tensor.requires_grad_(i in given) for i, (_, tensor) in enumerate(tensors_of(x))]
        inputs = [leaves[i] for i in given]
        parts = iter(leaves)
        with torch.enable_grad(), preserved_random_state(network.device), network.differentiable(names) as theta:
            f = (u * network.apply({}, map_tensors(lambda _: next(parts), x))).sum()
            pulled = torch.autograd.grad(f, theta, create_graph=True, allow_unused=True)
            total = 0 * f if centred else f
            for gradient, change in zip(pulled, ctx.along.values()):
                total = total if gradient is None else total + (gradient * change).sum()
            found = torch.autograd.grad(total, inputs, allow_unused=True)
        return None, *found, *(None if gradient is None else gradient.detach() for gradient in pulled)
