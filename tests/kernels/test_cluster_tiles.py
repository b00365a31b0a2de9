"""Tiles on a real Dask cluster of two processes: bit for bit those of one process, whatever happens to a worker."""

import os
import signal

import pytest
import torch
from distributed import Client
from typer.testing import CliRunner

from tangentlab._errors import ArgumentError, StoreError
from tangentlab.cli.app import app
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.kernels.cluster_tiles import SharedTiles
from tangentlab.kernels.tile_store import TileStore
from tangentlab.networks import build_network


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def kernel(**options):
    model = build_network("lenet", (1, 12, 12), outputs=4, seed=0)
    return NeuralTangentKernel(model, **({"outputs": "mean", "memory": "1GiB"} | options))


def rows(n):
    return torch.randn(n, 1, 12, 12, generator=torch.Generator().manual_seed(0))


def contents(folder):
    """The tiles of a store as bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in (folder / "c").rglob("*") if path.is_file()
    }


@pytest.mark.slow  # workers import torch first; the everyday suite runs a grid on a cluster instead
def test_two_workers_write_the_tiles_of_one_process_bit_for_bit(tmp_path, two, one_thread):
    x = rows(48)
    here = kernel().tiles(x, store=tmp_path / "here", tile=8)
    seen = []
    there = kernel().tiles(
        x,
        store=tmp_path / "there",
        tile=8,
        scheduler=two.scheduler_address,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert contents(tmp_path / "here") == contents(tmp_path / "there")
    assert len(contents(tmp_path / "there")) == 21
    assert (here.trace, here.difference) == (there.trace, there.difference)
    assert len(seen) == 21
    assert seen[-1][0] == seen[-1][1]


@pytest.mark.slow
@pytest.mark.parametrize("outputs", ["full", 2])
def test_every_flavour_is_the_same_bit_for_bit(tmp_path, two, one_thread, outputs):
    x = rows(40)
    kernel(outputs=outputs).tiles(x, store=tmp_path / "here", tile=8)
    kernel(outputs=outputs).tiles(x, store=tmp_path / "there", tile=8, scheduler=two)
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


@pytest.mark.slow
def test_a_worker_killed_on_the_way_loses_nothing(tmp_path, two, one_thread):
    x, victims = rows(400), [next(iter(two.workers.values())).pid]
    kernel().tiles(x, store=tmp_path / "here", tile=20)
    seen = []

    def progress(done, total):
        seen.append(done)
        if len(seen) == 30 and victims:
            os.kill(victims.pop(), signal.SIGKILL)

    there = kernel().tiles(x, store=tmp_path / "there", tile=20, scheduler=two, progress=progress)
    assert not victims
    assert contents(tmp_path / "here") == contents(tmp_path / "there")
    assert len(contents(tmp_path / "there")) == 210
    assert there.difference < 1e-4


@pytest.mark.slow
def test_a_store_that_was_begun_here_is_completed_there_and_the_other_way_round(tmp_path, two, one_thread):
    x = rows(64)
    whole = kernel().tiles(x, store=tmp_path / "whole", tile=16).dense()
    work = kernel().tile_work(x, store=tmp_path / "begun", tile=16)
    for pair in work.missing()[:4]:
        work.store.write(pair, work.tiles.matrix(pair))
    kept = contents(tmp_path / "begun")
    with Client(two, set_as_default=False) as client:
        there = kernel().tiles(x, store=tmp_path / "begun", tile=16, scheduler=client)
        assert client.status == "running"
    assert kept.items() <= contents(tmp_path / "begun").items()
    assert torch.equal(there.dense(), whole)
    assert torch.equal(kernel().tiles(x, store=tmp_path / "begun", tile=16).dense(), whole)


@pytest.mark.slow
def test_rows_that_take_another_way_through_the_network_are_found_on_a_worker(tmp_path, two, one_thread):
    """The weight is used twice only where the first input is large, which the few rows looked at first are not."""
    x = torch.randn(64, 3, generator=torch.Generator().manual_seed(0)).clamp(max=1.5)
    x[-1, 0] = 50.0
    model = Forked()
    here = NeuralTangentKernel(model, outputs=0).tiles(x, store=tmp_path / "here", tile=8)
    there = NeuralTangentKernel(model, outputs=0).tiles(x, store=tmp_path / "there", tile=8, scheduler=two)
    assert torch.equal(here.dense(), there.dense())


class Forked(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 3)
        self.last = torch.nn.Linear(3, 1)

    def forward(self, x):
        h = self.layer(x)
        twice = torch.nn.functional.linear(h, self.layer.weight)
        return self.last(torch.where(x[:, :1] > 10, twice, h) if bool((x[:, :1] > 10).any()) else h)


def test_a_folder_that_a_worker_does_not_see_is_told(tmp_path):
    work = kernel().tile_work(rows(4), store=tmp_path / "kernel")
    shared = SharedTiles(work.tiles, work.store)
    shared.refuse_elsewhere()
    (tmp_path / "kernel").rename(tmp_path / "gone")
    with pytest.raises(StoreError, match="all workers share"):
        shared.refuse_elsewhere()


def test_a_scheduler_needs_a_store():
    with pytest.raises(ArgumentError, match="shared file system"):
        kernel().tiles(rows(4), scheduler="tcp://127.0.0.1:9")


@pytest.mark.slow
def test_the_command_fills_a_store_on_a_cluster(tmp_path, two):
    command = ["ntk", "--network", "mlp:width=8", "--samples", "50", "--outputs", "mean"]
    result = CliRunner().invoke(
        app, [*command, "--store", str(tmp_path / "kernel"), "--scheduler", two.scheduler_address]
    )
    assert result.exit_code == 0, result.output
    assert "Complete" in result.output
    assert TileStore.open(tmp_path / "kernel").missing() == []
    assert CliRunner().invoke(app, [*command, "--scheduler", two.scheduler_address]).exit_code == 2
