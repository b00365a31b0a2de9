"""Sizes are refused before a layer is made."""

import pytest

from tangentlab._errors import ShapeError
from tangentlab.networks.sizes import expect_image, expect_input_shape


@pytest.mark.parametrize("shape", [(), (0,), (1, -8, 8), (1.5,), "abc", None])
def test_an_input_shape_that_is_none_is_refused(shape):
    with pytest.raises(ShapeError, match=r"x\.shape\[1:\]"):
        expect_input_shape(shape)


def test_one_number_is_a_shape_of_one_axis():
    assert expect_input_shape(784) == (784,)


@pytest.mark.parametrize(
    ("shape", "suggested"), [((784,), "(1, 28, 28)"), ((3072,), "(3, 32, 32)"), ((8, 9), "(1, 8, 9)")]
)
def test_rows_that_are_no_images_get_an_image_shape_suggested(shape, suggested):
    with pytest.raises(ShapeError) as refused:
        expect_image("lenet", shape)
    assert suggested in str(refused.value)


def test_an_image_too_small_is_refused_with_the_least_size():
    with pytest.raises(ShapeError, match="at least 4 by 4 pixels for the network lenet"):
        expect_image("lenet", (8, 8, 3), least=4)
