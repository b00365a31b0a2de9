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
from tangentlab.networks.inputs import Inputs, check_inputs, count_rows, map_tensors, take_rows, tensors_of
from tangentlab.networks.network import Network
from tangentlab.networks.parameter_tree import Branch, register_tensor
from tangentlab.networks.private_copy import private_copy
from tangentlab.networks.safety import FEW, inspect_network, some_rows, verify_rows
from tangentlab.tangent.dual_pass import DUAL, dual_passes_rightly
from tangentlab.tangent.linear_function import push, push_from_inputs, records_rightly
from tangentlab.tangent.products import WAYS, find_push_way


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
        self._records, self._draws = False, True
        self._followed: tuple[tuple[int, int], ...] = ()
        selected = network.parameters
        grown: dict[int, nn.Parameter] = {}
        for name, tensor in network.module.named_parameters(remove_duplicate=False):
            own = name.removeprefix(network.prefix)
            if id(tensor) not in grown:
                grown[id(tensor)] = nn.Parameter(tensor.detach().clone(), requires_grad=own in selected)
            register_tensor(self, own, grown[id(tensor)])
        saved = set(network.module.state_dict())
        for name, tensor in network.module.named_buffers():
            register_tensor(self, name, tensor.detach().clone(), persistent=name in saved)
        self._anchor = Branch()
        for name, tensor in selected.items():
            register_tensor(self._anchor, name, tensor.clone())
        self._moving = [_place(self, name) for name in network.names]
        self._start = [_place(self._anchor, name) for name in network.names]
        self._sources = [
            _place(self._anchor if name in selected else self, name)
            for name in (n.removeprefix(network.prefix) for n, _ in _tensors(network.module))
        ]

    def __repr__(self) -> str:
        formula = "J(x) (θ − θ0)" if self.centred else "f0(x) + J(x) (θ − θ0)"
        return f"LinearizedModule({formula} of {self._tangent.describe()})"

    @property
    def anchor(self) -> dict[str, Tensor]:
        """θ0: the selected parameters at which the network is linearized."""
        return {name: self._anchor.get_buffer(name) for name in self._tangent.names}

    @outside_inference_mode()
    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """f_lin on a batch given as the original module takes it, (n, c)."""
        x = self._inputs(args, kwargs)
        theta = [owner._parameters[leaf] for owner, leaf in self._moving]
        anchor = [owner._buffers[leaf] for owner, leaf in self._start]
        like: Any = theta[0]
        differentiable = torch.is_grad_enabled() and any(t.requires_grad for _, t in tensors_of(x))
        if not differentiable:
            x = map_tensors(torch.Tensor.detach, x)
        x = map_tensors(lambda t: t.to(like.device, like.dtype if t.is_floating_point() else None), x)
        with preserved_random_state(like.device, beyond_torch=self._draws):
            self._follow()
            way = self._way or self._prepare(x)
            along: Any = {name: t - t0 for name, t, t0 in zip(self._tangent.names, theta, anchor)}  # pyright: ignore
            if differentiable:
                return push_from_inputs(self._tangent, x, along=along, way=way, centred=self.centred)
            f0, df = push(self._tangent, x, along=along, way=way, record=self._records)
        return df if self.centred else f0 + df

    def _inputs(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Inputs:
        if not args and not kwargs:
            raise ArgumentError("x", expected="a batch", got="nothing", remedy="Call it as the original module.")
        if args and kwargs:
            names = inspect.signature(self._tangent.module.forward)
            return {**names.bind_partial(*args).arguments, **kwargs}
        return kwargs or (args[0] if len(args) == 1 else args)

    def _prepare(self, x: Inputs) -> str:
        """Once, on the first rows: are the rows independent, and which forward derivative works."""
        x = check_inputs(map_tensors(torch.Tensor.detach, x))
        self._draws = inspect_network(self._tangent, x).draws
        rows = count_rows(x)
        few = take_rows(x, some_rows(rows))
        verify_rows(self._tangent, x, self._tangent(x), count=rows if reads_its_data(self._tangent, few) else FEW)
        way = find_push_way(self._tangent, few)
        if way == WAYS[0] and dual_passes_rightly(self._tangent, few):
            way = DUAL
        self._way, self._records = way, records_rightly(self._tangent, few, way=way)
        return way

    def _follow(self) -> None:
        """Bring the network to the anchor, frozen parameters and buffers held here, if they were loaded or moved."""
        held: list[Any] = [owner._parameters.get(leaf, owner._buffers.get(leaf)) for owner, leaf in self._sources]
        versions = tuple((id(tensor), tensor._version) for tensor in held)
        if versions != self._followed:
            with torch.no_grad():
                for (_, tensor), source in zip(_tensors(self._tangent.module), held):
                    tensor.copy_(source)
            self._followed = versions

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        super()._apply(fn, recurse)
        self._tangent.module._apply(fn, recurse)
        return self


def _place(root: nn.Module, name: str) -> tuple[nn.Module, str]:
    """The module that holds a tensor of a dotted name, and the tensor's name there."""
    owner, _, leaf = name.rpartition(".")
    return root.get_submodule(owner), leaf


def _tensors(module: nn.Module) -> list[tuple[str, Tensor]]:
    return [*module.named_parameters(), *module.named_buffers()]


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
