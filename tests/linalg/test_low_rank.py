from __future__ import annotations

import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError, NotFiniteError, NotPositiveError
from tangentlab.linalg import Columns, LinearMap, pivoted_cholesky, uniform_nystrom

METHODS = {"pivoted_cholesky": pivoted_cholesky, "uniform_nystrom": uniform_nystrom}


def distances(X: np.ndarray) -> np.ndarray:
    size = (X**2).sum(1)
    return np.maximum(size[:, None] + size[None] - 2 * X @ X.T, 0)


def gaussian(X: np.ndarray, width: float) -> np.ndarray:
    K = np.exp(-distances(X) / (2 * width**2))
    return (K + K.T) / 2


def normal_rows() -> np.ndarray:
    return gaussian(np.random.default_rng(0).standard_normal((600, 8)), 4.0)


def clustered() -> np.ndarray:
    """540 rows in one tight cluster and 60 on their own: uniform columns miss most of those."""
    source = np.random.default_rng(0)
    label = np.r_[np.zeros(540, int), np.arange(1, 61)]
    return gaussian(5 * source.standard_normal((61, 20))[label] + 0.05 * source.standard_normal((600, 20)), 4.5)


def heavy_tailed() -> np.ndarray:
    """Rows whose lengths have no variance: a few carry most of the trace."""
    X = np.random.default_rng(0).standard_t(1.2, (600, 40))
    return X @ X.T


CASES = {"normal": (normal_rows, 25), "clustered": (clustered, 30), "heavy tails": (heavy_tailed, 5)}


def best(K: np.ndarray, k: int) -> float:
    return float(np.linalg.eigvalsh(K)[::-1][k:].clip(0).sum())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_trace_error_reported_is_that_of_the_factor_and_what_is_left_is_positive(method, case, seed):
    K = CASES[case][0]()
    low = METHODS[method](Columns.of(K), 40, seed=seed)
    left = K - low.factor.numpy() @ low.factor.numpy().T
    scale = np.trace(K)
    assert low.trace == pytest.approx(scale, rel=1e-12)
    assert low.trace_error == pytest.approx(np.trace(left), abs=1e-11 * scale)
    assert np.linalg.eigvalsh(left).min() > -1e-11 * np.linalg.norm(K, 2)
    np.testing.assert_allclose(left[:, low.pivots.numpy()], 0, atol=1e-7 * abs(K).max())
    assert low.trace_error >= best(K, 40) - 1e-12 * scale
    assert len(set(low.pivots.tolist())) == len(low.pivots) <= low.columns == 40 or low.rank < 40


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", range(3))
def test_four_columns_a_rank_come_within_1_5_of_the_best_rank(case, seed):
    make, k = CASES[case]
    K = make()
    low = pivoted_cholesky(Columns.of(K), 4 * k, seed=seed)
    assert low.columns <= 4 * k
    short = low.truncate(k)
    assert short.rank == k
    assert short.trace_error == pytest.approx(np.trace(K) - float(short.factor.square().sum()), rel=1e-9)
    assert short.trace_error <= 1.5 * best(K, k)


@pytest.mark.parametrize("case", ["clustered", "heavy tails"])
def test_on_uneven_rows_it_leaves_at_most_half_of_what_uniform_columns_leave(case):
    make, k = CASES[case]
    columns = Columns.of(make())
    chosen, uniform = (
        np.mean([method(columns, 4 * k, seed=seed).trace_error for seed in range(5)])
        for method in (pivoted_cholesky, uniform_nystrom)
    )
    assert chosen <= 0.5 * uniform


def test_blocks_change_the_time_and_not_the_law():
    """Proposing one column at a time is the plain algorithm; the mean errors agree within their standard errors."""
    columns = Columns.of(clustered())
    errors = {
        block: np.array([pivoted_cholesky(columns, 20, block=block, seed=seed).trace_error for seed in range(60)])
        for block in (1, 32)
    }
    gap = errors[1].mean() - errors[32].mean()
    assert abs(gap) < 4 * np.sqrt(sum(e.var() / len(e) for e in errors.values()))


