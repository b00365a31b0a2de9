"""Layers share a float32 tile only while they sum no more together than one product may."""

import pytest
import torch

from tangentlab.kernels.contraction import COLUMNS, add_contraction
from tangentlab.kernels.short_sums import ShortSums, summed_numbers, tile_dtype
from tangentlab.tangent.factors import Outer, Rows, Tokens, Windows
from tangentlab.tangent.patches import Geometry

OUTER = Outer(inputs=torch.ones(2, 1, 1, 5), gradients=torch.ones(2, 3, 1, 1, 7))
IMAGES = Windows(torch.ones(2, 1, 6), torch.ones(2, 3, 4, 5), Geometry((2,), (1,), (1,), (0,), 1))
WORDS = Tokens(torch.zeros(2, 4, dtype=torch.long), torch.ones(2, 3, 4, 5), vocabulary=11)


def test_what_is_short_lands_in_the_tile_once_and_no_more_than_one_product_sums_is_held():
    tile = torch.zeros(2, 2, dtype=torch.float64)
    sums = ShortSums(tile, torch.float32)
    first = sums.into(COLUMNS - 1)
    assert first.dtype == torch.float32
    first.add_(1)
    assert sums.into(1) is first and tile.sum() == 0
    sums.into(1)  # one more than a product may sum
    assert tile.sum() == 4 and first.sum() == 0
    sums.flush()
    sums.flush()
    assert tile.sum() == 4


@pytest.mark.parametrize(
    ("numbers", "dtype"), [(None, torch.float32), (COLUMNS + 1, torch.float32), (1, torch.float64)]
)
def test_long_sums_and_those_of_float64_go_to_the_tile_itself(numbers, dtype):
    tile = torch.zeros(2, 2, dtype=torch.float64)
    assert ShortSums(tile, dtype).into(numbers) is tile


def test_the_float32_tile_is_ordered_in_memory_as_the_tile_is():
    tile = torch.zeros(3, 4, 3, 5, dtype=torch.float64).permute(1, 3, 0, 2)
    assert ShortSums(tile, torch.float32).into(1).stride() == tile.stride()


@pytest.mark.parametrize(
    ("factor", "form", "contraction", "numbers"),
    [
        (Rows(torch.ones(2, 3, 10)), "explicit", "full", 10),
        (Rows(torch.ones(2, 3, 10)), "explicit", "trace", 30),
        (OUTER, "explicit", "diagonal", 35),
        (OUTER, "hadamard", "full", 12),
        (OUTER, "hadamard", "trace", 26),
        (IMAGES, "explicit", "full", 8),
        (IMAGES, "pixels", "full", None),
        (WORDS, "explicit", "trace", 165),
        (WORDS, "pairwise", "trace", None),
    ],
)
def test_numbers_are_those_of_the_sums_that_a_form_makes(factor, form, contraction, numbers):
    assert summed_numbers(factor, form=form, contraction=contraction) == numbers


def test_a_kernel_of_many_layers_is_as_exact_as_one_product():
    draw = torch.Generator().manual_seed(0)
    rows = [torch.randn(6, 1, 3000, generator=draw) + 1 for _ in range(30)]  # sums that do not cancel
    tile = torch.zeros(6, 6, dtype=torch.float64)
    sums = ShortSums(tile, torch.float32)
    for each in rows:
        factor = Rows(each)
        add_contraction(sums.into(each.shape[2]), factor, factor, form="explicit", contraction="trace")
    sums.flush()
    exact = sum(each[:, 0].double() @ each[:, 0].double().T for each in rows)
    assert (tile - exact).abs().max() <= 1e-6 * exact.abs().max()  # a few roundings of 6e-8 for each product


def test_a_tile_is_float32_only_where_all_that_it_sums_is_one_short_sum():
    assert tile_dtype([COLUMNS - 1, 1], torch.float32) == torch.float32
    assert tile_dtype([COLUMNS, 1], torch.float32) == torch.float64
    assert tile_dtype([1, None], torch.float32) == torch.float64
    assert tile_dtype([1], torch.float64) == torch.float64


def test_shares_go_straight_into_a_tile_that_is_a_short_sum_itself():
    tile = torch.zeros(2, 2)
    sums = ShortSums(tile, torch.float32)
    assert sums.into(5) is tile
    sums.flush()
    assert tile.sum() == 0
