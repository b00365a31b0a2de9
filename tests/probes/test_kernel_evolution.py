from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from oracles.modules_of_others import MODULES
from tangentlab._errors import ArgumentError, DataError, ShapeError
from tangentlab.kernels import ntk
from tangentlab.networks import Network
from tangentlab.probes import KernelEvolution, distance_interval, kernel_distance
from tangentlab.probes.kernel_evolution import on_log_grid
from tangentlab.tangent import linearize
from tangentlab.training import Descent, train
from tangentlab.training.snapshots import snapshot_steps

DESCENT = Descent(loss="mse", epochs=20, batch_size=5, learning_rate=0.05, momentum=0.5)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_grid_is_that_of_the_papers():
    expected = sorted({round(5 * 1.15**k) for k in range(60)} | {0})
    assert [t for t in range(expected[-1] + 1) if on_log_grid(t)] == expected


@pytest.mark.parametrize("model", ["linear", "linearized"])
def test_a_linear_model_has_zero_distance_forever(model):
    module = nn.Linear(4, 1).double() if model == "linear" else linearize(MODULES["mlp"][0](1))
    x, y = draw(10, 4 if model == "linear" else 6), draw(10)
    evolution = KernelEvolution(x, y)
    train(module, x, y, DESCENT, watch=evolution)
    assert evolution.column("step") == [t for t in range(41) if on_log_grid(t)]
    assert max(evolution.column("distance")) < 1e-14
    assert max(evolution.column("velocity")[1:]) < 1e-14
    assert len(set(np.round(evolution.column("trace"), 9))) == 1
    assert evolution.column("travelled")[-1] > 0.1


