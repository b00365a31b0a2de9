from __future__ import annotations

import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError, NotFiniteError, ShapeError
from tangentlab.linalg import KernelBlocks, as_columns


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def full_of(K: np.ndarray, c: int) -> np.ndarray:
    """Any form written out as (m, n, c, c)."""
    if K.ndim == 2:
        return K[:, :, None, None] * np.eye(c)
    return K[:, :, :, None] * np.eye(c) if K.ndim == 3 else K


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3), (4, 5, 3, 3)])
def test_apply_is_the_sum_over_rows_and_outputs(shape):
    K, a = draw(*shape), draw(5, 3, seed=1)
    expected = np.einsum("mnkl,nl->mk", full_of(K, 3), a)
    got = KernelBlocks.of(K, outputs=3).apply(torch.from_numpy(a))
    np.testing.assert_allclose(got.numpy(), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3), (4, 5, 3, 3)])
def test_taking_rows_commutes_with_the_product(shape):
    blocks, a = KernelBlocks.of(draw(*shape), outputs=3), torch.from_numpy(draw(5, 3, seed=1))
    index = torch.tensor([2, 0, 2])
    taken = blocks.take_rows(index)
    assert (taken.rows, taken.columns) == (3, 5)
    torch.testing.assert_close(taken.apply(a), blocks.apply(a)[index], rtol=0, atol=1e-14)


def test_the_full_form_is_flattened_with_row_index_i_c_plus_k():
    K = draw(2, 3, 4, 4)
    flat = KernelBlocks.of(K, outputs=4).systems[0]
    assert flat[1 * 4 + 2, 2 * 4 + 3] == K[1, 2, 2, 3]


@pytest.mark.parametrize("shape", [(5, 5), (5, 5, 3), (5, 5, 3, 3)])
def test_pack_and_unpack_are_inverse(shape):
    blocks, a = KernelBlocks.of(draw(*shape), outputs=3), torch.from_numpy(draw(5, 3))
    assert torch.equal(blocks.unpack(blocks.pack(a)), a)


@pytest.mark.parametrize("shape", [(5,), (5, 5, 2), (5, 5, 3, 2), (5, 5, 3, 3, 1)])
def test_a_kernel_that_does_not_fit_the_outputs_is_refused(shape):
    with pytest.raises(ShapeError, match="`K` must be of shape"):
        KernelBlocks.of(draw(*shape), outputs=3)


def test_a_column_is_made_of_a_vector_and_lengths_are_checked():
    assert as_columns("y", np.ones(3)).shape == (3, 1)
    with pytest.raises(ShapeError, match="n = 4"):
        as_columns("y", np.ones((3, 2)), rows=4)


def test_not_finite_complex_and_text_are_refused():
    with pytest.raises(NotFiniteError, match=r"first at \(1, 0\)"):
        KernelBlocks.of(np.array([[1.0, 0.0], [np.nan, 1.0]]), outputs=1)
    with pytest.raises(ArgumentError, match="real numbers"):
        as_columns("y", np.ones(3) * 1j)
    with pytest.raises(ArgumentError, match="real numbers"):
        as_columns("y", ["a", "b"])


def test_precision_is_kept_and_half_is_raised():
    assert as_columns("y", torch.ones(2, dtype=torch.float32)).dtype == torch.float32
    assert as_columns("y", torch.ones(2, dtype=torch.bfloat16)).dtype == torch.float32
    assert as_columns("y", np.array([True, False])).dtype == torch.float64
    assert as_columns("y", np.arange(3.0)[::-1]).tolist() == [[2.0], [1.0], [0.0]]
