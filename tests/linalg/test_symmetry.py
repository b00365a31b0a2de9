from __future__ import annotations

import pytest
import torch

from tangentlab._errors import NotFiniteError
from tangentlab.linalg import symmetric
from tangentlab.linalg.symmetry import Asymmetry, mean_with_transpose

ROWS = 600  # three tiles across, the last one not whole


def kernel() -> torch.Tensor:
    x = torch.randn(ROWS, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    K = x @ x.T
    return (K + K.T) / 2


@pytest.mark.parametrize("where", [(0, 1), (3, 599), (599, 3), (300, 310), (310, 300)])
def test_the_gap_is_found_in_any_tile_on_either_side(where):
    K = kernel()
    K[where] += 0.5
    found = Asymmetry.of(K, name="K")
    assert found.at == (min(where), max(where))
    assert found.gap == float((K - K.T).abs().max())
    assert found.largest == float(K.abs().max())


def test_the_largest_entry_counts_below_the_diagonal_too():
    K = torch.zeros(ROWS, ROWS)
    K[599, 0] = -7.0
    assert Asymmetry.of(K, name="K").largest == 7.0


@pytest.mark.parametrize("where", [(0, 599), (599, 0), (5, 5)])
def test_what_is_not_finite_is_refused_wherever_it_stands(where):
    K = kernel()
    K[where] = float("nan")
    with pytest.raises(NotFiniteError, match="`gram` has 1 entry"):
        Asymmetry.of(K, name="gram")


@pytest.mark.parametrize("transposed", [False, True])
def test_the_mean_with_the_transpose_is_that_of_the_whole_bit_by_bit(transposed):
    K = kernel() + 1e-9 * torch.randn(ROWS, ROWS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    K = K.T if transposed else K
    assert torch.equal(mean_with_transpose(K), (K + K.T) / 2)


def test_what_is_symmetric_already_comes_back_bit_by_bit_in_memory_of_its_own():
    K = kernel()
    found = symmetric(K)
    assert torch.equal(found, K)
    assert found.data_ptr() != K.data_ptr()
