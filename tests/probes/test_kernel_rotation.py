from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import aslinearoperator
from torch import nn

from oracles.modules_of_others import MODULES
from tangentlab._errors import ArgumentError, DataError, ShapeError
from tangentlab.kernels import NeuralTangentKernel, ntk
from tangentlab.probes import kernel_rotation
from tangentlab.training import Descent, train


def gram(n, p, seed=0):
    F = np.random.default_rng(seed).standard_normal((n, p))
    return F @ F.T


def turned(found):
    assert found.target is not None
    return found.target


def test_quotients_are_those_of_numpys_eigenvectors():
    K0, K1 = gram(9, 12), gram(9, 12, seed=1)
    values, vectors = np.linalg.eigh(K0)
    values, vectors = values[::-1], vectors[:, ::-1]
    found = kernel_rotation(K0, K1)
    assert found.before == pytest.approx(values, rel=1e-10)
    assert found.after == pytest.approx([v @ K1 @ v for v in vectors.T], rel=1e-9)
    assert found.ratios == pytest.approx(found.after / values, rel=1e-9)
    assert found.normalized == pytest.approx(found.ratios * np.trace(K0) / np.trace(K1), rel=1e-12)


def test_a_kernel_that_only_grew_has_not_turned():
    K = gram(8, 10)
    found = kernel_rotation(K, 37.0 * K, target=3)
    assert found.ratios == pytest.approx(np.full(8, 37.0), rel=1e-9)
    assert found.normalized == pytest.approx(np.ones(8), rel=1e-9)
    assert found.standard_errors == pytest.approx(np.zeros(8), abs=1e-9)
    assert (turned(found).rank_before, turned(found).rank_after, turned(found).rank_shift) == (3, 3, 0)


def test_a_direction_added_to_the_kernel_is_found_and_its_rank_improves():
    K0 = np.diag([9.0, 7.0, 5.0, 3.0, 1.0])
    K1 = K0 + 20 * np.outer(np.eye(5)[3], np.eye(5)[3])
    found = kernel_rotation(K0, K1, target=3)
    assert found.ratios == pytest.approx([1, 1, 1, 23 / 3, 1])
    target = turned(found)
    assert target.ratio == pytest.approx(23 / 3)
    assert target.normalized.value == pytest.approx(23 / 3 * 25 / 45)
    assert (target.rank_before, target.rank_after, target.rank_shift) == (3, 0, 3)
    assert target.neighbours == pytest.approx(25 / 45)


def test_a_target_of_labels_is_ranked_among_the_eigenvectors():
    K0 = np.diag([9.0, 7.0, 5.0, 3.0, 1.0])
    y = np.array([0.0, 0.0, 0.0, 1.0, 1.0])  # its quotient is 2: between the last two
    found = kernel_rotation(K0, K0 + 4 * np.outer(y, y), target=y).target
    assert found is not None
    assert (found.rank_before, found.rank_after) == (4, 0)
    assert found.ratio == pytest.approx((2 + 8) / 2)
    two = kernel_rotation(K0, K0 + 4 * np.outer(y, y), target=np.stack([y, np.eye(5)[0]], 1)).target
    assert two is not None
    assert two.ratio == pytest.approx((4 + 16 + 9) / (4 + 9))  # both quotients are sums over columns


def test_the_leading_pairs_alone_are_the_same_ones():
    K0, K1 = gram(9, 12), gram(9, 12, seed=1)
    whole, few = kernel_rotation(K0, K1), kernel_rotation(K0, K1, k=4)
    assert few.normalized == pytest.approx(whole.normalized[:4], rel=1e-9)
    assert few.trace_after == pytest.approx(np.trace(K1))


@pytest.mark.parametrize("form", ["scipy", "operator", "tiles"])
def test_kernels_known_by_their_products_turn_as_matrices_do(form):
    make, rows = MODULES["mlp"]
    first, second, x = make(1), make(1), rows(30)
    with torch.no_grad():
        for parameter in second.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    K0, K1 = (NeuralTangentKernel(one, outputs=0) for one in (first, second))
    dense = kernel_rotation(K0(x), K1(x), k=5, target=2)
    make_map = {
        "scipy": lambda K: aslinearoperator(K(x).numpy()),
        "operator": lambda K: K.operator(x),
        "tiles": lambda K: K.tiles(x, tile=8),
    }[form]
    found = kernel_rotation(make_map(K0), make_map(K1), k=5, target=2)
    # eigenpairs of a map are found to 1e-12 of the largest eigenvalue; those of 5 of 30 are well apart
    assert found.normalized == pytest.approx(dense.normalized, rel=1e-6)
    assert found.standard_errors == pytest.approx(dense.standard_errors, rel=1e-5)
    assert turned(found).rank_after == turned(dense).rank_after


