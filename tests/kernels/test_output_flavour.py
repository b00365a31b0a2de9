"""Flavours: what is differentiated, what is kept, and their names."""

import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError, UnknownNameError
from tangentlab.kernels.output_flavour import FLAVOURS, check_outputs, output_flavour

LIKE = torch.zeros(1, dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "cotangents", "shape", "scale"),
    [
        ("full", torch.eye(3), (4, 5, 3, 3), 1),
        ("trace", torch.eye(3), (4, 5), 1),
        ("mean", torch.eye(3), (4, 5), 1 / 3),
        ("diagonal", torch.eye(3), (4, 5, 3), 1),
        ("sum", torch.ones(1, 3), (4, 5), 1),
        (1, torch.eye(3)[1:2], (4, 5), 1),
        (-1, torch.eye(3)[2:], (4, 5), 1),
        (np.int64(2), torch.eye(3)[2:], (4, 5), 1),
    ],
)
def test_flavour(name, cotangents, shape, scale):
    flavour = output_flavour(name, outputs=3)
    assert torch.equal(flavour.cotangents(like=LIKE), cotangents.double())
    assert flavour.count == len(cotangents)
    assert flavour.shape(4, 5) == shape
    assert flavour.scale == scale


@pytest.mark.parametrize("name", [*FLAVOURS, 0])
def test_swapping_rows_transposes_the_pairs_of_outputs_too(name):
    flavour = output_flavour(name, outputs=3)
    J = torch.randn(6, flavour.count, 7)
    full = torch.einsum("nqp,mrp->nmqr", J[:4], J[4:])
    kept = {"full": full, "diagonal": full.diagonal(dim1=2, dim2=3), "trace": full.diagonal(dim1=2, dim2=3).sum(2)}
    other = torch.einsum("nqp,mrp->nmqr", J[4:], J[:4])
    swapped = {
        "full": other,
        "diagonal": other.diagonal(dim1=2, dim2=3),
        "trace": other.diagonal(dim1=2, dim2=3).sum(2),
    }
    tile = kept[flavour.contraction]
    assert tile.shape == flavour.shape(4, 2)
    assert torch.allclose(flavour.transpose(tile), swapped[flavour.contraction])
    mirrored = flavour.mirrored(tile)
    assert torch.equal(mirrored, flavour.transpose(tile)) and mirrored.data_ptr() != tile.data_ptr()


@pytest.mark.parametrize("name", [*FLAVOURS, 1])
def test_a_kernel_is_scaled_where_it_lies_and_only_by_a_mean(name):
    flavour, kernel = output_flavour(name, outputs=3), torch.full((2, 2), 3.0)
    assert flavour.scaled_(kernel) is kernel
    assert kernel.unique().tolist() == [1 if name == "mean" else 3]


def test_for_one_output_all_agree():
    for name in FLAVOURS:
        flavour = output_flavour(name, outputs=1)
        assert flavour.cotangents(like=LIKE).tolist() == [[1]] and flavour.scale == 1


@pytest.mark.parametrize("name", [None, 1.0, True, [0], b"full"])
def test_what_is_no_flavour_is_refused(name):
    with pytest.raises(ArgumentError, match="`outputs`.*full, trace, mean, diagonal, sum, or an integer"):
        check_outputs(name)


def test_names_and_indices_out_of_range_are_refused():
    with pytest.raises(UnknownNameError, match="Did you mean 'diagonal'"):
        check_outputs("diagnoal")
    for index in (3, -4):
        with pytest.raises(ArgumentError, match="below the network's 3 outputs"):
            output_flavour(index, outputs=3)
