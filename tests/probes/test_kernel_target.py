from __future__ import annotations

import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError, DataError, NotFiniteError, NotSymmetricError, ShapeError
from tangentlab.probes import KernelTarget

N, C = 6, 3


def problem(form: str):
    draw = np.random.default_rng(0).standard_normal
    J = draw((N, C, 30))
    full = np.einsum("ikp,jlp->ijkl", J, J)
    K = {"shared": full[:, :, 0, 0], "diagonal": np.einsum("ijkk->ijk", full), "full": full}[form]
    return K, draw((N, C))


def as_full(K: np.ndarray) -> np.ndarray:
    if K.ndim == 2:
        return K[:, :, None, None] * np.eye(C)
    return K[:, :, :, None] * np.eye(C) if K.ndim == 3 else K


@pytest.mark.parametrize("form", ["shared", "diagonal", "full"])
def test_quadratic_forms_and_the_trace_are_sums_over_rows_and_outputs(form):
    K, y = problem(form)
    pair, full = KernelTarget.of(K, y), as_full(K)
    assert pair.quadratic_form == pytest.approx(np.einsum("ik,ijkl,jl->", y, full, y), rel=1e-12)
    assert pair.own_quadratic_form == pytest.approx(np.einsum("ik,iikl,il->", y, full, y), rel=1e-12)
    assert pair.trace == pytest.approx(np.einsum("iikk->", full) / C, rel=1e-12)
    assert pair.target_energy == pytest.approx((y**2).sum(), rel=1e-12)


def test_the_norm_of_the_target_kernel_follows_the_form():
    expected = {
        "shared": lambda y: np.linalg.norm(y @ y.T),
        "diagonal": lambda y: np.sqrt(sum(np.linalg.norm(np.outer(v, v)) ** 2 for v in y.T)),
        "full": lambda y: np.linalg.norm(np.outer(y, y)),
    }
    for form, formula in expected.items():
        K, y = problem(form)
        assert KernelTarget.of(K, y).target_kernel_norm == pytest.approx(formula(y), rel=1e-12)


@pytest.mark.parametrize("form", ["shared", "diagonal", "full"])
def test_centring_is_the_projection_on_both_sides_for_each_pair_of_outputs(form):
    K, y = problem(form)
    H = np.eye(N) - 1 / N
    centred = KernelTarget.of(K, y).centred()
    np.testing.assert_allclose(centred.target.numpy(), H @ y, atol=1e-14)
    expected = np.einsum("ia,abkl,bj->ijkl", H, as_full(K), H)
    b = np.random.default_rng(1).standard_normal((N, C))
    got = centred.blocks.apply(torch.from_numpy(b)).numpy()
    np.testing.assert_allclose(got, np.einsum("ijkl,jl->ik", expected, b), atol=1e-11)


def test_input_that_makes_no_pair_is_refused():
    with pytest.raises(DataError, match="`y` is zero everywhere, so no kernel"):
        KernelTarget.of(np.eye(2), np.zeros((2, 2)))
    with pytest.raises(ShapeError, match="`y`"):
        KernelTarget.of(np.eye(3), np.ones(2))
    with pytest.raises(ShapeError, match="`K`"):
        KernelTarget.of(np.ones((3, 2)), np.ones(3))
    with pytest.raises(NotFiniteError, match="`y`"):
        KernelTarget.of(np.eye(2), [np.nan, 1.0])
    with pytest.raises(NotSymmetricError):
        KernelTarget.of(np.triu(np.ones((2, 2))), np.ones(2))


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_a_target_without_squares_is_refused(scale):
    with pytest.raises(DataError, match="Divide it by that"):
        KernelTarget.of(np.eye(2), [scale, -scale])


def test_an_empty_target_is_not_called_zero():
    with pytest.raises(DataError, match="`y` is empty"):
        KernelTarget.of(np.zeros((0, 0)), [])


def test_labels_in_words_are_refused_with_a_way_to_make_numbers_of_them():
    for words in (["cat", "dog"], np.array(["cat", "dog"], dtype=object)):
        with pytest.raises(ArgumentError, match=r"got words, such as 'cat'. .*2\.0 \* \(labels == 'cat'\) - 1"):
            KernelTarget.of(np.eye(2), words)