def test_standard_errors_are_the_jackknife_over_rows_left_out_one_by_one():
    K0, K1 = gram(7, 9), gram(7, 9, seed=1)
    V = np.linalg.eigh(K0)[1][:, ::-1]
    found = kernel_rotation(K0, K1, target=V[:, 2])
    for j in (0, 2, 5):
        each = []
        for i in range(7):
            rest = np.delete(np.arange(7), i)
            A, B, v = K0[np.ix_(rest, rest)], K1[np.ix_(rest, rest)], V[rest, j]
            each.append(v @ B @ v / (v @ A @ v) * np.trace(A) / np.trace(B))
        expected = np.sqrt(6 / 7 * ((np.array(each) - np.mean(each)) ** 2).sum())
        assert found.standard_errors[j] == pytest.approx(expected, rel=1e-7)
    assert turned(found).normalized.standard_error == pytest.approx(found.standard_errors[2], rel=1e-7)


def test_the_full_kernel_leaves_out_all_outputs_of_a_row():
    make, rows = MODULES["mlp"]
    x = rows(5)
    K0 = ntk(make(2), x)
    K1 = K0 + ntk(nn.Sequential(nn.Linear(6, 2)).double(), x)
    found = kernel_rotation(K0, K1)
    flat = [K.transpose(1, 2).reshape(10, 10).numpy() for K in (K0, K1)]
    _, vectors = np.linalg.eigh(flat[0])
    v = vectors[:, -1]
    assert found.after[0] == pytest.approx(v @ flat[1] @ v, rel=1e-9)
    each = []
    for i in range(5):
        rest = [a for a in range(10) if a // 2 != i]
        A, B = (K[np.ix_(rest, rest)] for K in flat)
        each.append(v[rest] @ B @ v[rest] / (v[rest] @ A @ v[rest]) * np.trace(A) / np.trace(B))
    assert found.standard_errors[0] == pytest.approx(
        np.sqrt(4 / 5 * ((np.array(each) - np.mean(each)) ** 2).sum()), rel=1e-7
    )


def test_directions_that_the_first_kernel_does_not_have_are_left_out():
    F = np.random.default_rng(0).standard_normal((8, 3))
    found = kernel_rotation(F @ F.T, gram(8, 9))
    assert len(found.before) == 3
    assert np.isfinite(found.normalized).all()


def test_training_on_an_eigenvector_turns_the_kernel_towards_it_on_rows_held_out_too():
    module = MODULES["mlp"][0](1)
    x = torch.randn(160, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    seen, other = x[:100], x[100:]
    K0 = ntk(module, seen, outputs=0)
    values, vectors = torch.linalg.eigh(K0)
    j = 3
    v, value = vectors[:, -1 - j], values[-1 - j]
    y = (v > 0).double()
    after = train(module, seen, y, Descent(loss="bce", epochs=150, batch_size=20, learning_rate=0.1)).module
    found = kernel_rotation(K0, ntk(after, seen, outputs=0), target=j)
    assert turned(found).normalized.value > 1.5
    assert turned(found).normalized.low > turned(found).neighbours
    assert turned(found).rank_shift > 0
    held = kernel_rotation(
        ntk(module, other, outputs=0),
        ntk(after, other, outputs=0),
        directions=ntk(module, other, seen, outputs=0) @ v / value,
        target=0,
    )
    assert held.normalized[0] > 1.2  # less than on the rows trained on


def test_what_cannot_turn_is_refused():
    K = gram(4, 6)
    with pytest.raises(ShapeError, match="`K1` must be of shape"):
        kernel_rotation(K, gram(5, 6))
    with pytest.raises(DataError, match="`K1` has trace 0"):
        kernel_rotation(K, np.zeros((4, 4)))
    with pytest.raises(ArgumentError, match="an index from 0 to 3"):
        kernel_rotation(K, K, target=4)
    with pytest.raises(ShapeError, match="`target`"):
        kernel_rotation(K, K, target=np.ones(3))
    with pytest.raises(DataError, match="`target` is zero everywhere, so no kernel"):
        kernel_rotation(K, K, target=np.zeros(4))
    with pytest.raises(DataError, match="column of `directions`"):
        kernel_rotation(K, K, directions=np.zeros((4, 2)))
