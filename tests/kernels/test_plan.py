"""A plan says what a kernel takes: its counts are those of the work itself, and it holds nothing of size n x n."""

import platform
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

import tangentlab as tl
from tangentlab._errors import NetworkError, NumericalError, UnknownNameError
from tangentlab.kernels.footprint import Footprint
from tangentlab.kernels.inspection import Inspection
from tangentlab.kernels.layer_terms import TermMaker
from tangentlab.kernels.memory_budget import MemoryBudgetWarning
from tangentlab.kernels.plan import count_rows_made, count_tiles
from tangentlab.kernels.process_memory import peak_bytes
from tangentlab.networks.network import Network


def mlp():
    return nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3)).double()


def rows(n):
    return torch.randn(n, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(n))


def test_forms_layers_and_operations_are_those_of_the_kernel():
    found = tl.NeuralTangentKernel(mlp(), outputs=0).plan(rows(20))
    assert found.shape == (20, 20) and found.threads == torch.get_num_threads()
    assert [layer.name for layer in found.layers] == ["0.weight+0.bias", "2.weight+2.bias"]
    first = found.layers[0]
    # a bias adds one to each product of inputs
    assert (first.form, first.operations) == ("hadamard", 2 * 400 * (6 + 16))
    assert found.forward_operations == 20 * 2 * (6 * 16 + 16 * 3)
    assert found.operations == (
        found.forward_operations + found.backward_operations + found.contraction_operations
    )


def test_bytes_add_up_and_the_peak_is_at_least_what_is_held():
    found = tl.NeuralTangentKernel(mlp(), outputs="full").plan(rows(30))
    assert found.result_bytes == 30 * 30 * 9 * 8
    assert found.bytes >= found.resident_bytes + found.result_bytes + found.work_bytes
    assert tl.NeuralTangentKernel(mlp(), outputs="full").plan(rows(30), storage="disk").result_bytes == 0


def test_a_cross_kernel_has_all_pairs():
    found = tl.NeuralTangentKernel(mlp(), outputs="trace").plan(rows(20), rows(7))
    assert (found.shape, found.pairs) == ((20, 7), 140)


def test_figures_go_out_as_plain_numbers_and_as_words():
    found = tl.NeuralTangentKernel(mlp(), outputs=1, memory="2GiB").plan(rows(9))
    assert found.to_dict()["layers"][0]["form"] == "hadamard" and found.to_dict()["operations"] == found.operations
    words = found.describe()
    for part in ("hadamard", "operations", "2.0 GiB allowed", "9 x 9 float64", "rows/s", "pairs/s"):
        assert part in words


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("kept", [1, 2, 3, 100])
@pytest.mark.parametrize("block", [1, 2, 3, 7])
def test_counts_are_those_of_the_tiles(symmetric, kept, block, monkeypatch):
    from tangentlab.kernels.block_plan import BlockPlan
    from tangentlab.kernels.inspection import Inspection
    from tangentlab.kernels.tiles import TileMaker
    from tangentlab.networks import Network

    x1, x2 = rows(7), None if symmetric else rows(5)
    found = Inspection.of(Network(mlp()), x1, x2, outputs=0, method="auto")
    plan = BlockPlan(block=block, step=2, bytes=0, kept_blocks=kept)
    tiles = TileMaker(found.maker(columns=7)[0], x1, x2, found.flavour, plan)
    made = []
    inner = TermMaker.block
    monkeypatch.setattr(
        TermMaker, "block", lambda self, x, *, step: made.append(len(x)) or inner(self, x, step=step)
    )
    pairs = list(tiles.pairs())
    for pair in pairs:
        tiles.tile(pair)
    m = 7 if symmetric else 5
    assert count_tiles(7, m, symmetric=symmetric, block=block) == (len(pairs), tiles.cost(pairs))
    said = count_rows_made(7, m, symmetric=symmetric, block=block, kept=kept)
    assert sum(made) <= said <= sum(made) + 2 * block  # the last blocks of one group may serve the next


def test_a_plan_for_many_rows_holds_no_kernel():
    x = torch.zeros(1, 6, dtype=torch.float64).expand(100_000, 6)
    before = peak_bytes(torch.device("cpu"))
    found = tl.NeuralTangentKernel(mlp(), outputs=0).plan(x, storage="disk")
    assert found.pairs > 5 * 10**9 and found.tiles > 1000
    assert peak_bytes(torch.device("cpu")) - before < 2**30  # the kernel would take 75 GiB


def test_what_cannot_be_held_is_refused_before_the_checks():
    class Slow(nn.Linear):
        def forward(self, x):
            time.sleep(60)
            return super().forward(x)

    x = torch.zeros(1, 6).expand(3_000_000, 6)
    for call in ("__call__", "plan", "gram"):
        with pytest.raises(NumericalError, match="3000000 x 3000000 rows takes .* free.*store="):
            getattr(tl.NeuralTangentKernel(Slow(6, 1), outputs=0), call)(x)


@pytest.fixture
def counting():
    """A network of 3 outputs that notes how many rows it is given at a time."""

    class Counting(nn.Linear):
        def __init__(self):
            super().__init__(6, 3)
            self.seen = []

        def forward(self, x):
            self.seen.append(len(x))
            return super().forward(x)

    return Counting()


