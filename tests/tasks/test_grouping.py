"""The grammar of groups."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tangentlab._errors import ArgumentError, DataError, UnknownNameError
from tangentlab.tasks import read_groups, write_groups

TEN = [str(i) for i in range(10)]
CLOTHES = ["T-shirt/top", "Trouser", "Coat", "Shirt", "T-shirt"]


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("0-4", ((0, 1, 2, 3, 4),)),
        ("0,2,4", ((0, 2, 4),)),
        (" 0 - 1 / 2 , 5-6 ".replace(" - ", "-"), ((0, 1), (2, 5, 6))),
        ("0-1/2-3/4-9", ((0, 1), (2, 3), (4, 5, 6, 7, 8, 9))),
        ("7", ((7,),)),
        ("3-3/4", ((3,), (4,))),
    ],
)
def test_numbers_and_ranges_are_read(text, groups):
    assert read_groups(text, TEN) == groups


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("Coat,Shirt", ((2, 3),)),
        ("T-shirt/top", ((0,),)),
        ("T-shirt/Trouser", ((4,), (1,))),
        ("T-shirt/top,T-shirt/Coat", ((0, 4), (2,))),
        ("0,Coat/3-4", ((0, 2), (3, 4))),
    ],
)
def test_names_may_hold_the_separators(text, groups):
    assert read_groups(text, CLOTHES) == groups


def test_names_may_be_any_text():
    names = ["</script><img src=x onerror=alert(1)>", "a,b", "x/y", "1-2", "b"]
    assert read_groups(f"{names[0]},{names[1]}/{names[2]},{names[3]}", names) == ((0, 1), (2, 3))


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([[0, 1, 2, 3, 4]], ((0, 1, 2, 3, 4),)),
        ([0, 1], ((0, 1),)),
        (range(3), ((0, 1, 2),)),
        ([range(2), (4, 3)], ((0, 1), (3, 4))),
        ([["3"], {5}], ((3,), (5,))),
    ],
)
def test_lists_are_read(groups, expected):
    assert read_groups(groups, TEN) == expected


def test_integer_names_win_over_indices():
    assert read_groups("1-2", ["1", "2", "3"]) == ((0, 1),)
    assert read_groups([[3]], ["1", "2", "3"]) == ((2,),)
    assert read_groups("-1/1", ["-1", "1"]) == ((0,), (1,))
    assert read_groups("1-3", ["5", "3", "2", "1"]) == ((1, 2, 3),)
    with pytest.raises(ArgumentError, match="from 1 to 3, got 0"):
        read_groups("0", ["1", "2", "3"])


@pytest.mark.parametrize("groups", ["", "0-4/", "/0-4", "0//1", [[0], []], []])
def test_empty_groups_are_refused(groups):
    with pytest.raises(DataError, match="is empty"):
        read_groups(groups, TEN)


@pytest.mark.parametrize("groups", ["0-4/4-9", "1,1", [[0, 1], [1]], "0-3,2"])
def test_overlaps_are_refused_by_name(groups):
    with pytest.raises(DataError, match="is named twice"):
        read_groups(groups, TEN)


@pytest.mark.parametrize("groups", ["10", "0-12", [[10]], [[-1]], "-1"])
def test_numbers_out_of_range_are_refused_with_the_range(groups):
    with pytest.raises(ArgumentError, match="one of the 10 numbers from 0 to 9, got"):
        read_groups(groups, TEN)


@pytest.mark.parametrize("groups", ["Coats", [["Coats"]], "0,Coats/1"])
def test_unknown_names_are_refused_with_the_nearest(groups):
    with pytest.raises(UnknownNameError, match="Did you mean 'Coat'"):
        read_groups(groups, CLOTHES)


@pytest.mark.parametrize("groups", [[[0.5]], [[True]], [[None]], [[0], 1], [[0], "1"]])
def test_what_is_no_class_is_refused(groups):
    with pytest.raises(ArgumentError):
        read_groups(groups, TEN)


def test_a_range_that_runs_backwards_is_refused():
    with pytest.raises(ArgumentError, match="Try 1-4"):
        read_groups("4-1", TEN)


@settings(deadline=None)
@given(
    st.lists(st.integers(-1, 3), min_size=8, max_size=8),
    st.sampled_from([TEN[:8], list("abcdefgh"), ["9", "7", "5", "3", "1", "-2", "-4", "6"]]),
)
def test_what_is_written_reads_back(owners, classes):
    owners = [*owners]
    used = sorted({owner for owner in owners if owner >= 0})
    groups = tuple(tuple(i for i, o in enumerate(owners) if o == owner) for owner in used)
    if groups:
        assert read_groups(write_groups(groups, classes), classes) == groups
