"""Modules that hold tensors under dotted names, as nested containers, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

from torch import Tensor, nn

from tangentlab._errors import NetworkError


class Branch(nn.Module):
    """A container in a tree of names; it has no forward pass of its own.

    >>> tree = Branch()
    >>> register_tensor(tree, "weight", nn.Parameter(Tensor(2, 3)))
    >>> tree
    Branch(weight (2, 3))
    """

    def extra_repr(self) -> str:
        """The names and shapes of its own tensors."""
        held = {**self._parameters, **self._buffers}
        return ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in held.items() if tensor is not None)


def register_tensor(root: nn.Module, name: str, tensor: Tensor, *, persistent: bool = True) -> None:
    """Register a parameter or buffer under a dotted name, growing the branches on the way.

    >>> import torch
    >>> tree = Branch()
    >>> register_tensor(tree, "layer.0.weight", nn.Parameter(torch.ones(2)))
    >>> [name for name, _ in tree.named_parameters()]
    ['layer.0.weight']
    """
    *path, leaf = name.split(".")
    for part in path:
        if part not in root._modules:
            _refuse_taken(root, part, name)
            root.add_module(part, Branch())
        root = root._modules[part]  # pyright: ignore[reportAssignmentType]
    _refuse_taken(root, leaf, name)
    if isinstance(tensor, nn.Parameter):
        root.register_parameter(leaf, tensor)
    else:
        root.register_buffer(leaf, tensor, persistent=persistent)


def _refuse_taken(root: nn.Module, part: str, name: str) -> None:
    if hasattr(type(root), part) or hasattr(root, part):
        raise NetworkError(
            f"The tensor '{name}' cannot keep its name: '{part}' is an attribute of every such module.",
            remedy=f"Rename '{part}' in your module.",
        )


class FunctionModule(nn.Module):
    """A callable `(params, x)` and its dictionary of parameters, seen as a module.

    >>> import torch
    >>> f = FunctionModule(lambda p, x: x @ p["w.0"], {"w.0": torch.ones(2, 1)})
    >>> f(torch.ones(3, 2)).tolist()
    [[2.0], [2.0], [2.0]]
    """

    def __init__(self, function: Callable[..., Any], parameters: dict[str, Tensor]):
        super().__init__()
        self.function = function
        self.names = tuple(parameters)
        self.tree = Branch()
        for name, tensor in parameters.items():
            register_tensor(self.tree, name, nn.Parameter(tensor.detach().clone(), requires_grad=False))

    def forward(self, x: Any) -> Any:
        """The function at the parameters the tree holds now."""
        return self.function({name: reduce(getattr, name.split("."), self.tree) for name in self.names}, x)
