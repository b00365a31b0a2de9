from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import tangentlab as tl
from tangentlab._errors import ArgumentError, NotPositiveError, ShapeError, UnknownNameError
from tangentlab.kernels import NeuralTangentKernel, kernel_columns, low_rank
from tangentlab.linalg import Columns, conjugate_gradient


def network(c: int = 3) -> nn.Module:
    return nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, c)).double()


def matrix(model, x, outputs):
    return NeuralTangentKernel(model, outputs=outputs).gram(x).matrix


@pytest.mark.parametrize("outputs", ["full", "trace", "mean", "sum", 2])
@pytest.mark.parametrize("n", [1, 2, 5, 50])
def test_columns_and_entries_are_those_of_the_whole_kernel(outputs, n):
    model, x = network(), torch.randn(n, 4, dtype=torch.float64)
    whole = matrix(model, x, outputs)
    columns = kernel_columns(model, x, outputs=outputs)
    torch.testing.assert_close(columns.diagonal, whole.diagonal(), rtol=1e-12, atol=0)
    source = np.random.default_rng(0)
    picked = torch.from_numpy(source.integers(len(whole), size=min(4, len(whole))))
    torch.testing.assert_close(columns.block(None, picked), whole[:, picked], rtol=0, atol=1e-11)
    rows = torch.from_numpy(source.integers(len(whole), size=3))
    torch.testing.assert_close(columns.block(rows, picked), whole[rows][:, picked], rtol=0, atol=1e-11)


def test_the_columns_of_one_row_are_counted_together():
    columns = kernel_columns(network(), torch.randn(6, 4, dtype=torch.float64))
    assert columns.cost(torch.tensor([0, 2])) == 3
    assert columns.cost(torch.tensor([0, 3])) == 6


@pytest.mark.parametrize("method", ["rpcholesky", "nystrom"])
@pytest.mark.parametrize("outputs", ["full", "mean"])
def test_the_trace_left_out_is_that_of_the_dense_kernel(method, outputs):
    model, x = network(), torch.randn(60, 4, dtype=torch.float64)
    whole = matrix(model, x, outputs)
    low = low_rank(model, x, 30, method=method, outputs=outputs)
    left = whole - low.factor @ low.factor.T
    assert low.trace == pytest.approx(float(whole.trace()), rel=1e-12)
    assert low.trace_error == pytest.approx(float(left.trace()), abs=1e-9 * low.trace)
    assert float(torch.linalg.eigvalsh(left).min()) > -1e-9 * low.trace
    again = low_rank(whole, rank=30, method=method)
    assert again.pivots.tolist() == low.pivots.tolist()
    torch.testing.assert_close(again.factor @ again.factor.T, low.factor @ low.factor.T, rtol=0, atol=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_four_columns_a_rank_come_within_1_5_of_the_best_rank_of_a_network_on_digits(seed):
    data = tl.load("digits")
    x = data.x[:500]
    kernel = NeuralTangentKernel(tl.build_network("lenet", tuple(x.shape[1:]), outputs=1, seed=0), outputs=0)
    values = torch.linalg.eigvalsh(kernel(x).double()).flip(0)
    low = low_rank(kernel, x, 25, columns=100, seed=seed)
    assert (low.rank, low.columns) == (25, 100)
    assert low.trace_error <= 1.5 * float(values[25:].sum())


def test_any_function_of_two_batches_is_a_kernel():
    x = torch.randn(40, 2, dtype=torch.float64)
    low = low_rank(lambda a, b: torch.exp(-(torch.cdist(a, b) ** 2)), x, 40)
    whole = torch.exp(-(torch.cdist(x, x) ** 2))
    torch.testing.assert_close(low.factor @ low.factor.T, whole, rtol=0, atol=1e-7)
    from_numpy = low_rank(lambda a, b: a.numpy() @ b.numpy().T, x, 5)
    assert from_numpy.rank == 2


def test_kernel_regression_without_the_kernel():
    """Low rank as preconditioner, products matrix-free: the solution of the dense system."""
    model, x = network(1), torch.randn(80, 4, dtype=torch.float64)
    kernel, y = NeuralTangentKernel(model, outputs=0), torch.randn(80, dtype=torch.float64)
    operator = tl.kernels.ntk_operator(kernel, x)
    found = conjugate_gradient(operator, y, ridge=1e-2, preconditioner=low_rank(kernel, x, 40))
    expected = torch.linalg.solve(kernel(x) + 1e-2 * torch.eye(80), y)
    assert found.doubt is None
    torch.testing.assert_close(found.value, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def test_what_is_no_kernel_is_refused():
    x = torch.randn(4, 4)
    with pytest.raises(UnknownNameError, match="rpcholesky"):
        low_rank(network(), x, 2, method="rpcholeski")
    with pytest.raises(ArgumentError, match="a whole number of at least 2"):
        low_rank(network(), x, 2, columns=1)
    with pytest.raises(ArgumentError, match="function k"):
        low_rank(torch.eye(4), x, 2)
    with pytest.raises(ArgumentError, match="diagonal"):
        low_rank(network(), x, 2, outputs="diagonal")
    with pytest.raises(ShapeError, match="kernel"):
        low_rank(lambda a, b: a, x[:, :2], 2)
    with pytest.raises(NotPositiveError):
        low_rank(lambda a, b: -a @ b.T, x, 2)
    with pytest.raises(ArgumentError, match="a whole number of at least 1"):
        low_rank(torch.eye(3), rank=0)
    assert isinstance(Columns.of(torch.eye(2)), Columns)
