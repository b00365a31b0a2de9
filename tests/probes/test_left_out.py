from __future__ import annotations

import numpy as np
import pytest
import torch

from tangentlab.probes.left_out import centred_inner_left_out, inner_left_out


def symmetric(n, seed):
    A = np.random.default_rng(seed).standard_normal((n, n))
    return A + A.T


@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("centred", [False, True])
def test_sums_without_a_row_are_those_of_the_smaller_matrices(stride, centred):
    n = 6
    A, B = symmetric(n * stride, 0), symmetric(n * stride, 1)
    function = centred_inner_left_out if centred else inner_left_out
    total, without = function(torch.tensor(A), torch.tensor(B), stride=stride)

    def by_numpy(rows):
        index = np.concatenate([np.arange(i * stride, (i + 1) * stride) for i in rows])
        a, b = A[np.ix_(index, index)], B[np.ix_(index, index)]
        if centred:
            H = np.kron(np.eye(len(rows)) - 1 / len(rows), np.eye(stride))
            a, b = H @ a @ H, H @ b @ H
        return np.trace(a @ b.T)

    assert total == pytest.approx(by_numpy(range(n)), rel=1e-12)
    expected = [by_numpy([j for j in range(n) if j != i]) for i in range(n)]
    assert without.tolist() == pytest.approx(expected, rel=1e-10, abs=1e-10)
