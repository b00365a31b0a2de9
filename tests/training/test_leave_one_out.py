from __future__ import annotations

import numpy as np
import pytest
import torch

from tangentlab.linalg import diagonal_blocks
from tangentlab.training.leave_one_out import spectral_blocks


@pytest.mark.parametrize(("systems", "stride"), [(1, 1), (3, 1), (1, 3)])
def test_both_routes_give_the_diagonal_blocks_of_the_matrix(systems, stride):
    n, N = 4, 4 * stride
    F = np.random.default_rng(0).standard_normal((systems, N, 2 * N))
    matrix = F @ F.transpose(0, 2, 1)
    expected = np.stack(
        [[one[i * stride : (i + 1) * stride, i * stride : (i + 1) * stride] for i in range(n)] for one in matrix]
    )
    np.testing.assert_array_equal(diagonal_blocks(torch.from_numpy(matrix), stride=stride).numpy(), expected)
    values, vectors = np.linalg.eigh(matrix)
    spectral = spectral_blocks(torch.from_numpy(vectors), torch.from_numpy(values), stride=stride)
    np.testing.assert_allclose(spectral.numpy(), expected, atol=1e-12)
