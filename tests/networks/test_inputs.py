"""Inputs: rows first, tensors or arrays, refused in words when they cannot be rows."""

import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError, NotFiniteError, ShapeError
from tangentlab.networks.inputs import (
    check_inputs,
    concatenate_rows,
    count_rows,
    map_tensors,
    place,
    take_rows,
    tensors_of,
)

CPU = torch.device("cpu")


def read_only(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.arange(6.0)[::-1].reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(6, dtype=">i4").reshape(2, 3),
        np.arange(6, dtype=">f8").reshape(2, 3),
        np.arange(6, dtype=np.uint8).reshape(2, 3),
        np.ones((2, 3), dtype=bool),
        read_only(np.arange(6.0).reshape(2, 3)),
    ],
    ids=["plain", "reversed", "fortran", "big-endian integers", "big-endian reals", "bytes", "bool", "read-only"],
)
def test_arrays_become_tensors_of_the_same_numbers(array):
    for wrap in (lambda a: a, lambda a: (a,), lambda a: {"x": a}):
        found = tensors_of(check_inputs(wrap(array)))[0][1]
        assert found.tolist() == array.tolist()


def test_an_array_is_copied():
    array = np.zeros((2, 2))
    x = check_inputs(array)
    array += 1
    assert x.sum() == 0


@pytest.mark.parametrize("array", [np.array([["a"]]), np.array([[None]]), np.zeros(2, dtype=[("a", float)])])
def test_arrays_of_no_numbers_are_refused(array):
    with pytest.raises(ArgumentError, match="`images`.*array of numbers"):
        check_inputs(array, name="images")


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch announces that these layouts are young
def test_tensors_without_dense_values_are_refused():
    x = torch.ones(2, 3)
    nested = torch.nested.nested_tensor([x[0], x[1]])
    for odd in (x.to_sparse(), x.to_sparse_csr(), x.to("meta"), nested):
        with pytest.raises(ArgumentError, match="dense tensor"):
            check_inputs((odd,))


@pytest.mark.parametrize("x", [None, 3, "rows", [[1.0, 2.0]], {"flag": True}, ()])
def test_what_holds_no_tensor_is_refused(x):
    with pytest.raises(ArgumentError):
        check_inputs(x)


def test_lists_of_numbers_are_refused_with_the_way_to_pass_them():
    with pytest.raises(ArgumentError, match=r"got none.*np\.array\(rows\)"):
        check_inputs([[1.0, 2.0], [3.0, 4.0]])


def test_rows_must_be_there_and_equal():
    with pytest.raises(ShapeError, match="0 rows"):
        check_inputs(torch.zeros(0, 3))
    with pytest.raises(ShapeError, match=r"x\['mask'\].*x\['ids'\]"):
        check_inputs({"ids": torch.zeros(3, 2), "mask": torch.zeros(2, 2)})
    with pytest.raises(ShapeError, match="first axis"):
        check_inputs(torch.tensor(1.0))


def test_numbers_must_be_finite_and_the_first_that_is_not_is_named():
    x = torch.zeros(3, 2)
    x[1, 1] = float("nan")
    with pytest.raises(NotFiniteError, match=r"`x1\[0\]` has 1 entry.*\(1, 1\)"):
        check_inputs((x,), name="x1")


def test_structure_is_kept():
    x = {"ids": torch.arange(6).reshape(3, 2), "flag": True}
    assert count_rows(x) == 3
    taken = take_rows(x, torch.tensor([2, 0]))
    assert taken["ids"].tolist() == [[4, 5], [0, 1]] and taken["flag"] is True
    both = concatenate_rows(taken, x)
    assert count_rows(both) == 5 and both["flag"] is True
    assert [name for name, _ in tensors_of((torch.zeros(1), "flag", torch.ones(1)))] == ["x[0]", "x[2]"]
    assert map_tensors(lambda t: t + 1, (torch.zeros(1), 2))[1] == 2


def test_placing_copies_converts_reals_and_drops_the_graph():
    x = torch.ones(2, 2, requires_grad=True)
    placed = place({"x": x, "ids": torch.arange(2), "flag": None}, device=CPU, dtype=torch.float64)
    assert placed["x"].dtype == torch.float64 and not placed["x"].requires_grad
    assert placed["ids"].dtype == torch.int64
    same = place(x, device=CPU, dtype=torch.float32)
    assert same.data_ptr() != x.data_ptr()


def test_placing_an_expanded_row_makes_rows_that_can_be_written():
    x = torch.ones(1, 2).expand(3, 2)
    placed = place(x, device=CPU, dtype=torch.float32)
    placed[0] = 5
    assert placed[1].tolist() == [1, 1]


def test_a_data_frame_is_refused_with_the_way_to_its_numbers():
    class Frame:
        def to_numpy(self): ...

    with pytest.raises(ArgumentError, match=r"Pass x\.to_numpy\(\)"):
        check_inputs(Frame())
