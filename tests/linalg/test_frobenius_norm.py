import math

import pytest
import torch

from tangentlab.linalg.frobenius_norm import frobenius_norm


@pytest.mark.parametrize("power", [-310, -300, -170, -150, 0, 150, 170, 300])
def test_the_norm_scales_with_the_matrix(power):
    A = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = math.sqrt(math.fsum(v * v for v in A.flatten().tolist()))
    # below 1e-308 numbers have fewer digits
    assert frobenius_norm(A * 10.0**power) / 10.0**power == pytest.approx(
        expected, rel=1e-13 if power > -305 else 1e-2
    )


def test_zeros_have_norm_zero():
    assert frobenius_norm(torch.zeros(2, 3, dtype=torch.float64)) == 0.0
