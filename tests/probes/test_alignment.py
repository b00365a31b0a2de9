from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
import torch

from tangentlab._errors import DataError, ShapeError
from tangentlab.probes import alignment
from tangentlab.probes.alignment import alignments


def gram(n: int, p: int, seed: int = 0) -> np.ndarray:
    F = np.random.default_rng(seed).standard_normal((n, p))
    return F @ F.T


def by_definition(K: np.ndarray, Y: np.ndarray) -> dict[str, float]:
    """Notation's formulas, matrix by matrix."""
    n = len(K)
    H, T = np.eye(n) - 1 / n, Y @ Y.T

    def cosine(A, B):
        return np.trace(A @ B) / (np.linalg.norm(A) * np.linalg.norm(B))

    rayleigh = np.trace(Y.T @ K @ Y) / np.trace(T)
    off = sum(K[i, j] * T[i, j] for i in range(n) for j in range(n) if i != j)
    return {
        "rayleigh": rayleigh,
        "trace_normalized": rayleigh / np.trace(K),
        "unbiased": off / (n * (n - 1)),
        "target": cosine(K, T),
        "centered": cosine(H @ K @ H, H @ T @ H),
    }


@pytest.mark.parametrize("columns", [1, 3])
def test_all_five_equal_their_definitions(columns):
    K, y = gram(8, 5), np.random.default_rng(1).standard_normal((8, columns))
    assert asdict(alignment(K, y)) == pytest.approx(by_definition(K, y), rel=1e-11)


def test_a_vector_and_its_column_are_the_same_target():
    K, y = gram(8, 5), np.random.default_rng(1).standard_normal(8)
    assert alignment(K, y) == alignment(torch.from_numpy(K), y[:, None])


def test_the_target_kernel_itself_is_aligned_perfectly():
    y = np.array([1.0, -1.0, 1.0, -1.0, 1.0, 1.0])
    found = alignment(np.outer(y, y), y)
    assert asdict(found) == pytest.approx(
        {"rayleigh": 6.0, "trace_normalized": 1.0, "unbiased": 1.0, "target": 1.0, "centered": 1.0}, rel=1e-12
    )


def test_the_identity_is_aligned_with_every_target_alike():
    y = np.array([1.0, 1.0, -1.0, -1.0])
    found = alignment(np.eye(4), y)
    expected = {
        "rayleigh": 1.0,
        "trace_normalized": 0.25,
        "unbiased": 0.0,
        "target": 0.5,
        "centered": 1 / np.sqrt(3),
    }
    assert asdict(found) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_a_rank_one_kernel_aligns_by_the_angle_with_its_vector():
    v, y = np.array([3.0, 4.0, 0.0]), np.array([1.0, 0.0, 0.0])
    found = alignment(np.outer(v, v), y)
    assert found.rayleigh == pytest.approx(9.0)
    assert found.trace_normalized == found.target == pytest.approx(0.36)


def test_only_scale_free_numbers_survive_a_change_of_scale():
    K, y = gram(8, 5), np.random.default_rng(1).standard_normal(8)
    one, other = asdict(alignment(K, y)), asdict(alignment(7 * K, -2 * y))
    for name in ("trace_normalized", "target", "centered"):
        assert other[name] == pytest.approx(one[name], rel=1e-12)
    assert other["rayleigh"] == pytest.approx(7 * one["rayleigh"])
    assert other["unbiased"] == pytest.approx(28 * one["unbiased"])


def test_the_centred_alignment_ignores_offsets_of_kernel_and_target():
    K, y = gram(8, 5), np.random.default_rng(1).standard_normal(8)
    assert alignment(K + 3, y + 10).centered == pytest.approx(alignment(K, y).centered, rel=1e-10)


