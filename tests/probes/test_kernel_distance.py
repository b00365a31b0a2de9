from __future__ import annotations

import numpy as np
import pytest
import torch

from tangentlab._errors import DataError, NotFiniteError, ShapeError
from tangentlab.probes import kernel_distance


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("shape", [(5, 5), (4, 6), (4, 4, 3), (3, 3, 2, 2)])
def test_it_is_one_minus_the_cosine(shape):
    A, B = draw(*shape), draw(*shape, seed=1)
    expected = 1 - (A * B).sum() / np.sqrt((A**2).sum() * (B**2).sum())
    assert kernel_distance(A, torch.from_numpy(B)) == pytest.approx(expected, rel=1e-12)


def test_scale_does_not_count_and_sign_does():
    A = draw(5, 5)
    assert kernel_distance(A, 1e6 * A) == pytest.approx(0, abs=1e-30)
    assert kernel_distance(A, -A) == pytest.approx(2)


def test_kernels_without_common_entries_are_at_distance_one():
    assert kernel_distance(np.diag([1.0, 1, 0, 0]), np.diag([0, 0, 2.0, 3])) == pytest.approx(1)


def test_small_turns_keep_their_digits():
    A = np.array([[1.0, 0.0], [0.0, 0.0]])
    B = np.array(
        [[1.0, 1e-9], [1e-9, 0.0]]
    )  # tan² of the angle is 2e-18: 1 − cos = 1e-18, below the rounding of 1
    assert kernel_distance(A, B) == pytest.approx(1e-18, rel=1e-6)


def test_bad_pairs_are_refused():
    with pytest.raises(ShapeError, match="of the shape of K1"):
        kernel_distance(np.eye(2), np.eye(3))
    with pytest.raises(DataError, match="`K2` is zero"):
        kernel_distance(np.eye(2), np.zeros((2, 2)))
    with pytest.raises(NotFiniteError):
        kernel_distance(np.eye(2), np.full((2, 2), np.nan))


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_the_scale_of_a_kernel_is_no_turn_however_extreme(scale):
    J1, J2 = torch.randn(2, 6, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    K1, K2 = J1 @ J1.T, J2 @ J2.T
    assert kernel_distance(scale * K1, K2) == pytest.approx(kernel_distance(K1, K2), rel=1e-12)
