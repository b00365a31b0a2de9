"""What a task refuses to be."""

import pytest
import torch

from tangentlab._errors import ArgumentError, DataError, ShapeError, UnknownNameError
from tangentlab.tasks import Task


def make(**changes):
    fields = {
        "name": "toy",
        "x_train": torch.zeros(4, 2),
        "y_train": torch.tensor([[0.0], [1.0], [0.0], [1.0]]),
        "x_test": torch.zeros(2, 2),
        "y_test": torch.tensor([[0.0], [1.0]]),
        "loss": "bce",
        "classes": ("a", "b"),
        "identity": {},
    }
    return Task(**{**fields, **changes})


def test_a_whole_task_is_accepted():
    task = make()
    assert (task.outputs, task.shape) == (1, (2,))


def test_one_class_in_the_train_part_is_refused():
    with pytest.raises(DataError, match="one class only among its 4 train rows"):
        make(y_train=torch.ones(4, 1))
    one_hot = torch.tensor([[1.0, 0.0, 0.0]] * 4)
    with pytest.raises(DataError, match="one class only"):
        make(y_train=one_hot, y_test=one_hot[:2], loss="cross_entropy", classes=("a", "b", "c"))


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_rows_that_are_not_finite_are_refused(part, value):
    x = torch.zeros(4 if part == "train" else 2, 2)
    x[1, 0] = value
    with pytest.raises(DataError, match=f"{part} part of the task toy has 1 rows with NaN or infinity"):
        make(**{f"x_{part}": x})


def test_empty_parts_are_refused():
    with pytest.raises(DataError, match="test part of the task toy is empty"):
        make(x_test=torch.zeros(0, 2), y_test=torch.zeros(0, 1))


@pytest.mark.parametrize(
    "changes",
    [
        {"x_test": torch.zeros(2, 3)},
        {"x_train": torch.zeros(4)},
        {"y_train": torch.zeros(3, 1)},
        {"y_test": torch.zeros(2, 2)},
        {"y_test": torch.zeros(2)},
    ],
)
def test_parts_that_do_not_match_are_refused(changes):
    with pytest.raises(ShapeError):
        make(**changes)


@pytest.mark.parametrize("value", [0.5, 2.0, -1.0, float("nan")])
def test_targets_other_than_zero_and_one_are_refused(value):
    y = torch.tensor([[0.0], [1.0], [0.0], [value]])
    with pytest.raises(DataError, match="not 0 or 1"):
        make(y_train=y)


def test_rows_that_are_not_one_hot_are_refused():
    y = torch.eye(3)[[0, 1, 2, 0]]
    y[0] = 1
    with pytest.raises(DataError, match="one-hot"):
        make(y_train=y, y_test=torch.eye(3)[:2], loss="cross_entropy", classes=("a", "b", "c"))


def test_loss_and_names_must_fit_the_outputs():
    with pytest.raises(UnknownNameError, match="`loss` must be one of bce, cross_entropy"):
        make(loss="hinge")
    with pytest.raises(ArgumentError, match="2 names, with the loss 'bce'"):
        make(loss="cross_entropy")
    with pytest.raises(ArgumentError, match="2 names"):
        make(classes=("a", "b", "c"))


def test_labels_become_targets_of_the_rows_dtype():
    labels = torch.tensor([0, 2, 1])
    parts = {"labels_train": labels, "labels_test": labels, "identity": {}, "name": "toy"}
    x = torch.zeros(3, 2, dtype=torch.float64)
    task = Task.from_labels(x_train=x, x_test=x, classes=("a", "b", "c"), **parts)
    assert task.loss == "cross_entropy"
    assert task.y_train.dtype == torch.float64
    assert task.y_train.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
