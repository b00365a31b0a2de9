from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from tangentlab._errors import ArgumentError, NotFiniteError, NotSymmetricError, ShapeError
from tangentlab.linalg import LinearMap, SymmetricTiles
from tangentlab.linalg.matrix_product import _onednn, product


def gram(n: int, seed: int = 0) -> np.ndarray:
    F = np.random.default_rng(seed).standard_normal((n, 2 * n))
    return F @ F.T


def tiles_of(K: np.ndarray, size: int) -> list:
    n = len(K)
    return [(i, j, K[i : i + size, j : j + size]) for i in range(0, n, size) for j in range(i, n, size)]


class Function:
    def __init__(self, K, dtype=None):
        self.K, self.shape, self.dtype = torch.as_tensor(K), K.shape, dtype

    def __call__(self, vectors):
        return self.K.to(vectors) @ vectors


@pytest.mark.parametrize("n", [1, 2, 5, 50, 300])
def test_every_form_of_a_kernel_gives_the_products_of_numpy(n):
    K, V = gram(n), np.random.default_rng(1).standard_normal((n, 3))
    forms = [K, torch.from_numpy(K), np.asfortranarray(K), aslinearoperator(K), Function(K), LinearMap.of(K)]
    forms += [SymmetricTiles.of(tiles_of(K, size)) for size in (1, 2, 64, n) if n // size < 60]
    for form in forms:
        linear = LinearMap.of(form)
        assert linear.shape == (n, n)
        np.testing.assert_allclose(linear(torch.from_numpy(V)).numpy(), K @ V, rtol=0, atol=1e-14 * n * K.max())
        np.testing.assert_allclose(linear.diagonal().numpy(), K.diagonal(), rtol=1e-13)
        np.testing.assert_allclose(linear.materialize().numpy(), K, rtol=0, atol=1e-14 * n * K.max())


def test_a_memory_mapped_kernel_stays_on_disk(tmp_path):
    K = gram(40).astype(np.float32)
    np.save(tmp_path / "K.npy", K)
    mapped = np.load(tmp_path / "K.npy", mmap_mode="r")
    linear = LinearMap.of(mapped)
    assert linear.dense is not None
    assert linear.dense.data_ptr() == mapped.ctypes.data


def test_float64_vectors_meet_a_float32_kernel_in_float64():
    K = gram(700).astype(np.float32)
    K = (K + K.T) / 2
    V = torch.from_numpy(np.random.default_rng(1).standard_normal((700, 2)))
    expected = K.astype(np.float64) @ V.numpy()
    np.testing.assert_allclose(LinearMap.of(K)(V).numpy(), expected, rtol=0, atol=1e-13 * abs(expected).max())
    assert LinearMap.of(K)(V.float()).dtype == torch.float32


def test_a_kernel_symmetric_up_to_rounding_acts_as_its_symmetric_part():
    K = gram(30)
    K[0, 1] *= 1 + 1e-14
    V = np.random.default_rng(1).standard_normal((30, 2))
    expected = (K + K.T) / 2 @ V
    np.testing.assert_allclose(
        LinearMap.of(K)(torch.from_numpy(V)).numpy(), expected, rtol=0, atol=1e-13 * K.max()
    )


@pytest.mark.parametrize("n", [3, 600])
def test_what_is_no_kernel_is_refused_and_located(n):
    K = gram(n)
    K[n - 1, 1] += 1.0
    with pytest.raises(NotSymmetricError, match=rf"\(1, {n - 1}\)"):
        LinearMap.of(K)
    K = gram(n)
    K[n - 1, n - 1] = np.nan
    with pytest.raises(NotFiniteError, match=rf"\({n - 1}, {n - 1}\)"):
        LinearMap.of(K)
    K[n - 1, n - 1] = np.inf
    with pytest.raises(NotFiniteError):
        LinearMap.of(K)


def test_bad_maps_are_refused():
    with pytest.raises(ArgumentError, match="one row or more"):
        LinearMap.of(np.zeros((0, 0)))
    with pytest.raises(ShapeError):
        LinearMap.of(np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="two sets of rows"):
        LinearMap.of(aslinearoperator(np.zeros((2, 3))))
    with pytest.raises(NotSymmetricError, match="two random vectors"):
        LinearMap.of(Function(np.triu(gram(5))))
    with pytest.raises(NotFiniteError, match="product with `K`"):
        LinearMap.of(Function(np.full((3, 3), np.nan)))
    wrong = LinearOperator((3, 3), matmat=lambda V: np.zeros((4, 2)), matvec=lambda v: v, dtype=np.float64)
    with pytest.raises((ShapeError, ValueError)):
        LinearMap.of(wrong)


def test_tiles_must_cover_the_upper_triangle_once():
    K = gram(6)
    good = tiles_of(K, 2)
    for bad in (good[:-1], good[1:], [*good, good[0]], [(j, i, t.T) for i, j, t in good], []):
        with pytest.raises(ArgumentError, match="upper triangle"):
            SymmetricTiles.of(bad)
    good[1] = (0, 2, np.full((2, 2), np.nan))
    with pytest.raises(NotFiniteError, match=r"tile \(0, 2\)"):
        SymmetricTiles.of(good)


def test_tiles_are_read_anew_for_every_product():
    K, reads = gram(6), []

    def read():
        reads.append(1)
        yield from tiles_of(K, 3)

    tiles = SymmetricTiles.of(read)
    tiles.matmat(torch.eye(6, dtype=torch.float64))
    assert len(reads) == 2


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 2), (2048, 2100, 1), (3000, 2500, 33)])
def test_products_in_float32_are_as_good_as_those_of_torch(shape):
    m, inner, r = shape
    generator = torch.Generator().manual_seed(0)
    A, B = torch.randn(m, inner, generator=generator), torch.randn(inner, r, generator=generator)
    exact = A.double() @ B.double()
    allowed = 8 * float((A @ B - exact).abs().max()) + 1e-7
    assert float((product(A, B) - exact).abs().max()) <= allowed
    assert float((product(A.T.contiguous().T, B.T.contiguous().T) - exact).abs().max()) <= allowed


def test_no_switch_of_the_process_is_touched():
    before = torch.get_float32_matmul_precision()
    _onednn.cache_clear()
    product(torch.randn(2100, 2100), torch.randn(2100, 4))
    assert torch.get_float32_matmul_precision() == before
