"""Patches are the columns that a convolution multiplies with its weight."""

import pytest
import torch
import torch.nn.functional as F

from tangentlab.tangent.patches import Geometry, kernel_gradients, pad, patch_matrix

CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"),
    [((3,), (1,), (1,)), ((2,), (2,), (3,)), ((3, 2), (2, 1), (1, 2)), ((1, 1), (1, 1), (1, 1)), ((2, 1, 2), (1, 2, 1), (2, 1, 1))],
)  # fmt: skip
def test_a_convolution_is_a_product_of_weight_and_patches(kernel, stride, dilation, groups, padding):
    dims, channels, out = len(kernel), 4, 6
    x = torch.randn(3, channels, *(7, 6, 5)[:dims], dtype=torch.float64)
    weight = torch.randn(out, channels // groups, *kernel, dtype=torch.float64)
    expected = CONVOLVE[dims](x, weight, stride=stride, padding=padding, dilation=dilation, groups=groups)
    geometry = Geometry(kernel, stride, dilation, (padding,) * dims, groups)
    assert geometry.positions(x.shape[2:]) == tuple(expected.shape[2:])
    columns = patch_matrix(x, geometry)
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


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_a_kernel_gradient_is_that_of_each_row_alone(dims):
    x = torch.randn(3, 2, *(7, 6, 5)[:dims], dtype=torch.float64)
    weight = torch.randn(4, 2, *(3, 2, 2)[:dims], dtype=torch.float64, requires_grad=True)
    geometry = Geometry(tuple(weight.shape[2:]), (2,) * dims, (1,) * dims, (1,) * dims, 1)
    G = torch.randn(3, 2, 4, *geometry.positions(x.shape[2:]), dtype=torch.float64)
    found = kernel_gradients(x, G, geometry)
    for i in range(3):
        for q in range(2):
            f = CONVOLVE[dims](x[i : i + 1], weight, stride=2, padding=1)
            (truth,) = torch.autograd.grad(f, weight, G[i, q].unsqueeze(0))
            assert torch.allclose(found[i, q], truth)
