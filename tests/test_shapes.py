"""What is checked at the borders between layers is told by name."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError, NotFiniteError
from tangentlab._shapes import expect_finite, expect_path, expect_whole_number

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([[1.0, 2.0], [INF, NAN]]), r"2 entries that are not finite, the first at \(1, 0\)"),
        (torch.tensor([1e300, NAN], dtype=torch.float64), r"1 entry that is not finite, the first at \(1,\)"),
        (torch.tensor([1 + 0j, complex(0, NAN)]), r"1 entry that is not finite, the first at \(1,\)"),
        (np.array([1 + 0j, complex(0, INF)]), r"1 entry that is not finite, the first at \(1,\)"),
        (torch.tensor([0.0, INF], dtype=torch.bfloat16), r"1 entry that is not finite, the first at \(1,\)"),
    ],
)
def test_entries_that_are_not_finite_are_counted_and_found_in_their_own_dtype(array, words):
    with pytest.raises(NotFiniteError, match=words):
        expect_finite("x", array)


@pytest.mark.parametrize(
    "array",
    [
        torch.tensor([3e38, 3e38]),  # whose sum is not
        torch.tensor([1e308, 1e308], dtype=torch.float64),
        torch.tensor([True, False]),
        np.array(["a"]),
        torch.zeros(0),
        np.zeros((0, 3)),
    ],
)
def test_what_is_finite_passes(array):
    expect_finite("x", array)


def test_what_has_no_values_is_not_said_to_be_finite():
    with pytest.raises(ArgumentError, match="`K` must be an array with values, got a tensor on the meta device"):
        expect_finite("K", torch.empty(2, 2, device="meta"))


@pytest.mark.parametrize("value", [3, None, b"bytes", ["a"], "a\0b"])
def test_what_is_no_path_is_refused(value):
    with pytest.raises(ArgumentError, match="`store` must be a path"):
        expect_path("store", value)


@pytest.mark.parametrize("value", ["a/b", Path("a/b")])
def test_paths_pass(value):
    assert expect_path("store", value) == Path("a/b")


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_of_python_and_numpy_are_one_kind(value):
    found = expect_whole_number("rank", value, most=3)
    assert (found, type(found)) == (3, int)


@pytest.mark.parametrize("value", [0, -1, 4, 1.5, 2.0, True, np.True_, "3", None, NAN])
def test_what_is_no_whole_number_in_reach_is_refused_by_name(value):
    with pytest.raises(ArgumentError, match="`rank` must be a whole number from 1 to 3, got "):
        expect_whole_number("rank", value, most=3)
