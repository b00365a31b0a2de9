from __future__ import annotations

import numpy as np
import pytest

from tangentlab._errors import ArgumentError, DataError
from tangentlab.probes import energy_interval, target_energy


def gram(n: int, p: int, seed: int = 0) -> np.ndarray:
    F = np.random.default_rng(seed).standard_normal((n, p))
    return F @ F.T


@pytest.mark.parametrize("columns", [1, 3])
def test_shares_are_squared_projections_and_sum_to_one(columns):
    K, y = gram(9, 20), np.random.default_rng(1).standard_normal((9, columns))
    values, vectors = np.linalg.eigh(K)
    found = target_energy(K, y)
    expected = ((vectors[:, ::-1].T @ y) ** 2).sum(1) / (y**2).sum()
    np.testing.assert_allclose(found.shares, expected, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(found.values, values[::-1], rtol=1e-10)
    assert found.cumulative[-1] == pytest.approx(1)
    assert found.top(4) == pytest.approx(expected[:4].sum())


def test_an_eigenvector_has_all_its_energy_in_its_place():
    K = gram(9, 20)
    vector = np.linalg.eigh(K)[1][:, -3]
    found = target_energy(K, 5 * vector, k=4)
    np.testing.assert_allclose(found.shares, [0, 0, 1, 0], atol=1e-14)


def test_a_target_is_its_own_kernels_first_eigenvector():
    y = np.array([1.0, -1.0, 1.0, 1.0])
    assert target_energy(np.outer(y, y), y, k=1).top(1) == pytest.approx(1)


def test_eigenvectors_of_different_outputs_are_ranked_together():
    K = np.stack([np.diag([1.0, 4.0]), np.diag([3.0, 2.0])], axis=2)
    found = target_energy(K, [[1.0, 3.0], [2.0, 4.0]])
    assert found.values.tolist() == [4.0, 3.0, 2.0, 1.0]
    np.testing.assert_allclose(found.shares, np.array([4, 9, 16, 1]) / 30)
    np.testing.assert_allclose(target_energy(K, [[1.0, 3.0], [2.0, 4.0]], k=2).shares, [4 / 30, 9 / 30])


def test_a_full_kernel_is_flattened():
    F = np.random.default_rng(0).standard_normal((4, 2, 20))
    y = np.random.default_rng(1).standard_normal((4, 2))
    flat = F.reshape(8, 20) @ F.reshape(8, 20).T
    expected = target_energy(flat, y.reshape(8)).shares
    found = target_energy(np.einsum("ikp,jlp->ijkl", F, F), y).shares
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_more_eigenvectors_than_there_are_is_refused():
    with pytest.raises(ArgumentError, match="`k`"):
        target_energy(np.eye(3), np.ones(3), k=4)
    with pytest.raises(ArgumentError, match="`k`"):
        energy_interval(np.eye(3), np.ones(3), k=3)


def test_numbers_of_eigenvectors_may_be_numpys():
    K, y = np.diag(np.arange(9.0, 0, -1)), np.ones(9)
    assert energy_interval(K, y, k=np.int64(2)) == energy_interval(K, y, k=2)  # pyright: ignore


def test_the_interval_is_the_jackknife_with_the_span_of_the_eigenvectors_held():
    F = np.random.default_rng(0).standard_normal((9, 12))
    K, y = F @ F.T, np.random.default_rng(1).standard_normal((9, 2))
    V = np.linalg.eigh(K)[1][:, ::-1][:, :3]
    each = []
    for i in range(9):
        rest = np.delete(np.arange(9), i)
        basis = np.linalg.qr(V[rest])[0]
        each.append(((basis.T @ y[rest]) ** 2).sum() / (y[rest] ** 2).sum())
    found = energy_interval(K, y, k=3)
    assert found.value == pytest.approx(target_energy(K, y).top(3), rel=1e-10)
    each = np.array(each)
    assert found.standard_error == pytest.approx(np.sqrt(8 / 9 * ((each - each.mean()) ** 2).sum()), rel=1e-9)
    with pytest.raises(ArgumentError, match="`k` must be a whole number from 1 to 8"):
        energy_interval(K, y, k=9)


def test_random_labels_have_k_of_n_of_their_energy_in_any_k_directions():
    rng = np.random.default_rng(2)
    F = rng.standard_normal((40, 30))
    shares = [target_energy(F @ F.T, rng.choice([-1.0, 1.0], 40)).top(10) for _ in range(200)]
    assert np.mean(shares) == pytest.approx(0.25, abs=4 * np.std(shares) / np.sqrt(200))


@pytest.mark.parametrize("K", [np.zeros((3, 3)), np.zeros((3, 3, 2)), np.zeros((3, 3, 2, 2))], ids=np.ndim)
def test_a_kernel_of_zeros_has_no_leading_eigenvectors(K):
    y = np.ones((3, 1 if K.ndim == 2 else 2))
    with pytest.raises(DataError, match="`K` is zero everywhere"):
        target_energy(K, y)
    if K.ndim == 2:
        with pytest.raises(DataError, match="`K` is zero everywhere"):
            energy_interval(K, y, k=1)
