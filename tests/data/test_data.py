"""Data: what is accepted, what is refused, and what identity means."""

import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError, DataError, ShapeError
from tangentlab.data import Data, Normalization

HOSTILE = "</script><img src=x onerror=alert(1)>"


def rows(n=6, d=3):
    return np.arange(n * d, dtype=np.float64).reshape(n, d)


def test_rows_with_nan_are_refused_by_number():
    x = rows()
    x[2, 1], x[4, 0] = np.nan, np.inf
    with pytest.raises(DataError, match="toy has 2 rows with NaN, infinity or an empty cell, the first is row 2"):
        Data.from_arrays(x, [0, 1] * 3, name="toy")


def test_values_beyond_float32_are_refused_as_infinite():
    x = rows()
    x[0, 0] = 1e300
    with pytest.raises(DataError, match="1 row with"):
        Data.from_arrays(x, [0, 1] * 3, name="toy")


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 1, 8, 8)])
def test_no_rows_or_no_features_are_refused(shape):
    with pytest.raises(DataError, match="empty"):
        Data.from_arrays(np.zeros(shape), np.zeros(shape[0], int), name="toy")


def test_labels_of_another_length_are_refused_with_both_lengths():
    with pytest.raises(ShapeError, match="one label for each of the 6 rows of x, got 5 labels"):
        Data.from_arrays(rows(), [0, 1, 0, 1, 0], name="toy")


def test_labels_outside_the_classes_are_refused():
    with pytest.raises(DataError, match="label 2 at row 1, outside its 2 classes"):
        Data.from_arrays(rows(3), [0, 2, 1], name="toy", classes=["a", "b"])
    with pytest.raises(DataError, match="label -1 at row 0"):
        Data.from_arrays(rows(3), [-1, 0, 1], name="toy", classes=["a", "b"])


def test_equal_class_names_are_refused():
    with pytest.raises(ArgumentError, match="distinct"):
        Data.from_arrays(rows(2), [0, 1], name="toy", classes=["a", "a"])


@pytest.mark.parametrize("n_train", [0, 6, 7, -1])
def test_an_official_split_has_rows_on_both_sides(n_train):
    with pytest.raises(ArgumentError, match="n_train"):
        Data.from_arrays(rows(), [0, 1] * 3, name="toy", n_train=n_train)


def test_one_axis_is_refused_with_the_way_to_make_two():
    with pytest.raises(ShapeError, match=r"x\[:, None\]"):
        Data.from_arrays(np.zeros(3), [0, 1, 0], name="toy")


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        ([["a"], ["b"]], "must be numbers"),
        (np.array([[1 + 1j], [2]]), "must be numbers"),
        (torch.tensor([[1 + 1j], [2]]), "real numbers"),
        ([[1.0, 2.0], [3.0]], "one shape"),
        (np.array([[None], [1]], dtype=object), "must be numbers"),
    ],
)
def test_rows_that_are_no_real_numbers_are_refused(x, reason):
    with pytest.raises(DataError, match=reason):
        Data.from_arrays(x, [0, 1], name="toy")


def test_the_constructor_itself_wants_float32_and_int64():
    with pytest.raises(ArgumentError, match=r"Data\.from_arrays"):
        Data(name="toy", x=torch.zeros(2, 1, dtype=torch.float64), y=torch.tensor([0, 1]), classes=("a", "b"))


@pytest.mark.parametrize("kind", ["<f8", ">f8", "<f4", "f2", "i2", ">i4", "u2", "u8", "bool", "g"])
def test_every_kind_of_number_keeps_its_value(kind):
    x = (rows() % 2).astype(kind)
    data = Data.from_arrays(x, [0, 1] * 3, name="toy")
    assert data.x.dtype == torch.float32
    np.testing.assert_array_equal(data.x.numpy(), rows() % 2)


@pytest.mark.parametrize("convert", [np.asarray, torch.tensor], ids=["numpy", "torch"])
def test_the_arrays_given_are_copied(convert):
    x, y = convert(np.zeros((2, 2), np.float32)), convert(np.array([0, 1]))
    data = Data.from_arrays(x, y, name="toy")
    x[0, 0] = 7.0
    y[0] = 1
    assert float(data.x[0, 0]) == 0.0
    assert data.y.tolist() == [0, 1]


def test_rows_that_require_gradients_come_without_them():
    assert not Data.from_arrays(torch.zeros(2, 2, requires_grad=True), [0, 1], name="toy").x.requires_grad


def test_float_images_keep_values_and_shape():
    x = 3 * np.ones((2, 5, 4, 3))
    assert torch.equal(Data.from_arrays(x, [0, 1], name="toy").x, 3 * torch.ones(2, 5, 4, 3))


def test_bytes_in_a_table_are_numbers_and_not_pixels():
    assert float(Data.from_arrays(np.full((2, 2), 200, np.uint8), [0, 1], name="toy").x[0, 0]) == 200


def test_class_names_are_kept_verbatim():
    assert Data.from_arrays(rows(2), [0, 1], name="toy", classes=[HOSTILE, "b"]).classes[0] == HOSTILE
    assert Data.from_arrays(rows(2), [HOSTILE, "b"], name="toy").classes[0] == HOSTILE


def test_identity_is_equal_exactly_for_equal_content():
    base = Data.from_arrays(rows(), [0, 1] * 3, name="toy")
    assert base.identity == Data.from_arrays(torch.tensor(rows()), torch.tensor([0, 1] * 3), name="toy").identity
    others = [
        Data.from_arrays(rows() + 1, [0, 1] * 3, name="toy"),
        Data.from_arrays(rows(), [1, 0] * 3, name="toy"),
        Data.from_arrays(rows(), [0, 1] * 3, name="toy", classes=["a", "b"]),
        Data.from_arrays(rows(), [0, 1] * 3, name="toy", n_train=4),
    ]
    assert len({base.identity["sha256"], *(other.identity["sha256"] for other in others)}) == 5


def test_data_are_frozen():
    data = Data.from_arrays(rows(), [0, 1] * 3, name="toy")
    with pytest.raises(AttributeError):
        data.name = "other"  # type: ignore[misc]


def test_the_normalization_of_rows_is_that_of_these_rows_whatever_was_asked_before():
    data = Data.from_arrays(np.random.default_rng(0).normal(size=(9, 2, 3, 3)), [0, 1, 2] * 3, name="small")
    for rows in ([0, 1, 2], [3, 4, 5], [3, 4, 5], [2, 1, 0], [0, 1, 2]):
        found, expected = data.normalization(torch.tensor(rows)), Normalization.of(data.x[torch.tensor(rows)])
        assert torch.equal(found.mean, expected.mean)
        assert torch.equal(found.std, expected.std)
