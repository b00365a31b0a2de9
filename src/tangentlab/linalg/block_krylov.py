"""The largest eigenpairs of a map by block Krylov iteration: some 2 k products, however K is stored.

Formula   span(X, K X, K² X, ...), X random of b columns; Rayleigh–Ritz on it      Golub and Underwood, 1977
Cost      m ≈ 1.5 k to 2.5 k products, 4 n m² for orthogonality, an eigenproblem of size m in float64
Memory    m vectors; when they would exceed `columns`, the best of them are kept and the rest forgotten
          (thick restart, Wu and Simon, 2000)

A pair is accepted when the residual of its Ritz vector, known from the recurrence, is small. The residuals returned
are measured on the products made, and `unseen_eigenvectors` vouches for none having been missed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError
from tangentlab._seeds import generator
from tangentlab.linalg.krylov_basis import KrylovBasis, next_block, orthonormal_rows
from tangentlab.linalg.krylov_checkpoint import KrylovCheckpoint, KrylovState
from tangentlab.linalg.linear_map import LinearMap
from tangentlab.linalg.ritz_pairs import RitzPairs
from tangentlab.linalg.unseen_eigenvectors import PATIENT_STEPS, WITNESS_STEPS, WITNESSES, unseen_eigenvectors

Progress = Callable[[int, int], None]
"""Called with (products made, products expected)."""

_RELATIVE = 0.001
"""A pair's residual is also below this share of its own eigenvalue, unless that is rounding."""
SMALL_ROWS = 256
"""Up to here a dense solve takes milliseconds."""
_AHEAD = 2.5
"""Columns that another pair takes to settle, a little more than spectra that fall like powers need."""
_SLICE, _COLUMNS = 2048, 128
"""Rows and columns handled at once in float64: fresh memory is slow."""


@dataclass(frozen=True, eq=False)
class KrylovPairs:
    """K v_j ≈ λ_j v_j: `values` (k,) descending, `vectors` (n, k) orthonormal, float64.

    `residuals` (k,) are ‖K v_j − λ_j v_j‖ / max |λ|, measured; `products` counts vectors multiplied by K, and
    `doubt` is a sentence when the tolerance was not met, else None.
    """

    values: Tensor
    vectors: Tensor
    residuals: Tensor
    products: int
    doubt: str | None


def default_tolerance(rounding: float) -> float:
    """Residual over largest eigenvalue: 1e-6 for what was computed in float32, 1e-12 in float64.

    >>> default_tolerance(float(torch.finfo(torch.float32).eps)), default_tolerance(2e-16)
    (1e-06, 1e-12)
    """
    return 1e-6 if rounding > 1e-10 else 1e-12


def expect_count(k: Any, *, size: int, name: str) -> None:
    """Refuse a number of eigenpairs that a kernel of `size` rows does not have.

    >>> expect_count(3, size=2, name="K")
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `k` must be an integer from 1 to the size of K, 2, got 3. Ask for fewer pairs...
    """
    if isinstance(k, bool) or not isinstance(k, Integral) or not 1 <= int(k) <= size:
        raise ArgumentError(
            "k",
            expected=f"an integer from 1 to the size of {name}, {size}",
            got=repr(k),
            remedy="Ask for fewer pairs, or for all of them with `eigenpairs(K)`.",
        )


