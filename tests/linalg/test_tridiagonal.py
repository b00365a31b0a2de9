from __future__ import annotations

import numpy as np
import pytest
import torch

from tangentlab.linalg.tridiagonal import Tridiagonal

SPECTRA = {
    "slope": np.linspace(3, -1, 60),
    "powers": 2.0 ** -np.arange(60),
    "copies": np.r_[np.ones(30), np.full(30, -2.0)],
    "zero": np.zeros(60),
    "one row": np.ones(1),
    "two rows": np.array([1.0, -1.0]),
}


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("share", [0, 0.3, 1])
def test_leading_pairs_are_numpys(name, share):
    spectrum = SPECTRA[name]
    n, count = len(spectrum), int(share * len(spectrum))
    U = np.linalg.qr(np.random.default_rng(0).standard_normal((n, n)))[0]
    matrix = (U * spectrum) @ U.T
    matrix = (matrix + matrix.T) / 2
    kept = matrix.copy()
    reduced = Tridiagonal.of(torch.from_numpy(matrix))
    values, vectors = reduced.leading(count)
    assert values.shape == (count,) and vectors.shape == (n, count)
    np.testing.assert_array_equal(matrix, kept)
    expected = np.linalg.eigvalsh(matrix)[::-1]
    size = 30 * n * np.finfo(float).eps  # LAPACK's own ratio
    np.testing.assert_allclose(reduced.values().numpy(), expected, rtol=0, atol=size * abs(expected).max())
    np.testing.assert_allclose(values.numpy(), expected[:count], rtol=0, atol=size * abs(expected).max())
    V = vectors.numpy()
    np.testing.assert_allclose(V.T @ V, np.eye(count), rtol=0, atol=size)
    np.testing.assert_allclose(matrix @ V, V * values.numpy(), rtol=0, atol=size * abs(expected).max())
