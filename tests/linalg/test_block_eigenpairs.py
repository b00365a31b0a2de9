from __future__ import annotations

import numpy as np
import pytest
import torch

from tangentlab._errors import NotPositiveError, ShapeError
from tangentlab.linalg import block_eigenpairs


def kernels(c: int = 3, n: int = 5) -> dict[str, np.ndarray]:
    F = np.random.default_rng(0).standard_normal((n, c, 40))
    full = np.einsum("ikp,jlp->ijkl", F, F)
    return {"shared": full[:, :, 0, 0], "diagonal": np.einsum("ijkk->ijk", full), "full": full}


@pytest.mark.parametrize("form", ["shared", "diagonal", "full"])
def test_the_square_root_applied_twice_is_the_kernel(form):
    K = kernels()[form]
    pairs = block_eigenpairs(K, outputs=3)
    b = torch.from_numpy(np.random.default_rng(1).standard_normal((5, 3)))
    root = pairs.values.sqrt()[..., None]
    once = pairs.expand(root * pairs.project(b))
    twice = pairs.expand(root * pairs.project(once))
    torch.testing.assert_close(twice, pairs.blocks.apply(b), rtol=1e-12, atol=1e-11)


def test_rounding_below_zero_is_clipped_and_more_is_refused():
    F = np.random.default_rng(0).standard_normal((6, 2))
    pairs = block_eigenpairs(F @ F.T, outputs=1)
    assert float(pairs.values.min()) >= 0
    assert int((pairs.values > pairs.floor).sum()) == 2
    with pytest.raises(NotPositiveError, match="1 negative eigenvalue of 2"):
        block_eigenpairs(np.array([[1.0, 2.0], [2.0, 1.0]]), outputs=1)


def test_a_kernel_between_two_sets_of_rows_is_refused():
    with pytest.raises(ShapeError):
        block_eigenpairs(np.ones((3, 4)), outputs=1)
