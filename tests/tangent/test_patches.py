"""Patches are the columns that a convolution multiplies with its weight."""

import pytest
import torch
import torch.nn.functional as F

from tangentlab.tangent.patches import pad, patch_matrix

CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"),
    [((3,), (1,), (1,)), ((2,), (2,), (3,)), ((3, 2), (2, 1), (1, 2)), ((1, 1), (1, 1), (1, 1)), ((2, 1, 2), (1, 2, 1), (2, 1, 1))],
)  # fmt: skip
def test_a_convolution_is_a_product_of_weight_and_patches(kernel, stride, dilation, groups):
    dims, channels, out = len(kernel), 4, 6
    x = torch.randn(3, channels, *(7, 6, 5)[:dims], dtype=torch.float64)
    weight = torch.randn(out, channels // groups, *kernel, dtype=torch.float64)
    expected = CONVOLVE[dims](x, weight, stride=stride, dilation=dilation, groups=groups)
    columns = patch_matrix(x, kernel=kernel, stride=stride, dilation=dilation, groups=groups)
    grouped = weight.reshape(groups, out // groups, -1)
    found = torch.einsum("goi,ngsi->ngos", grouped, columns).reshape(expected.shape)
    assert torch.allclose(found, expected)


@pytest.mark.parametrize("mode", ["constant", "circular", "reflect", "replicate"])
def test_padding_is_in_the_order_of_the_axes(mode):
    x = torch.arange(24.0).reshape(1, 1, 4, 6)
    found = pad(x, before=[1, 2], after=[0, 3], mode=mode)
    assert found.shape == (1, 1, 5, 11)
    assert torch.equal(found[..., 1:, 2:8], x)
    assert torch.equal(pad(x, before=[0, 0], after=[0, 0], mode=mode), x)


def test_negative_padding_crops():
    x = torch.arange(5.0).reshape(1, 1, 5)
    assert pad(x, before=[-1], after=[-2]).flatten().tolist() == [1, 2]
