"""Train and test rows: disjoint, stratified, nested, from their official parts."""

import pytest
import torch

from tangentlab._errors import ArgumentError, DataError
from tangentlab.data import Data, load, split


def toy(n=200, classes=4, n_train=None):
    return Data.from_arrays(torch.arange(n)[:, None], torch.arange(n) % classes, name="toy", n_train=n_train)


@pytest.mark.parametrize("n_train", [None, 150])
def test_train_rows_are_nested_and_test_rows_do_not_move(n_train):
    data = toy(n_train=n_train)
    small, large = (split(data, samples=n, test_samples=20, seed=3) for n in (16, 120))
    assert torch.equal(small.train, large.train[:16])
    assert torch.equal(small.test, large.test)
    wider = split(data, samples=16, test_samples=40, seed=3)
    assert torch.equal(wider.train, small.train)
    assert torch.equal(wider.test[:20], small.test)


@pytest.mark.parametrize("n_train", [None, 150])
def test_parts_are_disjoint_and_stratified(n_train):
    data = toy(n_train=n_train)
    drawn = split(data, samples=100, test_samples=48)
    assert not set(drawn.train.tolist()) & set(drawn.test.tolist())
    assert torch.bincount(data.y[drawn.train]).tolist() == [25] * 4
    assert torch.bincount(data.y[drawn.test]).tolist() == [12] * 4


def test_parts_come_from_the_official_parts():
    drawn = split(toy(n_train=150), samples=100, test_samples=48)
    assert int(drawn.train.max()) < 150 <= int(drawn.test.min())
    assert sorted(drawn.pool.tolist()) == list(range(150))


def test_seeds_draw_different_rows():
    data = toy()
    assert not torch.equal(
        split(data, samples=50, test_samples=50, seed=0).train,
        split(data, samples=50, test_samples=50, seed=1).train,
    )


def test_none_takes_everything():
    official = split(toy(n_train=150))
    assert (len(official.train), len(official.test)) == (150, 50)
    own = split(toy())
    assert (len(own.train), len(own.test)) == (160, 40)
    assert sorted([*own.train.tolist(), *own.test.tolist()]) == list(range(200))


def test_the_pool_is_what_is_not_tested():
    drawn = split(toy(), samples=30, test_samples=50)
    assert sorted([*drawn.pool.tolist(), *drawn.test.tolist()]) == list(range(200))
    assert torch.equal(drawn.pool[:30], drawn.train)


@pytest.mark.parametrize("n_train", [None, 150])
def test_chosen_classes_alone_are_drawn(n_train):
    data = toy(n_train=n_train)
    drawn = split(data, samples=40, test_samples=20, classes=[1, 3])
    for rows in (drawn.train, drawn.test, drawn.pool):
        assert set(data.y[rows].tolist()) == {1, 3}


def test_too_many_rows_are_refused_with_how_many_there_are():
    with pytest.raises(DataError, match="has 200 rows for this task; 180 to train on and 40 to test on make 220"):
        split(toy(), samples=180, test_samples=40)
    with pytest.raises(DataError, match="150 rows for this task in its official train part; 151 were asked for"):
        split(toy(n_train=150), samples=151, test_samples=10)
    with pytest.raises(DataError, match="50 rows for this task in its official test part; 60 were asked for"):
        split(toy(n_train=150), samples=100, test_samples=60)
    with pytest.raises(DataError, match="has 1797 rows"):
        split(load("digits"), samples=2000, test_samples=100)


def test_sizes_that_leave_out_a_class_are_refused():
    with pytest.raises(DataError, match="stratified train part of 3 rows leaves out 1 of the 4 classes"):
        split(toy(), samples=3, test_samples=20)
    with pytest.raises(DataError, match="stratified test part of 2 rows leaves out 2 of the 4 classes"):
        split(toy(), samples=20, test_samples=2)


@pytest.mark.parametrize("n_train", [None, 100])
def test_classes_without_rows_are_refused(n_train):
    y = torch.arange(200) % 2 if n_train is None else (torch.arange(200) >= 100).long()
    data = Data.from_arrays(torch.zeros(200, 1), y, name="toy", classes=["a", "b", "c"], n_train=n_train)
    with pytest.raises(DataError, match="0 rows for this task"):
        split(data, classes=[2] if n_train is None else [1])


@pytest.mark.parametrize(("samples", "test_samples"), [(0, 10), (10, -1), (1.5, 10)])
def test_sizes_that_are_no_positive_integers_are_refused_by_name(samples, test_samples):
    with pytest.raises(ArgumentError, match="`(test_)?samples` must be a whole number of at least 1"):
        split(toy(), samples=samples, test_samples=test_samples)
