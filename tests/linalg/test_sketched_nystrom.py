"""Nyström from a sketch: close to the best approximation, positive, and honest about what it leaves out."""

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import aslinearoperator

from tangentlab._errors import ArgumentError, NotPositiveError
from tangentlab.linalg import conjugate_gradient, sketched_nystrom


def decaying(n=60, *, power=2.0, seed=0):
    """A kernel of eigenvalues 1, 2^-power, 3^-power, ... in random directions."""
    draw = torch.Generator().manual_seed(seed)
    Q = torch.linalg.qr(torch.randn(n, n, generator=draw, dtype=torch.float64))[0]
    values = torch.arange(1, n + 1, dtype=torch.float64) ** -power
    K = (Q * values) @ Q.T
    return (K + K.T) / 2, values


def test_it_leaves_at_most_a_few_times_what_the_best_of_its_rank_leaves():
    K, values = decaying()
    low = sketched_nystrom(K, 20)
    best = float(values[20:].sum())
    # Tropp et al. 2017: on average at most 1 + k/(r - k - 1) of the best of any rank k < r; k = 10 gives 2.1 times more
    assert best <= low.trace_error <= 2.2 * float(values[10:].sum())
    assert low.rank == 20 and low.columns == 20


def test_what_is_left_is_positive_and_its_trace_is_told():
    K, _ = decaying()
    low = sketched_nystrom(K, 15, seed=3)
    left = K - low.factor @ low.factor.T
    assert float(torch.linalg.eigvalsh(left).min()) > -1e-12  # rounding of eigenvalues of size 1
    assert float(left.trace()) == pytest.approx(low.trace_error, abs=1e-12)


def test_a_kernel_of_low_rank_is_found_whole():
    J = torch.randn(40, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    low = sketched_nystrom(J @ J.T, 10)
    assert low.rank == 3
    torch.testing.assert_close(low.factor @ low.factor.T, J @ J.T, rtol=0, atol=1e-11)  # of numbers up to 20


def test_of_an_operator_without_a_diagonal_the_trace_is_estimated():
    K, values = decaying(power=0.5)
    estimates = [sketched_nystrom(aslinearoperator(K.numpy()), 20, seed=seed).trace for seed in range(40)]
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - float(values.sum())) < 4 * error  # unbiased: 4 standard errors of the mean


def test_it_is_the_same_for_the_same_seed_and_another_for_another():
    K, _ = decaying()
    assert torch.equal(sketched_nystrom(K, 5).factor, sketched_nystrom(K, 5).factor)
    assert not torch.equal(sketched_nystrom(K, 5).factor, sketched_nystrom(K, 5, seed=1).factor)


def test_as_preconditioner_it_saves_iterations():
    K, _ = decaying(200, power=3.0)
    b = torch.ones(200, dtype=torch.float64)
    plain = conjugate_gradient(K, b, ridge=1e-6)
    better = conjugate_gradient(K, b, ridge=1e-6, preconditioner=sketched_nystrom(K, 60))
    assert better.doubt is None and better.iterations < plain.iterations / 2


def test_a_kernel_that_is_not_positive_and_a_rank_that_is_none_are_refused():
    with pytest.raises(NotPositiveError):
        sketched_nystrom(torch.diag(torch.tensor([1.0, -1.0, 1.0])), 3)
    with pytest.raises(ArgumentError, match="rank"):
        sketched_nystrom(torch.eye(3), 0)
