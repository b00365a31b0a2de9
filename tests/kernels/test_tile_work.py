"""A kernel on its way into a store: killed anywhere and begun again, the same numbers to the last bit."""

import pickle
import signal
import subprocess
import sys

import pytest
import torch
from torch import nn

from tangentlab._errors import ArgumentError, StoreError
from tangentlab.kernels import NeuralTangentKernel, TileStore, write_tile
from tangentlab.kernels.path_changed import PathChanged
from tangentlab.kernels.tiles import TileMaker


def rows(n=23):
    return torch.randn(n, 6, generator=torch.Generator().manual_seed(n))


def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))


def bits(store):
    return {pair: store.file(pair).read_bytes() for pair in store.pairs()}


@pytest.fixture
def finished(tmp_path):
    NeuralTangentKernel(model(), outputs="trace").tiles(rows(), store=tmp_path / "whole", tile=5)
    return bits(TileStore.open(tmp_path / "whole"))


def test_an_interruption_anywhere_leaves_what_is_done_and_the_rest_is_the_same(tmp_path, finished):
    class Stop(Exception):
        pass

    for at in range(1, 15):
        kernel, path = NeuralTangentKernel(model(), outputs="trace"), tmp_path / str(at)
        made = 0

        def stop(done, total, at=at):
            nonlocal made
            made += 1
            if made == at:
                raise Stop

        with pytest.raises(Stop):
            kernel.tiles(rows(), store=path, tile=5, progress=stop)
        store = TileStore.open(path)
        assert len(store.pairs()) - len(store.missing()) == at
        times = {pair: store.file(pair).stat().st_mtime_ns for pair in store.pairs() if store.file(pair).exists()}
        kernel.tiles(rows(), store=path)
        assert bits(store) == finished
        assert all(store.file(pair).stat().st_mtime_ns == time for pair, time in times.items())  # not made again


@pytest.mark.parametrize("outputs", [0, "mean", "sum", "full"])
def test_tiles_in_any_order_from_pickled_work_are_the_same(tmp_path, outputs):
    kernel = NeuralTangentKernel(model(), outputs=outputs)
    whole = kernel.tiles(rows(), tile=5).dense()
    work = kernel.tile_work(rows(), store=tmp_path / "K", tile=5)
    for pair in reversed(work.missing()):
        tiles, store = pickle.loads(pickle.dumps((work.tiles, work.store)))
        write_tile(tiles, store, pair)
        write_tile(work.tiles, work.store, pair)  # twice is harmless
    gram = kernel.tiles(rows(), store=tmp_path / "K")
    assert torch.equal(gram.dense(), whole)


def test_a_damaged_tile_alone_is_computed_again(tmp_path, finished):
    kernel = NeuralTangentKernel(model(), outputs="trace")
    kernel.tiles(rows(), store=tmp_path / "K", tile=5)
    store = TileStore.open(tmp_path / "K")
    content = bytearray(store.file((1, 3)).read_bytes())
    content[3] ^= 1
    store.file((1, 3)).write_bytes(bytes(content))
    seen = []
    kernel.tiles(rows(), store=tmp_path / "K", progress=lambda *pair: seen.append(pair))
    assert len(seen) == 1 and seen[-1][0] == seen[-1][1]
    assert bits(store) == finished


@pytest.mark.filterwarnings("ignore::tangentlab.kernels.MemoryBudgetWarning")
def test_less_memory_later_changes_no_bit(tmp_path, finished, monkeypatch):
    monkeypatch.setattr("tangentlab.kernels.memory_budget.resident_bytes", lambda device: 0)
    NeuralTangentKernel(model(), outputs="trace").tiles(rows(), store=tmp_path / "K", tile=5)
    store = TileStore.open(tmp_path / "K")
    for pair in store.pairs()[2:]:
        store.remove(pair)
    # rows at once decide about rounding, and come from the store, not from the memory there is now
    NeuralTangentKernel(model(), outputs="trace", memory="1MiB").tiles(rows(), store=tmp_path / "K")
    assert bits(store) == finished


def test_another_path_on_later_rows_begins_the_store_anew_and_is_remembered(tmp_path, monkeypatch):
    kernel = NeuralTangentKernel(model(), outputs="trace")
    made = TileMaker.matrix
    calls = []

    def once_otherwise(self, pair, *, out=None):
        calls.append(pair)
        if len(calls) == 4:
            raise PathChanged(["0.weight"])
        return made(self, pair, out=out)

    monkeypatch.setattr(TileMaker, "matrix", once_otherwise)
    kernel.tiles(rows(), store=tmp_path / "K", tile=5)
    store = TileStore.open(tmp_path / "K")
    assert store.about["general"] == ["0.weight"] and len(calls) == 4 + len(store.pairs())
    before = bits(store)
    store.remove((0, 2))
    kernel.tiles(rows(), store=tmp_path / "K")  # the route is taken from the store
    assert bits(store) == before


CHILD = """
import sys, torch
from torch import nn
from tangentlab.kernels import NeuralTangentKernel
torch.set_num_threads(1)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
x = torch.randn(400, 6, generator=torch.Generator().manual_seed(1))
def say(done, total):
    print(done, flush=True)
NeuralTangentKernel(model, outputs="trace").tiles(x, store=sys.argv[1], tile=20, progress=say)
"""


@pytest.mark.slow
def test_killed_processes_and_one_that_ends_give_the_bits_of_an_undisturbed_one(tmp_path):
    def child(path):
        return subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True)

    undisturbed = child(tmp_path / "whole")
    undisturbed.communicate(timeout=120)
    done = 0
    for lines in (1, 30, 60):  # tiles seen before the kill
        process = child(tmp_path / "killed")
        for _ in range(lines):
            assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        store = TileStore.open(tmp_path / "killed")
        now = len(store.pairs()) - len(store.missing())
        assert done + lines <= now < len(store.pairs())
        done = now
    last = child(tmp_path / "killed")
    said = last.communicate(timeout=120)[0].split()
    assert last.returncode == 0 and len(said) == 210 - done
    assert bits(TileStore.open(tmp_path / "killed")) == bits(TileStore.open(tmp_path / "whole"))


@pytest.mark.parametrize("store", [3, "a\0b", b"kernel"])
def test_a_store_that_is_no_path_is_refused(store):
    kernel = NeuralTangentKernel(torch.nn.Linear(3, 1), outputs=0)
    for call in (kernel.tiles, kernel.tile_work):
        with pytest.raises(ArgumentError, match="`store` must be a path"):
            call(torch.ones(4, 3), store=store)


def test_what_the_disk_has_no_room_for_is_refused_before_work(tmp_path):
    network = nn.Linear(1, 1000)
    x = torch.zeros(1, 1).expand(1_000_000, 1)  # (1e9)² / 2 numbers
    with pytest.raises(StoreError, match=r"take \d+\.\d GiB more in .*K and .* are free"):
        NeuralTangentKernel(network, outputs="full").tile_work(x, store=tmp_path / "K")
    assert not (tmp_path / "K").exists()
