"""Sums over pairs of positions, and the Gram matrix of windows out of that of pixels."""

import pytest
import torch
import torch.nn.functional as F

from tangentlab.kernels.pairwise import pixel_products
from tangentlab.tangent.patches import Geometry, patch_matrix


@pytest.mark.parametrize(
    ("space", "kernel", "stride", "dilation", "padding"),
    [
        ((4, 4), (3, 3), (1, 1), (1, 1), (1, 1)),
        ((6, 5), (3, 2), (2, 3), (1, 1), (0, 1)),
        ((7, 7), (2, 3), (1, 2), (3, 2), (2, 0)),
        ((2, 2), (5, 5), (1, 1), (1, 1), (2, 2)),
        ((9,), (4,), (3,), (2,), (5,)),
        ((3, 4, 2), (2, 2, 2), (1, 2, 1), (1, 1, 1), (1, 0, 1)),
    ],
)
def test_products_of_windows_come_from_products_of_pixels(space, kernel, stride, dilation, padding):
    geometry = Geometry(kernel, stride, dilation, padding, 1)
    x, y = torch.randn(3, 2, *space, dtype=torch.float64), torch.randn(4, 2, *space, dtype=torch.float64)
    a, b = patch_matrix(x, geometry)[:, 0], patch_matrix(y, geometry)[:, 0]
    assert torch.allclose(pixel_products(x, y, geometry), torch.einsum("nsi,mti->sntm", a, b))


def test_one_pixel_under_a_window_of_nine_is_in_all_nine_products():
    x = F.pad(torch.full((1, 1, 1, 1), 3.0), (1, 1, 1, 1))
    found = pixel_products(x, x, Geometry((3, 3), (1, 1), (1, 1), (1, 1), 1))[:, 0, :, 0]
    assert torch.equal(found, 9 * torch.eye(9))
