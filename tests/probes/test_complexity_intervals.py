from __future__ import annotations

import numpy as np
import pytest

from tangentlab._errors import NumericalError
from tangentlab.probes import complexity, complexity_intervals


def gram(n, p, seed=0):
    F = np.random.default_rng(seed).standard_normal((n, p))
    return F @ F.T


@pytest.mark.parametrize("ridge", [0.0, 0.3])
@pytest.mark.parametrize("form", ["shared", "diagonal", "full"])
def test_each_is_the_jackknife_of_complexities_of_the_kernel_without_a_row(form, ridge):
    rng = np.random.default_rng(1)
    y = rng.standard_normal((6, 2))
    if form == "full":
        F = rng.standard_normal((6, 2, 30))
        K = np.einsum("ikp,jlp->ijkl", F, F)
    else:
        K = gram(6, 12) if form == "shared" else np.stack([gram(6, 12, s) for s in range(2)], 2)
    found, without = complexity_intervals(K, y, ridge=ridge), []
    for i in range(6):
        rest = np.delete(np.arange(6), i)
        one = complexity(K[np.ix_(rest, rest)], y[rest], ridge=ridge)
        without.append([one.norm, one.lower_bound, one.normalized, one.gap])
    whole = complexity(K, y, ridge=ridge)
    for k, name in enumerate(["norm", "lower_bound", "normalized", "gap"]):
        each = np.array(without)[:, k]
        assert getattr(found, name).value == pytest.approx(getattr(whole, name), rel=1e-12)
        error = np.sqrt(5 / 6 * ((each - each.mean()) ** 2).sum())
        assert getattr(found, name).standard_error == pytest.approx(error, rel=1e-7), name
    assert found.growth == pytest.approx((whole.norm - np.array(without)[:, 0]).sum() / whole.norm, rel=1e-9)


def test_growth_tells_a_target_that_the_kernel_reaches_from_noise():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((150, 4))
    K = (1 + x @ x.T) ** 3  # spans the polynomials of degree 3: 35 directions
    reached = complexity_intervals(K, x[:, 0] * x[:, 1], ridge=1e-3)
    noise = complexity_intervals(K, rng.choice([-1.0, 1.0], 150), ridge=1e-3)
    assert reached.growth < 0.15
    assert 1.0 < noise.growth < 1.6  # its norm is in proportion to n − 35, so that n / (n − 35) is expected


def test_a_kernel_that_cannot_be_inverted_is_refused():
    with pytest.raises(NumericalError, match="Give a ridge"):
        complexity_intervals(gram(8, 3), np.ones(8))
