"""Weight gradients made a line of the kernel at a time are those of each row alone."""

import pytest
import torch
import torch.nn.functional as F

from tangentlab.tangent import line_gradients as module
from tangentlab.tangent.factors import Windows
from tangentlab.tangent.joined_factors import alike
from tangentlab.tangent.line_gradients import line_gradients, line_gradients_in_any_order, quick_by_lines
from tangentlab.tangent.patches import Geometry

CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
GEOMETRIES = [
    Geometry((3,), (1,), (1,), (1,), 1),
    Geometry((3,), (1,), (2,), (0,), 1),
    Geometry((3, 2), (1, 1), (1, 1), (1, 0), 1),
    Geometry((3, 5), (1, 2), (2, 1), (0, 3), 1),
    Geometry((1, 3), (1, 3), (1, 2), (2, 1), 1),
    Geometry((2, 2), (1, 1), (1, 1), (3, 4), 1),  # windows of nothing but padding
    Geometry((2, 3, 2), (1, 2, 1), (1, 1, 2), (1, 2, 0), 1),
]


@pytest.mark.parametrize("at_once", [1, 200, 1 << 19])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_they_are_those_of_each_row_alone(geometry, at_once, monkeypatch):
    monkeypatch.setattr(module, "_LINE_NUMBERS", at_once)
    dims = len(geometry.kernel)
    x = torch.randn(5, 2, *(7, 8, 5)[:dims], dtype=torch.float64)
    weight = torch.randn(3, 2, *geometry.kernel, dtype=torch.float64, requires_grad=True)
    G = torch.randn(5, 2, 3, *geometry.positions(x.shape[2:]), dtype=torch.float64)
    found = line_gradients(x, G, geometry)
    how = {"stride": geometry.stride, "dilation": geometry.dilation, "padding": geometry.padding}
    for i in range(5):
        for q in range(2):
            f = CONVOLVE[dims](x[i : i + 1], weight, **how)
            (truth,) = torch.autograd.grad(f, weight, G[i, q].unsqueeze(0))
            assert torch.allclose(found[i, q], truth)
    order = (0, 1, 4, 3, *range(5, 3 + len(found.shape[3:])), 2)  # (k, channel, other axes, o)
    other = line_gradients_in_any_order(x, G, geometry)
    assert other.shape[:2] == (5, 2) and torch.allclose(other.flatten(), found.permute(order).flatten())


def test_pixels_and_gradients_may_be_views():
    geometry = Geometry((3, 3), (1, 1), (1, 1), (1, 1), 1)
    x = torch.randn(9, 8, 2, 4, dtype=torch.float64).permute(3, 2, 1, 0)
    G = torch.randn(2, 4, 3, 8, 9, dtype=torch.float64).transpose(0, 1)
    assert torch.allclose(
        line_gradients(x, G, geometry), line_gradients(x.contiguous(), G.contiguous(), geometry), rtol=1e-14
    )


@pytest.mark.parametrize("outputs", [1, 6, 16])
def test_written_out_windows_of_few_outputs_are_exact_to_float32(outputs):
    geometry = Geometry((5, 5), (1, 1), (1, 1), (2, 2), 1)
    x, G = torch.randn(20, 3, 12, 12), torch.randn(20, 1, outputs, 12, 12)
    assert quick_by_lines(x, G, geometry)
    found = Windows(x, G, geometry).rows().rows
    exact = Windows(x.double(), G.double(), geometry).outer().rows().rows
    assert (found - exact).norm() <= 1e-6 * exact.norm()  # sums of 144


def test_other_convolutions_are_left_to_other_ways():
    image = Geometry((3, 3), (1, 1), (1, 1), (1, 1), 1)
    x, G = torch.ones(2, 4, 9, 9), torch.ones(2, 1, 16, 9, 9)
    assert quick_by_lines(x, G, image)
    assert not quick_by_lines(x, torch.ones(2, 2, 16, 9, 9), image)
    assert not quick_by_lines(x.double(), G.double(), image)
    assert not quick_by_lines(x.to("meta"), G.to("meta"), image)
    assert not quick_by_lines(x, torch.ones(2, 1, 16, 5, 9), Geometry((3, 3), (2, 1), (1, 1), (1, 1), 1))
    assert not quick_by_lines(x, G, Geometry((1, 3), (1, 1), (1, 1), (0, 1), 1))
    assert not quick_by_lines(x, G, Geometry((3, 3), (1, 1), (1, 1), (1, 1), 2))
    assert not quick_by_lines(x[:, :, :5, :5], G[..., :5, :5], image)


@pytest.mark.parametrize(
    ("channels", "outputs", "order"), [(6, 16, "lines"), (8, 16, ""), (6, 12, ""), (3, 16, "")]
)
def test_rows_in_any_order_have_the_products_of_rows_in_order(channels, outputs, order):
    geometry = Geometry((3, 3), (1, 1), (1, 1), (1, 1), 1)
    use = Windows(torch.randn(7, channels, 9, 9), torch.randn(7, 1, outputs, 9, 9), geometry)
    found = use.rows_in_any_order()
    assert found.order == order
    exact = Windows(use.pixels.double(), use.gradients.double(), geometry).outer().rows().rows.flatten(1)
    products = found.rows.double().flatten(1) @ found.rows.double().flatten(1).T
    assert (products - exact @ exact.T).norm() <= 1e-6 * (exact @ exact.T).norm()  # sums of 81
    assert alike(found, use.rows()) == (order == "")
