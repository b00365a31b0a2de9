"""A kernel filled tile by tile is the kernel, whatever the budget; symmetric to the last bit, in either precision."""

import re

import pytest
import torch
from torch import nn

from oracles.ntk_by_loops import ntk_by_loops
from oracles.small_networks import build, rows
from tangentlab._errors import NumericalError
from tangentlab.kernels import ntk
from tangentlab.kernels.memory_budget import MemoryBudgetWarning

TOLERANCE = 1e-9  # relative, float64: a few thousand roundings of 1e-16 with room for cancellation


def relative(found, expected):
    return float((found - expected).abs().max() / expected.abs().max())


def two_layers():
    return nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)).double()


@pytest.fixture
def nothing_held(monkeypatch):
    """A process that holds nothing, so that a budget of a few bytes is one."""
    monkeypatch.setattr("tangentlab.kernels.memory_budget.resident_bytes", lambda device: 0)


@pytest.mark.filterwarnings("ignore::tangentlab.kernels.MemoryBudgetWarning")
@pytest.mark.parametrize("memory", ["100KB", "200KB", "1MB"])
@pytest.mark.parametrize("outputs", ["full", "trace", "diagonal"])
def test_tiling_by_a_byte_budget_changes_nothing(memory, outputs, nothing_held):
    model, batch = build("lenet")
    x1, x2 = batch(13), batch(7)
    whole = ntk(model, x1, outputs=outputs)
    assert relative(ntk(model, x1, outputs=outputs, memory=memory), whole) < 1e-12
    expected = ntk_by_loops(model, x1, x2, outputs=outputs)
    assert relative(ntk(model, x1, x2, outputs=outputs, memory=memory), expected) < TOLERANCE


@pytest.mark.filterwarnings("ignore::tangentlab.kernels.MemoryBudgetWarning")
def test_symmetric_kernel_is_symmetric_to_the_last_bit(nothing_held):
    model, batch = build("resnet18")
    K = ntk(model, batch(9), memory="2MB")
    assert torch.equal(K, K.transpose(0, 1).transpose(2, 3))


def test_float32_kernel_agrees_with_float64():
    model, batch = build("resnet18")
    exact = ntk(model, batch(6), outputs="trace")
    single = ntk(model.float(), batch(6).float(), outputs="trace")
    assert single.dtype == torch.float32
    assert relative(single.double(), exact) < 2e-6
    assert relative(ntk(model, batch(6), outputs="trace", dtype=torch.float64), exact) < 1e-5  # rounded weights


@pytest.mark.filterwarnings("ignore::tangentlab.kernels.MemoryBudgetWarning")
def test_progress_counts_every_pair(nothing_held):
    model, batch = build("lenet")
    seen = []
    ntk(model, batch(13), outputs="trace", memory="200KB", progress=lambda done, total: seen.append((done, total)))
    assert len(seen) > 1
    assert seen[-1][0] == seen[-1][1]
    assert sorted(seen) == seen


@pytest.mark.filterwarnings("ignore::tangentlab.kernels.MemoryBudgetWarning")
@pytest.mark.parametrize("memory", [1000, "8KB", "100KB"])
def test_a_budget_of_next_to_nothing_gives_the_kernel(memory, nothing_held):
    model, x = two_layers(), rows(23, 4)
    found = ntk(model, x, rows(5, 4), outputs="trace", memory=memory)
    assert relative(found, ntk_by_loops(model, x, rows(5, 4), outputs="trace")) < TOLERANCE


def test_a_budget_that_the_process_has_used_up_gives_the_kernel_and_tells_the_one_that_would_do():
    model, x, z = two_layers(), rows(23, 4), rows(5, 4)
    need = "holds .* already and the kernel of 23 x 5 rows takes 3.6 KiB"
    with pytest.warns(MemoryBudgetWarning, match=need) as told:
        found = ntk(model, x, z, memory="100MiB")
    said = re.search(r"memory='(\d+MiB)'", str(told[0].message))[1]
    assert relative(found, ntk(model, x, z, memory=said)) < TOLERANCE
    with pytest.raises(NumericalError, match="holds .* already.*takes 23.4 MiB.*Give memory='"):
        ntk(model, rows(3000, 4), rows(1024, 4), memory="150MiB", outputs="trace", dtype=torch.float64)


def test_a_budget_smaller_than_the_kernel_is_refused():
    model = two_layers()
    with pytest.raises(NumericalError, match="takes 3.6 KiB and 900 bytes are allowed"):
        ntk(model, rows(23, 4), rows(5, 4), memory=900)
    with pytest.raises(NumericalError, match="takes 920 bytes and 900 bytes are allowed"):
        ntk(model, rows(23, 4), rows(5, 4), outputs="mean", memory=900)
    with pytest.raises(NumericalError, match="takes 3.6 KiB and 2.9 KiB are allowed"):
        ntk(model, rows(23, 4), rows(5, 4), memory="3KB")
