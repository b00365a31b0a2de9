"""The store of tiles: whole tiles or none, every damage found, nothing but its own kernel let in."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import zarr

from tangentlab import TangentlabError
from tangentlab._errors import DamagedRecordError, MissingExtraError, StoreError
from tangentlab.kernels import TileStore
from tangentlab.linalg import SymmetricTiles

ABOUT = {"kernel": "k", "data": "d", "method": "auto", "size": 5, "tile": 2, "side": 1, "dtype": "float32"}


def kernel():
    A = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    return A @ A.T


def filled(path, **about):
    store, K = TileStore.at(path, ABOUT | about), kernel()
    for a, b in store.pairs():
        store.write((a, b), K[2 * a : 2 * a + 2, 2 * b : 2 * b + 2])
    return store, K


def test_what_is_read_is_what_was_written_and_any_zarr_reader_reads_it(tmp_path):
    _, K = filled(tmp_path / "K")
    tiles = TileStore.open(tmp_path / "K").tiles()
    assert isinstance(tiles, SymmetricTiles) and tiles.shape == (5, 5) and tiles.dtype == torch.float32
    for i, j, values in tiles.read():
        assert torch.equal(torch.as_tensor(values), K[i : i + 2, j : j + 2])
    plain = zarr.open_array(str(tmp_path / "K"), mode="r")[:]
    upper = np.triu(np.ones((5, 5), dtype=bool))
    assert np.array_equal(plain[upper], K.numpy()[upper])
    assert np.isnan(plain[4, 0])  # below the diagonal of tiles


def test_its_products_are_those_of_the_dense_kernel(tmp_path):
    store, K = filled(tmp_path / "K")
    V = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(store.tiles().matmat(V), K @ V)
    torch.testing.assert_close(store.tiles().diagonal(), K.diagonal().double())


def test_a_tile_is_missing_until_it_is_whole(tmp_path):
    store = TileStore.at(tmp_path / "K", ABOUT)
    assert store.missing() == store.pairs() == [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    store.write((0, 1), torch.ones(2, 2))
    store.write((1, 2), torch.tensor([[1.0], [float("nan")]]))  # NaN says unfinished
    assert (0, 1) not in store.missing() and (1, 2) in store.missing()
    with pytest.raises(StoreError, match="not finished"):
        store.read((1, 2))
    with pytest.raises(StoreError, match="not finished"):
        list(store.tiles().read())


def flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "harm",
    [
        flip,
        lambda file: file.write_bytes(file.read_bytes()[:-1]),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"\0" * 20),
        lambda file: file.write_bytes(file.read_bytes() + b"more"),
    ],
    ids=["a bit", "cut", "empty", "zeros", "longer"],
)
def test_damage_to_a_tile_is_found_at_every_reading(tmp_path, harm):
    store, _ = filled(tmp_path / "K")
    harm(store.file((0, 1)))
    assert store.missing() == [(0, 1)] and store.state((0, 1)) == "damaged" and store.state((0, 0)) == "whole"
    with pytest.raises(DamagedRecordError, match=r"Tile \(0, 1\) .* checksum"):
        store.tiles().matmat(torch.ones(5, 1))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"zarr_format": 3}'])
def test_damage_to_what_the_kernel_is_is_refused(tmp_path, text):
    filled(tmp_path / "K")
    (tmp_path / "K" / "zarr.json").write_text(text)
    with pytest.raises(DamagedRecordError, match=r"zarr\.json"):
        TileStore.open(tmp_path / "K")


def test_what_the_kernel_is_is_sealed(tmp_path):
    filled(tmp_path / "K")
    file = tmp_path / "K" / "zarr.json"
    document = json.loads(file.read_text())
    document["attributes"]["tangentlab"]["data"] = "e"
    file.write_text(json.dumps(document))
    with pytest.raises(DamagedRecordError, match="checksum"):
        TileStore.open(tmp_path / "K")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("kernel", "another", "another kernel"),
        ("data", "other", "other rows"),
        ("method", "vmap", "another method"),
        ("size", 6, "another size"),
        ("tile", 3, "tiles of another size"),
        ("dtype", "float64", "precision"),
    ],
)
def test_a_store_of_something_else_is_refused(tmp_path, key, value, words):
    filled(tmp_path / "K")
    with pytest.raises(StoreError, match=words):
        TileStore.at(tmp_path / "K", ABOUT | {key: value})


def test_folders_that_are_no_stores_are_refused_and_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(StoreError, match="not empty"):
        TileStore.at(tmp_path, ABOUT)
    assert os.listdir(tmp_path) == ["mine.txt"]
    with pytest.raises(StoreError, match="not a store"):
        TileStore.open(tmp_path)
    with pytest.raises(TangentlabError, match="could not be written"):
        TileStore.at(tmp_path / "mine.txt" / "K", ABOUT)


def test_a_store_of_a_later_version_is_refused(tmp_path):
    TileStore.at(tmp_path / "K", ABOUT).note(format=99)
    with pytest.raises(StoreError, match="later version"):
        TileStore.open(tmp_path / "K")


def test_notes_stay(tmp_path):
    store = TileStore.at(tmp_path / "K", ABOUT).note(difference=1e-7)
    assert TileStore.open(tmp_path / "K").about == store.about == ABOUT | {"difference": 1e-7}


def test_leftovers_of_a_kill_are_known_and_harm_nothing(tmp_path):
    store, _ = filled(tmp_path / "K")
    left = store.file((0, 1)).with_suffix(".1234.partial")
    left.write_bytes(b"half")
    assert store.left_over() == [left] and store.missing() == []


def test_without_the_extra_the_remedy_is_an_installation(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(MissingExtraError, match=r"tangentlab\[store\]"):
        TileStore.at(tmp_path / "K", ABOUT)


def test_of_many_that_begin_at_once_one_makes_the_store(tmp_path):
    """Each with a note of its own: all see the same one, and none finds a folder that is not empty."""
    together = threading.Barrier(8)

    def begin(number):
        together.wait()
        return TileStore.at(tmp_path / "K", {**ABOUT, "description": str(number)}).about["description"]

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(begin, range(8)))
    assert len(set(seen)) == 1
    assert [entry.name for entry in (tmp_path / "K").iterdir()] == ["zarr.json"]


def test_a_disk_that_takes_no_more_ends_in_a_sentence_and_the_same_call_goes_on(tmp_path):
    code = """
import resource, signal, sys
from pathlib import Path
import torch
from tangentlab import NeuralTangentKernel
from tangentlab._errors import StoreError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
torch.manual_seed(0)
x, store = torch.randn(600, 5), Path(sys.argv[1])
network = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.GELU(), torch.nn.Linear(8, 1))
kernel = NeuralTangentKernel(network, outputs=0)
unlimited = resource.RLIM_INFINITY
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, unlimited))  # less than a tile: the system refuses its last bytes
try:
    kernel.tiles(x, store=store, tile=300)
except StoreError as error:
    told = str(error)
left = [path for path in store.rglob("*partial*")]
resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
tiles = kernel.tiles(x, store=store, tile=300)
difference = tiles.dense() - kernel(x)
assert "start again" in told and "what was finished is kept" in told and str(store) in told, told
assert not left and float(difference.abs().max()) <= 1e-5 * float(kernel(x).abs().max())  # float32, twice
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "k")], check=True)
