"""CIFAR-10 in both of its formats, made here byte by byte."""

import os
import pickle
import struct
import warnings

import numpy as np
import pytest

from tangentlab._errors import DataError
from tangentlab.data import load, read_cifar_binary, read_cifar_folder, read_cifar_pickle

NAMES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]


def batches(rows=20):
    random = np.random.default_rng(0)
    for name in NAMES:
        yield name, random.integers(256, size=(rows, 3072), dtype=np.uint8), list(random.permutation(rows) % 10)


def write_binary(folder, rows=20):
    for name, images, labels in batches(rows):
        records = np.concatenate([np.array(labels, np.uint8)[:, None], images], axis=1)
        (folder / f"{name}.bin").write_bytes(records.tobytes())


def write_pickles(folder, rows=20, dump=None):
    for name, images, labels in batches(rows):
        (folder / name).write_bytes((dump or python2_pickle)(images, [int(label) for label in labels]))


def python2_pickle(images, labels):
    """Opcode by opcode what Python 2 and the NumPy of its day wrote: byte strings, old module names."""

    def text(value):
        return b"U" + bytes([len(value)]) + value  # SHORT_BINSTRING

    def whole(value):
        return b"J" + struct.pack("<i", value)  # BININT

    raw = images.tobytes()
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n"
        + b"cnumpy\nndarray\n"
        + whole(0)
        + b"\x85"
        + text(b"b")
        + b"\x87R"
        b"(" + whole(1) + whole(images.shape[0]) + whole(images.shape[1]) + b"\x86"
        b"cnumpy\ndtype\n" + text(b"u1") + whole(0) + whole(1) + b"\x87R"
        b"(" + whole(3) + text(b"|") + b"NNN" + whole(-1) + whole(-1) + whole(0) + b"tb"
        b"\x89" + b"T" + struct.pack("<i", len(raw)) + raw + b"tb"
    )
    items = b"](" + b"".join(map(whole, labels)) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + text(b"labels") + items + b"u."


def expected():
    images = np.concatenate([images for _, images, _ in batches()]).reshape(-1, 3, 32, 32)
    return images.astype(np.float32) / np.float32(255), np.concatenate([labels for *_, labels in batches()])


def test_the_python_2_pickle_of_these_tests_is_one_that_numpy_reads():
    _, images, labels = next(batches())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy 2 renamed the module that such pickles name
        found = pickle.loads(python2_pickle(images, labels), encoding="bytes")
    np.testing.assert_array_equal(found[b"data"], images)


@pytest.mark.parametrize(
    "write",
    [
        write_binary,
        write_pickles,
        lambda folder: write_pickles(
            folder, dump=lambda images, labels: pickle.dumps({"data": images, "labels": labels})
        ),
        lambda folder: write_pickles(
            folder, dump=lambda images, labels: pickle.dumps({b"data": images, b"labels": labels}, protocol=2)
        ),
    ],
    ids=["binary", "python 2", "python 3", "python 3, protocol 2"],
)
def test_every_format_gives_the_same_data(tmp_path, write):
    write(tmp_path)
    data = load("cifar10", path=tmp_path)
    x, y = expected()
    assert (data.name, data.n_train, data.shape) == ("cifar10", 100, (3, 32, 32))
    assert data.classes[3] == "cat"
    np.testing.assert_array_equal(data.x.numpy(), x)
    np.testing.assert_array_equal(data.y.numpy(), y)


def test_a_record_is_label_then_red_green_blue_by_rows(tmp_path):
    red, green, blue = (np.full(1024, value, np.uint8) for value in (10, 20, 30))
    green[33] = 99
    (tmp_path / "one.bin").write_bytes(bytes([7]) + red.tobytes() + green.tobytes() + blue.tobytes())
    images, labels = read_cifar_binary(tmp_path / "one.bin")
    assert labels.tolist() == [7]
    assert [int(images[0, channel, 0, 0]) for channel in range(3)] == [10, 20, 30]
    assert int(images[0, 1, 1, 1]) == 99


@pytest.mark.parametrize("size", [0, 1, 3072, 3074, 2 * 3073 - 1])
def test_files_that_are_no_whole_records_are_refused(tmp_path, size):
    (tmp_path / "one.bin").write_bytes(bytes(size))
    with pytest.raises(DataError, match=f"has {size} bytes"):
        read_cifar_binary(tmp_path / "one.bin")


def test_a_label_beyond_nine_is_refused(tmp_path):
    write_binary(tmp_path)
    (tmp_path / "data_batch_3.bin").write_bytes(bytes([10]) + bytes(3072))
    with pytest.raises(DataError, match="label 10 at row 40, outside its 10 classes"):
        read_cifar_folder(tmp_path)


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_hostile_pickle_is_refused_and_runs_nothing(tmp_path):
    write_pickles(tmp_path)
    (tmp_path / "data_batch_2").write_bytes(pickle.dumps(Hostile(str(tmp_path / "ran"))))
    with pytest.raises(DataError, match=r"data_batch_2 asks for .*mkdir.* not opened"):
        load("cifar10", path=tmp_path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "content",
    [
        [1, 2],
        {"labels": [1]},
        {"data": np.zeros((1, 3072), np.uint8)},
        {"data": np.zeros((1, 3071), np.uint8), "labels": [1]},
        {"data": np.zeros((2, 3072), np.uint8), "labels": [1]},
        {"data": np.zeros((1, 3072), np.uint8), "labels": ["1"]},
        {"data": np.zeros((1, 3072), np.uint8), "labels": [2**80]},
        {"data": np.zeros((1, 3072), np.uint8), "labels": (1,)},
        {"data": [0] * 3072, "labels": [1]},
    ],
)
def test_pickles_of_another_form_are_refused(tmp_path, content):
    (tmp_path / "one").write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match="one has"):
        read_cifar_pickle(tmp_path / "one")


def test_an_incomplete_folder_names_what_it_lacks(tmp_path):
    write_pickles(tmp_path)
    (tmp_path / "test_batch").unlink()
    with pytest.raises(DataError, match="lacks test_batch"):
        read_cifar_folder(tmp_path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_cifar_binary(tmp_path / "nothing.bin")
