"""The linearization of a network at its anchor, as a module that any optimizer trains.

Formula   f_lin(x; θ) = f0(x) + J(x) (θ − θ0)        centred: J(x) (θ − θ0)
Cost      forward: one pass with tangents. Backward: one forward and one backward pass at the anchor; the map is
          linear in θ, so its gradient is Jᵀu and nothing is differentiated twice.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tangentlab.networks.inputs import Inputs, count_rows, map_tensors, place, take_rows, tensors_of
from tangentlab.networks.network import Network
from tangentlab.networks.parameter_tree import Branch, plant
from tangentlab.networks.safety import inspect_network
from tangentlab.tangent.products import pull_back, push_forward, working_way


class LinearizedModule(nn.Module):
    """f0(x) + J(x)(θ − θ0), with the names, shapes, buffers and frozen parameters of the module it came from.

    The selected parameters are trainable and start at the anchor; the others are kept frozen. `state_dict` holds
    the anchor too (under `_anchor`), so that a round trip restores the function and not only θ.

    >>> lin = LinearizedModule(Network(nn.Linear(1, 1, bias=False)), centred=True)
    >>> with torch.no_grad():
    ...     _ = lin.weight.add_(2.0)
    >>> lin(torch.tensor([[3.0]])).tolist()
    [[6.0]]
    """

    def __init__(self, network: Network, *, centred: bool):
        super().__init__()
        self.centred = centred
        self._tangent = network
        self._way: str | None = None
        self._inspected = False
        selected = network.parameters
        grown: dict[int, nn.Parameter] = {}
        for name, tensor in network.module.named_parameters(remove_duplicate=False):
            own = name.removeprefix(network.prefix)
            if id(tensor) not in grown:
                grown[id(tensor)] = nn.Parameter(tensor.detach().clone(), requires_grad=own in selected)
            plant(self, own, grown[id(tensor)])
        saved = _persistent_buffers(network.module)
        for name, tensor in network.module.named_buffers():
            plant(self, name, tensor.detach().clone(), persistent=name in saved)
        self._anchor = Branch()
        for name, tensor in selected.items():
            plant(self._anchor, name, tensor.clone())

    @property
    def anchor(self) -> dict[str, Tensor]:
        """θ0: the selected parameters at which the network is linearized."""
        return {name: self._anchor.get_buffer(name) for name in self._tangent.names}

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """f_lin on a batch given as the original module takes it, (n, c)."""
        x: Inputs = kwargs if kwargs else (args[0] if len(args) == 1 else args)
        named = dict(self.named_parameters())
        theta = [named[name] for name in self._tangent.names]
        like = theta[0]
        with_graph_in_x = torch.is_grad_enabled() and any(t.requires_grad for _, t in tensors_of(x))
        placed = x if with_graph_in_x else place(x, device=like.device, dtype=like.dtype)
        frozen = {n: t.detach() for n, t in named.items() if n not in self._tangent.names}
        frozen |= {n: t for n, t in self.named_buffers() if not n.startswith("_anchor.")}
        at = {**frozen, **self.anchor}
        self._prepare(placed, at)
        if with_graph_in_x:
            along = {name: t - at[name] for name, t in zip(self._tangent.names, theta)}
            f0, df = push_forward(self._tangent, placed, at=at, along=along)
            return df if self.centred else f0 + df
        return _AffineInParameters.apply(self, placed, at, *theta)  # pyright: ignore[reportReturnType]

    def _prepare(self, x: Inputs, at: dict[str, Tensor]) -> None:
        """Once, on the first rows: are the rows independent, and which forward derivative works."""
        if self._inspected:
            return
        few = map_tensors(torch.Tensor.detach, take_rows(x, slice(0, min(3, count_rows(x)))))
        inspect_network(self._tangent, few)
        self._way = working_way(self._tangent, take_rows(few, slice(0, 1)), at=at)
        self._inspected = True

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        super()._apply(fn, recurse)
        self._tangent.module._apply(fn, recurse)
        return self


class _AffineInParameters(torch.autograd.Function):
    """θ ↦ f0 + J(θ − θ0), whose backward pass is one product with Jᵀ at the anchor."""

    @staticmethod
    def forward(ctx: Any, lin: LinearizedModule, x: Inputs, at: dict[str, Tensor], *theta: Tensor) -> Tensor:
        ctx.lin, ctx.x, ctx.at = lin, x, at
        along = {name: t - at[name] for name, t in zip(lin._tangent.names, theta)}
        f0, df = push_forward(lin._tangent, x, at=at, along=along, way=lin._way or "forward")
        return df if lin.centred else f0 + df

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        pulled = pull_back(ctx.lin._tangent, ctx.x, at=ctx.at, weights=grad_outputs[0])
        return (None, None, None, *pulled.values())


def _persistent_buffers(module: nn.Module) -> set[str]:
    own = {name for name, _ in module.named_buffers()}
    return own & set(module.state_dict())


def linearize(
    model: Any, *, parameters: Any = None, centred: bool = False, mode: str | None = None
) -> LinearizedModule:
    """The linearization of a module, Network or callable at its present parameters.

    Parameters
    ----------
    model: the network; its tensors are copied and never touched
    parameters: which of them move (see `Network`); default those that require gradients
    centred: leave out f0, so that the function is zero at the anchor
    mode: "eval" to linearize a network that stands in train mode in its evaluation mode

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    >>> lin, x = linearize(model), torch.ones(4, 2)
    >>> torch.equal(lin(x), model(x)), [n for n, _ in lin.named_parameters()][:2]
    (True, ['0.weight', '0.bias'])
    >>> optimizer = torch.optim.Adam(lin.parameters())
    >>> lin(x).sum().backward(); optimizer.step()
    """
    return LinearizedModule(Network(model, parameters=parameters, mode=mode), centred=centred)
