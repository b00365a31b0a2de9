"""Three ways to contract the per-sample gradients of one layer into its share of the kernel.

Formula   explicit   Σ_p M[i, q, p] M'[j, r, p]                                  any layer
          hadamard   Σ_g (A Aᵀ)[i, j] · (G Gᵀ)[i, q, j, r]                       s = 1
          pairwise   Σ_g Σ_st (A Aᵀ)[i, s, j, t] · (G Gᵀ)[i, q, s, j, r, t]      any outer product or table
Cost      multiplications for one pair of rows, Q = q² (full) or q (trace, diagonal), see `cheapest`
Shapes    "full" (n, m, q, q), "trace" (n, m), "diagonal" (n, m, q)
"""

from __future__ import annotations

import torch
from torch import Tensor

from tangentlab.linalg.matrix_product import product
from tangentlab.tangent.factors import Factor, Outer, Rows, Tokens, as_rows

COLUMNS = 65_536
"""Longest inner product summed in the working precision; longer ones are split and added in float64."""

PAIRWISE_NUMBERS = 1 << 24
"""Numbers in one workspace of the pairwise form."""


def cheapest(factor: Factor, *, contraction: str, columns: int) -> str:
    """The form with the fewest multiplications for a row against `columns` others.

    >>> wide = Outer(inputs=torch.ones(1, 1, 1, 1000), gradients=torch.ones(1, 1, 1, 1, 1000))
    >>> cheapest(wide, contraction="trace", columns=100)
    'hadamard'
    """
    if isinstance(factor, Rows):
        return "explicit"
    q = factor.gradients.shape[1]
    pairs = q * q if contraction == "full" else q
    if isinstance(factor, Tokens):
        s, h = factor.gradients.shape[2:]
        explicit = pairs * h * factor.vocabulary + q * h * factor.vocabulary / columns
        return "explicit" if explicit < s * s * (1 + pairs * (h + 1)) else "pairwise"
    g, s, i = factor.inputs.shape[1:]
    o = factor.gradients.shape[4]
    explicit = pairs * g * i * o + q * g * s * i * o / columns
    if s == 1:
        return "hadamard" if g * (i + pairs * (o + 1)) < explicit else "explicit"
    # the pairwise form moves its two workspaces through memory besides multiplying
    pairwise = g * s * s * (i + pairs * (o + 8))
    return "pairwise" if pairwise < explicit else "explicit"


def add_contraction(total: Tensor, left: Factor, right: Factor, *, form: str, contraction: str) -> None:
    """Add one layer's share to `total`, a tile in float64; the two sides may have different numbers of positions.

    >>> total = torch.zeros(2, 2, dtype=torch.float64)
    >>> M = Rows(torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]]))
    >>> add_contraction(total, M, M, form="explicit", contraction="trace"); total.tolist()
    [[5.0, 11.0], [11.0, 25.0]]
    """
    if form == "explicit":
        _add_explicit(total, as_rows(left).rows, as_rows(right).rows, contraction)
    elif form == "hadamard" and left.inputs.shape[2] == right.inputs.shape[2] == 1:  # pyright: ignore
        assert isinstance(left, Outer) and isinstance(right, Outer)
        for g in range(left.inputs.shape[1]):
            inputs = product(left.inputs[:, g, 0], right.inputs[:, g, 0].T)
            outputs = _gradient_products(left.gradients[:, :, g, 0], right.gradients[:, :, g, 0], contraction)
            total += _spread(inputs, contraction) * outputs
    else:
        _add_pairwise(total, left, right, contraction)


def _spread(inputs: Tensor, contraction: str) -> Tensor:
    return inputs[(...,) + (None,) * {"full": 2, "trace": 0, "diagonal": 1}[contraction]]


def _gradient_products(left: Tensor, right: Tensor, contraction: str) -> Tensor:
    """⟨G[i, q], G'[j, r]⟩ for (n, q, o) and (m, q, o)."""
    n, q, o = left.shape
    m = right.shape[0]
    if contraction == "trace":
        return product(left.reshape(n, q * o), right.reshape(m, q * o).T)
    if contraction == "full":
        pairs = product(left.reshape(n * q, o), right.reshape(m * q, o).T)
        return pairs.reshape(n, q, m, q).permute(0, 2, 1, 3)
    return torch.matmul(left.transpose(0, 1), right.permute(1, 2, 0)).permute(1, 2, 0)


def _add_explicit(total: Tensor, left: Tensor, right: Tensor, contraction: str) -> None:
    length = left.shape[2]
    step = max(1, COLUMNS // left.shape[1]) if contraction == "trace" else COLUMNS
    for start in range(0, length, step):
        part = slice(start, start + step)
        total += _gradient_products(left[:, :, part], right[:, :, part], contraction)


def _add_pairwise(total: Tensor, left: Factor, right: Factor, contraction: str) -> None:
    q = left.gradients.shape[1]  # pyright: ignore[reportAttributeAccessIssue]
    positions = left.gradients.shape[-2] * right.gradients.shape[-2]  # pyright: ignore[reportAttributeAccessIssue]
    pairs = q * q if contraction == "full" else 1
    step = max(1, PAIRWISE_NUMBERS // (len(total[0]) * positions * (1 + pairs)))
    for start in range(0, len(total), step):
        part = slice(start, start + step)
        if isinstance(left, Tokens) and isinstance(right, Tokens):
            same = (left.tokens[part, :, None, None] == right.tokens[None, None]).to(left.gradients.dtype)
            total[part] += _position_sum(same, left.gradients[part], right.gradients, contraction)
        else:
            assert isinstance(left, Outer) and isinstance(right, Outer)
            for g in range(left.inputs.shape[1]):
                a, b = left.inputs[part, g], right.inputs[:, g]
                inputs = product(a.flatten(0, 1), b.flatten(0, 1).T).reshape(*a.shape[:2], *b.shape[:2])
                total[part] += _position_sum(
                    inputs, left.gradients[part, :, g], right.gradients[:, :, g], contraction
                )


def _position_sum(inputs: Tensor, left: Tensor, right: Tensor, contraction: str) -> Tensor:
    """Σ_st inputs[i, s, j, t] ⟨G[i, q, s], G'[j, r, t]⟩ for G (n, q, s, o) and G' (m, q, t, o)."""
    n, q, s, o = left.shape
    m, _, t, _ = right.shape
    if contraction == "trace":
        a = left.transpose(1, 2).reshape(n * s, q * o)
        b = right.transpose(1, 2).reshape(m * t, q * o)
        return (inputs * product(a, b.T).reshape(n, s, m, t)).sum((1, 3))
    if contraction == "diagonal":
        products = torch.matmul(
            left.transpose(0, 1).reshape(q, n * s, o), right.transpose(0, 1).reshape(q, m * t, o).transpose(1, 2)
        ).reshape(q, n, s, m, t)
        return (products * inputs).sum((2, 4)).permute(1, 2, 0)
    products = product(left.reshape(n * q * s, o), right.reshape(m * q * t, o).T).reshape(n, q, s, m, q, t)
    return torch.einsum("nsmt,nqsmrt->nmqr", inputs, products)