class Two(nn.Module):
    """f = a (w·x + b): Θ(x, x') = h h' + a² (x·x' + 1)."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(2, 1), nn.Linear(1, 1, bias=False)

    def forward(self, x):
        return self.second(self.first(x))


def by_hand(x, w, b, a):
    h = x @ w + b
    return np.outer(h, h) + a**2 * (x @ x.T + 1)


def test_two_layers_turn_as_computed_by_hand():
    module = Two().double()
    x, y = draw(6, 2), draw(6)
    evolution = KernelEvolution(x, y, steps=[3, 4, 9], top=2)
    rates, points = 0.1, []
    w, b, a = (p.detach().numpy().copy() for p in module.parameters())
    w, b, a = w[0], float(b[0]), float(a[0, 0])
    X, Y = x.numpy(), y.numpy()
    for _ in range(10):  # plain gradient descent on ½ mean (f − y)², by hand
        points.append((w.copy(), b, a))
        r = (a * (X @ w + b) - Y) / 6
        gw, gb, ga = a * X.T @ r, a * r.sum(), r @ (X @ w + b)
        w, b, a = w - rates * gw, b - rates * gb, a - rates * ga
    descent = Descent(loss="mse", epochs=10, batch_size=6, learning_rate=rates, momentum=0.0, schedule="constant")
    train(module, x, y, descent, watch=evolution)
    assert evolution.column("step") == [0, 3, 4, 9]
    kernels = [by_hand(X, *points[t]) for t in (0, 3, 4, 9)]

    def S(A, B):
        return 1 - (A * B).sum() / np.linalg.norm(A) / np.linalg.norm(B)

    distances = [S(kernels[0], K) for K in kernels]
    assert evolution.column("distance") == pytest.approx(distances, rel=1e-9, abs=1e-15)
    speeds = [S(A, B) / t for A, B, t in zip(kernels, kernels[1:], (3, 1, 5))]
    assert evolution.column("velocity")[1:] == pytest.approx(speeds, rel=1e-7)
    assert math.isnan(evolution.column("velocity")[0])
    assert evolution.column("trace") == pytest.approx([np.trace(K) for K in kernels])
    for reading, K in zip(evolution.readings, kernels):
        assert reading.eigenvalues == pytest.approx(np.linalg.eigvalsh(K)[::-1][:2])
        assert reading.alignment is not None
        assert reading.alignment.rayleigh == pytest.approx(Y @ K @ Y / (Y @ Y))
    flat = [np.concatenate([w, [b, a]]) for w, b, a in (points[t] for t in (0, 3, 4, 9))]
    travelled = [np.linalg.norm(p - flat[0]) for p in flat]
    assert evolution.column("travelled") == pytest.approx(travelled, abs=1e-15)
    assert evolution.column("relative") == pytest.approx(np.array(travelled) / np.linalg.norm(flat[0]), abs=1e-15)


def test_a_loop_of_ones_own_reads_what_train_does():
    make, rows = MODULES["convolutional"]
    x, y = rows(10), draw(10, 2)
    watched = KernelEvolution(x[:6])
    descent = Descent(loss="mse", epochs=8, batch_size=10, learning_rate=0.02, momentum=0.0, schedule="constant")
    train(make(2), x, y, descent, watch=watched)
    module, mine = make(2), KernelEvolution(x[:6])
    optimizer = torch.optim.SGD(module.parameters(), lr=0.02)
    mine(0, module)
    for step in range(8):
        optimizer.zero_grad()
        (0.5 * (module(x) - y).square().sum(1).mean()).backward()
        optimizer.step()
        mine(step + 1, module)
    assert mine.column("step") == watched.column("step") == [0, 5, 6, 7, 8]
    assert mine.column("distance") == pytest.approx(watched.column("distance"), rel=1e-6)


def test_watching_changes_nothing_of_the_training():
    make, rows = MODULES["attends"]  # it has dropout, whose draws a look must not move
    module, x, y = make(1).train(), rows(12), draw(12)
    plain = train(module, x, y, DESCENT)
    watched = train(module, x, y, DESCENT, watch=KernelEvolution(x[:4]))
    assert watched.history == plain.history
    states = plain.module.state_dict(), watched.module.state_dict()
    assert all(torch.equal(a, b) for a, b in zip(states[0].values(), states[1].values()))


def test_the_users_module_is_not_touched_by_a_reading():
    make, rows = MODULES["attends"]
    module = make(1).train()
    module(rows(3)).sum().backward()
    gradients = {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}
    before = {name: (tensor.clone(), tensor._version) for name, tensor in module.state_dict().items()}
    state = torch.random.get_rng_state()
    KernelEvolution(rows(4)).read(0, module)
    assert module.training
    assert all(p.requires_grad for p in module.parameters())
    assert torch.equal(state, torch.random.get_rng_state())
    for name, tensor in module.state_dict().items():
        assert torch.equal(before[name][0], tensor)
        assert before[name][1] == tensor._version
    for name, parameter in module.named_parameters():
        if name in gradients:
            assert torch.equal(gradients[name], parameter.grad)


def test_steps_can_be_chosen_and_the_end_read_by_hand():
    module, x, y = MODULES["mlp"][0](1), MODULES["mlp"][1](10), draw(10)
    steps = snapshot_steps(4, steps=40)
    evolution = KernelEvolution(x, steps=steps)
    state = train(module, x, y, DESCENT, watch=evolution)
    assert evolution.column("step") == [0, *steps]
    with pytest.raises(ArgumentError, match="above 40, the last one read"):
        evolution.read(40, state.module)
    last = evolution.readings[-1]
    K0, K1 = (ntk(one, x, outputs=0) for one in (module, state.module))
    assert last.distance.value == pytest.approx(kernel_distance(K0, K1), rel=1e-10)
    assert last.distance.low < last.distance.value < last.distance.high
    assert last.travelled == pytest.approx(state.distance, rel=1e-12)


def test_networks_with_several_outputs_and_parts_of_the_parameters_are_read():
    make, rows = MODULES["tied"]
    x, y = rows(8), draw(8, 2)
    network = Network(make(2), parameters=["head.weight", "scale"])
    for outputs in ("mean", "full", "diagonal"):
        evolution = KernelEvolution(x, y, outputs=outputs, parameters=["head.weight", "scale"])
        train(network, x, y, DESCENT, watch=evolution)
        assert evolution.column("distance")[-1] > 0
        assert evolution.column("unbiased")


def test_the_jackknife_of_the_distance_leaves_rows_out_one_by_one():
    F, G = draw(7, 9).numpy(), draw(7, 9, seed=1).numpy()
    K0, K1 = F @ F.T, G @ G.T
    found = distance_interval(K0, K1)
    each = []
    for i in range(7):
        rest = np.delete(np.arange(7), i)
        each.append(kernel_distance(K0[np.ix_(rest, rest)], K1[np.ix_(rest, rest)]))
    each = np.array(each)
    assert found.standard_error == pytest.approx(np.sqrt(6 / 7 * ((each - each.mean()) ** 2).sum()), rel=1e-8)
    assert found.bias == pytest.approx(6 * (each.mean() - found.value), rel=1e-6)


def test_the_distance_of_independent_kernels_is_too_small_and_its_bias_says_so():
    # two kernels of no relation: orthogonal in the distribution, alike only in their diagonals
    F, G = draw(60, 200).numpy(), draw(60, 200, seed=1).numpy()
    found = distance_interval(F @ F.T, G @ G.T)
    assert found.bias < 0
    assert abs(found.corrected - 1) < abs(found.value - 1)


def test_what_cannot_be_followed_is_refused():
    with pytest.raises(DataError, match="`y` is zero everywhere, so no kernel"):
        KernelEvolution(torch.eye(2), [0.0, 0.0])
    with pytest.raises(ShapeError):
        KernelEvolution(torch.eye(2), [1.0, 0.0, 1.0])
    with pytest.raises(ArgumentError, match="`top`"):
        KernelEvolution(torch.eye(2), top=0)
    evolution = KernelEvolution(torch.eye(2))
    evolution(0, nn.Linear(2, 1))
    with pytest.raises(ArgumentError, match="the module of the first call"):
        evolution.read(1, Two())
    with pytest.raises(ArgumentError, match="`name`"):
        evolution.column("rayleigh")
