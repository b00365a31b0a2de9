"""IDX: real files, files made byte by byte, and damaged ones."""

import gzip
import os
import struct

import numpy as np
import pytest
import torch

from tangentlab._errors import DataError
from tangentlab.data import load, read_idx, read_idx_folder

CODES = {"u1": 8, "i1": 9, ">i2": 11, ">i4": 12, ">f4": 13, ">f8": 14}


def idx(array):
    code = CODES[array.dtype.str.lstrip("|")]
    return struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape) + array.tobytes()


def four_files(folder, *, compress=gzip.compress, suffix=".gz", train=12, test=5, style="-idx"):
    random = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    parts = {}
    for part, n in (("train", train), ("t10k", test)):
        images = random.integers(256, size=(n, 4, 3), dtype=np.uint8)
        labels = (np.arange(n) % 3).astype(np.uint8)
        (folder / f"{part}-images{style}3-ubyte{suffix}").write_bytes(compress(idx(images)))
        (folder / f"{part}-labels{style}1-ubyte{suffix}").write_bytes(compress(idx(labels)))
        parts[part] = images, labels
    return parts


@pytest.fixture(scope="module")
def fashion():
    if not os.path.isdir("/usr/share/datasets/fashion-mnist"):
        pytest.skip("needs Debian's dataset-fashion-mnist")
    return load("fashion-mnist", path="/usr/share/datasets/fashion-mnist")


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_every_type_is_read_back(tmp_path, kind, compress):
    array = np.arange(24).reshape(2, 3, 4).astype(kind)
    (tmp_path / "file").write_bytes(compress(idx(array)))
    found = read_idx(tmp_path / "file")
    assert found.dtype.isnative
    assert found.dtype.itemsize == array.dtype.itemsize
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "does not begin as an IDX file"),
        (b"\0\0", "does not begin as an IDX file"),
        (b"<!doctype html><title>404", "a web page saved under this name"),
        (b"\0\0\x07\x01\0\0\0\1x", "does not begin as an IDX file"),
        (b"\0\0\x08\0", "does not begin as an IDX file"),
        (b"\0\0\x08\x03\0\0\0\1", "ends inside its header"),
        (idx(np.zeros((4, 4), np.uint8))[:-1], "holds only 15 of the 16 bytes"),
        (idx(np.zeros((4, 4), np.uint8)) + b"x", "more than the 16 bytes"),
        (gzip.compress(idx(np.zeros((4, 4), np.uint8)), mtime=0)[:-9], "cannot be read"),
        (gzip.compress(b"abc", mtime=0)[:5], "cannot be read"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"nonsense" * 4, "cannot be read"),
    ],
)
def test_malformed_files_are_refused_by_name(tmp_path, content, reason):
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(DataError, match=reason) as refusal:
        read_idx(path)
    assert str(path) in str(refusal.value)


def test_a_header_announcing_more_than_memory_costs_none(tmp_path):
    (tmp_path / "file").write_bytes(struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1) + b"abc")
    with pytest.raises(DataError, match="holds only 3 of the"):
        read_idx(tmp_path / "file")


def test_a_small_file_that_unpacks_to_much_is_read_no_further_than_announced(tmp_path):
    bomb = struct.pack(">HBBI", 0, 8, 1, 10) + bytes(1 << 26)
    (tmp_path / "file").write_bytes(gzip.compress(bomb))
    with pytest.raises(DataError, match="more than the 10 bytes"):
        read_idx(tmp_path / "file")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path / "nothing")


@pytest.mark.parametrize(("compress", "suffix"), [(gzip.compress, ".gz"), (bytes, "")])
@pytest.mark.parametrize("style", ["-idx", ".idx"])
def test_a_folder_is_read_with_its_official_split(tmp_path, compress, suffix, style):
    parts = four_files(tmp_path, compress=compress, suffix=suffix, style=style)
    data = read_idx_folder(tmp_path, name="toy")
    assert (data.n_train, data.shape, data.classes) == (12, (1, 4, 3), ("0", "1", "2"))
    images = np.concatenate([parts["train"][0], parts["t10k"][0]])
    np.testing.assert_array_equal(data.x[:, 0].numpy(), images.astype(np.float32) / np.float32(255))
    assert data.y.tolist() == [*(i % 3 for i in range(12)), *(i % 3 for i in range(5))]


def test_a_folder_names_the_files_it_lacks(tmp_path):
    four_files(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="lacks t10k-labels-idx1-ubyte"):
        read_idx_folder(tmp_path, name="toy")


def test_images_and_labels_exchanged_are_refused(tmp_path):
    four_files(tmp_path)
    images, labels = tmp_path / "train-images-idx3-ubyte.gz", tmp_path / "train-labels-idx1-ubyte.gz"
    images.rename(tmp_path / "kept")
    labels.rename(images)
    (tmp_path / "kept").rename(labels)
    with pytest.raises(DataError, match="must hold bytes with 3 axes"):
        read_idx_folder(tmp_path, name="toy")


def test_parts_of_two_data_sets_are_refused(tmp_path):
    four_files(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros((5, 9, 9), np.uint8))))
    with pytest.raises(DataError, match="the test images of size"):
        read_idx_folder(tmp_path, name="toy")


def test_a_pair_of_two_lengths_is_refused_with_both(tmp_path):
    four_files(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros(11, np.uint8))))
    with pytest.raises(DataError, match="12 images and 11 labels"):
        read_idx_folder(tmp_path, name="toy")


def test_fashion_mnist_has_its_published_form(fashion):
    assert (fashion.n, fashion.n_train, fashion.shape) == (70000, 60000, (1, 28, 28))
    assert (float(fashion.x.min()), float(fashion.x.max())) == (0.0, 1.0)
    assert torch.bincount(fashion.y[:60000]).tolist() == [6000] * 10
    assert torch.bincount(fashion.y[60000:]).tolist() == [1000] * 10
    assert fashion.classes[int(fashion.y[0])] == "Ankle boot"


def test_fashion_mnist_is_read_as_numpy_reads_it(fashion):
    with gzip.open("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz") as file:
        raw = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    np.testing.assert_array_equal(fashion.x[60000:, 0].numpy(), raw.astype(np.float32) / np.float32(255))
