"""What a per-sample gradient is made of: outer products over positions, rows of a table, or the row itself.

Formula   outer:   W_n[q] = Σ_s G[n, q, s] ⊗ A[n, s]        A (n, g, s, i), G (n, q, g, s, o)
          tokens:  W_n[q] = Σ_s e_{T[n, s]} ⊗ G[n, q, s]    T (n, s) integers, G (n, q, s, h)
          rows:    W_n[q] as it stands                       (n, q, p)
Axes      n rows, q output combinations, g groups, s positions, i and o sizes of the two sides
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Outer:
    """Σ_s G_s ⊗ A_s for each of g groups; the weight is flattened as (g, o, i), or (g, i, o) if `inputs_first`.

    >>> use = Outer(inputs=torch.ones(2, 1, 3, 4), gradients=torch.ones(2, 1, 1, 3, 5))
    >>> use.rows().rows.shape, use.rows().rows[0, 0, 0].item()
    (torch.Size([2, 1, 20]), 3.0)
    """

    inputs: Tensor
    gradients: Tensor
    inputs_first: bool = False

    def rows(self) -> Rows:
        """The same gradients written out."""
        n, q = self.gradients.shape[:2]
        g, s, i = self.inputs.shape[1:]
        left = self.gradients.permute(0, 2, 1, 4, 3)  # (n, g, q, o, s)
        o = left.shape[3]
        product = torch.matmul(left.reshape(n, g, q * o, s), self.inputs).reshape(n, g, q, o, i)
        order = (0, 2, 1, 4, 3) if self.inputs_first else (0, 2, 1, 3, 4)
        return Rows(product.permute(order).reshape(n, q, -1))

    @property
    def row_numbers(self) -> int:
        """Numbers kept for each row in this form."""
        return self.inputs[0].numel() + self.gradients[0].numel()

    @property
    def explicit_numbers(self) -> int:
        """Numbers each row would have written out."""
        g, _, i = self.inputs.shape[1:]
        return self.gradients.shape[1] * g * i * self.gradients.shape[4]


@dataclass(frozen=True)
class Tokens:
    """Σ_s e_{T_s} ⊗ G_s: the gradient of a table that rows look up; never as wide as the table.

    >>> use = Tokens(tokens=torch.tensor([[1, 1]]), gradients=torch.ones(1, 1, 2, 3), vocabulary=4)
    >>> use.rows().rows.reshape(4, 3)[:, 0].tolist()
    [0.0, 2.0, 0.0, 0.0]
    """

    tokens: Tensor
    gradients: Tensor
    vocabulary: int

    def rows(self) -> Rows:
        """The same gradients written out."""
        n, q, s, h = self.gradients.shape
        table = self.gradients.new_zeros(n, q, self.vocabulary, h)
        index = self.tokens[:, None, :, None].expand(n, q, s, h)
        return Rows(table.scatter_add_(2, index, self.gradients).reshape(n, q, -1))

    @property
    def row_numbers(self) -> int:
        """Numbers kept for each row in this form."""
        return self.tokens[0].numel() + self.gradients[0].numel()

    @property
    def explicit_numbers(self) -> int:
        """Numbers each row would have written out."""
        return self.gradients.shape[1] * self.gradients.shape[3] * self.vocabulary


@dataclass(frozen=True)
class Rows:
    """Per-sample gradients as they stand, (n, q, p)."""

    rows: Tensor

    @property
    def row_numbers(self) -> int:
        """Numbers kept for each row in this form."""
        return self.rows[0].numel()

    @property
    def explicit_numbers(self) -> int:
        """The same."""
        return self.row_numbers


Factor = Outer | Tokens | Rows


def as_rows(factor: Factor) -> Rows:
    """Any factor, written out."""
    return factor if isinstance(factor, Rows) else factor.rows()


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
