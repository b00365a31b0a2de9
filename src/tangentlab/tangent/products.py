"""The two products with a Jacobian: push a parameter direction forward, pull output weights back.

Formula   push_forward: δ ↦ (f0(x), J(x) δ)          one forward pass with tangents
          pull_back:    u ↦ J(x)ᵀ u                  one forward and one backward pass
Both stand at the network's own parameters; they are transposes of each other, ⟨u, Jδ⟩ = ⟨Jᵀu, δ⟩, and this is checked.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor

from tangentlab._errors import NetworkError
from tangentlab._seeds import generator
from tangentlab.networks.inputs import Inputs
from tangentlab.networks.network import Network
from tangentlab.networks.precision import ROUNDING, lowest_precision

WAYS = ("forward", "forward without mkldnn", "double backward")
"""How to push forward, in the order they are tried: some fused recurrent kernels have no forward derivative."""


def push_forward(
    network: Network,
    x: Inputs,
    *,
    along: Mapping[str, Tensor],
    way: str = "forward",
    at: Mapping[str, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """f(θ0, x) and J(x) δ, both (n, c), along the direction δ = `along`.

    `at` gives the anchor's tensors under the same names, for a caller who wants the graph that leads to them.

    >>> net = Network(torch.nn.Linear(2, 1, bias=False)).at({"weight": torch.tensor([[3.0, 0.0]])})
    >>> f, df = push_forward(net, torch.ones(1, 2), along={"weight": torch.ones(1, 2)})
    >>> f.item(), df.item()
    (3.0, 2.0)
    """
    if way == "double backward":
        return _double_backward(network, x, along)
    own = network.parameters if at is None else at
    with _without_mkldnn() if way == WAYS[1] else nullcontext():
        f, df, *_ = torch.func.jvp(
            lambda parameters: network.apply(parameters, x),
            ({name: own[name] for name in along},),
            (dict(along),),
        )
    return f, df


@contextmanager
def _without_mkldnn() -> Iterator[None]:
    with warnings.catch_warnings():  # restoring the flags warns about TF32 on machines that have none
        warnings.simplefilter("ignore")
        with torch.backends.mkldnn.flags(enabled=False):
            yield


def _double_backward(network: Network, x: Inputs, along: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """J δ as the derivative in u of ⟨Jᵀu, δ⟩, for operations that know only their backward pass."""
    with torch.enable_grad(), network.differentiable(along) as leaves:
        f = network.apply({}, x)
        if not f.requires_grad:
            return f, torch.zeros_like(f)
        u = torch.zeros_like(f, requires_grad=True)
        pulled = torch.autograd.grad(f, leaves, u, create_graph=True, allow_unused=True)
        pairs = [(g * along[name]).sum() for name, g in zip(along, pulled) if g is not None]
        used = [pair for pair in pairs if pair.requires_grad]
        df = torch.autograd.grad(torch.stack(used).sum(), u)[0] if used else torch.zeros_like(f)
    return f.detach(), df.detach()


def find_push_way(network: Network, x: Inputs) -> str:
    """The first of `WAYS` that this network's operations allow and that is the transpose of `pull_back` on `x`.

    >>> find_push_way(Network(torch.nn.Linear(2, 1)), torch.ones(1, 2))
    'forward'
    """
    draw = generator(0, "directions")
    along = {
        name: torch.randn(tensor.shape, generator=draw, dtype=torch.float64).to(tensor)
        for name, tensor in network.parameters.items()
    }
    weights, pulled = None, {}
    reasons = []
    for way in WAYS:
        try:
            with warnings.catch_warnings():  # torch scripts its forward-mode decompositions on first use
                warnings.simplefilter("ignore", DeprecationWarning)
                with torch.no_grad():
                    _, df = push_forward(network, x, along=along, way=way)
        except (RuntimeError, NotImplementedError, NetworkError) as error:
            reasons.append(f"{way}: {str(error).splitlines()[0][:120]}")
            continue
        if weights is None:
            weights = torch.randn(df.shape, generator=draw, dtype=torch.float64).to(df)
            pulled = pull_back(network, x, weights=weights)
        if _transposed(network, x, along, df, weights, pulled):
            return way
        reasons.append(f"{way}: it differs from the backward pass")
    raise NetworkError(
        "No way of differentiating this network forward works (" + "; ".join(reasons) + ").",
        remedy="Train a kernel instead (tangentlab.ntk needs backward passes only).",
    )


def _transposed(
    network: Network,
    x: Inputs,
    along: Mapping[str, Tensor],
    df: Tensor,
    weights: Tensor,
    pulled: Mapping[str, Tensor],
) -> bool:
    """⟨u, Jδ⟩ = ⟨Jᵀu, δ⟩ up to rounding of the terms."""
    forward = (weights.double() * df.double()).sum()
    terms = torch.stack([(pulled[name].double() * along[name].double()).sum() for name in along])
    size = weights.double().norm() * df.double().norm() + terms.norm()
    rounding = 10 * ROUNDING[lowest_precision(network, x)]
    return bool((forward - terms.sum()).abs() <= rounding * size)


def pull_back(
    network: Network, x: Inputs, *, weights: Tensor, names: Iterable[str] | None = None
) -> dict[str, Tensor]:
    """J(x)ᵀ u for `weights` u (n, c): one tensor for each selected parameter, zeros where f does not use it.

    >>> net = Network(torch.nn.Linear(2, 1, bias=False))
    >>> pull_back(net, torch.ones(3, 2), weights=torch.ones(3, 1))["weight"].tolist()
    [[3.0, 3.0]]
    """
    names = tuple(network.names if names is None else names)
    with torch.enable_grad(), network.differentiable(names) as leaves:
        f = network.apply({}, x)
        return dict(zip(names, autograd_gradients(network, f, leaves, weights)))


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
        if "modified by an inplace" in str(error):
            reason = "it overwrites in place a value that its gradient needs"
            remedy = "Replace the in-place operation (x += y by x = x + y), or choose other parameters."
        else:
            reason = str(error).splitlines()[0].rstrip(".")
            remedy = (
                "Change that part of forward(); what autograd refuses has no gradient to build a tangent from."
            )
        raise NetworkError(
            f"Autograd cannot differentiate {type(network.module).__name__}: {reason}.", remedy=remedy
        ) from error
    return [torch.zeros_like(leaf) if g is None else g.to_dense() for leaf, g in zip(leaves, found)]
