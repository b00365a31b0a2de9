"""Random labels: balanced, nested, and independent of the rows."""

import pytest
import torch

from tangentlab._errors import ArgumentError
from tangentlab.data import load, split
from tangentlab.tasks import balanced_labels, random_labels

SIZES = {"samples": 400, "test_samples": 200}


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_every_beginning_is_balanced_and_of_the_larger_ones(classes):
    whole = balanced_labels(100, classes, generator=torch.Generator().manual_seed(0))
    for count in range(1, 100):
        labels = balanced_labels(count, classes, generator=torch.Generator().manual_seed(0))
        assert torch.equal(labels, whole[:count])
        counts = torch.bincount(labels, minlength=classes)
        assert int(counts.max() - counts.min()) <= 1


def test_labels_are_independent_of_the_classes(digits):
    # of each class, the share of ones over 40 seeds; 40 a class and seed, so at most 1600 coins
    share = torch.zeros(10)
    for seed in range(40):
        task = random_labels(digits, **SIZES, seed=seed, normalize=False)
        classes = digits.y[split(digits, **SIZES, seed=seed).train]
        share += torch.stack([task.y_train[classes == c, 0].mean() for c in range(10)]) / 40
    assert (share - 0.5).abs().max() < 5 * 0.5 / 1600**0.5


def test_two_labels_are_one_output_and_more_are_one_each(digits):
    assert random_labels(digits, **SIZES).loss == "bce"
    task = random_labels(digits, classes=10, **SIZES)
    assert (task.name, task.y_train.shape) == ("random:10", (400, 10))
    assert task.y_train.sum(0).tolist() == [40.0] * 10


def test_rows_are_those_of_the_data_and_labels_change_with_the_seed(digits):
    task = random_labels(digits, **SIZES, normalize=False)
    assert torch.equal(task.x_train, digits.x[split(digits, **SIZES).train])
    assert not torch.equal(task.y_train, random_labels(digits, **SIZES, seed=1).y_train)
    assert torch.equal(task.y_train, random_labels(digits, **SIZES).y_train)


def test_train_and_test_labels_are_other_draws(digits):
    task = random_labels(digits, samples=200, test_samples=200)
    assert not torch.equal(task.y_train, task.y_test)


def test_smaller_samples_keep_their_labels(digits):
    small = random_labels(digits, samples=50, test_samples=200)
    large = random_labels(digits, **SIZES)
    assert torch.equal(small.y_train, large.y_train[:50])
    assert torch.equal(small.x_train, large.x_train[:50])
    assert torch.equal(small.y_test, large.y_test)


@pytest.mark.parametrize("classes", [1, 0, 2.0, True])
def test_fewer_than_two_labels_are_refused(digits, classes):
    with pytest.raises(ArgumentError, match="at least 2"):
        random_labels(digits, classes=classes, **SIZES)
