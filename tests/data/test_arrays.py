"""npz and npy files of the usual forms, without pickles."""

import numpy as np
import pytest

from tangentlab._errors import DataError, ShapeError
from tangentlab.data import read_arrays


def arrays(n=8):
    return np.random.default_rng(0).normal(size=(n, 3)), np.arange(n) % 2


@pytest.mark.parametrize(
    "names", [("x", "y"), ("X", "Y"), ("images", "labels"), ("data", "target"), ("arr_0", "arr_1")]
)
def test_a_pair_of_arrays_is_found_by_its_names(tmp_path, names):
    x, y = arrays()
    np.savez(tmp_path / "toy.npz", **dict(zip(names, (x, y))))
    data = read_arrays(tmp_path / "toy.npz")
    assert (data.name, data.n_train) == ("toy", None)
    np.testing.assert_array_equal(data.x.numpy(), x.astype(np.float32))
    assert data.y.tolist() == y.tolist()


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "y_train", "X_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
    ],
)
def test_train_and_test_arrays_are_an_official_split(tmp_path, names):
    (x, y), (x_test, y_test) = arrays(8), arrays(4)
    np.savez_compressed(tmp_path / "toy.npz", **dict(zip(names, (x, y, x_test, y_test))))
    data = read_arrays(tmp_path / "toy.npz")
    assert (data.n, data.n_train) == (12, 8)
    assert data.y[8:].tolist() == y_test.tolist()


def test_train_arrays_alone_are_data_without_a_split(tmp_path):
    x, y = arrays()
    np.savez(tmp_path / "toy.npz", x_train=x, y_train=y)
    assert read_arrays(tmp_path / "toy.npz").n_train is None


def test_class_names_come_from_the_file(tmp_path):
    x, y = arrays()
    np.savez(tmp_path / "toy.npz", x=x, y=y, classes=["</script>", "b"])
    assert read_arrays(tmp_path / "toy.npz").classes == ("</script>", "b")


def test_labels_in_a_column_of_their_own_axis_are_taken(tmp_path):
    x, y = arrays()
    np.savez(tmp_path / "toy.npz", x=x, y=y[:, None])
    assert read_arrays(tmp_path / "toy.npz").y.shape == (8,)


def test_a_table_has_its_labels_last(tmp_path):
    x, y = arrays()
    np.save(tmp_path / "toy.npy", np.column_stack([x, y + 3]))
    data = read_arrays(tmp_path / "toy.npy")
    assert (data.shape, data.classes) == ((3,), ("3", "4"))


@pytest.mark.parametrize("form", ["npz", "npy"])
def test_python_objects_are_refused_as_a_pickle(tmp_path, form):
    hostile = np.array([{"a": 1}, None], dtype=object)
    if form == "npz":
        np.savez(tmp_path / "toy.npz", x=hostile, y=[0, 1])
    else:
        np.save(tmp_path / "toy.npy", hostile)
    with pytest.raises(DataError, match="could run code"):
        read_arrays(tmp_path / f"toy.{form}")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 cut short", b"\x93NUMPY\x01\x00"])
def test_damaged_files_are_refused_by_name(tmp_path, content):
    (tmp_path / "toy.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"toy\.npz"):
        read_arrays(tmp_path / "toy.npz")


def test_a_file_that_is_none_of_numpys_is_not_called_a_pickle(tmp_path):
    (tmp_path / "toy.npz").write_text("<html>not found</html>")
    with pytest.raises(DataError, match="not a file of NumPy's"):
        read_arrays(tmp_path / "toy.npz")


def test_a_damaged_member_is_refused(tmp_path):
    x, y = arrays(200)
    np.savez(tmp_path / "toy.npz", x=x, y=y)
    content = bytearray((tmp_path / "toy.npz").read_bytes())
    content[1000] ^= 255
    (tmp_path / "toy.npz").write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        read_arrays(tmp_path / "toy.npz")


def test_unknown_names_are_listed(tmp_path):
    np.savez(tmp_path / "toy.npz", a=np.zeros(2), b=np.zeros(2))
    with pytest.raises(DataError, match="has the arrays a, b; no pair"):
        read_arrays(tmp_path / "toy.npz")


def test_lengths_that_differ_are_refused(tmp_path):
    x, y = arrays()
    np.savez(tmp_path / "one.npz", x=x, y=y[:-1])
    with pytest.raises(ShapeError, match="8 rows of x, got 7 labels"):
        read_arrays(tmp_path / "one.npz")
    np.savez(tmp_path / "two.npz", x_train=x, y_train=y[:-1], x_test=x, y_test=np.append(y, 0))
    with pytest.raises(DataError, match="8 rows and 7 labels in its train part"):
        read_arrays(tmp_path / "two.npz")


def test_parts_with_rows_of_two_shapes_are_refused(tmp_path):
    x, y = arrays()
    np.savez(tmp_path / "toy.npz", x_train=x, y_train=y, x_test=x[:, :2], y_test=y)
    with pytest.raises(DataError, match="rows of shape"):
        read_arrays(tmp_path / "toy.npz")


def test_an_array_that_is_no_table_is_refused(tmp_path):
    np.save(tmp_path / "toy.npy", np.zeros((2, 3, 4)))
    with pytest.raises(DataError, match="its last column the labels"):
        read_arrays(tmp_path / "toy.npy")
