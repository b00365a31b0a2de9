from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from oracles.modules_of_others import MODULES, jacobian_by_loops
from tangentlab._errors import ArgumentError, DataError, NetworkError, ShapeError
from tangentlab.kernels import ntk
from tangentlab.networks import build_network
from tangentlab.probes import alignment, alignment_from_gradient

THREE = ("rayleigh", "trace_normalized", "unbiased")
ROUNDING = 1e-10  # of sums over p parameters against sums over n² entries


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def agree(found, expected):
    for name in THREE:
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=ROUNDING), name


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("name", MODULES)
def test_it_is_the_alignment_of_the_kernel_of_a_users_own_module(name, outputs):
    make, rows = MODULES[name]
    module, x, y = make(outputs), rows(9), draw(9, outputs)
    found = alignment_from_gradient(module, x, y)
    agree(found, alignment(ntk(module, x), y))
    J, _ = jacobian_by_loops(module, x)  # and of the definition, with nothing of this package
    g = torch.einsum("nkp,nk->p", J, y)
    assert found.rayleigh == pytest.approx(float(g @ g / y.square().sum()), rel=ROUNDING)
    own = torch.einsum("nkp,nk->np", J, y).square().sum()
    assert found.unbiased == pytest.approx(float(g @ g - own) / 72, rel=ROUNDING)
    assert found.trace == pytest.approx(float(J.square().sum()) / outputs, rel=ROUNDING)


@pytest.mark.parametrize("name", ["mlp", "lenet", "vit"])
def test_it_is_the_alignment_of_the_kernel_of_a_network_of_the_catalogue(name):
    model = build_network(name, (1, 28, 28), outputs=1, seed=0).double()
    x, y = draw(6, 1, 28, 28), torch.tensor([1.0, -1, 1, 1, -1, -1])
    agree(alignment_from_gradient(model, x, y), alignment(ntk(model, x, outputs=0), y))


@pytest.mark.parametrize(("outputs", "columns"), [("trace", 1), ("mean", 2), ("sum", 3), (1, 1), (-1, 4)])
def test_other_flavours_are_one_kernel_shared_by_the_columns_of_y(outputs, columns):
    make, rows = MODULES["attends"]
    module, x, y = make(3), rows(8), draw(8, columns)
    agree(alignment_from_gradient(module, x, y, outputs=outputs), alignment(ntk(module, x, outputs=outputs), y))


def test_columns_share_the_kernel_of_a_network_of_one_output():
    make, rows = MODULES["mlp"]
    module, x, y = make(1), rows(8), draw(8, 3)
    agree(alignment_from_gradient(module, x, y), alignment(ntk(module, x, outputs=0), y))


def test_single_precision_keeps_single_digits():
    make, rows = MODULES["convolutional"]
    module, x, y = make(2), rows(150), draw(150, 2)
    found = alignment_from_gradient(module, x.float(), y.float(), dtype=torch.float32)
    expected = alignment_from_gradient(module, x, y)
    for name in THREE:
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-4)
        assert found.intervals[name].value == pytest.approx(getattr(found, name), rel=1e-12)


def test_a_subset_of_the_parameters_is_their_kernel():
    make, rows = MODULES["tied"]
    module, x, y = make(2), rows(7), draw(7, 2)
    agree(
        alignment_from_gradient(module, x, y, parameters=["head.*", "scale"]),
        alignment(ntk(module, x, parameters=["head.*", "scale"]), y),
    )


@pytest.mark.parametrize("outputs", [1, 2])
def test_intervals_are_the_jackknife_over_rows_left_out_one_by_one(outputs):
    make, rows = MODULES["convolutional"]
    module, x, y = make(outputs), rows(7), draw(7, outputs)
    found = alignment_from_gradient(module, x, y)
    K = ntk(module, x)
    without = []
    for i in range(7):
        rest = [j for j in range(7) if j != i]
        without.append(alignment(K[rest][:, rest], y[rest]))
    for name in THREE:
        each = np.array([getattr(one, name) for one in without])
        interval = found.intervals[name]
        assert interval.standard_error == pytest.approx(
            np.sqrt(6 / 7 * ((each - each.mean()) ** 2).sum()), rel=1e-8
        )
        assert interval.bias == pytest.approx(6 * (each.mean() - getattr(found, name)), rel=1e-6, abs=1e-10)
        assert interval.low < getattr(found, name) < interval.high


