"""Factors put together: of several uses of one parameter, of weight and bias, of consecutive rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tangentlab.tangent.factors import Factor, Outer, Rows, Tokens, Windows, as_rows


@dataclass(frozen=True)
class Stacked:
    """Consecutive rows of one outer product, each part in the memory where the pass that made it has left it.

    >>> part = Outer(inputs=torch.ones(2, 1, 3, 4), gradients=torch.ones(2, 1, 1, 3, 5))
    >>> Stacked((part, part)).joined().inputs.shape
    torch.Size([4, 1, 3, 4])
    """

    parts: tuple[Outer, ...]

    def joined(self) -> Outer:
        """The same copied into one."""
        inputs, gradients = ([getattr(part, name) for part in self.parts] for name in ("inputs", "gradients"))
        return replace(self.parts[0], inputs=torch.cat(inputs), gradients=torch.cat(gradients))


def joined(factor: Factor | Stacked) -> Factor:
    """Any factor in one piece."""
    return factor.joined() if isinstance(factor, Stacked) else factor


def without_surroundings(factor: Outer) -> Outer:
    """The factor in memory of its own: a view would keep all that it is a view of."""
    tensors = _tensors(factor)
    return replace(factor, **{name: _compact(tensor) for name, tensor in tensors.items()})


def _compact(tensor: Tensor) -> Tensor:
    own = tensor.numel() * tensor.element_size()
    return tensor.clone() if not 0.9 * tensor.untyped_storage().nbytes() <= own else tensor


def add_uses(uses: Sequence[Factor]) -> Factor:
    """One factor for a parameter used several times: cross terms between its uses come out by themselves.

    Uses of one form are joined along the positions; uses of different forms are written out and summed.

    >>> one = Outer(inputs=torch.ones(2, 1, 1, 3), gradients=torch.ones(2, 1, 1, 1, 4))
    >>> add_uses([one, one]).inputs.shape
    torch.Size([2, 1, 2, 3])
    """
    first = uses[0]
    if len(uses) == 1:
        return first
    uses = [use.outer() if isinstance(use, Windows) else use for use in uses]
    if all(isinstance(use, Outer) and use.inputs_first == uses[0].inputs_first for use in uses):  # pyright: ignore
        inputs = torch.cat([use.inputs for use in uses], dim=2)  # pyright: ignore
        gradients = torch.cat([use.gradients for use in uses], dim=3)  # pyright: ignore
        return Outer(inputs=inputs, gradients=gradients, inputs_first=uses[0].inputs_first)  # pyright: ignore
    if all(isinstance(use, Tokens) for use in uses):
        tokens = torch.cat([use.tokens for use in uses], dim=1)  # pyright: ignore
        gradients = torch.cat([use.gradients for use in uses], dim=2)  # pyright: ignore
        return Tokens(tokens=tokens, gradients=gradients, vocabulary=uses[0].vocabulary)  # pyright: ignore
    return Rows(torch.stack([as_rows(use).rows for use in uses]).sum(0))


def with_bias(weight: Outer) -> Outer:
    """Weight and bias of one layer as one outer product: the bias is a weight whose input is one."""
    return replace(weight, biased=True)


def alike(a: Factor, b: Factor) -> bool:
    """Whether two factors differ in their rows alone, so that they can be joined.

    >>> alike(Rows(torch.zeros(2, 1, 3)), Rows(torch.zeros(5, 1, 3)))
    True
    """
    if isinstance(a, Outer) and isinstance(b, Outer):
        return (
            a.biased == b.biased
            and a.inputs.shape[1:] == b.inputs.shape[1:]
            and a.gradients.shape[1:] == b.gradients.shape[1:]
        )
    if isinstance(a, Windows) and isinstance(b, Windows):
        return (
            a.geometry == b.geometry
            and a.pixels.shape[1:] == b.pixels.shape[1:]
            and a.gradients.shape[1:] == b.gradients.shape[1:]
        )
    if isinstance(a, Tokens) and isinstance(b, Tokens):
        return a.gradients.shape[1:] == b.gradients.shape[1:]
    return (
        isinstance(a, Rows) and isinstance(b, Rows) and a.rows.shape[1:] == b.rows.shape[1:] and a.order == b.order
    )


def room_for(first: Factor, *, rows: int) -> Factor:
    """A factor like `first` with room for `rows` rows, ordered in memory as it is.

    >>> room_for(Rows(torch.zeros(2, 1, 3)), rows=5).rows.shape
    torch.Size([5, 1, 3])
    """
    tensors = {name: _room(tensor, rows) for name, tensor in _tensors(first).items()}
    return replace(first, **tensors)


def put_rows(whole: Factor, part: Factor, *, start: int) -> None:
    """Write the rows of `part` into those of `whole` from `start` on.

    >>> whole = room_for(Rows(torch.ones(1, 1, 1)), rows=2)
    >>> put_rows(whole, Rows(torch.ones(1, 1, 1)), start=0)
    >>> put_rows(whole, Rows(torch.ones(1, 1, 1)), start=1)
    >>> whole.rows.flatten().tolist()
    [1.0, 1.0]
    """
    given = _tensors(part)
    for name, tensor in _tensors(whole).items():
        tensor[start : start + len(given[name])] = given[name]


def some_rows(factor: Factor, rows: slice) -> Factor:
    """The factor of some of its rows, as a view.

    >>> some_rows(Rows(torch.zeros(3, 1, 4)), slice(1, 2)).rows.shape
    torch.Size([1, 1, 4])
    """
    return replace(factor, **{name: tensor[rows] for name, tensor in _tensors(factor).items()})


def _tensors(factor: Factor) -> dict[str, Tensor]:
    return {name: value for name, value in vars(factor).items() if isinstance(value, Tensor)}


def _room(like: Tensor, rows: int) -> Tensor:
    order = sorted(range(like.ndim), key=lambda axis: -like.stride(axis))
    shape = (rows, *like.shape[1:])
    inverse = sorted(range(like.ndim), key=order.__getitem__)
    return like.new_empty([shape[axis] for axis in order]).permute(inverse)


def fold(factor: Factor, rows: int) -> Factor:
    """Factors of rows·k consecutive slices as factors of `rows` rows with k times the positions."""
    count = len(factor.rows if isinstance(factor, Rows) else factor.gradients)
    if count == rows:
        return factor
    k = count // rows
    if isinstance(factor, Windows):
        factor = factor.outer()
    if isinstance(factor, Outer):
        _, g, s, i = factor.inputs.shape
        _, q, _, _, o = factor.gradients.shape
        inputs = factor.inputs.reshape(rows, k, g, s, i).transpose(1, 2).reshape(rows, g, k * s, i)
        gradients = factor.gradients.reshape(rows, k, q, g, s, o).permute(0, 2, 3, 1, 4, 5)
        return Outer(
            inputs=inputs, gradients=gradients.reshape(rows, q, g, k * s, o), inputs_first=factor.inputs_first
        )
    if isinstance(factor, Tokens):
        _, q, s, h = factor.gradients.shape
        gradients = factor.gradients.reshape(rows, k, q, s, h).transpose(1, 2).reshape(rows, q, k * s, h)
        return Tokens(tokens=factor.tokens.reshape(rows, k * s), gradients=gradients, vocabulary=factor.vocabulary)
    return Rows(factor.rows.reshape(rows, k, *factor.rows.shape[1:]).sum(1))
