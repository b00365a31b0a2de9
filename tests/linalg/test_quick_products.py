"""Within the context products are quick, true float32, and nothing else is changed."""

import pytest
import torch
from torch import nn

from tangentlab.linalg.quick_products import QuickProducts


@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_and_its_gradients_are_what_they_are_outside(bias):
    layer = nn.Linear(300, 200, bias=bias)
    x = torch.randn(100, 300, requires_grad=True)

    def everything():
        f = layer(x)
        return [f, *torch.autograd.grad(f.square().sum(), [x, *layer.parameters()])]

    with QuickProducts():
        inside = everything()
    exact = [t.double() for t in everything()]
    for found, truth in zip(inside, exact):
        assert (found - truth).norm() <= 1e-6 * truth.norm()  # eps times the root of a sum of 300, with room


def test_true_float32_is_kept_beside_float64():
    A, B = torch.randn(200, 2000), torch.randn(2000, 300)
    with QuickProducts():
        found = A @ B
    exact = A.double() @ B.double()
    assert (found - exact).abs().max() <= 8 * (A @ B - exact).abs().max() + 1e-12


@pytest.mark.parametrize("turned", [False, True])
def test_views_and_small_or_other_products_are_left_right(turned):
    A = torch.randn(400, 300).T if turned else torch.randn(300, 400)
    B = torch.randn(400, 500)[:, ::2]
    with QuickProducts():
        assert torch.allclose(A @ B, (A.double() @ B.double()).float(), atol=1e-3)
        assert torch.equal(A[:2] @ B, A[:2] @ B)
        assert (A.double() @ B.double()).dtype == torch.float64
        assert (
            torch.addmm(torch.ones(3, 2), torch.ones(3, 4), torch.ones(4, 2), beta=2, alpha=3).unique().item()
            == 14
        )


def test_no_switch_of_the_process_is_touched():
    before = torch.get_float32_matmul_precision(), torch.backends.mkldnn.matmul.fp32_precision
    with QuickProducts():
        torch.randn(200, 300) @ torch.randn(300, 400)
        assert (torch.get_float32_matmul_precision(), torch.backends.mkldnn.matmul.fp32_precision) == before
    assert (torch.get_float32_matmul_precision(), torch.backends.mkldnn.matmul.fp32_precision) == before
