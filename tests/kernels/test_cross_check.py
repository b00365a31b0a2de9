"""A kernel that is wrong is found out; one that is right, or is rounding, passes."""

import pytest
import torch
from torch import nn

from oracles.ntk_by_loops import ntk_by_loops
from tangentlab._errors import NumericalError
from tangentlab.kernels.cross_check import cross_check
from tangentlab.kernels.output_flavour import FLAVOURS, output_flavour
from tangentlab.networks import Network


def build(dtype=torch.float64, last=nn.Identity):
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3), last()).to(dtype)
    return model, torch.randn(6, 4, dtype=dtype), torch.randn(5, 4, dtype=dtype)


def check(model, K, outputs, x1, x2=None):
    flavour = output_flavour(outputs, outputs=3)
    return cross_check(Network(model), K / flavour.scale, flavour=flavour, x1=x1, x2=x2)


@pytest.mark.parametrize("outputs", [*FLAVOURS, 1])
def test_a_right_kernel_passes(outputs):
    model, x1, x2 = build()
    assert check(model, ntk_by_loops(model, x1, outputs=outputs), outputs, x1) < 1e-13
    assert check(model, ntk_by_loops(model, x1, x2, outputs=outputs), outputs, x1, x2) < 1e-13


@pytest.mark.parametrize("outputs", [*FLAVOURS, 1])
def test_a_kernel_wrong_everywhere_by_little_is_refused(outputs):
    model, x1, x2 = build()
    for other in (None, x2):
        K = ntk_by_loops(model, x1, other, outputs=outputs)
        with pytest.raises(NumericalError, match=r"differs from plain autograd by \d\.\de-0\d.*method='autograd'"):
            check(model, K * (1 + 1e-4) + 1e-4 * K.abs().max(), outputs, x1, other)


def test_swapped_outputs_are_found_in_a_full_kernel():
    model, x1, x2 = build(last=nn.Tanh)
    K = ntk_by_loops(model, x1, x2)
    with pytest.raises(NumericalError):
        check(model, K.transpose(2, 3), "full", x1, x2)


def test_numbers_that_are_not_finite_are_refused():
    model, x1, _ = build()
    with pytest.raises(NumericalError):
        check(model, torch.full((6, 6), float("nan")).double(), "trace", x1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_kernel_that_is_zero_but_for_rounding_passes(dtype):
    for seed in range(10):
        torch.manual_seed(seed)
        model, x1, _ = build(dtype, last=lambda: nn.Softmax(1))  # the sum of the outputs is constant
        rounding = torch.finfo(dtype).eps ** 2 * torch.randn(6, 6, dtype=dtype)
        check(model, rounding, "sum", x1)
        with pytest.raises(NumericalError):
            check(model, rounding + 1e-3, "sum", x1)


def test_single_precision_is_allowed_its_rounding():
    model, x1, _ = build(torch.float32)
    K = ntk_by_loops(model, x1, outputs="trace")
    assert check(model, K * (1 + 1e-5), "trace", x1) < 1e-4
    with pytest.raises(NumericalError):
        check(model, K * 1.01, "trace", x1)


def test_a_trace_over_many_outputs_is_left_out():
    model = nn.Linear(2, 65)
    flavour = output_flavour("trace", outputs=65)
    assert cross_check(Network(model), torch.zeros(2, 2), flavour=flavour, x1=torch.ones(2, 2), x2=None) != 0
