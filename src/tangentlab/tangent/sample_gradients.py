"""Per-sample gradients of any parameter of any network, by torch.func or by a plain loop.

Formula   M[i, q] = Σ_k U[q, k] ∂f_k(x_i)/∂θ        (n, q, *shape) for each parameter
Cost      n·q backward passes; vmapped where the network allows, one at a time where it does not
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from tangentlab.networks.inputs import Inputs, count_rows, map_tensors, take_rows
from tangentlab.networks.network import Network
from tangentlab.networks.precision import largest
from tangentlab.tangent.products import autograd_gradients

WAYS = ("vmap", "autograd")


def sample_gradients(
    network: Network, x: Inputs, *, names: tuple[str, ...], cotangents: Tensor, way: str = "autograd"
) -> dict[str, Tensor]:
    """Gradients of the q combinations `cotangents` (q, c) of the outputs, for each row of `x` (already placed).

    >>> net = Network(torch.nn.Linear(2, 1, bias=False))
    >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> sample_gradients(net, x, names=("weight",), cotangents=torch.eye(1))["weight"].flatten(1).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    if way == "vmap":
        return _vmapped(network, x, names, cotangents)
    return _looped(network, x, names, cotangents)


def _vmapped(network: Network, x: Inputs, names: tuple[str, ...], cotangents: Tensor) -> dict[str, Tensor]:
    parameters = {name: network.parameters[name] for name in names}
    tensors: list[Tensor] = []
    map_tensors(lambda tensor: tensors.append(tensor) or tensor, x)

    def of_one_row(*row: Tensor) -> dict[str, Tensor]:
        parts = iter(row)
        alone = map_tensors(lambda _: next(parts).unsqueeze(0), x)
        _, pull, *_ = torch.func.vjp(lambda p: network.apply(p, alone)[0], parameters)
        return torch.func.vmap(lambda u: pull(u)[0])(cotangents)

    with warnings.catch_warnings():  # operations without a batching rule are looped by vmap itself
        warnings.filterwarnings("ignore", message=".*batching rule.*")
        return torch.func.vmap(of_one_row)(*tensors)


def _looped(network: Network, x: Inputs, names: tuple[str, ...], cotangents: Tensor) -> dict[str, Tensor]:
    own = network.parameters
    rows = count_rows(x)
    stacked = {name: own[name].new_empty((rows, len(cotangents), *own[name].shape)) for name in names}
    for i in range(rows):
        with torch.enable_grad(), network.differentiable(names) as leaves:
            f = network.apply({}, take_rows(x, slice(i, i + 1)))[0]
            for q, u in enumerate(cotangents):
                last = q + 1 == len(cotangents)
                for name, gradient in zip(names, autograd_gradients(network, f, leaves, u, retain_graph=not last)):
                    stacked[name][i, q] = gradient
    return stacked


def find_gradient_way(network: Network, x: Inputs, *, names: tuple[str, ...]) -> str:
    """ "vmap" where it runs and equals the loop on the rows given (a few), else "autograd"."""
    probe = network(take_rows(x, slice(0, 1)))
    cotangents = torch.linspace(0.5, 1.5, 2 * probe.shape[1], dtype=probe.dtype, device=probe.device)
    cotangents = cotangents.reshape(2, -1)
    try:
        fast = _vmapped(network, x, names, cotangents)
    except Exception:  # functorch refuses in many ways; whatever it says, the loop is right
        return "autograd"
    slow = _looped(network, x, names, cotangents)
    tolerance = 1e-9 if probe.dtype == torch.float64 else 1e-4
    whole = max(map(largest, slow.values()))
    for name in names:
        if fast[name].shape != slow[name].shape:
            return "autograd"
        # a gradient that cancels to nothing is rounding on both ways
        size = max(largest(slow[name]), 1e-5 * whole)
        if not torch.allclose(fast[name], slow[name], rtol=tolerance, atol=tolerance * size):
            return "autograd"
    return "vmap"