@pytest.mark.parametrize(("outputs", "need"), [("full", "3.5 KiB"), ("diagonal", "1.2 KiB")])
@pytest.mark.parametrize("call", ["__call__", "gram", "plan"])
def test_every_output_is_counted_before_the_checks(counting, outputs, need, call):
    kernel = tl.NeuralTangentKernel(counting, outputs=outputs, memory=999)
    with pytest.raises(NumericalError, match=f"10 x 10 rows takes {need} and 999 bytes are allowed"):
        getattr(kernel, call)(torch.zeros(10, 6))
    assert kernel.network.module.seen + counting.seen == [1]
    with pytest.warns(MemoryBudgetWarning, match=r"allows 999 bytes for the whole process.*takes 400 bytes"):
        found = tl.NeuralTangentKernel(counting, outputs="mean", memory=999)(torch.zeros(10, 6))
    assert found.shape == (10, 10)


def test_tiles_in_memory_are_counted_before_the_checks(counting):
    kernel = tl.NeuralTangentKernel(counting, outputs="full", memory=999)
    with pytest.raises(NumericalError, match=r"10 x 10 rows takes 2.6 KiB and 999 bytes are allowed"):
        kernel.tiles(torch.zeros(10, 6), tile=5)
    assert kernel.network.module.seen + counting.seen == [1]


def test_what_fails_on_one_row_is_told_by_the_checks():
    normed = nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3))
    with pytest.raises(NetworkError, match="'1'.*BatchNorm1d"):
        tl.NeuralTangentKernel(normed.train(), outputs="full")(torch.zeros(10, 6))


def test_an_unknown_storage_is_refused():
    with pytest.raises(UnknownNameError, match="storage"):
        tl.NeuralTangentKernel(mlp()).plan(rows(3), storage="attic")


def test_tiles_of_two_blocks_are_timed_where_there_are_any(monkeypatch):
    seen, add_tile = set(), TermMaker.add_tile

    def spy(maker, total, left, right):
        if not total.is_meta:
            seen.add(left is right)
        add_tile(maker, total, left, right)

    monkeypatch.setattr(TermMaker, "add_tile", spy)
    kernel = tl.NeuralTangentKernel(mlp())
    assert kernel.plan(rows(3)).tiles == 1 and seen == {True}
    assert kernel.plan(rows(3000)).tiles > 1 and seen == {True, False}


@pytest.mark.parametrize("refused", [False, True])
def test_all_that_a_tile_takes_is_freed_and_three_of_it_counted_where_it_cannot_be_played(monkeypatch, refused):
    found = Inspection.of(Network(mlp()), rows(8), None, outputs=0, method="auto").footprint(columns=8)
    if refused:

        def refuse(*_):
            raise RuntimeError("A tensor without values was read.")

        monkeypatch.setattr(Footprint, "tile", refuse)
    for columns in (None, 4):
        held, most = {}, 0
        for number, size in replace(found, tiles={}).tile_events(8, columns):
            held.pop(number) if size < 0 else held.update({number: size})
            most = max(most, sum(held.values()))
        tile = 8 * 8 * (columns or 8)
        assert not held and most >= (3 * tile + (8 + (columns or 0)) * found.term_bytes if refused else 2 * tile)


FORECAST = """
import sys, torch, tangentlab as tl
from torch import nn
torch.set_num_threads(1)
torch.manual_seed(0)
def block(i, o, stride):
    return nn.Sequential(
        nn.Conv2d(i, o, 3, stride, 1), nn.GroupNorm(8, o), nn.ReLU(), nn.Conv2d(o, o, 3, 1, 1), nn.GroupNorm(8, o), nn.ReLU()
    )
class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.read, self.out = nn.LSTM(32, 128, 2, batch_first=True), nn.Linear(128, 10)
    def forward(self, x):
        return self.out(self.read(x)[0][:, -1])
if sys.argv[1] == "convolutions":
    model = nn.Sequential(
        block(3, 32, 1), block(32, 64, 2), block(64, 128, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)
    )
    x = torch.randn(24, 3, 32, 32)
else:
    model, x = Recurrent(), torch.randn(64, 40, 32)
kernel = tl.NeuralTangentKernel(model)
kernel(x) if sys.argv[2] == "run" else print(kernel.plan(x).bytes)
if sys.argv[2] == "run":
    with open("/proc/self/status") as status:
        print(next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the heap is that of the GNU library")
@pytest.mark.parametrize("network", ["convolutions", "recurrent"])
def test_peak_bytes_of_other_networks_are_forecast_within_a_tenth(network):
    said, held = (
        int(
            subprocess.run(
                [sys.executable, "-c", FORECAST, network, how],
                capture_output=True,
                text=True,
                check=True,
                timeout=300,
                env={"PYTHONPATH": str(Path(__file__).parents[2] / "src"), "PATH": "", "OMP_NUM_THREADS": "1"},
            ).stdout
        )
        for how in ("plan", "run")
    )
    assert held > 500 * 2**20  # more than twice what a process holds before it begins
    assert said == pytest.approx(held, rel=0.1)
