"""What a network is bound to: a module or a callable, and which of its parameters were chosen.

Refused here, before any evaluation: modules whose parameters cannot be varied from outside, names that are not there,
parameters without real, finite values of one dtype on one device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from tangentlab._errors import ArgumentError, NetworkError, UnknownNameError
from tangentlab._shapes import expect_callable
from tangentlab.networks.parameter_tree import FunctionModule
from tangentlab.networks.private_copy import private_copy

ParameterChoice = None | str | Iterable[str] | Callable[[str, Tensor], bool]
"""None: those with requires_grad; names or glob patterns; or a predicate of name and tensor."""

_HALF = (torch.float16, torch.bfloat16)
_REAL = (torch.float64, torch.float32, *_HALF)


def bind_module(model: nn.Module, choice: Any, *, mode: str | None, share: bool) -> dict[str, Any]:
    """The fields of a network that takes a module: a private copy in evaluation mode, and what was chosen of it.

    >>> bind_module(nn.Linear(2, 1), "w*", mode="eval", share=False)["names"]
    ('weight',)
    """
    training = () if mode == "eval" else tuple(name for name, part in model.named_modules() if part.training)
    _refuse_wrappers(model)
    originals = {id(tensor): name for name, tensor in model.named_parameters()}
    module = private_copy(model, share=share)
    module.eval()  # some modules return nothing from it
    wanted = {name for name, tensor in model.named_parameters() if tensor.requires_grad}
    own = dict(module.named_parameters())
    names = choose_names(own, choice, default=wanted)
    _check_parameters({name: own[name] for name in names})
    return {
        "module": _single(module, own[names[0]].dtype),
        "names": names,
        "training_parts": training,
        "originals": originals,
    }


def bind_function(function: Any, parameters: Any) -> dict[str, Any]:
    """The fields of a network that takes a callable `(params, x)` and its dictionary.

    >>> bind_function(lambda p, x: x @ p["w"], {"w": torch.ones(2, 1)})["names"]
    ('w',)
    """
    refuse_class("model", function)
    expect_callable(
        "model",
        function,
        expected="an nn.Module, a Network or a callable (params, x)",
        remedy="Wrap your function in a module, or pass parameters= with a callable.",
    )
    if not (isinstance(parameters, Mapping) and parameters and all(map(_is_named_tensor, parameters.items()))):
        raise ArgumentError(
            "parameters",
            expected="the dictionary of named tensors at which the callable is bound",
            got=type(parameters).__name__,
            remedy="Pass parameters={name: tensor, ...}, with nested names joined by dots.",
        )
    _check_parameters(parameters)
    module = FunctionModule(function, dict(parameters)).eval()
    originals = {id(tensor): name for name, tensor in parameters.items()}
    return {
        "module": _single(module, next(iter(parameters.values())).dtype),
        "names": tuple(parameters),
        "originals": originals,
    }


def _is_named_tensor(item: tuple[Any, Any]) -> bool:
    name, tensor = item
    return isinstance(name, str) and all(name.split(".")) and isinstance(tensor, Tensor)


def _refuse_wrappers(model: nn.Module) -> None:
    if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        raise NetworkError(
            f"The model is a {type(model).__name__}, which hides its module behind replicas.",
            remedy="Pass model.module.",
        )
    refuse_compiled(model)


def refuse_class(name: str, model: Any) -> None:
    """Refuse the class of a model where one of it is wanted.

    >>> refuse_class("model", nn.Linear)
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `model` must be a module, got its class Linear. Make one: Linear(...).
    """
    if isinstance(model, type):
        raise ArgumentError(
            name,
            expected="a module" if issubclass(model, nn.Module) else "an instance",
            got=f"its class {model.__name__}",
            remedy=f"Make one: {model.__name__}(...).",
        )


def refuse_compiled(model: nn.Module) -> None:
    """Refuse what is compiled to TorchScript, or has a layer that is.

    >>> refuse_compiled(nn.Linear(2, 1))
    """
    for name, part in model.named_modules():
        if isinstance(part, torch.jit.ScriptModule):
            raise NetworkError(
                (f"Layer '{name}'" if name else "The model")
                + " is compiled to TorchScript, whose parameters cannot be varied from outside.",
                remedy="Pass the module that it was scripted or traced from.",
            )


def choose_names(
    tensors: Mapping[str, Tensor], choice: ParameterChoice | Mapping[str, Tensor], *, default: set[str]
) -> tuple[str, ...]:
    """The names among `tensors` that a choice of parameters means, in their order there.

    >>> choose_names(dict(nn.Linear(2, 1).named_parameters()), ["b*"], default=set())
    ('bias',)
    """
    if choice is None:
        names = tuple(name for name in tensors if name in default)
        remedy = "Pass parameters= with names, or set requires_grad on those that should move."
    elif callable(choice):
        names = tuple(name for name, tensor in tensors.items() if choice(name, tensor))
        remedy = "The predicate chose none; it is called with each name and tensor."
    else:
        patterns: list[Any] = (
            [choice] if isinstance(choice, str) or not isinstance(choice, Iterable) else list(choice)
        )
        if not all(isinstance(pattern, str) for pattern in patterns):
            raise ArgumentError(
                "parameters",
                expected="names or patterns, or a predicate of name and tensor",
                got=choice,
                remedy="Pass parameters=['head.*'], for example.",
            )
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in tensors):
                raise UnknownNameError("parameters", pattern, tensors)
        names = tuple(n for n in tensors if any(fnmatchcase(n, pattern) for pattern in patterns))
        remedy = "Name at least one parameter of the module."
    if not names:
        raise NetworkError("The network has no selected parameter to differentiate.", remedy=remedy)
    return names


def _single(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Half precision is raised to float32: a kernel of it would be rounding."""
    return module.to(dtype=torch.float32) if dtype in _HALF else module


def refuse_without_values(parameters: Mapping[str, Tensor]) -> None:
    """Refuse parameters on the meta device.

    >>> refuse_without_values({"w": torch.zeros(1, device="meta")})
    Traceback (most recent call last):
    tangentlab._errors.NetworkError: The parameter 'w' is on the meta device and has no values. Load the weights ...
    """
    for name, tensor in parameters.items():
        if tensor.is_meta:
            raise NetworkError(
                f"The parameter '{name}' is on the meta device and has no values.",
                remedy="Load the weights first: module.to_empty(device='cpu') and load_state_dict().",
            )


def _check_parameters(parameters: Mapping[str, Tensor]) -> None:
    dtypes = {tensor.dtype for tensor in parameters.values()}
    odd = [name for name, tensor in parameters.items() if tensor.dtype not in _REAL]
    if odd or len(dtypes) > 1 or len({tensor.device for tensor in parameters.values()}) > 1:
        raise NetworkError(
            f"The selected parameters have dtypes {', '.join(sorted(map(str, dtypes)))}"
            + (f" ('{odd[0]}' is not real)." if odd else " or lie on several devices."),
            remedy="Select real parameters of one dtype on one device, or convert the module first.",
        )
    refuse_without_values(parameters)
    for name, tensor in parameters.items():
        if not bool(torch.isfinite(tensor).all()):
            raise NetworkError(
                f"The parameter '{name}' has entries that are not finite.",
                remedy="Load weights that training has not blown up.",
            )
