"""Several devices in one process, here logical ones: the numbers of one device, whoever computes which tile."""

import threading

import pytest
import torch

from tangentlab._errors import ArgumentError, NotFiniteError
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.kernels.device_tiles import DeviceTiles, check_devices
from tangentlab.kernels.inspection import Inspection
from tangentlab.networks import Network, build_network


def model(name="mlp", **options):
    return build_network(name, (1, 8, 8), outputs=3, seed=0, **options)


def rows(n):
    return torch.randn(n, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("outputs", ["full", "mean", "diagonal", 1])
@pytest.mark.parametrize("devices", [["cpu", "cpu"], ["cpu"], ["cpu", torch.device("cpu"), "cpu"]])
def test_logical_devices_give_the_numbers_of_one(outputs, devices):
    here = NeuralTangentKernel(model(width=16), outputs=outputs, memory="1GiB")
    there = NeuralTangentKernel(model(width=16), outputs=outputs, memory="1GiB", devices=devices)
    x, z = rows(90), rows(50) + 1
    assert torch.equal(here(x), there(x))
    assert torch.equal(here(x, z), there(x, z))
    assert here.fingerprint == there.fingerprint


def test_tiles_in_memory_and_on_disk_are_those_of_one_device(tmp_path):
    x = rows(70)
    one, two = (NeuralTangentKernel(model(width=16), outputs="full", devices=d) for d in (None, ["cpu", "cpu"]))
    expected = one.tiles(x, tile=16).dense()
    seen = []
    packed = two.tiles(x, tile=16, progress=lambda done, total: seen.append((done, total)))
    assert torch.equal(packed.dense(), expected)
    assert seen[-1][0] == seen[-1][1]
    assert len(seen) == 15
    assert torch.equal(two.tiles(x, tile=16, store=tmp_path / "kernel").dense(), expected)


def test_every_device_takes_part_and_keeps_its_own_terms():
    found = Inspection.of(Network(model(width=16)), rows(80), None, outputs="mean", method="auto")
    tiles = found.tiles(rows(80), None, memory=None, block=10)
    on_two = DeviceTiles.of(tiles, check_devices(["cpu", "cpu"]))
    barrier = threading.Barrier(2)  # the first tile of each waits for the other's
    met, taken = set(), []

    def put(maker, pair):
        maker.tile(pair)
        taken.append((id(maker), pair))
        if id(maker) not in met:
            met.add(id(maker))
            barrier.wait(timeout=30)

    on_two.each(list(tiles.pairs()), put)
    assert sorted(pair for _, pair in taken) == sorted(tiles.pairs())
    assert {maker for maker, _ in taken} == {id(maker) for maker in on_two.makers}
    replicas = [maker.maker.network.parameters for maker in on_two.makers]
    assert all(a.data_ptr() != b.data_ptr() for a, b in zip(*(one.values() for one in replicas)))


def test_what_a_device_raises_ends_the_work_of_all_and_is_raised():
    x = rows(64)
    x[40] = 1e30
    kernel = NeuralTangentKernel(model(width=16), outputs="mean", devices=["cpu", "cpu"])
    with pytest.raises(NotFiniteError, match="overflow"):
        kernel.tiles(x, tile=8)
    assert threading.active_count() < 10


def test_attention_is_differentiable_on_every_thread_and_switches_are_as_before():
    network = build_network("vit", (1, 8, 8), outputs=2, seed=0)
    x = rows(12)
    fast = torch.backends.mha.get_fastpath_enabled()
    here = NeuralTangentKernel(network, outputs="mean")(x)
    there = NeuralTangentKernel(network, outputs="mean", devices=["cpu", "cpu"])
    assert torch.equal(there(x), here)
    assert torch.backends.mha.get_fastpath_enabled() == fast


def test_the_global_random_state_is_as_before():
    before = torch.random.get_rng_state()
    NeuralTangentKernel(model(width=16), outputs="mean", devices=["cpu", "cpu"])(rows(40))
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("devices", [[], ["meta"], ["cpu", "cuda:7"], ["cuda:99"], ["nowhere"], [3.5]])
def test_devices_that_are_not_there_are_refused(devices):
    with pytest.raises(ArgumentError, match="devices"):
        check_devices(devices)


def test_tensors_that_a_module_holds_beside_its_parameters_move_along():
    network = build_network("mlp", (4,), outputs=1, seed=0)
    network.scale = torch.tensor(2.0)
    replica = Network(network).on(torch.device("cpu"))
    assert replica.module.scale is not network.scale
    assert replica(torch.ones(1, 4)).tolist() == Network(network)(torch.ones(1, 4)).tolist()
