"""Data set objects of other libraries, known by what they can do."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from tangentlab._errors import ArgumentError, DataError, UnknownNameError
from tangentlab.data import from_dataset, from_hf, from_torch, load


class Rows(Dataset):
    def __init__(self, rows, classes=None):
        self.rows = rows
        if classes is not None:
            self.classes = classes

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index]


class Columns:
    """What a Hugging Face `Dataset` can do, as far as it is used."""

    def __init__(self, columns, features=None):
        self.columns, self.column_names, self.features = columns, list(columns), features or {}

    def __getitem__(self, name):
        return self.columns[name]


def picture(mode, value=100, size=(4, 6)):
    return Image.new(mode, size, value)


def test_a_tensor_dataset_is_read_row_by_row():
    x = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(0))
    data = from_torch(TensorDataset(x, torch.tensor([0, 1, 0, 2, 1])), name="toy")
    assert torch.equal(data.x, x)
    assert (data.y.tolist(), data.n_train) == ([0, 1, 0, 2, 1], None)


def test_a_second_data_set_is_the_official_test_part():
    train, test = ([(np.zeros(2), 0), (np.ones(2), 1)], [(np.ones(2), 1)])
    assert from_torch(Rows(train), name="toy", test=Rows(test)).n_train == 2


def test_class_names_come_from_the_data_set():
    data = from_torch(Rows([(np.zeros(1), 1), (np.ones(1), 0)], classes=["no", "yes"]), name="toy")
    assert (data.classes, data.y.tolist()) == (("no", "yes"), [1, 0])


def test_rows_that_are_dictionaries_are_read_by_their_usual_keys():
    rows = [{"pixel_values": np.zeros(2), "labels": 0}, {"pixel_values": np.ones(2), "labels": 1}]
    assert from_torch(Rows(rows), name="toy").x.tolist() == [[0.0, 0.0], [1.0, 1.0]]


@pytest.mark.parametrize(
    ("mode", "shape"), [("L", (1, 6, 4)), ("RGB", (3, 6, 4)), ("1", (1, 6, 4)), ("P", (3, 6, 4))]
)
def test_pil_images_become_pixels(mode, shape):
    data = from_torch(Rows([(picture(mode), 0), (picture(mode), 1)]), name="toy")
    assert data.shape == shape
    assert 0 <= float(data.x.min()) <= float(data.x.max()) <= 1


def test_grey_images_among_coloured_ones_are_made_coloured():
    data = from_torch(Rows([(picture("L", 51), 0), (picture("RGB", (255, 0, 0)), 1)]), name="toy")
    assert data.shape == (3, 6, 4)
    torch.testing.assert_close(data.x[0].unique(), torch.tensor([0.2]))
    assert data.x[1, :, 0, 0].tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "no rows"),
        ([(np.zeros(2), 0), (np.zeros(3), 1)], r"shape \(2,\) in row 0 and \(3,\) in row 1"),
        ([(picture("L"), 0), (picture("L", size=(5, 5)), 1)], "resize"),
        ([("a text", 0), ("another", 1)], "Encode text as numbers"),
        ([np.zeros(2), np.zeros(2)], "not a pair of input and label"),
        ([{"text": "a", "label": 0}], "known as x"),
    ],
)
def test_rows_that_cannot_be_stacked_are_refused(rows, reason):
    with pytest.raises(DataError, match=reason):
        from_torch(Rows(rows), name="toy")


def test_loaders_and_streams_are_refused_with_the_remedy():
    class Stream(IterableDataset):
        def __iter__(self):
            yield np.zeros(2), 0

    for wrong in (DataLoader(Rows([(np.zeros(2), 0)])), Stream()):
        with pytest.raises(ArgumentError, match=r"pass its \.dataset"):
            from_torch(wrong, name="toy")


def test_hf_columns_are_chosen_by_their_usual_names():
    columns = {"id": ["a", "b"], "img": [picture("L"), picture("L")], "label": [1, 0]}
    features = {"label": SimpleNamespace(names=["cat", "dog"])}
    data = from_hf(Columns(columns, features), name="pets")
    assert (data.shape, data.y.tolist(), data.classes) == ((1, 6, 4), [1, 0], ("cat", "dog"))


def test_hf_columns_can_be_named():
    columns = {"a": [1.0, 2.0], "b": [3.0, 4.0], "c": [5.0, 6.0], "sort": ["u", "v"]}
    assert from_hf(Columns(columns), name="t", x=["c", "a"], y="sort").x.tolist() == [[5.0, 1.0], [6.0, 2.0]]
    assert from_hf(Columns(columns), name="t", x="b", y="sort").x.tolist() == [[3.0], [4.0]]
    with pytest.raises(UnknownNameError, match="`x` must be one of a, b, c, sort"):
        from_hf(Columns(columns), name="t", x="d", y="sort")
    with pytest.raises(DataError, match="known as y"):
        from_hf(Columns(columns), name="t")


def test_hf_parts_become_an_official_split():
    parts = {
        "train": Columns({"x": [[1.0, 2.0], [3.0, 4.0]], "y": [0, 1]}),
        "test": Columns({"x": [[5.0, 6.0]], "y": [1]}),
    }
    data = from_hf(parts, name="toy")
    assert (data.n_train, data.x[2].tolist()) == (2, [5.0, 6.0])
    parts["test"] = Columns({"x": [[5.0]], "y": [1]})
    with pytest.raises(DataError, match="differ in the shape"):
        from_hf(parts, name="toy")


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"text": ["a", "b"], "label": [0, 1]}, "where numbers or an image were expected"),
        ({"a": [[1.0], [2.0]], "b": [1.0, 2.0], "label": [0, 1]}, "more than one number a row"),
    ],
)
def test_hf_columns_that_are_no_numbers_are_refused(columns, reason):
    with pytest.raises(DataError, match=reason):
        from_hf(Columns(columns), name="toy")


def test_load_takes_either_kind_of_object():
    assert load(TensorDataset(torch.eye(2), torch.tensor([0, 1]))).name == "tensordataset"
    assert load(Columns({"x": [[1.0], [2.0]], "y": [0, 1]})).shape == (1,)
    assert from_dataset([(np.zeros(1), 0), (np.ones(1), 1)], name="pairs").name == "pairs"
