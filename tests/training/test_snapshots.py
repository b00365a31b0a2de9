import pytest

from tangentlab._errors import ArgumentError
from tangentlab.training.snapshots import snapshot_steps


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 30, 100, 12345])
def test_a_number_keeps_that_many_rising_steps_ending_at_the_end(steps):
    for count in range(1, min(steps, 60) + 1):
        kept = snapshot_steps(count, steps=steps)
        assert len(kept) == count == len(set(kept))
        assert list(kept) == sorted(kept)
        assert kept[0] >= 1
        assert kept[-1] == steps


def test_more_snapshots_than_steps_are_all_steps():
    assert snapshot_steps(50, steps=4) == (1, 2, 3, 4)


def test_steps_are_spaced_geometrically():
    assert snapshot_steps(7, steps=10**6) == tuple(10**k for k in range(7))


def test_a_list_is_kept_sorted_and_once():
    assert snapshot_steps([5, 0, 5, 2], steps=5) == (0, 2, 5)
    assert snapshot_steps([], steps=5) == snapshot_steps(None, steps=5) == ()


@pytest.mark.parametrize("snapshots", [0, -1, True, 2.5, "3", [6], [-1], [1.5], ["a"]])
def test_what_names_no_step_is_refused(snapshots):
    with pytest.raises(ArgumentError, match="`snapshots` must be None, a positive number"):
        snapshot_steps(snapshots, steps=5)
