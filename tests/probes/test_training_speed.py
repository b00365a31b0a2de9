"""The loss curve foretold from the Gram is the one that training the linearization follows."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from tangentlab._errors import ArgumentError, DataError, ShapeError
from tangentlab.kernels import ntk
from tangentlab.networks import Network
from tangentlab.probes import alignment, training_speed
from tangentlab.training import LOSSES, Descent, GradientFlow, train, train_function_space


def problem(*, n=30, c=1, seed=0):
    draw = torch.Generator().manual_seed(seed)
    J = torch.randn(n, 20, generator=draw, dtype=torch.float64)
    return J @ J.T, torch.randn(n, c, generator=draw, dtype=torch.float64)


@pytest.mark.parametrize("c", [1, 3])
def test_squared_loss_at_a_time_is_that_of_gradient_flow(c):
    K, y = problem(c=c)
    f0 = 0.3 * torch.ones_like(y)
    speed, flow = training_speed(K, y, f0), GradientFlow().fit(K, y, f0)
    for t in (0.0, 0.1, 3.0, math.inf):
        expected = float(LOSSES["mse"].value(flow.outputs(t), y))
        assert speed.at(t)[0] == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert speed.at([0.0, 1.0]).shape == (2,)
    assert speed.initial_loss == pytest.approx(speed.at(0.0)[0])


def test_it_is_what_small_steps_of_descent_reach():
    K, y = problem()
    rate, epochs = 1e-3, 400
    descent = Descent(
        loss="mse", learning_rate=rate, momentum=0.0, batch_size=30, epochs=epochs, schedule="constant"
    )
    reached = LOSSES["mse"].value(train_function_space(K, None, y, descent).train_outputs, y)
    # explicit steps lag the flow by half a step: rate · λ_max/n ≈ 1e-3 · 2 of each mode
    assert training_speed(K, y).at(rate * epochs)[0] == pytest.approx(float(reached), rel=5e-3)


def test_the_slope_is_minus_the_alignment_and_a_quarter_of_it_for_the_logistic_loss():
    K, y = problem()
    signs = y.sign()
    plug_in = alignment(K, signs).rayleigh / len(y)
    assert training_speed(K, signs).initial_slope == pytest.approx(-plug_in, rel=1e-12)
    assert training_speed(K, (signs + 1) / 2, loss="bce").initial_slope == pytest.approx(-plug_in / 4, rel=1e-12)


@pytest.mark.parametrize("loss", ["mse", "bce", "cross_entropy"])
def test_the_slope_is_that_of_one_small_step_of_the_network_itself(loss):
    """A module that no catalogue has; dL/dt by a finite step of its own descent."""

    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.scale = nn.Linear(3, 8), nn.Parameter(torch.ones(8))
            self.last = nn.Linear(8, 3 if loss == "cross_entropy" else 1)

        def forward(self, x):
            return self.last(self.scale * torch.tanh(self.first(x)))

    module, draw = Own().double(), torch.Generator().manual_seed(0)
    x = torch.randn(25, 3, generator=draw, dtype=torch.float64)
    labels = torch.randint(0, 3, (25,), generator=draw)
    y = labels if loss == "cross_entropy" else (labels > 0).double()[:, None]
    f0, step = Network(module)(x), 1e-6
    descent = Descent(loss=loss, learning_rate=step, momentum=0.0, batch_size=25, epochs=1, schedule="constant")
    moved = LOSSES[loss].value(train(module, x, y, descent).module(x).detach(), y)
    speed = training_speed(ntk(module, x), y, f0, loss=loss)
    slope = (float(moved) - speed.initial_loss) / step
    assert speed.initial_slope == pytest.approx(slope, rel=1e-4)  # curvature over a step of 1e-6


@pytest.mark.parametrize(
    ("f0", "error", "words"),
    [
        (torch.zeros(3), DataError, "one output"),
        (torch.zeros(3, 2), DataError, "integers 0 ≤ y < 2"),
        (torch.zeros(3, 3, 1), ShapeError, "f0"),
    ],
)
def test_outputs_that_cannot_be_those_of_labels_are_refused_in_words(f0, error, words):
    with pytest.raises(error, match=words):
        training_speed(torch.eye(3), [0, 1, 2], f0, loss="cross_entropy")


def test_the_time_to_a_share_is_when_the_loss_is_there():
    K, y = problem(n=15)  # twenty directions: everything can be fitted
    speed = training_speed(K, y)
    for share in (0.9, 0.5, 0.01):
        assert speed.at(speed.time_to(share))[0] == pytest.approx(share * speed.initial_loss, rel=1e-9)
    stuck = training_speed(*problem(n=30))
    floor = float(stuck.at(math.inf)[0]) / stuck.initial_loss
    assert stuck.time_to(0.5 * floor) == math.inf and math.isfinite(stuck.time_to((1 + floor) / 2))
    assert training_speed(torch.zeros(3, 3), torch.ones(3)).time_to(0.5) == math.inf


def test_what_cannot_be_is_refused():
    K, y = problem()
    with pytest.raises(ArgumentError, match="loss"):
        training_speed(K, y, loss="hinge")
    with pytest.raises(DataError, match=r"\[0, 1\]"):
        training_speed(K, y, loss="bce")
    with pytest.raises(ShapeError):
        training_speed(K, y[:5])
    with pytest.raises(ArgumentError, match="share"):
        training_speed(K, y).time_to(1.5)
    with pytest.raises(ArgumentError, match="times"):
        training_speed(K, y).at([-1.0])
    with pytest.raises(ArgumentError, match="no closed form"):
        training_speed(K, (y > 0).double(), loss="bce").at(1.0)
    assert isinstance(training_speed(K, y).at(0.5), np.ndarray)
