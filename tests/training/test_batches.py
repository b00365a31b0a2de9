import pytest
import torch

from tangentlab._errors import ArgumentError
from tangentlab.training.batches import batches
from tangentlab.training.descent import Descent


def drawn(n, **options):
    return [b.tolist() for b in batches(n, Descent(**options))]


def test_an_epoch_sees_no_row_twice_and_drops_the_incomplete_batch():
    found = drawn(23, batch_size=5, epochs=3)
    assert len(found) == 12
    for epoch in (found[:4], found[4:8], found[8:]):
        rows = [row for batch in epoch for row in batch]
        assert len(rows) == len(set(rows)) == 20
        assert set(rows) <= set(range(23))
    assert found[:4] != found[4:8]


def test_fewer_rows_than_a_batch_are_one_batch():
    assert [sorted(b) for b in drawn(4, batch_size=128, epochs=2)] == [[0, 1, 2, 3]] * 2


def test_all_rows_are_seen_over_the_epochs():
    assert {row for b in drawn(23, batch_size=5, epochs=20) for row in b} == set(range(23))


def test_there_are_as_many_batches_as_steps():
    for n in (1, 7, 8, 9, 100):
        descent = Descent(batch_size=8, epochs=3)
        assert len(list(batches(n, descent))) == descent.steps(rows=n)


def test_only_the_seed_decides_the_order():
    base = drawn(30, batch_size=4, epochs=2, seed=1)
    assert base == drawn(30, batch_size=4, epochs=2, seed=1, loss="mse", learning_rate=9.0, optimizer="adam")
    assert base != drawn(30, batch_size=4, epochs=2, seed=2)
    # more epochs go on from the same order
    assert base == drawn(30, batch_size=4, epochs=5, seed=1)[: len(base)]


def test_an_interrupted_reading_does_not_disturb_another():
    first, second = batches(10, Descent(batch_size=2)), batches(10, Descent(batch_size=2))
    next(first)
    assert torch.equal(next(second), next(batches(10, Descent(batch_size=2))))


def test_no_rows_are_refused():
    with pytest.raises(ArgumentError, match="at least one row"):
        batches(0, Descent())