def test_the_first_pivot_follows_the_diagonal():
    columns = Columns.of(np.diag([6.0, 3.0, 1.0]))
    first = [pivoted_cholesky(columns, 1, seed=seed).pivots.item() for seed in range(600)]
    share = np.bincount(first, minlength=3) / 600
    np.testing.assert_allclose(share, [0.6, 0.3, 0.1], atol=4 * np.sqrt(0.25 / 600))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 5, 50, 500])
def test_every_size_and_more_columns_than_the_rank_of_the_kernel(method, n):
    F = np.random.default_rng(n).standard_normal((n, 3))
    K = F @ F.T
    low = METHODS[method](Columns.of(K), n)
    assert low.rank <= min(n, 3)
    np.testing.assert_allclose(low.factor.numpy() @ low.factor.numpy().T, K, atol=1e-9 * max(1, abs(K).max()))
    assert low.trace_error <= 1e-10 * low.trace


@pytest.mark.parametrize("method", METHODS)
def test_a_zero_kernel_has_rank_zero(method):
    low = METHODS[method](Columns.of(np.zeros((4, 4))), 2)
    assert (low.rank, low.trace_error, low.relative_error) == (0, 0.0, 0.0)


@pytest.mark.parametrize("method", METHODS)
def test_float32_columns_leave_what_float64_columns_leave(method):
    K = normal_rows()
    wide, narrow = (METHODS[method](Columns.of(K.astype(dtype)), 60, seed=2) for dtype in (np.float64, np.float32))
    assert narrow.factor.dtype == torch.float32
    assert narrow.trace_error == pytest.approx(wide.trace_error, abs=2e-5 * wide.trace)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_columns(method):
    columns = Columns.of(normal_rows())
    first, again, other = (METHODS[method](columns, 10, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(first.factor, again.factor)
    assert first.pivots.tolist() != other.pivots.tolist()


def test_columns_are_asked_for_once_each_and_counted():
    K, asked = torch.from_numpy(clustered()), []

    def block(rows, columns):
        if rows is None:
            asked.extend(columns.tolist())
            return K[:, columns]
        return K[rows][:, columns]

    oracle = Columns(len(K), K.dtype, K.diagonal().clone(), block)
    low = pivoted_cholesky(oracle, 50)
    assert len(asked) == len(set(asked)) == low.columns == low.rank == 50
    grouped = Columns(len(K), K.dtype, K.diagonal().clone(), block, group=3)
    assert grouped.cost(torch.tensor([0, 1, 3])) == 6


def test_the_factor_is_a_map_and_has_the_eigenvalues_of_its_product():
    low = pivoted_cholesky(Columns.of(normal_rows()), 12)
    whole = low.factor.numpy() @ low.factor.numpy().T
    values, rotation = low.eigenpairs()
    np.testing.assert_allclose(values.numpy(), np.linalg.eigvalsh(whole)[::-1][:12], rtol=1e-10)
    turned = (low.factor @ rotation).numpy()
    np.testing.assert_allclose(turned.T @ turned, np.diag(values.numpy()), atol=1e-10 * float(values[0]))
    np.testing.assert_allclose(LinearMap.of(low).materialize().numpy(), whole, atol=1e-12 * float(values[0]))
    np.testing.assert_allclose(low.diagonal().numpy(), whole.diagonal(), rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_no_kernel_or_no_rank_is_refused(method):
    for rank in (0, -1, 2.0, True):
        with pytest.raises(ArgumentError, match="a whole number of at least 1"):
            METHODS[method](Columns.of(np.eye(3)), rank)
    with pytest.raises(NotPositiveError, match=r"diagonal is -1 at 2"):
        Columns.of(np.diag([1.0, 1.0, -1.0]))
    indefinite = np.array([[1.0, 3.0, 0.0], [3.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    with pytest.raises(NotPositiveError):
        METHODS[method](Columns.of(indefinite), 3)


@pytest.mark.parametrize("method", METHODS)
def test_columns_that_are_not_finite_are_refused(method):
    def block(rows, columns):
        found = torch.eye(2, dtype=torch.float64) if rows is not None else torch.full((2, 2), torch.nan)
        return (found if rows is None else found[rows])[:, columns]

    broken = Columns(2, torch.float64, torch.ones(2, dtype=torch.float64), block)
    with pytest.raises(NotFiniteError):
        METHODS[method](broken, 1)
