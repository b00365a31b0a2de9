"""Stratified samples against the divisor method step by step, and against largest remainders."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tangentlab._errors import ArgumentError, DataError
from tangentlab.data import stratified, stratified_order


def seats_one_by_one(sizes, count):
    """Webster and Sainte-Laguë: the next row goes to the class with the largest size / (2 seats + 1)."""
    seats = [0] * len(sizes)
    for _ in range(count):
        # cross-multiplied, so that ties are exact; the first class wins them
        best = 0
        for k in range(1, len(sizes)):
            if sizes[k] * (2 * seats[best] + 1) > sizes[best] * (2 * seats[k] + 1):
                best = k
        seats[best] += 1
    return seats


def largest_remainders(sizes, count):
    quotas = [size * count / sum(sizes) for size in sizes]
    seats = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(sizes)), key=lambda k: (seats[k] - quotas[k], k))
    for k in by_remainder[: count - sum(seats)]:
        seats[k] += 1
    return seats


def labels(sizes, seed=0):
    y = np.repeat(np.arange(len(sizes)), sizes)
    return torch.from_numpy(np.random.default_rng(seed).permutation(y))


def counts(y, rows, classes):
    return torch.bincount(y[rows], minlength=classes).tolist()


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 100))
def test_every_beginning_and_every_end_has_the_counts_of_the_divisor_method(sizes, seed):
    y = labels(sizes, seed)
    order = stratified_order(y, generator=seeded(seed))
    assert sorted(order.tolist()) == list(range(len(y)))
    for count in range(1, len(y) + 1):
        assert counts(y, order[:count], len(sizes)) == seats_one_by_one(sizes, count)
        # from the end the method is the same, with ties for the last class
        from_end = seats_one_by_one(sizes[::-1], count)[::-1]
        assert counts(y, order[-count:], len(sizes)) == from_end


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_equal_classes_get_the_counts_of_largest_remainders(classes):
    y = labels([30] * classes)
    for count in range(classes, len(y) + 1):
        assert counts(y, stratified(y, count, generator=seeded()), classes) == largest_remainders(
            [30] * classes, count
        )


@pytest.mark.parametrize("sizes", [[178, 182, 177, 183, 181, 182, 181, 179, 174, 180], [90, 10], [70, 25, 5]])
def test_every_count_is_within_one_row_of_its_share(sizes):
    y = labels(sizes)
    order = stratified_order(y, generator=seeded())
    for count in range(1, len(y) + 1):
        shares = [size * count / len(y) for size in sizes]
        assert max(abs(got - share) for got, share in zip(counts(y, order[:count], len(sizes)), shares)) < 1


def test_samples_stay_nested_where_largest_remainders_would_take_a_row_back():
    sizes = [6, 6, 2]
    assert largest_remainders(sizes, 10)[2] == 2  # the Alabama paradox: 2 of 10 rows ...
    assert largest_remainders(sizes, 11)[2] == 1  # ... but 1 of 11
    y = labels(sizes)
    order = stratified_order(y, generator=seeded())
    taken = [counts(y, order[:count], 3) for count in range(15)]
    assert all(a <= b for small, large in pairwise(taken) for a, b in zip(small, large))


def test_the_same_generator_gives_the_same_rows_and_another_other_ones():
    y = labels([30, 30])
    first, again, other = (stratified(y, 20, generator=seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first.sort().values, other.sort().values)


def test_rows_of_a_class_are_drawn_uniformly():
    y = torch.arange(40) % 2
    draws = torch.cat([stratified(y, 10, generator=seeded(seed)) for seed in range(400)])
    # each row is drawn with probability 1/4: 100 of 400 times, standard deviation 8.7
    assert (torch.bincount(draws, minlength=40) - 100).abs().max() < 5 * 8.7


def test_a_class_left_out_is_refused_with_the_smallest_count_that_works():
    y = labels([97, 3])
    with pytest.raises(DataError, match="leaves out 1 of the 2 classes. Ask for at least 17 rows"):
        stratified(y, 10, generator=seeded())
    assert counts(y, stratified(y, 17, generator=seeded()), 2) == [16, 1]


def test_more_rows_than_there_are_is_refused():
    with pytest.raises(DataError, match="11 rows were asked for and there are 10"):
        stratified(labels([5, 5]), 11, generator=seeded())


@pytest.mark.parametrize("count", [0, -1, 2.5, True, "3"])
def test_a_count_that_is_no_positive_integer_is_refused(count):
    with pytest.raises(ArgumentError, match="a whole number of at least 1"):
        stratified(labels([5, 5]), count, generator=seeded())
