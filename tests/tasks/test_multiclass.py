"""All classes at once."""

import pytest
import torch

from tangentlab._errors import DataError
from tangentlab.data import Data, load, split
from tangentlab.tasks import multiclass


def test_every_class_has_its_own_output():
    digits = load("digits")
    task = multiclass(digits, samples=100, test_samples=50)
    drawn = split(digits, samples=100, test_samples=50)
    assert torch.equal(task.y_train.argmax(1), digits.y[drawn.train])
    assert torch.equal(task.y_train.sum(1), torch.ones(100))
    assert (task.name, task.loss, task.classes) == ("classes", "cross_entropy", tuple("0123456789"))


def test_two_classes_are_one_output():
    data = Data.from_arrays(torch.randn(40, 2), ["no", "yes"] * 20, name="toy")
    task = multiclass(data, samples=10, test_samples=10)
    assert (task.loss, task.outputs, task.classes) == ("bce", 1, ("no", "yes"))


def test_tables_are_normalized_by_feature():
    x = torch.randn(100, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 10.0, 0.0]) + 5
    task = multiclass(Data.from_arrays(x, [0, 1] * 50, name="toy"), samples=80, test_samples=20)
    torch.testing.assert_close(task.x_train.mean(0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(task.x_train.std(0, correction=0), torch.tensor([1.0, 1.0, 0.0]), atol=1e-5, rtol=0)


def test_without_sizes_all_rows_are_taken():
    task = multiclass(load("digits"))
    assert (len(task.x_train), len(task.x_test)) == (1438, 359)


def test_one_class_and_classes_without_rows_are_refused():
    with pytest.raises(DataError, match="toy has one class only: 0"):
        multiclass(Data.from_arrays(torch.zeros(9, 1), [0] * 9, name="toy"))
    data = Data.from_arrays(torch.zeros(9, 1), [0, 1, 1] * 3, name="toy", classes=["a", "b", "c"])
    with pytest.raises(DataError, match="no train rows of the class c"):
        multiclass(data)