def test_random_labels_have_no_unbiased_alignment_within_the_standard_error():
    n, draws = 60, 400
    K, rng = gram(n, 40), np.random.default_rng(3)
    found = [alignment(K, rng.choice([-1.0, 1.0], size=n)) for _ in range(draws)]
    unbiased = np.array([one.unbiased for one in found])
    error = unbiased.std(ddof=1) / np.sqrt(draws)
    assert abs(unbiased.mean()) < 4 * error
    # and the spread is the U-statistic's own: var = 2 Σ_{i≠j} K_ij² / (n (n − 1))²
    exact = np.sqrt(2 * ((K**2).sum() - (np.diag(K) ** 2).sum())) / (n * (n - 1))
    assert unbiased.std(ddof=1) == pytest.approx(exact, rel=0.2)
    # while the Rayleigh quotient of pure noise is the mean diagonal, far from zero
    assert np.mean([one.rayleigh for one in found]) == pytest.approx(np.diag(K).mean(), rel=0.05)


def test_the_average_over_all_label_vectors_is_zero_exactly():
    K = gram(5, 4)
    every = [np.array([1.0 if i >> j & 1 else -1.0 for j in range(5)]) for i in range(32)]
    assert np.mean([alignment(K, y).unbiased for y in every]) == pytest.approx(0, abs=1e-14)


def test_forms_of_one_kernel_agree_where_the_documentation_says_so():
    K, y = gram(6, 9), np.random.default_rng(1).standard_normal((6, 3))
    shared = alignment(K, y)
    for same in (np.repeat(K[:, :, None], 3, axis=2), K[:, :, None, None] * np.eye(3)):
        other = alignment(same, y)
        for name in ("rayleigh", "trace_normalized", "unbiased"):
            assert getattr(other, name) == pytest.approx(getattr(shared, name), rel=1e-11)
    assert alignment(K[:, :, None, None], y[:, :1]) == alignment(K, y[:, :1])


def test_the_full_kernel_of_a_flattened_target_is_aligned_perfectly():
    y = np.random.default_rng(1).standard_normal((5, 2))
    K = np.einsum("ik,jl->ijkl", y, y)
    found = alignment(K, y)
    assert found.target == pytest.approx(1.0)
    assert found.centered == pytest.approx(1.0)


def test_a_constant_target_has_no_centred_alignment():
    found = alignment(gram(6, 9), np.full(6, 0.1))
    assert found.centered == 0.0
    assert alignment(np.full((4, 4), 0.1), [1.0, -1.0, 1.0, -1.0]).centered == 0.0
    assert found.rayleigh > 0


def test_targets_of_zero_and_one_are_not_mapped():
    K, y = gram(6, 9), np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
    assert alignment(K, y).rayleigh == pytest.approx(y @ K @ y / 3)


def test_too_few_rows_and_kernels_without_trace_are_refused():
    with pytest.raises(DataError, match="`K` of 1 row has trace 2"):
        alignment([[2.0]], [1.0])
    with pytest.raises(DataError, match="has trace 0"):
        alignment(np.zeros((2, 2)), [1.0, 2.0])
    with pytest.raises(ShapeError):
        alignment(np.eye(3), np.ones(4))


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_cosines_do_not_depend_on_the_scale_of_the_kernel_however_extreme(scale):
    J = torch.randn(6, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0, -1.0], dtype=torch.float64)
    plain, scaled = alignment(J @ J.T, y), alignment(scale * (J @ J.T), y)
    for name in ("trace_normalized", "target", "centered"):
        assert getattr(scaled, name) == pytest.approx(getattr(plain, name), rel=1e-12)


@pytest.mark.parametrize("shape", [(9, 9), (9, 9, 2), (9, 9, 2, 2)])
def test_many_targets_are_aligned_as_each_alone_bit_by_bit(shape):
    source = np.random.default_rng(4)
    columns = 1 if len(shape) == 2 else 2
    size = 9 * (columns if len(shape) == 4 else 1)
    root = source.standard_normal((size, size))
    K = root @ root.T
    if len(shape) == 3:
        K = np.stack([K, 2 * K], axis=-1)
    elif len(shape) == 4:
        K = K.reshape(9, 2, 9, 2).transpose(0, 2, 1, 3)
    targets = [source.standard_normal((9, columns)) for _ in range(3)] + [np.ones((9, columns))]
    assert alignments(K, targets) == [alignment(K, y) for y in targets]
    assert alignments(K, targets)[-1].centered == 0.0
