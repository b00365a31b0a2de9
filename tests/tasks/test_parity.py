"""Parity against brute force."""

from itertools import product
from math import prod

import pytest
import torch

from tangentlab._errors import ArgumentError
from tangentlab.tasks import parity


@pytest.mark.parametrize(("degree", "dimension"), [(1, 1), (1, 4), (2, 5), (3, 30), (6, 6)])
def test_targets_are_the_sign_of_the_product(degree, dimension):
    task = parity(degree, dimension=dimension, samples=200, test_samples=100)
    for x, y in ((task.x_train, task.y_train), (task.x_test, task.y_test)):
        assert set(x.unique().tolist()) == {-1.0, 1.0}
        expected = [1.0 if prod(row[:degree]) > 0 else 0.0 for row in x.tolist()]
        assert y[:, 0].tolist() == expected
    assert (task.loss, task.classes, task.shape) == ("bce", ("-1", "+1"), (dimension,))


@pytest.mark.parametrize("samples", [2, 100, 101])
def test_labels_are_balanced(samples):
    task = parity(3, samples=samples, test_samples=2)
    assert abs(float(task.y_train.sum()) - samples / 2) <= 0.5


def test_rows_are_uniform_over_all_sign_vectors():
    n = 16000
    task = parity(2, dimension=4, samples=n, test_samples=2)
    index = {row: i for i, row in enumerate(product((-1.0, 1.0), repeat=4))}
    counts = torch.bincount(torch.tensor([index[tuple(row)] for row in task.x_train.tolist()]), minlength=16)
    # n / 16 rows of each of 16 vectors, standard deviation sqrt(n * 15) / 16
    assert (counts - n / 16).abs().max() < 5 * (n * 15) ** 0.5 / 16


def test_smaller_samples_are_the_beginning_of_larger_ones():
    small, large = (parity(3, samples=n, test_samples=50, seed=2) for n in (33, 1000))
    assert torch.equal(small.x_train, large.x_train[:33])
    assert torch.equal(small.y_train, large.y_train[:33])
    assert torch.equal(small.x_test, large.x_test)


def test_train_and_test_rows_are_other_draws_and_seeds_other_tasks():
    task, other = (parity(3, samples=100, test_samples=100, seed=seed) for seed in (0, 1))
    assert not torch.equal(task.x_train, task.x_test)
    assert not torch.equal(task.x_train, other.x_train)


@pytest.mark.parametrize(
    "numbers",
    [{"degree": 0}, {"degree": 2.0}, {"dimension": 0}, {"samples": 0}, {"test_samples": -1}, {"degree": 31}],
)
def test_numbers_that_make_no_parity_are_refused(numbers):
    (argument,) = numbers
    with pytest.raises(ArgumentError, match=f"`{argument}` must be"):
        parity(**numbers)
