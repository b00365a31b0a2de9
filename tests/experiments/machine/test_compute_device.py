"""Cells run where they are told to; a device that is not here is refused before anything is written."""

import pytest
import torch

from tangentlab._errors import ArgumentError
from tangentlab.experiments import Cell, ComparisonSpec, Run, Sources, compare, run_cell
from tangentlab.experiments.machine.compute_device import model_on, present_device
from tangentlab.networks import Network

DIGITS = Sources("digits")


def cell(small, **fields):
    return Cell(spec=small(**fields), network="mlp:width=4", task="group:0-4", samples=20, seed=0)


def test_the_cpu_is_no_part_of_what_a_cell_is_and_a_gpu_is(small):
    plain, named, gpu = cell(small), cell(small, device="cpu"), cell(small, device="cuda")
    assert "device" not in plain.to_dict()
    assert plain.fingerprint == named.fingerprint != gpu.fingerprint
    assert gpu.to_dict()["device"] == "cuda"
    assert ComparisonSpec.of(**gpu.spec.to_dict()) == gpu.spec


def test_the_device_named_and_the_default_find_the_same(small):
    assert run_cell(cell(small), DIGITS).readings == run_cell(cell(small, device="cpu"), DIGITS).readings


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_a_device_that_is_not_here_is_refused_before_anything_is_written(tmp_path, small, no_gpu):
    with pytest.raises(ArgumentError, match="'cuda', and torch finds no CUDA device"):
        Run.start(small(device="cuda"), tmp_path / "run", sources=DIGITS)
    with pytest.raises(ArgumentError, match="device"):
        compare("mlp", "group:0-4", device="cuda", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_worker_without_the_device_says_so_too(small, no_gpu):
    with pytest.raises(ArgumentError, match="no CUDA device"):
        run_cell(cell(small, device="cuda"), DIGITS)


def test_devices_are_counted(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert present_device("cuda").type == "cuda"
    assert present_device("cuda:1").index == 1
    with pytest.raises(ArgumentError, match="'cuda:2', and torch finds 2 CUDA devices"):
        present_device("cuda:2")


def test_networks_go_to_the_device_and_those_that_are_there_stay():
    cpu, meta = torch.device("cpu"), torch.device("meta")
    module = torch.nn.Linear(2, 1)
    network = Network(module)
    assert model_on(cpu, network) is network
    assert model_on(cpu, module) is module
    assert model_on(meta, module).weight.device == meta
