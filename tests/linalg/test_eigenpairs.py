from __future__ import annotations

import sys

import numpy as np
import pytest
import scipy.linalg
import torch

from tangentlab._errors import ArgumentError, NotFiniteError, NotSymmetricError
from tangentlab.linalg import LinearMap, eigenpairs, fix_signs


def gram(n: int, p: int, seed: int = 0) -> np.ndarray:
    F = np.random.default_rng(seed).standard_normal((n, p)) / np.arange(1, p + 1)
    return F @ F.T


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10, 50])
def test_pairs_pass_the_ratio_that_lapack_sets_itself(n):
    K = gram(n, 2 * n)
    pairs = eigenpairs(K)
    values, vectors = pairs.values.numpy(), pairs.vectors.numpy()
    unit = n * np.finfo(float).eps
    assert np.linalg.norm(K @ vectors - vectors * values, 1) < 60 * unit * np.linalg.norm(K, 1)
    assert np.linalg.norm(vectors.T @ vectors - np.eye(n), 1) < 60 * unit
    np.testing.assert_allclose(values, scipy.linalg.eigvalsh(K)[::-1], rtol=0, atol=60 * unit * values[0])


def test_lanczos_and_the_dense_solver_give_the_same_pairs(monkeypatch):
    K = gram(300, 300)
    dense = eigenpairs(K, 6)
    # the function hides its module of the same name in the package
    monkeypatch.setattr(sys.modules["tangentlab.linalg.eigenpairs"], "DENSE_ROWS", 100)
    lanczos = eigenpairs(K, 6)
    torch.testing.assert_close(lanczos.values, dense.values, rtol=1e-12, atol=0)
    torch.testing.assert_close(lanczos.vectors, dense.vectors, rtol=0, atol=1e-9)  # gaps are about 1 % here
    assert float(lanczos.residuals.max()) < 1e-12
    again = eigenpairs(K, 6)
    assert torch.equal(lanczos.vectors, again.vectors)


def test_residuals_are_those_of_the_pairs_relative_to_the_largest():
    K = gram(20, 30)
    pairs = eigenpairs(K, 4)
    V, values = pairs.vectors.numpy(), pairs.values.numpy()
    expected = np.linalg.norm(K @ V - V * values, axis=0) / values[0]
    np.testing.assert_allclose(pairs.residuals.numpy(), expected, rtol=0, atol=1e-15)


def test_the_largest_come_first_and_indefinite_kernels_are_allowed():
    assert eigenpairs(np.diag([-3.0, 1.0, 2.0]), 2).values.tolist() == [2.0, 1.0]


def test_signs_do_not_depend_on_the_sign_of_the_input_vectors():
    vectors = torch.from_numpy(np.linalg.qr(gram(6, 6))[0])
    flipped = vectors * torch.tensor([1.0, -1, 1, -1, -1, 1])
    assert torch.equal(fix_signs(vectors), fix_signs(flipped))


def test_ties_for_the_largest_entry_are_broken_by_the_first():
    tilted = torch.tensor([[-1.0], [1.0 + 1e-9], [0.5]], dtype=torch.float64)
    assert fix_signs(tilted)[0, 0] == 1.0


def test_the_full_kernel_is_flattened_row_major():
    F = np.random.default_rng(0).standard_normal((3, 2, 7))
    K = np.einsum("ikp,jlp->ijkl", F, F)
    expected = np.linalg.eigvalsh(F.reshape(6, 7) @ F.reshape(6, 7).T)[::-1]
    np.testing.assert_allclose(eigenpairs(K).values.numpy(), expected, atol=1e-13)


def test_single_precision_kernels_are_decomposed_in_double():
    K = gram(50, 60).astype(np.float32)
    expected = np.linalg.eigvalsh(((K + K.T) / 2).astype(np.float64))[::-1]
    pairs = eigenpairs(torch.from_numpy(K))
    assert pairs.values.dtype == torch.float64
    np.testing.assert_allclose(pairs.values.numpy(), expected, rtol=0, atol=1e-6 * expected[0])


@pytest.mark.parametrize("k", [0, -1, 4, 1.5, "2", True])
@pytest.mark.parametrize("form", ["a matrix", "products"])
def test_counts_that_a_kernel_does_not_have_are_refused(k, form):
    K = torch.eye(3) if form == "a matrix" else LinearMap.of(torch.eye(3))
    with pytest.raises(ArgumentError, match="`k` must be an integer from 1 to the size of K, 3"):
        eigenpairs(K, k)


def test_bad_kernels_and_bad_counts_are_refused():
    with pytest.raises(NotFiniteError):
        eigenpairs(np.full((2, 2), np.inf))
    with pytest.raises(NotSymmetricError):
        eigenpairs(np.triu(np.ones((3, 3))))
    with pytest.raises(ArgumentError, match="from 1 to the size of K, 3"):
        eigenpairs(np.eye(3), 4)
    with pytest.raises(ArgumentError, match="one row or more"):
        eigenpairs(np.zeros((0, 0)))
