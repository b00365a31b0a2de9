"""load: names, paths, objects, downloads."""

import gzip
import hashlib
from dataclasses import replace

import numpy as np
import pytest

from tangentlab._errors import ArgumentError, DataError, UnknownNameError
from tangentlab.data import DATA, Download, Filed, load


def idx_files():
    for part, n in (("train", 20), ("t10k", 10)):
        images = np.arange(n * 784).reshape(n, 784).astype(np.uint8)
        yield (
            f"{part}-images-idx3-ubyte.gz",
            gzip.compress(bytes([0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, 28, 0, 0, 0, 28]) + images.tobytes()),
        )
        yield (
            f"{part}-labels-idx1-ubyte.gz",
            gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, n]) + bytes(i % 10 for i in range(n))),
        )


def write_idx(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in idx_files():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def served_mnist(home, monkeypatch):
    """MNIST's catalogue entry with its home on this disk."""
    folder = write_idx(home / "server")
    source = DATA["mnist"]
    assert isinstance(source, Filed)
    downloads = tuple(
        Download(file=name, urls=((folder / name).as_uri(),), sha256=hashlib.sha256(content).hexdigest())
        for name, content in idx_files()
    )
    monkeypatch.setitem(DATA, "mnist", replace(source, downloads=downloads))
    return folder


def test_digits_need_nothing(home):
    assert load("digits").n == 1797


@pytest.mark.parametrize("name", ["fashion-mnist", "mnist", "cifar10"])
def test_data_that_are_nowhere_are_refused_with_places_and_remedy(home, name):
    with pytest.raises(
        DataError, match=rf"{name} was not found; searched .*system.*/data/.*\.cache.*download=True"
    ):
        load(name)


def test_fashion_mnist_names_its_debian_package(home):
    with pytest.raises(DataError, match="apt-get install dataset-fashion-mnist"):
        load("fashion-mnist")


@pytest.mark.parametrize(
    "place", ["system/mnist", "data/MNIST/raw", ".cache/tangentlab/mnist", "own/mnist"], ids=lambda place: place
)
def test_a_name_is_found_wherever_it_may_lie(home, monkeypatch, place):
    monkeypatch.setenv("TANGENTLAB_DATA", str(home / "own"))
    write_idx(home / place)
    data = load("mnist")
    assert (data.name, data.n_train, data.shape, data.classes[9]) == ("mnist", 20, (1, 28, 28), "9")


def test_an_explicit_path_is_not_replaced_by_another_place(home):
    write_idx(home / "system" / "mnist")
    with pytest.raises(DataError, match=r"not found; searched .*/elsewhere \(not there\)"):
        load("mnist", path=home / "elsewhere")


def test_nothing_is_fetched_unless_asked(home, served_mnist):
    with pytest.raises(DataError, match="not found"):
        load("mnist")
    assert not (home / ".cache").exists()


def test_a_download_goes_to_the_cache_and_is_found_there_again(home, served_mnist):
    first = load("mnist", download=True)
    for file in served_mnist.iterdir():
        file.unlink()
    assert load("mnist").identity == first.identity
    assert (home / ".cache" / "tangentlab" / "mnist" / "train-images-idx3-ubyte.gz").exists()


def test_a_download_goes_to_the_path_that_is_given(home, served_mnist):
    load("mnist", path=home / "mine", download=True)
    assert load("mnist", path=home / "mine").n == 30
    assert not (home / ".cache").exists()


def test_a_tampered_download_is_refused_before_it_is_read(home, served_mnist):
    (served_mnist / "train-labels-idx1-ubyte.gz").write_bytes(b"not even gzip")
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte.gz could not be fetched.*SHA-256"):
        load("mnist", download=True)


def test_paths_of_every_kind_are_read(home):
    x, y = np.random.default_rng(0).normal(size=(6, 2)), np.arange(6) % 2
    np.savez(home / "toy.npz", x=x, y=y)
    np.save(home / "toy.npy", np.column_stack([x, y]))
    np.savetxt(home / "toy.csv", np.column_stack([x, y]), delimiter=",")
    loaded = [load(home / f"toy.{kind}") for kind in ("npz", "npy", "csv")]
    assert {data.name for data in loaded} == {"toy"}
    assert len({data.identity["sha256"] for data in loaded}) == 1
    assert load(str(home / "toy.csv")).identity == loaded[2].identity
    assert load("mine", path=home / "toy.npz").name == "mine"


def test_a_folder_is_known_by_its_files(home):
    folder = write_idx(home / "clothes")
    assert (load(folder).name, load(folder).n_train) == ("clothes", 20)
    rng = np.random.default_rng(0)
    (home / "pictures").mkdir()
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        records = rng.integers(256, size=(4, 3073), dtype=np.uint8)
        records[:, 0] %= 10
        (home / "pictures" / f"{name}.bin").write_bytes(records.tobytes())
    assert (load(home / "pictures").shape, load(home / "pictures").n_train) == ((3, 32, 32), 20)


def test_a_label_column_is_named_for_tables_only(home):
    (home / "toy.csv").write_text("kind,a\nx,1\ny,2\n")
    assert load(home / "toy.csv", label="kind").classes == ("x", "y")
    np.savez(home / "toy.npz", x=np.eye(2), y=[0, 1])
    with pytest.raises(ArgumentError, match="tables only"):
        load(home / "toy.npz", label="kind")
    with pytest.raises(ArgumentError, match="tables only"):
        load("digits", label="kind")
    with pytest.raises(ArgumentError, match="tables only"):
        load(write_idx(home / "clothes"), label="kind")


def test_a_path_to_bundled_data_is_refused(home):
    with pytest.raises(ArgumentError, match="left out for digits"):
        load("digits", path=home)


def test_unknown_names_and_paths_are_told_apart(home, monkeypatch):
    monkeypatch.chdir(home)
    with pytest.raises(UnknownNameError, match="Did you mean 'cifar10'"):
        load("cifar-10")
    for wrong in ("nowhere.npz", "some/where", str(home / "nothing")):
        with pytest.raises(DataError, match="There is no file or folder"):
            load(wrong)


def test_other_files_and_folders_are_refused_with_what_is_read(home):
    (home / "toy.pkl").write_bytes(b"")
    with pytest.raises(DataError, match=r"known are \.npz, \.npy, \.csv, \.tsv and folders"):
        load(home / "toy.pkl")
    (home / "empty").mkdir()
    with pytest.raises(DataError, match="neither IDX nor CIFAR-10"):
        load(home / "empty")


def test_data_pass_through():
    data = load("digits")
    assert load(data) is data
