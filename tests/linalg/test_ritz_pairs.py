from __future__ import annotations

import numpy as np
import pytest
import torch

from tangentlab.linalg.ritz_pairs import RitzPairs
from tangentlab.linalg.tridiagonal import Tridiagonal

EPSILON = float(np.finfo(float).eps)


def coupled(sizes: np.ndarray) -> torch.Tensor:
    """Θ of 40 rows that 20 new ones touch by `sizes`, in a basis of its own."""
    source = np.random.default_rng(0)
    T = np.diag(np.r_[np.linspace(4, 1, 40), np.zeros(20)])
    T[40:, :40] = sizes * np.linalg.qr(source.standard_normal((40, 20)))[0].T
    T[:40, 40:] = T[40:, :40].T
    new = source.standard_normal((20, 20))
    T[40:, 40:] = (new + new.T) / 4
    U = np.eye(60)
    U[:40, :40] = np.linalg.qr(source.standard_normal((40, 40)))[0]
    T = U @ T @ U.T
    return torch.from_numpy((T + T.T) / 2)


CASES = {
    "some settled": np.r_[np.full(15, 1e-20), np.logspace(-12, 0, 25)],
    "all settled": np.full(40, 1e-20),
    "none settled": np.full(40, 0.3),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("count", [1, 12, 60])
def test_pairs_of_what_grew_are_those_of_all_of_it(name, count):
    T = coupled(CASES[name])
    pairs = RitzPairs.of(T[:40, :40]).grown(T, count, rounding=EPSILON)
    expected = torch.linalg.eigvalsh(T).flip(0)
    size = 30 * len(T) * EPSILON * 5  # LAPACK's own ratio; the largest eigenvalue is below 5
    torch.testing.assert_close(pairs.values, expected[:count], rtol=0, atol=size)
    torch.testing.assert_close(pairs.scale, float(expected.abs().max()), rtol=0, atol=size)
    S = pairs.coefficients
    torch.testing.assert_close(S.T @ S, torch.eye(count).double(), rtol=0, atol=size)
    torch.testing.assert_close(T @ S, S * pairs.values, rtol=0, atol=size)


def test_only_what_has_not_settled_is_solved_for_again(monkeypatch):
    sizes, solved, of = [], Tridiagonal.leading, Tridiagonal.of
    monkeypatch.setattr(Tridiagonal, "of", lambda matrix: sizes.append(len(matrix)) or of(matrix))
    monkeypatch.setattr(Tridiagonal, "leading", lambda self, count: sizes.append(count) or solved(self, count))
    T = coupled(CASES["some settled"])
    whole = RitzPairs.of(T[:40, :40])
    pairs = whole.grown(T, 20, rounding=30 * EPSILON)  # T came by a rotation
    settled = int((pairs.coefficients[40:].abs().amax(dim=0) == 0).sum())
    assert settled == 15
    assert sizes[1] == 20 - settled
    assert sizes[0] <= 60 - settled


def test_where_lapack_gives_up_divide_and_conquer_does_not(monkeypatch):
    T = coupled(CASES["some settled"])
    whole = RitzPairs.of(T[:40, :40])
    expected = whole.grown(T, 20, rounding=EPSILON)

    def fail(self, count):
        raise np.linalg.LinAlgError("stemr failed")

    monkeypatch.setattr(Tridiagonal, "leading", fail)
    pairs = whole.grown(T, 20, rounding=EPSILON)
    torch.testing.assert_close(pairs.values, expected.values, rtol=0, atol=1e-12)
    torch.testing.assert_close(T @ pairs.coefficients, pairs.coefficients * pairs.values, rtol=0, atol=1e-12)


def test_a_scale_counts_what_was_not_asked():
    T = torch.diag(torch.tensor([1.0, 2.0, -7.0, 3.0]).double())
    assert RitzPairs.of(T[:2, :2]).grown(T, 1, rounding=EPSILON).scale == 7.0
    assert RitzPairs.of(T[:3, :3]).grown(T, 1, rounding=EPSILON).scale == 7.0
