from __future__ import annotations

import numpy as np
import pytest
import torch

from tangentlab.linalg import SymmetricTiles, conjugate_gradient


def pieces(K: torch.Tensor, step: int) -> SymmetricTiles:
    n = len(K)
    corners = [(i, j) for i in range(0, n, step) for j in range(i, n, step)]
    return SymmetricTiles.of([(i, j, K[i : i + step, j : j + step]) for i, j in corners])


def positive(n: int) -> torch.Tensor:
    X = torch.from_numpy(np.random.default_rng(0).standard_normal((n, 2 * n)))
    return X @ X.T / n


@pytest.mark.parametrize("step", [1, 7, 50, 120])
@pytest.mark.parametrize("layout", ["rows", "columns", "strided"])
def test_products_are_those_of_the_matrix_for_any_tiles_and_any_layout_of_vectors(step, layout):
    K, V = positive(100), torch.randn(100, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    V = {"rows": V, "columns": V.T.contiguous().T, "strided": V[:, ::2]}[layout]
    np.testing.assert_allclose(pieces(K, step).matmat(V), K @ V, rtol=0, atol=1e-13)  # sums of 100 terms, 30 eps


def test_float64_vectors_are_multiplied_in_float64_though_the_tiles_are_float32(monkeypatch):
    import tangentlab.linalg.symmetric_tiles as module

    monkeypatch.setattr(module, "_WIDENED", 200)  # several parts a tile
    K = positive(90).float()
    V = torch.randn(90, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = pieces(K, 40).matmat(V)
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found, K.double() @ V, rtol=0, atol=1e-13)


def test_solves_on_float32_tiles_are_refined_in_float64():
    K, b = positive(300).float(), torch.ones(300, dtype=torch.float64)
    solution = conjugate_gradient(pieces(K, 128), b, ridge=0.1, tolerance=1e-12)
    assert solution.doubt is None
    exact = K.double() + 0.1 * torch.eye(300).double()
    assert float((exact @ solution.value - b).norm() / b.norm()) < 1e-11
