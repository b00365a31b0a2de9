"""Pickles of byte arrays of every protocol, and hostile ones, which run nothing."""

import builtins
import os
import pickle

import numpy as np
import pytest

from tangentlab._errors import DataError
from tangentlab.data import read_array_pickle

CONTENT = {"data": np.arange(12, dtype=np.uint8).reshape(3, 4), "labels": [1, 2, 300], "name": "toy"}


class Hostile:
    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_protocol_gives_the_arrays_back(protocol, order):
    data = np.asarray(CONTENT["data"], order=order)
    found = read_array_pickle(pickle.dumps({**CONTENT, "data": data}, protocol=protocol))
    np.testing.assert_array_equal(found["data"], data)
    assert found["labels"] == [1, 2, 300]
    assert found["name"] in ("toy", b"toy")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "function",
    [os.system, os.makedirs, eval, exec, getattr, builtins.__import__, np.load, np.fromfile, pickle.loads],
    ids=lambda function: function.__name__,
)
def test_any_other_global_is_refused_and_not_called(tmp_path, function, protocol):
    trace = tmp_path / "ran"
    content = pickle.dumps([Hostile(function, f"touch {trace}")], protocol=protocol)
    with pytest.raises(DataError, match=r"asks for .*, which is no part of a byte array, so it was not opened"):
        read_array_pickle(content)
    assert not trace.exists()


def test_hostile_code_inside_an_array_is_refused(tmp_path):
    array = np.array([Hostile(os.mkdir, str(tmp_path / "ran"))], dtype=object)
    with pytest.raises(DataError, match=r"mkdir"):
        read_array_pickle(pickle.dumps(array))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("dtype", ["f8", "i8", "O", "U3", "i1"])
def test_arrays_of_other_types_are_refused(dtype):
    with pytest.raises(DataError, match="not of bytes"):
        read_array_pickle(pickle.dumps(np.zeros(3, dtype=dtype)))


def test_a_shape_without_its_bytes_is_refused():
    content = pickle.dumps(np.zeros((3, 4), np.uint8), protocol=2).replace(b"K\x03K\x04\x86", b"K\x03K\x09\x86")
    with pytest.raises(DataError, match="without as many bytes"):
        read_array_pickle(content)


def test_every_truncation_is_refused_in_a_sentence():
    content = pickle.dumps(CONTENT, protocol=4)
    for end in range(len(content)):
        with pytest.raises(DataError):
            read_array_pickle(content[:end])


def test_random_damage_gives_an_answer_or_a_refusal():
    content = pickle.dumps(CONTENT, protocol=2)
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(500):
        damaged = bytearray(content)
        damaged[random.integers(len(content))] = random.integers(256)
        try:
            read_array_pickle(bytes(damaged))
        except DataError:
            refused += 1
    assert refused > 50


def test_a_pickle_that_contains_itself_is_refused():
    circle = []
    circle.append(circle)
    with pytest.raises(DataError, match="damaged"):
        read_array_pickle(pickle.dumps(circle))
