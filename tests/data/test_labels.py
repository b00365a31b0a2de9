"""Labels of every kind, and those that are no labels."""

import numpy as np
import pytest
import torch

from tangentlab._errors import DataError, ShapeError
from tangentlab.data import encode_labels


@pytest.mark.parametrize(
    ("labels", "indices", "classes"),
    [
        ([5, 2, 5], [1, 0, 1], ("2", "5")),
        ([10, 9], [1, 0], ("9", "10")),
        ([2.0, 0.0], [1, 0], ("0", "2")),
        ([True, False], [1, 0], ("0", "1")),
        (["b", "a", "b"], [1, 0, 1], ("a", "b")),
        (np.array(["b", "a"], dtype=object), [1, 0], ("a", "b")),
        (np.array([b"b", b"a"]), [1, 0], ("a", "b")),
        (torch.tensor([[3], [1]]), [1, 0], ("1", "3")),
    ],
)
def test_labels_become_indices_into_their_sorted_values(labels, indices, classes):
    y, names = encode_labels(labels)
    assert y.dtype == torch.int64
    assert (y.tolist(), names) == (indices, classes)


def test_given_classes_fix_the_order_of_text():
    assert encode_labels(["b", "a"], classes=["b", "a", "c"])[0].tolist() == [0, 1]


def test_text_that_is_no_given_class_is_refused():
    with pytest.raises(DataError, match="label 'x', which is none of its 2 classes"):
        encode_labels(["a", "x"], classes=["a", "b"])


@pytest.mark.parametrize("wrong", [0.5, np.nan, np.inf])
def test_numbers_that_are_no_classes_are_refused(wrong):
    with pytest.raises(DataError, match="at row 1; labels are classes"):
        encode_labels([1.0, wrong])


def test_one_hot_rows_are_refused_with_the_way_to_labels():
    with pytest.raises(ShapeError, match=r"argmax\(1\)"):
        encode_labels(np.eye(3))


def test_a_mixture_of_kinds_is_refused():
    with pytest.raises(DataError, match="integers or text"):
        encode_labels(np.array(["a", 1], dtype=object))
