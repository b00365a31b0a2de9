"""The two products with a Jacobian: push a parameter direction forward, pull output weights back.

Formula   push_forward: δ ↦ (f0(x), J(x) δ)          one forward pass with tangents
          pull_back:    u ↦ J(x)ᵀ u                  one forward and one backward pass
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor

from tangentlab._errors import NetworkError
from tangentlab.networks.inputs import Inputs
from tangentlab.networks.network import Network

WAYS = ("forward", "forward without mkldnn", "double backward")
"""How to push forward, in the order they are tried: some fused recurrent kernels have no forward derivative."""


def push_forward(
    network: Network, x: Inputs, *, at: Mapping[str, Tensor], along: Mapping[str, Tensor], way: str = "forward"
) -> tuple[Tensor, Tensor]:
    """f(θ, x) and J(x) δ, both (n, c), at the parameters `at` along the direction `along`.

    >>> net = Network(torch.nn.Linear(2, 1, bias=False))
    >>> at = {"weight": torch.tensor([[3.0, 0.0]])}
    >>> f, df = push_forward(net, torch.ones(1, 2), at=at, along={"weight": torch.ones(1, 2)})
    >>> f.item(), df.item()
    (3.0, 2.0)
    """
    moving = {name: at[name] for name in along}
    rest = {name: tensor for name, tensor in at.items() if name not in along}

    def outputs(parameters: Mapping[str, Tensor]) -> Tensor:
        return network.apply({**rest, **parameters}, x)

    if way == "double backward":
        return _double_backward(outputs, moving, along)
    with _without_mkldnn() if way == WAYS[1] else nullcontext():
        f, df, *_ = torch.func.jvp(outputs, (moving,), (dict(along),))
    return f, df


@contextmanager
def _without_mkldnn() -> Iterator[None]:
    with warnings.catch_warnings():  # restoring the flags warns about TF32 on machines that have none
        warnings.simplefilter("ignore")
        with torch.backends.mkldnn.flags(enabled=False):
            yield


def _double_backward(outputs, at: Mapping[str, Tensor], along: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """J δ as the derivative in u of ⟨Jᵀu, δ⟩, for operations that know only their backward pass."""
    with torch.enable_grad():
        leaves = {name: tensor.detach().requires_grad_() for name, tensor in at.items()}
        f = outputs(leaves)
        u = torch.zeros_like(f, requires_grad=True)
        pulled = torch.autograd.grad(f, list(leaves.values()), u, create_graph=True, allow_unused=True)
        pairs = [(g * along[name]).sum() for name, g in zip(leaves, pulled) if g is not None]
        used = [pair for pair in pairs if pair.requires_grad]
        df = torch.autograd.grad(torch.stack(used).sum(), u)[0] if used else torch.zeros_like(f)
    return f.detach(), df.detach()


def working_way(network: Network, x: Inputs, *, at: Mapping[str, Tensor]) -> str:
    """The first of `WAYS` that this network's operations allow, found on the rows given."""
    along = {name: torch.zeros_like(at[name]) for name in network.names}
    reasons = []
    for way in WAYS:
        try:
            with warnings.catch_warnings():  # torch scripts its forward-mode decompositions on first use
                warnings.simplefilter("ignore", DeprecationWarning)
                push_forward(network, x, at=at, along=along, way=way)
        except (RuntimeError, NotImplementedError) as error:
            reasons.append(f"{way}: {str(error).splitlines()[0][:120]}")
        else:
            return way
    raise NetworkError(
        "No way of differentiating this network forward works (" + "; ".join(reasons) + ").",
        remedy="Train a kernel instead (tangentlab.ntk needs backward passes only).",
    )


def pull_back(
    network: Network, x: Inputs, *, at: Mapping[str, Tensor], weights: Tensor, names: tuple[str, ...] | None = None
) -> dict[str, Tensor]:
    """J(x)ᵀ u for `weights` u (n, c): one tensor for each selected parameter, zeros where f does not use it.

    >>> net = Network(torch.nn.Linear(2, 1, bias=False))
    >>> pull_back(net, torch.ones(3, 2), at=net.parameters, weights=torch.ones(3, 1))["weight"].tolist()
    [[3.0, 3.0]]
    """
    names = network.names if names is None else names
    with torch.enable_grad():
        leaves = {name: at[name].detach().requires_grad_() for name in names}
        f = network.apply({**at, **leaves}, x)
        pulled = autograd_gradients(network, f, list(leaves.values()), weights)
    return dict(zip(leaves, pulled))


def autograd_gradients(
    network: Network, f: Tensor, leaves: Sequence[Tensor], weights: Tensor, *, retain_graph: bool = False
) -> list[Tensor]:
    """Gradients of ⟨weights, f⟩ in the leaves by plain autograd, zeros where f does not use one, never sparse.

    >>> w = torch.ones(2, requires_grad=True)
    >>> net = Network(torch.nn.Linear(1, 1))
    >>> autograd_gradients(net, 3 * w, [w], torch.ones(2))[0].tolist()
    [3.0, 3.0]
    """
    if not f.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    try:
        found = torch.autograd.grad(f, list(leaves), weights, retain_graph=retain_graph, allow_unused=True)
    except RuntimeError as error:
        reason = (
            "it overwrites in place a value that its gradient needs"
            if "modified by an inplace" in str(error)
            else str(error).splitlines()[0]
        )
        raise NetworkError(
            f"Autograd cannot differentiate {type(network.module).__name__}: {reason}.",
            remedy="Replace the in-place operation (x += y by x = x + y), or choose other parameters.",
        ) from error
    return [torch.zeros_like(leaf) if g is None else g.to_dense() for leaf, g in zip(leaves, found)]
