"""Average pools as products are torch's average pools, forward and backward; other pools are left to torch."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tangentlab.linalg.quick_pools import average_pool, average_pool_gradient, tiling_window
from tangentlab.linalg.quick_products import QuickProducts


@pytest.mark.parametrize("window", [(2, 2), (1, 4), (3, 2), (6, 8)])
@pytest.mark.parametrize("leading", [(5,), (3, 2)])
def test_means_and_their_gradient_are_those_of_torch_in_float64(window, leading):
    x = torch.randn(*leading, 6, 8, dtype=torch.float64, requires_grad=True)
    truth = F.avg_pool2d(x, window)
    G = torch.randn_like(truth)
    (gradient,) = torch.autograd.grad(truth, x, G)
    assert torch.allclose(average_pool(x.detach(), window), truth, rtol=1e-14, atol=1e-15)
    assert torch.allclose(average_pool_gradient(G, window), gradient, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 2},
        {"kernel_size": (4, 2)},
        {"kernel_size": 2, "ceil_mode": True},
        {"kernel_size": 2, "stride": 1},
        {"kernel_size": 3},
        {"kernel_size": 2, "padding": 1},
        {"kernel_size": 2, "divisor_override": 3},
        {"kernel_size": 2, "count_include_pad": False},
    ],
)
@pytest.mark.parametrize("layout", ["rows", "channels_last", "no batch", "turned"])
def test_within_the_context_every_pool_is_what_it_is_outside(options, layout):
    x = torch.randn(8, 6, 28, 28)
    if layout == "channels_last":
        x = x.to(memory_format=torch.channels_last)
    elif layout == "no batch":
        x = torch.randn(24, 28, 28)
    elif layout == "turned":
        x = x.transpose(2, 3)

    def both() -> tuple[Tensor, Tensor]:
        leaf = x.detach().requires_grad_()
        f = F.avg_pool2d(leaf, **options)
        return f.detach(), torch.autograd.grad(f.square().sum(), leaf)[0]

    with QuickProducts():
        inside = both()
    for found, truth in zip(inside, both()):
        assert torch.allclose(found, truth, rtol=1e-5, atol=1e-6)  # sums of up to 8 numbers in float32


def test_only_windows_that_tile_contiguous_float32_images_take_the_product():
    x = torch.zeros(32, 6, 28, 28)
    assert tiling_window(x, [2]) == (2, 2)
    assert tiling_window(x, [2, 4], [2, 4]) == (2, 4)
    others = [x.double(), x.to(memory_format=torch.channels_last), x[:1], x[..., :27], torch.zeros(4, 1, 400, 400)]
    assert [tiling_window(other, [2, 2]) for other in others] == [None] * len(others)
