from __future__ import annotations

import numpy as np
import pytest

from tangentlab._errors import ArgumentError, DataError, NotSymmetricError
from tangentlab.probes import spectrum


def with_spectrum(values, seed: int = 0) -> np.ndarray:
    q = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(values), len(values))))[0]
    K = (q * np.asarray(values)) @ q.T
    return (K + K.T) / 2


def test_the_identity_has_full_rank_in_every_sense():
    found = spectrum(np.eye(7))
    assert found.effective_rank == pytest.approx(7)
    assert found.participation_ratio == pytest.approx(7)
    np.testing.assert_allclose(found.top_shares, np.arange(1, 8) / 7)


def test_a_rank_one_kernel_has_one_direction():
    v = np.array([1.0, 2.0, 2.0])
    found = spectrum(np.outer(v, v))
    np.testing.assert_allclose(found.values, [9, 0, 0], atol=1e-14)
    assert found.trace == pytest.approx(9)
    assert found.effective_rank == pytest.approx(1)
    assert found.participation_ratio == pytest.approx(1)
    assert found.power_law_exponent is None


def test_ranks_are_the_entropy_and_the_inverse_square_sum_of_the_shares():
    values = np.array([4.0, 2.0, 1.0, 1.0])
    p = values / 8
    found = spectrum(with_spectrum(values))
    assert found.effective_rank == pytest.approx(np.exp(-(p * np.log(p)).sum()))
    assert found.participation_ratio == pytest.approx(64 / 22)
    assert found.participation_ratio <= found.effective_rank
    scaled = spectrum(10 * with_spectrum(values))
    assert scaled.effective_rank == pytest.approx(found.effective_rank)


def test_a_power_law_is_found_with_its_exponent():
    values = 3.0 * np.arange(1, 81) ** -1.7
    found = spectrum(with_spectrum(values))
    assert found.power_law_exponent == pytest.approx(1.7, rel=1e-9)
    assert found.power_law_error < 1e-9


def test_the_standard_error_is_that_of_the_line():
    values = np.sort(np.arange(1, 61) ** -1.0 * np.exp(0.1 * np.random.default_rng(0).standard_normal(60)))[::-1]
    found = spectrum(np.diag(values), fit=(3, 50))
    x, z = np.log(np.arange(3, 51)), np.log(values[2:50])
    (slope, _), covariance = np.polyfit(x, z, 1, cov=True)
    assert found.power_law_exponent == pytest.approx(-slope)
    assert found.power_law_error == pytest.approx(np.sqrt(covariance[0, 0]))


def test_eigenvalues_of_rounding_do_not_enter_the_power_law():
    F = np.random.default_rng(0).standard_normal((60, 8))
    assert spectrum(F @ F.T).power_law_exponent is None


def test_the_negative_part_is_measured_and_clipped_elsewhere():
    found = spectrum(np.diag([3.0, 1.0, -1.0]))
    assert found.negative_part == pytest.approx(0.2)
    assert found.trace == pytest.approx(3.0)
    np.testing.assert_allclose(found.top_shares, [0.75, 1.0, 1.0])


def test_all_outputs_enter_together():
    F = np.random.default_rng(0).standard_normal((4, 2, 20))
    full = np.einsum("ikp,jlp->ijkl", F, F)
    flat = np.linalg.eigvalsh(F.reshape(8, 20) @ F.reshape(8, 20).T)[::-1]
    np.testing.assert_allclose(spectrum(full).values, flat, atol=1e-12)
    diagonal = np.einsum("ijkk->ijk", full)
    apart = np.concatenate([np.linalg.eigvalsh(diagonal[:, :, k]) for k in range(2)])
    np.testing.assert_allclose(spectrum(diagonal).values, np.sort(apart)[::-1], atol=1e-12)


def test_bad_kernels_and_ranges_are_refused():
    with pytest.raises(NotSymmetricError):
        spectrum(np.triu(np.ones((3, 3))))
    with pytest.raises(DataError, match="no positive eigenvalue"):
        spectrum(np.zeros((3, 3)))
    for fit in [(0, 3), (2, 5), (3, 2), 3, "ab", (1, 2, 3), (1.0, 2.0)]:
        with pytest.raises(ArgumentError, match="`fit`"):
            spectrum(np.eye(4), fit=fit)
