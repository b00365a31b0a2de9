"""Facts that hold for every network, to rounding: the linearized network and its kernel are one thing seen twice."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import tangentlab as tl
from oracles.modules_of_others import MODULES

DIGITS = (1, 8, 8)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def catalogue(name, shape):
    return lambda: tl.build_network(name, shape, outputs=1, seed=0).double(), lambda n: draw(n, *shape)


NETWORKS = {
    "mlp": catalogue("mlp", DIGITS),
    "lenet": catalogue("lenet", (1, 28, 28)),
    **{f"own-{name}": (lambda make=make: make(1), rows) for name, (make, rows) in MODULES.items()},
}


@pytest.fixture(params=NETWORKS)
def network(request):
    make, rows = NETWORKS[request.param]
    module = make()
    for part in module.modules():  # a descent runs in train mode, and its loss shall be no draw
        if isinstance(part, nn.Dropout):
            part.p = 0.0
        if isinstance(part, nn.MultiheadAttention):
            part.dropout = 0.0
    return module, rows(24)


def signs(n):
    return torch.randint(2, (n,), generator=torch.Generator().manual_seed(7)).double() * 2 - 1


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_training_the_linearization_is_training_in_function_space(network, loss):
    module, x = network
    y = signs(24) if loss == "mse" else (signs(24) + 1) / 2
    seen, other = x[:18], x[18:]
    with torch.no_grad():
        f0, f0_other = module(seen), module(other)
    K, K_other = tl.ntk(module, seen, outputs=0), tl.ntk(module, other, seen, outputs=0)
    rate = 0.5 * tl.stable_learning_rate(K, loss=loss, momentum=0.9)
    descent = tl.Descent(loss=loss, learning_rate=rate, momentum=0.9, batch_size=6, epochs=15, seed=1)
    primal = tl.train(tl.linearize(module), seen, y[:18], descent)
    dual = tl.train_function_space(K, f0, y[:18], descent)
    with torch.no_grad():
        outputs, rest = primal.module(seen), primal.module(other)
    # 45 steps, each with rounding of the size of the outputs
    size = float(outputs.abs().max())
    assert torch.allclose(dual.predict(K, f0), outputs, atol=1e-9 * size)
    assert torch.allclose(dual.predict(K_other, f0_other), rest, atol=1e-8 * size)
    assert dual.history.loss == pytest.approx(primal.history.loss, rel=1e-8)


def test_one_backward_pass_gives_the_alignment_of_the_kernel(network):
    module, x = network
    y = signs(24)
    K = tl.ntk(module, x, outputs=0).numpy()
    parameters = [p for p in module.parameters() if p.requires_grad]
    total = (y * module(x)[:, 0]).sum()
    gradients = torch.autograd.grad(total, parameters, allow_unused=True)
    by_hand = sum(float(g.square().sum()) for g in gradients if g is not None)
    form = float(y.numpy() @ K @ y.numpy())
    found = tl.alignment_from_gradient(module, x, y)
    # sums of p squares against n² products
    assert by_hand == pytest.approx(form, rel=1e-10)
    assert found.rayleigh * 24 == pytest.approx(form, rel=1e-10)
    assert found.trace == pytest.approx(np.trace(K), rel=1e-10)


@settings(max_examples=150, deadline=None)
@given(
    n=st.integers(2, 12),
    decay=st.floats(0.0, 3.0),
    columns=st.integers(1, 3),
    ridge=st.sampled_from([0.0, 1e-3, 1.0]),
    seed=st.integers(0, 2**31),
)
def test_the_norm_is_at_least_the_bound_of_the_alignment_for_every_positive_kernel(n, decay, columns, ridge, seed):
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    values = rng.uniform(0.5, 2.0, n) * np.arange(1, n + 1.0) ** -decay
    y = rng.standard_normal((n, columns))
    K = (Q * values) @ Q.T
    found = tl.complexity(K, y, ridge=ridge)
    shifted = K + ridge * np.eye(n)
    assert found.lower_bound == pytest.approx((y**2).sum() ** 2 / np.trace(y.T @ shifted @ y), rel=1e-9)
    assert found.norm >= found.lower_bound * (1 - 1e-9)
    assert found.norm == pytest.approx(np.trace(y.T @ np.linalg.solve(shifted, y)), rel=1e-7)
    # equality in one eigenspace
    assert tl.complexity(K, Q[:, 0], ridge=ridge).gap == pytest.approx(1.0, rel=1e-9)


def slope(module, x, y, *, loss):
    """dL/dt at 0 from the losses before and after one step of descent, extrapolated to steps of no size."""

    def one(rate):
        descent = tl.Descent(
            loss=loss, learning_rate=rate, momentum=0.0, batch_size=24, epochs=2, schedule="constant"
        )
        first, second = tl.train(module, x, y, descent).history.loss[:2]
        return (second - first) / rate

    size = 1e-3 * tl.stable_learning_rate(tl.ntk(module, x, outputs=0), loss=loss, momentum=0.0)
    return 2 * one(size / 2) - one(size)


class LessItsStart(nn.Module):
    """f(x) − f0(x): zero at the start, with the same kernel."""

    def __init__(self, module):
        super().__init__()
        self.module, self.start = module, deepcopy(module).requires_grad_(False)

    def forward(self, x):
        return self.module(x) - self.start(x)


@pytest.mark.parametrize("kind", ["network", "linearization"])
def test_the_loss_falls_at_the_rate_of_the_alignment_at_first_on_squares(network, kind):
    module, x = network
    y = signs(24)
    with torch.no_grad():
        residual = y - module(x)[:, 0]
    alpha = tl.alignment_from_gradient(module, x, residual).rayleigh * float(residual @ residual) / 24**2
    trained = module if kind == "network" else tl.linearize(module)
    # what is left of the step's size is of second order, 1e-6 of the rate of the steepest direction
    assert slope(trained, x, y, loss="mse") == pytest.approx(-alpha, rel=1e-3)


@pytest.mark.parametrize("kind", ["network", "linearization"])
def test_the_logistic_loss_falls_at_a_quarter_of_it_from_zero_outputs(network, kind):
    module, x = network
    y = signs(24)
    alpha = tl.alignment_from_gradient(module, x, y).rayleigh / 24
    trained = LessItsStart(module) if kind == "network" else tl.linearize(module, centred=True)
    assert slope(trained, x, (y + 1) / 2, loss="bce") == pytest.approx(-alpha / 4, rel=1e-3)
