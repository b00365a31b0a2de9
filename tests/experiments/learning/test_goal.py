"""Targets in any form are read as what they are, or refused."""

import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError, DataError, NotFiniteError, ShapeError, UnknownNameError
from tangentlab.experiments.learning.goal import goal_of


@pytest.mark.parametrize(
    ("y", "kind", "loss", "outputs"),
    [
        ([0, 1, 1], "classes", "bce", 1),
        (["a", "b", "c"], "classes", "cross_entropy", 3),
        ([-1.0, 1.0, 1.0], "classes", "bce", 1),
        ([True, False, True], "classes", "bce", 1),
        (np.eye(3), "classes", "cross_entropy", 3),
        (torch.tensor([[0.0], [1.0], [1.0]]), "classes", "bce", 1),
        ([0.0, 1.0, 2.0], "values", "mse", 1),
        (np.random.default_rng(0).random((3, 2)), "values", "mse", 2),
    ],
)
def test_classes_and_values_are_told_apart(y, kind, loss, outputs):
    goal = goal_of(y, rows=3)
    assert (goal.kind, goal.loss, goal.outputs) == (kind, loss, outputs)
    assert goal.codes.shape == goal.targets.shape == (3, outputs)
    if goal.decides and outputs > 1:
        torch.testing.assert_close(goal.codes.sum(1), torch.zeros(3, dtype=torch.float64), atol=1e-12, rtol=0)


def test_either_may_be_insisted_on():
    assert goal_of([0, 1, 2], kind="values").codes.flatten().tolist() == [0, 1, 2]
    assert goal_of([0.0, 1.0, 2.0], kind="classes").outputs == 3
    assert goal_of([0, 1], outputs=2).loss == "cross_entropy"
    some = goal_of(["a", "b", "a"]).take(torch.tensor([1, 2]))
    assert some.labels.tolist() == [1, 0] and len(some.codes) == 2


@pytest.mark.parametrize(
    ("y", "arguments", "error", "words"),
    [
        (np.arange(500), {}, ArgumentError, "could be either"),
        ([1, 1, 1], {}, DataError, "one class"),
        ([0.5, 0.5], {}, DataError, "all the same"),
        ([0.5, np.nan], {}, NotFiniteError, "not finite"),
        ([0, 1], {"rows": 3}, ShapeError, "3 rows"),
        ([0, 1], {"kind": "label"}, UnknownNameError, "classes"),
        ([0, 1, 2], {"outputs": 1}, ArgumentError, "1 output"),
        ([0.1, 0.2], {"outputs": 2}, ArgumentError, "2 outputs"),
        (np.ones((2, 3)), {"kind": "classes"}, ShapeError, "one-hot"),
    ],
)
def test_what_is_neither_is_refused(y, arguments, error, words):
    with pytest.raises(error, match=words):
        goal_of(y, **arguments)
