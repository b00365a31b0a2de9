from __future__ import annotations

import pytest
import torch
from torch import nn

from tangentlab._errors import ArgumentError, NotFiniteError
from tangentlab.probes import steps_to_loss
from tangentlab.training import Descent, History, train


def test_a_falling_loss_reaches_its_level_once():
    losses = [1 / (t + 1) for t in range(50)]
    for level in (0.5, 0.1, 0.021):
        found = steps_to_loss(losses, level)
        expected = next(t + 1 for t, loss in enumerate(losses) if loss <= level)
        assert (found.steps, found.earliest, found.latest) == (expected, expected, expected)


def test_noise_widens_the_bracket_and_not_the_answer():
    losses = [1.0, 0.1, 1.0, 0.6, 0.4, 0.4, 0.7, 0.5, 0.1, 0.1]
    found = steps_to_loss(losses, 0.5, window=2)
    assert found.steps == 5  # 0.6 and 0.4
    assert found.earliest == 2
    assert found.latest == 9  # 0.4 with 0.7, and 0.7 with 0.5, are above


def test_a_level_not_reached_or_not_kept_is_none():
    assert steps_to_loss([1.0, 0.9], 0.5).steps is None
    found = steps_to_loss([1.0, 0.4, 1.0], 0.5)
    assert (found.steps, found.latest) == (2, None)


def test_the_history_of_a_training_is_taken():
    x = torch.eye(2, dtype=torch.float64)
    module = nn.Linear(2, 1, bias=False).double()
    nn.init.zeros_(module.weight)
    descent = Descent(loss="mse", epochs=40, learning_rate=0.5, momentum=0.0, schedule="constant")
    history = train(module, x, torch.tensor([1.0, -1.0]), descent).history
    # f = w, ½ · mean of (1 − w)², each coordinate w ← w + 0.5 (1 − w)/2: the loss is ½ (3/4)^(2t)
    expected = next(t for t in range(40) if 0.5 * 0.75 ** (2 * t) <= 0.01)
    assert steps_to_loss(history, 0.01).steps == expected + 1
    assert steps_to_loss(History(loss=(2.0,), learning_rate=(0.1,)), 2.0).steps == 1


def test_what_has_no_answer_is_refused():
    with pytest.raises(ArgumentError, match="`window` must be from 1 to the 2 steps"):
        steps_to_loss([1.0, 0.5], 0.1, window=3)
    with pytest.raises(ArgumentError, match="`history` must be the losses of a step or more, got none"):
        steps_to_loss([], 0.1)
    with pytest.raises(ArgumentError, match="`history` must be an array of real numbers"):
        steps_to_loss("abc", 0.1)
    with pytest.raises(ArgumentError, match="`level`"):
        steps_to_loss([1.0], float("nan"))
    with pytest.raises(NotFiniteError):
        steps_to_loss([1.0, float("nan")], 0.5)
