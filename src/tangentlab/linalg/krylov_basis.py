"""An orthonormal basis that grows by K times its last block: block Lanczos with full reorthogonalization.

The basis is kept by rows, P (j, n) with P Pᵀ = I, and so is T = P K Pᵀ, every entry of it computed from a product
with K and none assumed to vanish: rounding, restarts and random blocks are then all harmless. Golub and
Underwood, 1977; full reorthogonalization twice, Giraud, Langou and Rozložník, 2005.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tangentlab.linalg.linear_map import LinearMap
from tangentlab.linalg.matrix_product import product

_SLICE = 2048
"""Columns rewritten at once on a restart."""
_ROWS = 256
"""Rows rounded to float32 at once: they stay in the cache."""


@dataclass(frozen=True, eq=False)
class KrylovBasis:
    """Room for `rows` P and `images` P K, (capacity, n), and for `projected` T, float64, lower triangle by blocks.

    How many rows are in use is the caller's to know; blocks are added with `expand`.

    >>> K = LinearMap.of(torch.diag(torch.tensor([3.0, 2.0, 1.0])))
    >>> basis = KrylovBasis.empty(K, capacity=2, dtype=torch.float64)
    >>> rest, _ = basis.expand(K, torch.eye(3, dtype=torch.float64)[:1], used=0)
    >>> basis.projected[0, 0].item(), float(rest.abs().max())
    (3.0, 0.0)
    """

    rows: Tensor
    images: Tensor
    projected: Tensor

    @staticmethod
    def empty(K: LinearMap, *, capacity: int, dtype: torch.dtype) -> KrylovBasis:
        """A basis of no rows yet; memory is taken as it fills."""
        rows = torch.empty(capacity, K.size, dtype=dtype, device=K.device)
        projected = torch.empty(capacity, capacity, dtype=torch.float64, device=K.device)
        return KrylovBasis(rows, torch.empty_like(rows), projected)

    def expand(self, K: LinearMap, block: Tensor, *, used: int) -> tuple[Tensor, float]:
        """Append an orthonormal `block` (b, n); returns (I − Pᵀ P) K block, what K makes of it outside the basis, and
        the length of the longest row from which the basis was last subtracted: rounding is a share of that.

        The last two blocks, which by the recurrence take nearly all of it, are subtracted before the whole basis
        is, so that what the whole basis takes is small and its rounding smaller.
        """
        stop = used + len(block)
        self.rows[used:stop] = block
        basis = self.rows[:stop]
        rest = self.images[used:stop]
        rest.copy_(K(basis[used:].T).T)
        near = basis[max(0, stop - 2 * len(block)) :]
        first = product(rest, near.T)
        rest = rest - product(first, near)
        longest = float(rest.norm(dim=1).max())
        second = product(rest, basis.T)
        _subtract(rest, second, basis, longest=longest)
        self.projected[used:stop, :stop] = second.double()
        self.projected[used:stop, stop - len(near) : stop] += first.double()
        return rest, longest

    def small(self, used: int, *, first: int = 0) -> Tensor:
        """T on the rows from `first` to `used`, both triangles."""
        lower = self.projected[first:used, first:used].tril()
        return lower + lower.tril(-1).T

    def combine(self, coefficients: Tensor, *, first: int = 0, images: bool = False) -> Tensor:
        """Vectors by rows (k, n), or K times them, from coefficients (j, k) in the rows from `first` on."""
        rows = (self.images if images else self.rows)[first : first + len(coefficients)]
        return product(coefficients.T.to(rows.dtype).contiguous(), rows)

    def restart(self, values: Tensor, coefficients: Tensor) -> int:
        """Keep only the Ritz vectors of `coefficients` (used, k), with their `values`; returns k."""
        kept = len(values)
        for part in range(0, self.rows.shape[1], _SLICE):
            columns = slice(part, part + _SLICE)
            for rows in (self.rows, self.images):
                some = rows[: len(coefficients), columns].contiguous()
                rows[:kept, columns] = coefficients.T.to(rows.dtype).contiguous() @ some
        self.projected[:kept, :kept] = torch.diag(values)
        return kept


def _subtract(rest: Tensor, amounts: Tensor, basis: Tensor, *, longest: float) -> None:
    """rest −= amounts basis; of float64 in float32, which is quicker, where the amounts are so small that its rounding
    is below a tenth of float64's of the longest row.
    """
    single, double = (float(torch.finfo(dtype).eps) for dtype in (torch.float32, torch.float64))
    small = float(amounts.norm(dim=1).max()) * single <= 0.1 * double * longest
    if not small or rest.dtype != torch.float64 or rest.device.type != "cpu":
        rest -= product(amounts, basis)
        return
    room = torch.empty(min(_ROWS, len(basis)), basis.shape[1])
    for part, few in zip(basis.split(_ROWS), amounts.split(_ROWS, dim=1), strict=True):
        rest -= product(few.float(), room[: len(part)].copy_(part))


def next_block(
    images: Tensor, basis: Tensor, *, floor: float, source: torch.Generator, longest: float | None = None
) -> Tensor:
    """An orthonormal block (b, n) that spans `images` (b, n) and is orthogonal to `basis` (j, n).

    Directions shorter than `floor` are rounding; random ones take their place, so that a basis closed under K
    goes on growing. Needs b + j ≤ n. With `longest`, as `expand` gave it with these images, they are taken for
    orthogonal to the basis where making them orthonormal magnifies their rounding by less than ten.

    >>> basis = torch.eye(3, dtype=torch.float64)[:1]
    >>> block = next_block(torch.zeros(1, 3).double(), basis, floor=1e-9, source=torch.Generator())
    >>> round(float(block.norm()), 9), abs(round(float(block @ basis.T), 9))
    (1.0, 0.0)
    """
    block, weight = orthonormal_rows(images.double())
    if longest is not None and float(weight.min()) > max(floor, 0.1 * longest):
        return block.to(basis.dtype)
    tolerance = 10 * torch.finfo(basis.dtype).eps * basis.shape[1] ** 0.5
    weak = weight <= floor
    for _ in range(8):
        if bool(weak.any()):
            fresh = torch.randn(int(weak.sum()), basis.shape[1], generator=source, dtype=torch.float64)
            block[weak] = fresh.to(block.device) / basis.shape[1] ** 0.5
        inside = product(block.to(basis.dtype), basis.T)
        lost = float(inside.abs().max()) if len(basis) else 0.0
        if len(basis):
            block = block - product(inside, basis).double()
        block, weight = orthonormal_rows(block)
        weak = weight < 1e-4
        if lost <= tolerance and not bool(weak.any()):
            break
    return block.to(basis.dtype)


def orthonormal_rows(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Orthonormal rows (b, n) spanning those of `vectors`, and what each adds to the ones before it (b,), float64.

    Cholesky of the Gram matrix where the rows are well apart, Householder where they are not.

    >>> rows, weight = orthonormal_rows(torch.tensor([[3.0, 0.0], [4.0, 2.0]]).double())
    >>> rows.abs().round(decimals=9).tolist(), weight.round(decimals=9).tolist()
    ([[1.0, 0.0], [0.0, 1.0]], [3.0, 2.0])
    """
    gram = vectors @ vectors.T
    size = gram.diagonal().sqrt()
    if bool((size > 0).all()):
        lower, info = torch.linalg.cholesky_ex(gram / size / size[:, None])
        apart = lower.diagonal()
        if int(info) == 0 and float(apart.min()) > 1e-3:
            rows = torch.linalg.solve_triangular(lower, torch.diag(1 / size), upper=False) @ vectors
            if float(apart.min()) < 0.1:  # the Gram matrix squares the condition: once more
                again = torch.linalg.cholesky(rows @ rows.T)
                rows = torch.linalg.solve_triangular(again, torch.eye(len(rows)).to(rows), upper=False) @ rows
            return rows, size * apart
    columns, upper = torch.linalg.qr(vectors.T)
    return columns.T.contiguous(), upper.diagonal().abs()
