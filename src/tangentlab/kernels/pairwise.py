"""The pairwise form: sums over pairs of positions, of products of inputs times products of output gradients.

Formula   Σ_g Σ_st a[i, s, j, t] ⟨G[i, q, s], G'[j, r, t]⟩ with
          a = ⟨A[i, s], A'[j, t]⟩ for outer products, [T[i, s] = T'[j, t]] for tables, and for windows of pixels
          a = Σ_k ⟨x[i, stride·s + dilation·k - padding], x'[j, stride·t + dilation·k - padding]⟩:
          a sum of shifted copies of one Gram matrix of pixels, as many times smaller than that of the windows as a
          kernel has places
Cost      multiplications for one pair of rows: places²·channels or s²·i, then s²·o for each pair of outputs
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product as every

import torch
from torch import Tensor

from tangentlab.linalg.matrix_product import product
from tangentlab.tangent.factors import Factor, Outer, Tokens, Windows
from tangentlab.tangent.patches import Geometry

NUMBERS = 1 << 22
"""Numbers in one workspace: few enough to stay in the caches."""

_STRIPS = 4
"""Parts in which a symmetric tile is computed at least."""


def add_pairwise(total: Tensor, left: Factor, right: Factor, *, contraction: str, pixels: bool) -> None:
    """Add a layer's share to `total`, "full" (n, m, q, q), "trace" (n, m) or "diagonal" (n, m, q).

    >>> import torch
    >>> total = torch.zeros(1, 1, dtype=torch.float64)
    >>> use = Outer(inputs=torch.ones(1, 1, 2, 3), gradients=torch.ones(1, 1, 1, 2, 5))
    >>> add_pairwise(total, use, use, contraction="trace", pixels=False); total.item()
    60.0
    """
    same = right is left
    left = _ready(left, pixels=pixels)
    right = left if same else _ready(right, pixels=pixels)
    q = left.gradients.shape[1]  # pyright: ignore[reportAttributeAccessIssue]
    pairs = q * q if contraction == "full" else 1
    across = _positions(right) * len(total[0])
    if isinstance(left, Windows):
        across = max(across, right.pixels[:, 0].numel())  # pyright: ignore[reportAttributeAccessIssue]
        down = max(_positions(left), left.pixels[0, 0].numel())
    else:
        down = _positions(left)
    rows, columns = total.shape[:2]
    step = max(1, NUMBERS // (down * across * pairs))
    if same:  # strips end at the diagonal, and are mirrored
        step = min(step, -(-rows // _STRIPS))
    if step < rows:  # each strip reads the other side again
        right = _positions_first(right)
        left = right if same else left
    for start in range(0, rows, step):
        stop = min(start + step, rows)
        part, other = slice(start, stop), slice(0, stop if same else columns)
        for g, inputs in _input_products(left, right, part, other):
            a, b = _gradients(left, g)[part], _gradients(right, g)[other]
            if contraction == "full":
                found = _position_sum(inputs, a, b, "full").permute(1, 3, 0, 2)
            elif contraction == "trace":
                found = _position_sum(inputs, a, b, "trace")
            else:
                each = [_position_sum(inputs, a[:, k : k + 1], b[:, k : k + 1], "trace") for k in range(q)]
                found = torch.stack(each, dim=2)
            total[part, other] += found
            if same and start:
                before = found[:, :start].transpose(0, 1)
                total[:start, part] += before.transpose(2, 3) if contraction == "full" else before


def _ready(factor: Factor, *, pixels: bool) -> Factor:
    """Windows copied out unless their pixels are wanted, and the input of a bias written out."""
    if isinstance(factor, Windows) and not pixels:
        factor = factor.outer()
    return factor.plain() if isinstance(factor, Outer) else factor


def _positions_first(factor: Factor) -> Factor:
    """An outer product whose numbers lie in memory by position, then row, as products of strips take them."""
    if not isinstance(factor, Outer):
        return factor
    inputs = factor.inputs.permute(1, 2, 0, 3).contiguous().permute(2, 0, 1, 3)
    gradients = factor.gradients.permute(2, 3, 0, 1, 4).contiguous().permute(2, 3, 0, 1, 4)
    return Outer(inputs, gradients, factor.inputs_first)


def _positions(factor: Factor) -> int:
    assert not isinstance(factor, Outer) or factor.gradients.ndim == 5
    return factor.positions if isinstance(factor, Windows) else factor.gradients.shape[-2]  # pyright: ignore


def _gradients(factor: Factor, g: int) -> Tensor:
    """G of one group, (n, q, s, o)."""
    if isinstance(factor, Windows):
        return factor.gradients.flatten(3).transpose(2, 3)
    return factor.gradients if isinstance(factor, Tokens) else factor.gradients[:, :, g]  # pyright: ignore


def _input_products(left: Factor, right: Factor, part: slice, other: slice) -> Iterator[tuple[int, Tensor]]:
    """a[s, i, t, j] for each group."""
    if isinstance(left, Tokens) and isinstance(right, Tokens):
        a, b = left.tokens[part].T, right.tokens[other].T
        yield 0, (a[:, :, None, None] == b).to(left.gradients.dtype)
    elif isinstance(left, Windows) and isinstance(right, Windows):
        yield 0, pixel_products(left.pixels[part], right.pixels[other], left.geometry)
    else:
        assert isinstance(left, Outer) and isinstance(right, Outer)
        for g in range(left.inputs.shape[1]):
            yield g, _products(left.inputs[part, g].transpose(0, 1), right.inputs[other, g].transpose(0, 1))


def _products(a: Tensor, b: Tensor) -> Tensor:
    """⟨a[s, i], b[t, j]⟩ as (s, n, t, m)."""
    return product(a.reshape(-1, a.shape[2]), b.reshape(-1, b.shape[2]).T).reshape(*a.shape[:2], *b.shape[:2])


def pixel_products(x: Tensor, y: Tensor, geometry: Geometry) -> Tensor:
    """⟨window s of x[i], window t of y[j]⟩ as (s, n, t, m), for images (n, channels, *space) of one group.

    >>> import torch
    >>> flat = Geometry(kernel=(2,), stride=(1,), dilation=(1,), padding=(0,), groups=1)
    >>> x = torch.tensor([[[1.0, 2.0, 3.0]]])
    >>> pixel_products(x, x, flat)[:, 0, :, 0].tolist()
    [[5.0, 8.0], [8.0, 13.0]]
    """
    n, m = len(x), len(y)
    space, dims = x.shape[2:], x.ndim - 2
    at = geometry.positions(space)
    grams = _products(x.flatten(2).permute(2, 0, 1), y.flatten(2).permute(2, 0, 1)).reshape(*space, n, *space, m)
    total = grams.new_zeros(*at, n, *at, m)
    for offset in every(*(range(k) for k in geometry.kernel)):
        to, of = zip(*(geometry.meeting(axis, offset[axis], space[axis]) for axis in range(dims)))
        total[(*to, slice(None), *to)] += grams[(*of, slice(None), *of)]
    return total.reshape(at_all := _count(at), n, at_all, m)


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _position_sum(inputs: Tensor, left: Tensor, right: Tensor, contraction: str) -> Tensor:
    """Σ_st inputs[s, i, t, j] ⟨G[i, q, s], G'[j, r, t]⟩ for G (n, q, s, o): (n, m), or (q, n, r, m) if full."""
    n, q, s, _ = left.shape
    m, _, t, _ = right.shape
    if contraction == "trace":
        a, b = left.permute(2, 0, 1, 3).flatten(2), right.permute(2, 0, 1, 3).flatten(2)
        return _products(a, b).mul_(inputs).sum((0, 2))
    a, b = left.permute(2, 1, 0, 3).reshape(s, q * n, -1), right.permute(2, 1, 0, 3).reshape(t, q * m, -1)
    products = _products(a, b).view(s, q, n, t, q, m)
    return products.mul_(inputs[:, None, :, :, None]).sum((0, 3))
