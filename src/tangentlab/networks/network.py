"""Network: f(θ, x), a module bound to its parameters, buffers, mode and output.

Formula   f : (θ, x) ↦ (n, c), pure in θ and x; everything else is frozen at the anchor
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from tangentlab._errors import ArgumentError, NetworkError, TangentlabError, UnknownNameError
from tangentlab._fingerprint import fingerprint
from tangentlab.networks.binding import ParameterChoice, bind_function, bind_module, choose_names
from tangentlab.networks.evaluation import (
    differentiable_arithmetic,
    outside_inference_mode,
    preserved_random_state,
)
from tangentlab.networks.inputs import Inputs, count_rows, map_tensors, place, tensors_of
from tangentlab.networks.output_selection import Selector, select_output
from tangentlab.networks.parameter_space import ParameterSpace
from tangentlab.networks.parameter_tree import FunctionModule
from tangentlab.networks.private_copy import converted, private_copy


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Network:
    """A module bound to a parameter point: the anchor of a tangent.

    Wherever the package takes a model it takes a Network, which can say more than a module: a subset of the
    parameters, an output of several, evaluation mode. The given module is copied, never touched.

    Parameters
    ----------
    model: an `nn.Module`, a Network, or a callable `(params, x)` with `parameters=` its dictionary
    parameters: None for those that require gradients; a name, names or glob patterns; a predicate
        `(name, tensor) -> bool`; for a callable, its dictionary of tensors
    output: index, name or function that selects f from what the model returns
    mode: None keeps the module's own mode, and a network whose train mode changes its outputs is refused later, by
        layer; "eval" evaluates it in evaluation mode whatever its flags say
    share: use the module's own tensors instead of copies (the caller will not write to them)

    >>> net = Network(nn.Linear(3, 2), parameters=["weight"])
    >>> net.space.names, net(torch.zeros(4, 3)).shape
    (('weight',), torch.Size([4, 2]))
    """

    module: nn.Module
    """Private copy in evaluation mode."""
    names: tuple[str, ...]
    """Names of the selected parameters, in the order of the module."""
    output: Selector
    """Which part of what the module returns is f."""
    training_parts: tuple[str, ...]
    """Submodules that stood in train mode when bound; checked before any kernel unless mode="eval"."""
    prefix: str
    """What stands before a name inside `module` (only for callables)."""
    originals: Mapping[int, str]
    """The `id` of each tensor that was copied, with its name: none may reappear in an evaluation (see `safety`)."""

    @outside_inference_mode()
    def __init__(
        self,
        model: Any,
        *,
        parameters: ParameterChoice | Mapping[str, Tensor] = None,
        output: Selector = None,
        mode: str | None = None,
        share: bool = False,
    ):
        if mode not in (None, "eval"):
            raise UnknownNameError("mode", mode, ["eval"])
        if isinstance(model, Network):
            self._set(**model._narrowed(parameters, output=output, mode=mode))
        elif isinstance(model, nn.Module):
            self._set(**bind_module(model, parameters, mode=mode, share=share), output=output, prefix="")
        else:
            self._set(**bind_function(model, parameters), output=output, prefix="tree.", training_parts=())

    def _set(self, **fields: Any) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def _with(self, **changes: Any) -> Network:
        changed = object.__new__(Network)
        changed._set(**({f.name: getattr(self, f.name) for f in fields(self)} | changes))
        return changed

    def _narrowed(self, parameters: Any, *, output: Selector, mode: str | None) -> dict[str, Any]:
        names = self.names
        if parameters is not None:
            everything = {n.removeprefix(self.prefix): t for n, t in self.module.named_parameters()}
            names = choose_names(everything, parameters, default=set(names))
        return {
            "module": self.module,
            "names": names,
            "output": self.output if output is None else output,
            "training_parts": () if mode == "eval" else self.training_parts,
            "prefix": self.prefix,
            "originals": self.originals,
        }

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The selected parameters at the anchor, detached."""
        return {name: tensor.detach() for name, tensor in self.selected_tensors.items()}

    @property
    def selected_tensors(self) -> dict[str, nn.Parameter]:
        """The selected parameters as the private module holds them, for identity and never for writing."""
        return {name: owner._parameters[leaf] for name, owner, leaf in self._places}  # pyright: ignore

    @cached_property
    def _places(self) -> list[tuple[str, nn.Module, str]]:
        """Where each selected parameter is registered: its name, its owner, its name there."""
        places = []
        for name in self.names:
            owner, _, leaf = (self.prefix + name).rpartition(".")
            places.append((name, self.module.get_submodule(owner), leaf))
        return places

    @cached_property
    def _tied(self) -> bool:
        """Whether a tensor has two names, both of which must follow when one is given."""
        registered: list[tuple[str, Tensor]] = [*self.module.named_parameters(remove_duplicate=False)]
        registered += self.module.named_buffers(remove_duplicate=False)
        return len({id(tensor) for _, tensor in registered}) < len(registered)

    @property
    def buffers(self) -> dict[str, Tensor]:
        """Buffers at the anchor."""
        return {name.removeprefix(self.prefix): t.detach() for name, t in self.module.named_buffers()}

    @cached_property
    def space(self) -> ParameterSpace:
        """The space of the selected parameters."""
        return ParameterSpace.of(self.parameters)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the selected parameters."""
        return self._first.dtype

    @property
    def device(self) -> torch.device:
        """The device of the selected parameters."""
        return self._first.device

    @property
    def _first(self) -> Tensor:
        """One selected parameter, detached, which speaks for all: without the dictionary of the others."""
        _, owner, leaf = self._places[0]
        return owner._parameters[leaf].detach()  # pyright: ignore[reportOptionalMemberAccess]

    @outside_inference_mode()
    def to(self, *, dtype: torch.dtype | None) -> Network:
        """The same network in float32 or float64, as a copy; itself for None and for its own dtype.

        >>> Network(nn.Linear(3, 2)).to(dtype=torch.float64).dtype
        torch.float64
        """
        if dtype not in (None, torch.float32, torch.float64):
            expected = "torch.float32 or torch.float64"
            raise ArgumentError("dtype", expected=expected, got=dtype, remedy="Leave it out for the model's.")
        if dtype in (None, self.dtype):
            return self
        return self._with(module=converted(self.module, dtype=dtype))

    @outside_inference_mode()
    def on(self, device: torch.device) -> Network:
        """A copy of the same network on a device, with all tensors that its modules hold.

        >>> net = Network(nn.Linear(3, 2))
        >>> net.on(torch.device("cpu")).parameters["weight"].data_ptr() == net.parameters["weight"].data_ptr()
        False
        """
        module = private_copy(self.module).to(device=device)
        for part in module.modules():
            held = {name: value for name, value in vars(part).items() if isinstance(value, Tensor)}
            vars(part).update({name: value.to(device) for name, value in held.items()})
        return self._with(module=module)

    @outside_inference_mode()
    def at(self, parameters: Mapping[str, Tensor]) -> Network:
        """The same network anchored at other values of its selected parameters."""
        self.space.check("parameters", parameters)
        module = private_copy(self.module)
        own = dict(module.named_parameters())
        for name in self.names:
            own[self.prefix + name].data.copy_(parameters[name])
        return self._with(module=module)

    def place(self, x: Inputs) -> Inputs:
        """Copies of the rows on the network's device and in its dtype."""
        return place(x, device=self.device, dtype=self.dtype)

    @contextmanager
    def differentiable(self, names: Iterable[str]) -> Iterator[list[Tensor]]:
        """The module's own parameters of these names, requiring gradients inside the block and nowhere else.

        Unlike tensors given to `apply` they are what a checkpointed part of the forward pass finds when it runs
        again during the backward pass.
        """
        own = self.selected_tensors
        chosen = [own[name] for name in names]
        for tensor in chosen:
            tensor.requires_grad_(True)
        try:
            yield list(chosen)
        finally:
            for tensor in chosen:
                tensor.requires_grad_(False)

    def apply(self, parameters: Mapping[str, Tensor], x: Inputs) -> Tensor:
        """f(θ, x) as (n, c), pure and differentiable in both; `x` already placed."""
        x = map_tensors(torch.clone, x)  # a model may write into what it is given
        named = {self.prefix + name: tensor for name, tensor in parameters.items()}
        args, kwargs = (
            ((), dict(x)) if isinstance(x, Mapping) else ((x,) if isinstance(x, Tensor) else tuple(x), {})
        )
        try:
            with differentiable_arithmetic():
                returned = torch.func.functional_call(self.module, named, args, kwargs, tie_weights=self._tied)
            return select_output(returned, self.output, rows=count_rows(x))
        except (TangentlabError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            raise self._failed(error, x) from error

    def _failed(self, error: Exception, x: Inputs) -> NetworkError:
        """What a module said about its inputs, as one sentence."""
        shapes = ", ".join(f"{name} {tuple(t.shape)} {t.dtype}" for name, t in tensors_of(x))
        said = (str(error).strip().splitlines() or ["no message"])[0].rstrip(".")
        return NetworkError(
            f"The forward pass of {type(self.module).__name__} failed on {shapes}: {type(error).__name__}: {said}.",
            remedy="Give inputs of the shape and dtype the model takes (a tuple or dict for several of them).",
        )

    @torch.no_grad()
    def __call__(self, x: Inputs) -> Tensor:
        """f(θ0, x) as (n, c), without a graph."""
        with preserved_random_state(self.device):
            return self.apply({}, self.place(x))

    def __repr__(self) -> str:
        return f"Network({self.describe()})"

    def describe(self) -> str:
        """The anchor in words: parameters, mode, dtype, output."""
        total = sum(tensor.numel() for tensor in self.module.parameters())
        output = "" if self.output is None else f", output {getattr(self.output, '__name__', self.output)!r}"
        kind = type(self.module.function if isinstance(self.module, FunctionModule) else self.module).__name__
        return (
            f"{kind}, {self.space.size:,} of {total:,} parameters in {len(self.names)} tensors, evaluation mode, "
            f"math attention, {str(self.dtype).removeprefix('torch.')} on {self.device}{output}"
        )

    @cached_property
    def fingerprint(self) -> str:
        """Identity of the anchor: description, parameters and buffers by content."""
        frozen = {n: t for n, t in self.module.named_parameters()}
        return fingerprint({"network": self.describe(), "all": frozen, "buffers": self.buffers, "of": self.names})
