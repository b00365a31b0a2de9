"""The linearization of a network at its anchor, as a module that any optimizer trains.

Formula   f_lin(x; θ) = f0(x) + J(x) (θ − θ0)        centred: J(x) (θ − θ0)
Cost      forward: one pass with tangents. Backward: one backward pass at the anchor; the map is linear in θ, so its
          gradient is Jᵀu and nothing is differentiated twice.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from tangentlab._errors import ArgumentError
from tangentlab.networks.data_dependence import reads_its_data
from tangentlab.networks.evaluation import outside_inference_mode, preserved_random_state
from tangentlab.networks.inputs import Inputs, check_inputs, count_rows, map_tensors, place, take_rows, tensors_of
from tangentlab.networks.network import Network
from tangentlab.networks.parameter_tree import Branch, plant
from tangentlab.networks.private_copy import private_copy
from tangentlab.networks.safety import FEW, inspect_network, some_rows, verify_rows
from tangentlab.tangent.products import autograd_gradients, pull_back, push_forward, working_way


class LinearizedModule(nn.Module):
    """f0(x) + J(x)(θ − θ0), with the names, shapes, buffers and frozen parameters of the module it came from.

    The selected parameters are trainable and start at the anchor; the others are kept frozen. `state_dict` holds
    the anchor too (under `_anchor`), so that a round trip restores the function and not only θ.

    >>> lin = linearize(nn.Linear(2, 1, bias=False), centred=True)
    >>> with torch.no_grad():
    ...     _ = lin.weight.add_(1)
    >>> lin(torch.tensor([[1.0, 2.0]])).item()
    3.0
    """

    @outside_inference_mode()
    def __init__(self, network: Network, *, centred: bool):
        super().__init__()
        self.centred = centred
        self._tangent = network._with(module=private_copy(network.module))
        self._way: str | None = None
        self._followed: tuple[tuple[int, int], ...] = ()
        selected = network.parameters
        grown: dict[int, nn.Parameter] = {}
        for name, tensor in network.module.named_parameters(remove_duplicate=False):
            own = name.removeprefix(network.prefix)
            if id(tensor) not in grown:
                grown[id(tensor)] = nn.Parameter(tensor.detach().clone(), requires_grad=own in selected)
            plant(self, own, grown[id(tensor)])
        saved = set(network.module.state_dict())
        for name, tensor in network.module.named_buffers():
            plant(self, name, tensor.detach().clone(), persistent=name in saved)
        self._anchor = Branch()
        for name, tensor in selected.items():
            plant(self._anchor, name, tensor.clone())

    @property
    def anchor(self) -> dict[str, Tensor]:
        """θ0: the selected parameters at which the network is linearized."""
        return {name: self._anchor.get_buffer(name) for name in self._tangent.names}

    @outside_inference_mode()
    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """f_lin on a batch given as the original module takes it, (n, c)."""
        own = dict(self.named_parameters())
        theta = [own[name] for name in self._tangent.names]
        x = self._inputs(args, kwargs)
        differentiable = torch.is_grad_enabled() and any(t.requires_grad for _, t in tensors_of(x))
        like = theta[0]
        with preserved_random_state(like.device):
            if differentiable:
                x = map_tensors(lambda t: t.to(like.device, like.dtype if t.is_floating_point() else None), x)
            else:
                x = place(x, device=like.device, dtype=like.dtype)
            self._follow(own)
            self._prepare(x)
            change = [t - anchor for t, anchor in zip(theta, self.anchor.values())]
            if differentiable:
                along = dict(zip(self._tangent.names, change))
                f0, df = push_forward(self._tangent, x, along=along, way=self._way or "forward")
            else:
                f0, df = _Push.apply(self._tangent, x, self._way, self._tangent.names, *change)  # pyright: ignore
        return df if self.centred else f0 + df

    def _inputs(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Inputs:
        if not args and not kwargs:
            raise ArgumentError("x", expected="a batch", got="nothing", remedy="Call it as the original module.")
        if args and kwargs:
            names = inspect.signature(self._tangent.module.forward)
            return {**names.bind_partial(*args).arguments, **kwargs}
        return kwargs or (args[0] if len(args) == 1 else args)

    def _prepare(self, x: Inputs) -> None:
        """Once, on the first rows: are the rows independent, and which forward derivative works."""
        if self._way is not None:
            return
        x = check_inputs(map_tensors(torch.Tensor.detach, x))
        inspect_network(self._tangent, x)
        rows = count_rows(x)
        few = take_rows(x, some_rows(rows))
        verify_rows(self._tangent, x, self._tangent(x), count=rows if reads_its_data(self._tangent, few) else FEW)
        self._way = working_way(self._tangent, few)

    def _follow(self, own: dict[str, nn.Parameter]) -> None:
        """Bring the network to the anchor, frozen parameters and buffers held here, if they were loaded or moved."""
        held: dict[str, Tensor] = {**own, **self.anchor}
        held |= {name: tensor for name, tensor in self.named_buffers() if not name.startswith("_anchor.")}
        versions = tuple((id(tensor), tensor._version) for tensor in held.values())
        if versions == self._followed:
            return
        network = self._tangent
        with torch.no_grad():
            for name, tensor in [*network.module.named_parameters(), *network.module.named_buffers()]:
                tensor.copy_(held[name.removeprefix(network.prefix)])
        self._followed = versions

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        super()._apply(fn, recurse)
        self._tangent.module._apply(fn, recurse)
        return self


class _Push(torch.autograd.Function):
    """δ ↦ (f0, J δ); its backward pass is one product with Jᵀ, and is linear like itself.

    Where a gradient will be asked for, the pass with tangents also records the graph of f0, and Jᵀu is one backward
    pass through it. A graph of the gradient itself (`create_graph`) takes `_Pull`, which can be differentiated.
    """

    @staticmethod
    def forward(ctx: Any, network: Network, x: Inputs, way: str, names: tuple[str, ...], *along: Tensor) -> Any:
        ctx.network, ctx.x, ctx.way, ctx.names = network, x, way, names
        ctx.recorded = None
        moving = dict(zip(names, along))
        if way == "double backward" or not any(ctx.needs_input_grad[4:]):
            f0, df = push_forward(network, x, along=moving, way=way)
        else:
            own = network.parameters
            leaves = {
                name: own[name].requires_grad_(needed) for name, needed in zip(names, ctx.needs_input_grad[4:])
            }
            with torch.enable_grad():
                f0, df = push_forward(network, x, along=moving, way=way, at=leaves)
            ctx.recorded = f0, leaves
            f0, df = f0.detach(), df.detach()
        ctx.mark_non_differentiable(f0)
        return f0, df

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        wanted = tuple(name for name, needed in zip(ctx.names, ctx.needs_input_grad[4:]) if needed)
        if ctx.recorded is None or torch.is_grad_enabled():
            pulled = _Pull.apply(ctx.network, ctx.x, ctx.way, wanted, grad_outputs[1])
        else:
            f0, leaves = ctx.recorded
            moving = [leaves[name] for name in wanted]
            pulled = autograd_gradients(ctx.network, f0, moving, grad_outputs[1], retain_graph=True)
        found = dict(zip(wanted, pulled))  # pyright: ignore[reportArgumentType]
        return (None, None, None, None, *(found.get(name) for name in ctx.names))


class _Pull(torch.autograd.Function):
    """u ↦ Jᵀ u, the transpose of `_Push`."""

    @staticmethod
    def forward(ctx: Any, network: Network, x: Inputs, way: str, names: tuple[str, ...], u: Tensor) -> Any:
        ctx.network, ctx.x, ctx.way, ctx.names = network, x, way, names
        with preserved_random_state(network.device):
            return tuple(pull_back(network, x, weights=u, names=names).values())

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        return None, None, None, None, _Push.apply(ctx.network, ctx.x, ctx.way, ctx.names, *grad_outputs)[1]


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
    network = Network(model, parameters=parameters, mode=mode)
    if isinstance(network.module, LinearizedModule):
        raise ArgumentError(
            "model",
            expected="a network that is not linearized yet",
            got="a LinearizedModule",
            remedy="Use it as it is: it is its own linearization everywhere.",
        )
    return LinearizedModule(network, centred=centred)
