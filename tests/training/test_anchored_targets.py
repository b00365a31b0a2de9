from __future__ import annotations

import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError, DataError, NotFiniteError, ShapeError
from tangentlab.training import AnchoredTargets


def test_the_residual_is_taken_from_the_anchor_and_the_shape_follows_the_targets():
    vector = AnchoredTargets.of(np.eye(3), np.array([1, 2, 3]), f0=np.ones((3, 1)))
    assert vector.shaped(vector.residual).tolist() == [0.0, 1.0, 2.0]
    columns = AnchoredTargets.of(np.eye(3), np.ones((3, 2)))
    assert columns.shaped(columns.residual).shape == (3, 2)


def test_a_shared_kernel_is_not_copied():
    K = torch.eye(3)
    assert AnchoredTargets.of(K, torch.ones(3)).blocks.systems.data_ptr() == K.data_ptr()


def test_predictions_need_the_anchor_outputs_exactly_when_the_fit_had_them():
    a = torch.ones(2, 1, dtype=torch.float64)
    centred, biased = (
        AnchoredTargets.of(np.eye(2), np.ones(2)),
        AnchoredTargets.of(np.eye(2), np.ones(2), f0=np.ones(2)),
    )
    assert biased.predict(np.eye(2), a, f0_test=[1.0, 2.0]).tolist() == [2.0, 3.0]
    with pytest.raises(ArgumentError, match="`f0_test` must be given, as f0 was"):
        biased.predict(np.eye(2), a)
    with pytest.raises(ArgumentError, match="`f0_test` must be left out"):
        centred.predict(np.eye(2), a, f0_test=[1.0, 2.0])


def test_no_test_rows_give_no_predictions():
    data = AnchoredTargets.of(np.eye(2), np.ones((2, 3)))
    assert data.predict(np.ones((0, 2)), torch.ones(2, 3)).shape == (0, 3)


@pytest.mark.parametrize(
    ("K", "y", "f0", "message"),
    [
        (np.eye(3), np.ones(2), None, "`y` must be of shape"),
        (np.eye(3), np.ones((3, 1, 1)), None, "`y` must be of shape"),
        (np.ones((3, 4)), np.ones(3), None, "`K` must be square"),
        (np.ones((3, 3, 2)), np.ones((3, 4)), None, "`K` must be of shape"),
        (np.eye(3), np.ones((3, 2)), np.ones(3), "`f0` must be of shape"),
        (np.eye(3), np.ones((3, 2)), np.ones((2, 2)), "`f0` must be of shape"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_by_name(K, y, f0, message):
    with pytest.raises(ShapeError, match=message):
        AnchoredTargets.of(K, y, f0=f0)


def test_a_test_kernel_of_another_form_or_width_is_refused():
    data = AnchoredTargets.of(np.ones((3, 3, 2)), np.ones((3, 2)))
    for shape in [(4, 3), (4, 5, 2), (4, 3, 2, 2)]:
        with pytest.raises(ShapeError, match="`K_test` must be a kernel against the 3 training rows, diagonal"):
            data.predict(np.ones(shape), torch.ones(3, 2))


def test_empty_and_not_finite_input_is_refused():
    with pytest.raises(DataError, match="no training rows"):
        AnchoredTargets.of(np.zeros((0, 0)), np.zeros(0))
    with pytest.raises(NotFiniteError, match="`y` has 1 entry"):
        AnchoredTargets.of(np.eye(2), np.array([np.nan, 1.0]))
    with pytest.raises(NotFiniteError, match="`K_test` has"):
        AnchoredTargets.of(np.eye(2), np.ones(2)).predict(np.full((1, 2), np.inf), torch.ones(2, 1))


def test_one_column_of_anchor_outputs_is_not_spread_over_several_outputs():
    data = AnchoredTargets.of(np.eye(2), np.ones((2, 3)), f0=np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="`f0_test` must be of shape .n, c. with n = 2, c = 3, got .2, 1."):
        data.predict(np.eye(2), torch.ones(2, 3), f0_test=[1.0, 2.0])