def test_the_interval_covers_the_alignment_of_the_whole_distribution():
    """Linear network, x ~ N(0, I): E[y Θ y'] = ‖E[y x]‖² is known."""
    d, n, w = 3, 60, torch.tensor([1.0, 0.5, 0.0], dtype=torch.float64)
    module = nn.Linear(d, 1, bias=False).double()
    truth, inside, total = float(w @ w), 0, 60
    for seed in range(total):
        x = draw(n, d, seed=seed)
        y = x @ w + draw(n, seed=1000 + seed)
        interval = alignment_from_gradient(module, x, y).intervals["unbiased"]
        inside += interval.low <= truth <= interval.high
    assert inside >= 0.85 * total  # of 95 in 100; skewed at n = 60


def test_the_bias_of_the_plug_in_is_seen_and_the_u_statistic_has_none():
    make, rows = MODULES["mlp"]
    y = torch.randint(2, (80,), generator=torch.Generator().manual_seed(1)).double() * 2 - 1
    found = alignment_from_gradient(make(1), rows(80), y)
    assert found.intervals["unbiased"].bias == 0.0
    assert found.intervals["trace_normalized"].bias > 0.25 * found.trace_normalized
    assert found.intervals["unbiased"].low < 0 < found.intervals["unbiased"].high


def test_an_estimated_diagonal_is_within_its_standard_error():
    make, rows = MODULES["attends"]
    module, x, y = make(3), rows(40), draw(40, 3)
    exact = alignment_from_gradient(module, x, y, intervals=False)
    off = []
    for seed in range(8):
        found = alignment_from_gradient(module, x, y, samples=20, seed=seed)
        assert found.rayleigh == exact.rayleigh
        assert not found.intervals
        assert found.estimation_errors["rayleigh"] == 0
        for name in THREE[1:]:
            off.append((getattr(found, name) - getattr(exact, name)) / found.estimation_errors[name])
    assert np.abs(off).max() < 6
    assert np.sqrt(np.mean(np.square(off))) < 2
    assert set(exact.estimation_errors.values()) == {0.0}


def test_as_many_samples_as_rows_are_exact():
    make, rows = MODULES["mlp"]
    module, x, y = make(2), rows(6), draw(6, 2)
    for outputs, target in [("full", y), ("trace", y), (0, torch.tensor([1.0, -1, 1, -1, -1, -1]))]:
        agree(
            alignment_from_gradient(module, x, target, outputs=outputs, samples=50),
            alignment(ntk(module, x, outputs=outputs), target),
        )


def test_the_module_is_as_it_was():
    make, rows = MODULES["tied"]
    module = make(1)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    state = torch.random.get_rng_state()
    alignment_from_gradient(module, rows(5), draw(5))
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())
    assert all(p.grad is None for p in module.parameters())
    assert torch.equal(state, torch.random.get_rng_state())


def test_what_cannot_be_aligned_is_refused_before_work():
    make, rows = MODULES["mlp"]
    with pytest.raises(ShapeError, match=r"`y` must be of shape \(n, c\)"):
        alignment_from_gradient(make(3), rows(4), draw(4))
    with pytest.raises(ShapeError, match="n = 4"):
        alignment_from_gradient(make(1), rows(4), draw(5))
    with pytest.raises(DataError, match="`y` is zero everywhere, so no kernel"):
        alignment_from_gradient(make(1), rows(4), torch.zeros(4))
    with pytest.raises(DataError, match="1 row has trace"):
        alignment_from_gradient(make(1), rows(1), [1.0])
    with pytest.raises(ArgumentError, match="'diagonal', which is one matrix for each output"):
        alignment_from_gradient(make(2), rows(4), draw(4, 2), outputs="diagonal")
    with pytest.raises(NetworkError, match="BatchNorm1d"):
        alignment_from_gradient(nn.Sequential(nn.Linear(6, 2), nn.BatchNorm1d(2)), rows(4).float(), draw(4, 2))
    with pytest.raises(DataError, match="trace 0: its alignment is not defined"):
        alignment_from_gradient(nn.Linear(2, 1, bias=False), torch.zeros(3, 2), [1.0, 1.0, 1.0])
