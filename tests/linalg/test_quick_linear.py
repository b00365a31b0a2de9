"""A linear map that is pulled back over few lines: values, first and second derivatives, and what is left out."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from tangentlab.linalg.matrix_product import has_quick_product
from tangentlab.linalg.quick_linear import QuickLinear
from tangentlab.linalg.quick_products import QuickProducts

LINES, WIDE, HIGH = (40, 30), 96, 128  # large enough for the quicker library


def given(seed=0):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(*LINES, WIDE, generator=draw, requires_grad=True)
    layer = nn.Linear(WIDE, HIGH)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw))
    return x, layer


def is_quick(y):
    return y.grad_fn.name() == "QuickLinearBackward"


@pytest.mark.parametrize("read", ["all", "first", "last", "middle", "none"])
def test_pulled_back_gradients_are_those_of_torch_whatever_lines_are_read(read):
    x, layer = given()
    weights = torch.randn(*LINES, HIGH, generator=torch.Generator().manual_seed(1))
    if read != "all":
        kept = {"first": 0, "last": LINES[1] - 1, "middle": LINES[1] // 2, "none": None}[read]
        weights *= torch.tensor([float(place == kept) for place in range(LINES[1])])[:, None]
    with QuickProducts() as quick:
        y = layer(x)
        assert is_quick(y) == has_quick_product()
        with quick.backward():
            (found,) = torch.autograd.grad((weights * y).sum(), x)
    exact_x = x.detach().double().requires_grad_()
    exact = F.linear(exact_x, layer.weight.double(), layer.bias.double())
    (truth,) = torch.autograd.grad((weights.double() * exact).sum(), exact_x)
    # eps times the root of a sum of a hundred products, with room
    assert (y - exact).norm() <= 1e-6 * exact.norm()
    assert (found - truth).norm() <= 1e-6 * truth.norm()


def test_gradients_of_parameters_are_formed_except_in_a_backward_pass_that_asks_for_none():
    x, layer = given()
    with QuickProducts() as quick:
        y = layer(x).square().sum()
        found = torch.autograd.grad(y, [layer.weight, layer.bias], retain_graph=True)
        with quick.backward():
            left_out = torch.autograd.grad(y, [layer.weight, layer.bias, x], allow_unused=True)
    truth = torch.autograd.grad(layer(x).square().sum(), [layer.weight, layer.bias])
    for one, other in zip(found, truth):
        assert (one - other).norm() <= 1e-5 * other.norm()
    assert left_out[0] is None and left_out[1] is None and left_out[2] is not None


def test_a_weight_that_is_computed_gets_its_gradient_in_every_backward_pass():
    x, layer = given()
    scale = torch.ones(HIGH, 1, requires_grad=True)
    with QuickProducts() as quick:
        y = F.linear(x, scale * layer.weight, layer.bias)
        assert is_quick(y) == has_quick_product()
        with quick.backward():
            (found,) = torch.autograd.grad(y.sum(), scale)
    (truth,) = torch.autograd.grad(F.linear(x, scale * layer.weight).sum(), scale)
    assert torch.allclose(found, truth, rtol=1e-3, atol=1e-2)  # sums of 10^5 numbers that cancel, in float32


def test_second_derivatives_are_those_of_torch():
    x, layer = given()

    def curvature():
        (slope,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), [x, layer.weight])

    with QuickProducts():
        inside = curvature()
    for found, truth in zip(inside, curvature()):
        assert (found - truth).norm() <= 1e-5 * truth.norm()


def test_an_operation_may_write_into_the_result():
    x, layer = given()
    with QuickProducts():
        y = F.relu_(layer(x))
        (found,) = torch.autograd.grad(y.sum(), x)
    (truth,) = torch.autograd.grad(layer(x).relu().sum(), x)
    assert (found - truth).norm() <= 1e-5 * truth.norm()


def test_a_part_that_runs_again_in_the_backward_pass_does_the_same():
    x, layer = given()
    with QuickProducts() as quick:
        y = checkpoint(layer, x, use_reentrant=False)  # compares what is kept in both of its forward passes
        with quick.backward():
            (found,) = torch.autograd.grad(y.square().sum(), x)
    (truth,) = torch.autograd.grad(layer(x).square().sum(), x)
    assert (found - truth).norm() <= 1e-5 * truth.norm()


def test_transforms_within_a_forward_pass_are_left_to_torch():
    x, layer = given()
    with QuickProducts():
        mapped = torch.func.vmap(layer)(x)
        _, pushed = torch.func.jvp(layer, (x.detach(),), (torch.ones_like(x),))
    assert torch.allclose(mapped, layer(x), atol=1e-4)
    assert torch.allclose(pushed, layer.weight.sum(1).expand_as(pushed), atol=1e-4)


def test_other_precisions_and_casts_stay_what_they_are():
    x, layer = given()
    with QuickProducts():
        assert not is_quick(layer.double()(x.double()))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert layer.float()(x).dtype == torch.bfloat16


def test_a_product_too_small_for_the_quicker_library_is_torchs():
    x, W = torch.randn(3, 4, dtype=torch.float64, requires_grad=True), torch.randn(5, 4, dtype=torch.float64)
    y = QuickLinear.apply(x, W, None, lambda: False)
    assert torch.equal(y, F.linear(x, W))
    assert torch.autograd.gradcheck(lambda x: QuickLinear.apply(x, W, None, lambda: False), x)
