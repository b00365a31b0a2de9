"""Parameters used outside layers: a copy for each row, so that one backward pass gives every row's gradient.

Formula   θ ∈ R^shape  ->  θ' ∈ R^(n, 1, ..., 1, *shape), all rows equal;  ∂f(x_i)/∂θ = ∂⟨1, f⟩/∂θ'_i
Cost      nothing beside the passes that are made anyway, where θ only ever meets data whose first axis is the rows

A class token, a table of positions, a learned scale or temperature: operations broadcast such parameters over the
rows. Which number of axes between rows and shape makes the copies fall into place is tried out, and judged, like a
layer's rule, by the gradient of each row alone (`routes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

Placing = int
"""Axes of size one between the rows and the parameter's own, or `IN_PLACE`: the rows take its first axis."""

IN_PLACE: Placing = -1

MOST_AXES = 3


def placings(tensor: Tensor) -> tuple[Placing, ...]:
    """The ways that copies of a parameter may fall into place, the likeliest first.

    >>> import torch
    >>> placings(torch.zeros(1, 4)), placings(torch.zeros(4))
    ((-1, 0, 1, 2, 3), (0, 1, 2, 3))
    """
    first = (IN_PLACE,) if tensor.ndim > 1 and tensor.shape[0] == 1 else ()
    return (*first, *range(MOST_AXES + 1))


def loose_parameters(module: nn.Module, names: Iterable[str]) -> list[str]:
    """Those of `names` that belong to a module of the user's own making, which may take copies of another shape.

    The modules of torch hand theirs to kernels that do not all look at shapes before they read memory.

    >>> class Scaled(nn.Linear):
    ...     def __init__(self):
    ...         super().__init__(2, 2)
    ...         self.scale = nn.Parameter(self.bias.detach())
    >>> Scaled.__module__ = "mine"
    >>> loose_parameters(nn.Sequential(Scaled(), nn.LSTM(2, 2)), ["0.scale", "1.bias_ih_l0"])
    ['0.scale']
    """
    found = []
    for name in names:
        owner = module.get_submodule(name.rpartition(".")[0])
        wrapped = owner._forward_pre_hooks or nn.utils.parametrize.is_parametrized(owner)
        if not (wrapped or type(owner).__module__.partition(".")[0] == "torch"):
            found.append(name)
    return found


def row_copies(own: Mapping[str, Tensor], placed: Mapping[str, Placing], *, rows: int) -> dict[str, Tensor]:
    """A leaf for each parameter, of its value for each row, without copying a number.

    >>> import torch
    >>> row_copies({"w": torch.ones(1, 4)}, {"w": IN_PLACE}, rows=3)["w"].shape
    torch.Size([3, 4])
    >>> row_copies({"w": torch.ones(4)}, {"w": 1}, rows=3)["w"].shape
    torch.Size([3, 1, 4])
    """
    copies = {}
    for name, axes in placed.items():
        tensor = own[name].detach()
        shape = tensor.shape[1:] if axes == IN_PLACE else (*(1,) * axes, *tensor.shape)
        copies[name] = tensor.reshape(1, *shape).expand(rows, *shape).requires_grad_(True)
    return copies
