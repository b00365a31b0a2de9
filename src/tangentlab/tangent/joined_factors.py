"""Factors put together: of several uses of one parameter, of weight and bias, of consecutive rows."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tangentlab.tangent.factors import Factor, Outer, Rows, Tokens, Windows, as_rows


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
    ones = weight.inputs.new_ones(*weight.inputs.shape[:-1], 1)
    return Outer(inputs=torch.cat([weight.inputs, ones], dim=-1), gradients=weight.gradients)


def alike(a: Factor, b: Factor) -> bool:
    """Whether two factors differ in their rows alone, so that they can be joined.

    >>> alike(Rows(torch.zeros(2, 1, 3)), Rows(torch.zeros(5, 1, 3)))
    True
    """
    if isinstance(a, Outer) and isinstance(b, Outer):
        return a.inputs.shape[1:] == b.inputs.shape[1:] and a.gradients.shape[1:] == b.gradients.shape[1:]
    if isinstance(a, Windows) and isinstance(b, Windows):
        return (
            a.geometry == b.geometry
            and a.pixels.shape[1:] == b.pixels.shape[1:]
            and a.gradients.shape[1:] == b.gradients.shape[1:]
        )
    if isinstance(a, Tokens) and isinstance(b, Tokens):
        return a.gradients.shape[1:] == b.gradients.shape[1:]
    return isinstance(a, Rows) and isinstance(b, Rows) and a.rows.shape[1:] == b.rows.shape[1:]


def join_rows(parts: Sequence[Factor]) -> Factor:
    """Factors of consecutive rows as one."""
    first = parts[0]
    if len(parts) == 1:
        return first
    if isinstance(first, Outer):
        return Outer(
            inputs=torch.cat([part.inputs for part in parts]),  # pyright: ignore
            gradients=torch.cat([part.gradients for part in parts]),  # pyright: ignore
            inputs_first=first.inputs_first,
        )
    if isinstance(first, Windows):
        return Windows(
            pixels=torch.cat([part.pixels for part in parts]),  # pyright: ignore
            gradients=torch.cat([part.gradients for part in parts]),  # pyright: ignore
            geometry=first.geometry,
        )
    if isinstance(first, Tokens):
        return Tokens(
            tokens=torch.cat([part.tokens for part in parts]),  # pyright: ignore
            gradients=torch.cat([part.gradients for part in parts]),  # pyright: ignore
            vocabulary=first.vocabulary,
        )
    return Rows(torch.cat([as_rows(part).rows for part in parts]))


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
