"""A kernel filled tile by tile is the kernel, whatever the budget; symmetric to the last bit, in either precision."""

import pytest
import torch

from oracles.ntk_by_loops import ntk_by_loops
from oracles.small_networks import build
from tangentlab.kernels import ntk

TOLERANCE = 1e-9  # relative, float64: a few thousand roundings of 1e-16 with room for cancellation


def relative(found, expected):
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.fixture
def nothing_held(monkeypatch):
    """A process that holds nothing, so that a budget of a few bytes is one."""
    monkeypatch.setattr("tangentlab.kernels.memory_budget.resident_bytes", lambda device: 0)


@pytest.mark.parametrize("memory", ["100KB", "200KB", "1MB"])
@pytest.mark.parametrize("outputs", ["full", "trace", "diagonal"])
def test_tiling_by_a_byte_budget_changes_nothing(memory, outputs, nothing_held):
    model, batch = build("lenet")
    x1, x2 = batch(13), batch(7)
    whole = ntk(model, x1, outputs=outputs)
    assert relative(ntk(model, x1, outputs=outputs, memory=memory), whole) < 1e-12
    expected = ntk_by_loops(model, x1, x2, outputs=outputs)
    assert relative(ntk(model, x1, x2, outputs=outputs, memory=memory), expected) < TOLERANCE


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


def test_progress_counts_every_pair(nothing_held):
    model, batch = build("lenet")
    seen = []
    ntk(model, batch(13), outputs="trace", memory="200KB", progress=lambda done, total: seen.append((done, total)))
    assert len(seen) > 1
    assert seen[-1][0] == seen[-1][1]
    assert sorted(seen) == seen