def krylov_eigenpairs(
    K: Any,
    k: int,
    *,
    tolerance: float | None = None,
    block: int | None = None,
    columns: int | None = None,
    products: int | None = None,
    seed: int = 0,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> KrylovPairs:
    """The k largest eigenpairs of a matrix, a tiled matrix or a matrix-free map (see `LinearMap.of`).

    Parameters
    ----------
    tolerance: of ‖K v − λ v‖ / max |λ|; default as `default_tolerance`. Below 5e-7 a float32 matrix is multiplied
        in float64
    block: vectors multiplied by K at once; default between 8 and 64, or 128 where K is not one matrix in memory and
        a pass over it is dear
    columns: vectors kept at most; default 6 k + 20 blocks, and never more than n / 2
    products: vectors multiplied by K at most; default 40 k + 200 blocks
    seed: of the random start; the same seed gives the same pairs
    checkpoint: a folder that keeps every step, 3 n · block numbers each; the same call with the same folder goes on
        where a killed one was, and returns what it would have

    >>> pairs = krylov_eigenpairs(torch.diag(torch.tensor([3.0, 1.0, 2.0])), 2)
    >>> [round(value, 6) for value in pairs.values.tolist()], pairs.doubt
    ([3.0, 2.0], None)
    """
    K = LinearMap.of(K)
    n = K.size
    expect_count(k, size=n, name=K.name)
    tolerance = default_tolerance(K.rounding) if tolerance is None else tolerance
    if not 0 < tolerance < 1:
        raise ArgumentError("tolerance", expected="between 0 and 1", got=repr(tolerance), remedy="Try 1e-6.")
    widest = 128 if K.dense is None else 64
    block = max(1, min(block or max(8, min(widest, k // 4)), n))
    least = k + k // 4 + 4 * block
    if n <= SMALL_ROWS or 2 * least >= n:
        return dense_eigenpairs(K, k)
    columns = max(least, min(columns or 6 * k + 20 * block, n // 2))
    basis = KrylovBasis.empty(
        K,
        capacity=columns + block + 2 * WITNESSES * PATIENT_STEPS,
        dtype=torch.float64 if tolerance < 5e-7 else K.dtype,
    )
    search = _Search(K, k, tolerance, block, columns, products or 40 * k + 200 * block)
    kept = None
    if checkpoint is not None:
        about = {"size": n, "dtype": str(basis.rows.dtype), "k": k, "tolerance": tolerance, "block": block}
        about |= {"columns": columns, "products": search.products, "seed": seed}
        kept = KrylovCheckpoint.of(checkpoint, about=about)
    return search.run(basis, source=generator(seed, "block_krylov"), checkpoint=kept, progress=progress)


@dataclass(frozen=True, eq=False)
class _Search:
    K: LinearMap
    k: int
    tolerance: float
    block: int
    columns: int
    products: int

    def run(
        self,
        basis: KrylovBasis,
        *,
        source: torch.Generator,
        checkpoint: KrylovCheckpoint | None,
        progress: Progress | None,
    ) -> KrylovPairs:
        K, k, b = self.K, self.k, self.block
        found = None if checkpoint is None else checkpoint.load(K, basis, source=source)
        step, state = found or (0, self.start(basis, source))
        used, spent, scale, check, new = state.used, state.spent, state.scale, state.check, state.new
        solved, rounding = state.solved, float(torch.finfo(basis.rows.dtype).eps)
        known = RitzPairs.of(basis.small(solved)) if solved else None
        while True:
            images, longest = basis.expand(K, new, used=used)
            since, step = used, step + 1
            used, spent = used + len(new), spent + len(new)
            if progress is not None:
                progress(spent, max(check, spent))
            if used >= check:
                kept = min(k + k // 4 + b, used - b)
                if known is None:
                    pairs = known = RitzPairs.of(basis.small(used))
                    solved = used
                else:
                    full = used + len(new) + WITNESSES * WITNESS_STEPS > self.columns
                    pairs = known.grown(basis.small(used), kept if full else k, rounding=rounding)
                values, coefficients, scale, missed = pairs.values, pairs.coefficients, pairs.scale, None
                late = self.late(values[:k], coefficients[-len(new) :, :k], images, scale)
                if not late:
                    floor = (self.tolerance + 10 * rounding) * scale
                    missed, cost = unseen_eigenvectors(
                        K, basis, values[:k], used=used, block=b, floor=floor, source=source
                    )
                    spent += cost
                if not (late or missed is not None) or spent >= self.products:
                    complete = late or missed is None
                    return self.measured(
                        basis, values[:k], coefficients[:, :k], spent=spent, complete=bool(complete)
                    )
                if missed is not None:
                    images, longest = torch.cat([images, (missed * scale).to(images)]), None
                if used + len(images) > self.columns:
                    since, used = 0, basis.restart(values[:kept], coefficients[:, :kept])
                    known, solved = RitzPairs.of(basis.small(used)), used
                check = min(used + max(b, int(min(_AHEAD * late, 0.8 * used))), self.columns)
            shortest = rounding * (scale or float(images.norm(dim=1).max()))
            floor = shortest / K.size**0.5
            new = next_block(images, basis.rows[:used], floor=floor, source=source, longest=longest)
            if checkpoint is not None:
                state = KrylovState(used, spent, scale, check, solved, new)
                checkpoint.save(step, basis, state, since=since, source=source)

    def start(self, basis: KrylovBasis, source: torch.Generator) -> KrylovState:
        """A random block, and nothing known."""
        rows = torch.randn(self.block, self.K.size, generator=source, dtype=torch.float64).to(self.K.device)
        check = min(max(2 * self.k, 6 * self.block), self.columns)
        return KrylovState(0, 0, 0.0, check, 0, orthonormal_rows(rows)[0].to(basis.rows.dtype))

    def late(self, values: Tensor, last: Tensor, images: Tensor, scale: float) -> int:
        """Pairs whose residual is above what is wanted: ‖imagesᵀ s‖, s a pair's last coefficients."""
        images = images.double()
        residuals = (last * ((images @ images.T) @ last)).sum(0).clamp_min(0).sqrt()
        own = (_RELATIVE * values.abs()).clamp_min(0.1 * self.K.rounding * scale)
        wanted = own.clamp_max(0.5 * self.tolerance * scale)
        return int((residuals > wanted).sum()) if scale else 0

    def measured(
        self, basis: KrylovBasis, values: Tensor, coefficients: Tensor, *, spent: int, complete: bool
    ) -> KrylovPairs:
        """The pairs, orthonormal to float64 whatever the basis was, with residuals from the products made."""
        rows, n = basis.combine(coefficients), self.K.size
        gram = torch.zeros(self.k, self.k, dtype=torch.float64, device=rows.device)
        for part in rows.split(_SLICE, dim=1):
            gram += part.double() @ part.double().T
        one, vectors = torch.eye(self.k).to(gram), torch.empty(n, self.k, dtype=torch.float64, device=rows.device)
        newton = 1.5 * one - 0.5 * gram
        if rows.dtype == torch.float64 and float((gram - one).abs().max()) <= n**0.5 * torch.finfo(gram.dtype).eps:
            vectors.copy_(rows.T)
        else:
            coefficients = coefficients @ newton
            for start in range(0, n, _SLICE):
                torch.mm(rows[:, start : start + _SLICE].double().T, newton, out=vectors[start : start + _SLICE])
        scale = float(values.abs().max()) or 1.0
        residuals = torch.empty_like(values)
        for start in range(0, self.k, _COLUMNS):
            part = slice(start, start + _COLUMNS)
            images = basis.combine(coefficients[:, part], images=True).double()
            residuals[part] = (images.T - vectors[:, part] * values[part]).norm(dim=0) / scale
        doubt = _doubt(residuals, self.tolerance, spent=spent, size=n)
        if not (complete or doubt):
            doubt = (
                f"After {spent} products a kernel of {n} rows has eigenvalues as large beside the {self.k} found. "
                "Ask for other pairs than these, whose eigenvalues lie close together, or allow more products."
            )
        return KrylovPairs(values, vectors, residuals, spent, doubt)


def _doubt(residuals: Tensor, tolerance: float, *, spent: int, size: int) -> str | None:
    late = residuals > tolerance
    if not bool(late.any()):
        return None
    return (
        f"{int(late.sum())} of {len(residuals)} eigenpairs of a kernel of {size} rows have residuals above "
        f"{tolerance:.1g} λ_1 after {spent} products, the largest {float(residuals.max()):.2g} λ_1. "
        "Ask for fewer pairs, a larger tolerance, or allow more products."
    )


def dense_eigenpairs(K: LinearMap, k: int) -> KrylovPairs:
    """The k largest pairs from all of K in float64, for where a basis would fill much of the space. O(n³).

    >>> dense_eigenpairs(LinearMap.of(torch.diag(torch.tensor([1.0, 2.0]))), 1).values.tolist()
    [2.0]
    """
    matrix = K.materialize()
    values, vectors = torch.linalg.eigh(matrix)
    values, vectors = values.flip(0)[:k].contiguous(), vectors.flip(1)[:, :k].contiguous()
    residuals = (matrix @ vectors - vectors * values).norm(dim=0) / (float(values.abs().max()) or 1.0)
    return KrylovPairs(values, vectors, residuals, 0 if K.dense is not None else K.size, None)
