"""The equivalence of few samples and a large ridge: what a Gram of N rows says of training on n of them.

Training on n random rows of N with ridge δ shrinks like training on all N with a larger ridge ρ ≥ δ, the root of

    Σ_j (ℓ_j + δ) / (ℓ_j + ρ) = n            ℓ_j the eigenvalues of the Gram; ρ = δ at n = N

(Patil and Du 2023, arXiv 2305.18496). With G = (K + ρI)⁻¹ the error on rows outside of the n is then

    held-out MSE = n · yᵀG²y / (tr G · tr G(K + δI)G)

which at n = N is generalized cross-validation, and for δ = 0 is `eigenlearning` on the Gram's own spectrum times
N/(N − n): the rows that were learnt from are a part n/N of that population, and their error is zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tangentlab.probes.eigenlearning import effective_ridge


@dataclass(frozen=True, eq=False)
class EquivalentRidge:
    """For each of s numbers of samples: the ridge ρ on all N rows, and the errors that go with it, every field (s,).

    `held_out_mse` is the error on a new row after training on n rows; `full_mse` that after training on all N with
    ridge ρ, by generalized cross-validation. Both miss the same part of the target, and the first scatters more, by
    the difference of the two: `scatter`, never negative.

    >>> found = equivalent_ridge(np.ones(4), np.ones(4), samples=np.array([2.0, 4.0]), ridge=0.0)
    >>> found.ridge.round(12).tolist(), found.held_out_mse.round(12).tolist()     # K = I tells nothing of new rows
    ([1.0, 0.0], [1.0, 1.0])
    """

    ridge: np.ndarray
    held_out_mse: np.ndarray
    full_mse: np.ndarray

    @property
    def scatter(self) -> np.ndarray:
        """The part of the held-out error that comes of having drawn n rows instead of all N, (s,)."""
        return np.maximum(self.held_out_mse - self.full_mse, 0.0)


def equivalent_ridge(
    values: np.ndarray, energies: np.ndarray, *, samples: np.ndarray, ridge: float, floor: float = 0.0
) -> EquivalentRidge:
    """The equivalent ridge from the N eigenvalues ℓ of a Gram and a target's energies (v_jᵀy)² (‖y‖² in all). O(s N).

    Without a ridge, eigenvalues at or below `floor` count as standing at it: they cannot be told from zero.

    >>> found = equivalent_ridge(np.array([2.0, 0.0]), np.array([4.0, 1.0]), samples=np.array([2.0]), ridge=1.0)
    >>> round(found.held_out_mse.item(), 9)                               # GCV: mean α² / (tr G / 2)², α² = 4/9 + 1
    1.625
    """
    shifted = np.maximum(values, floor) + ridge
    if not shifted.min() > 0:
        shifted = shifted + np.finfo(float).eps * shifted.max()
    total = len(values)
    more = np.zeros(len(samples))
    inner = samples < total
    more[inner] = effective_ridge(shifted, samples=samples[inner], ridge=0.0)
    inverse = 1 / (shifted + more[:, None])
    first, second = inverse.sum(1), inverse**2 @ energies
    own = inverse**2 @ shifted
    return EquivalentRidge(ridge + more, samples * second / (first * own), total * second / first**2)
