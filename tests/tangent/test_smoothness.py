"""Kinks are found in what was computed, refused where a network stands on one and warned about elsewhere."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional

from tangentlab._errors import NetworkError
from tangentlab.networks import Network
from tangentlab.networks.autograd_graph import operations
from tangentlab.tangent.smoothness import KinkWarning, SteepWarning, expect_smooth, kinked_operations

ZERO = torch.zeros(1, 4)


class With(nn.Module):
    """A function between two layers, called as a function and not as a module."""

    def __init__(self, function, *, bias=False):
        super().__init__()
        self.first, self.last, self.function = nn.Linear(4, 6, bias=bias), nn.Linear(6, 1), function

    def forward(self, x):
        return self.last(self.function(self.first(x)))


def pooled(h):
    return functional.max_pool1d(h[:, None], 3, stride=1, padding=1)[:, 0]


KINKED = {
    "relu": functional.relu,
    "leaky": functional.leaky_relu,
    "absolute": torch.abs,
    "hardtanh": lambda h: functional.hardtanh(h, 0, 1),
    "clamp": lambda h: h.clamp(min=0),
    "maximum": lambda h: torch.maximum(h, -2 * h),
    "pool": pooled,
}
SMOOTH = {
    "gelu": functional.gelu,
    "softplus": functional.softplus,
    "softmax": lambda h: functional.softmax(h, -1),
    "logsumexp": lambda h: h - torch.logsumexp(h, -1, keepdim=True),
    "silu": functional.silu,
}


@pytest.mark.parametrize("name", KINKED)
def test_a_kink_at_zero_is_refused(name):
    with pytest.raises(NetworkError, match=r"has a kink at this point.*Use smooth"):
        expect_smooth(Network(With(KINKED[name])), ZERO, cotangents=torch.eye(1))


@pytest.mark.parametrize("name", KINKED)
def test_a_kink_elsewhere_is_warned_about(name):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = With(KINKED[name], bias=True).double()
        nn.init.normal_(model.first.bias)
    with pytest.warns(KinkWarning, match="kinks"):
        expect_smooth(Network(model), ZERO, cotangents=torch.eye(1))


@pytest.mark.parametrize("name", SMOOTH)
def test_what_is_smooth_passes_in_silence(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expect_smooth(Network(With(SMOOTH[name])), ZERO, cotangents=torch.eye(1))


def test_operations_are_named_once_each_and_leaves_are_none():
    w = torch.ones(2, requires_grad=True)
    assert operations((w.relu() + w.relu()).sum()) == {"ReluBackward0", "AddBackward0", "SumBackward0"}
    assert operations(w) == set() == operations(torch.ones(1))
    assert kinked_operations(Network(With(pooled)), ZERO)[0].endswith("Indices")


class Squared(torch.autograd.Function):
    """A square whose backward pass has no graph."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        return 2 * g * ctx.saved_tensors[0]


def test_gradients_without_a_graph_are_refused_in_words():
    # autograd would leave the missing terms out without a word
    with pytest.raises(NetworkError, match="is not how the gradient changes.*differentiable operations"):
        expect_smooth(Network(With(Squared.apply, bias=True)), torch.ones(1, 4), cotangents=torch.eye(1))


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_the_scale_of_the_network_does_not_matter(size):
    model = With(functional.gelu)
    model.last.weight.data.mul_(size)
    expect_smooth(Network(model), ZERO, cotangents=torch.eye(1))
    model.function = functional.relu
    with pytest.raises(NetworkError, match="kink"):
        expect_smooth(Network(model), ZERO, cotangents=torch.eye(1))


def test_a_norm_that_meets_zeros_is_no_kink_and_is_warned_about():
    # within √ε of zeros a norm turns: smooth, but nothing that a step of 1e-4 sees behind an amplifying layer
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.LayerNorm(4), nn.Linear(4, 4, bias=False), nn.LayerNorm(4), nn.GELU(), nn.Linear(4, 1)
        )
    with pytest.warns(SteepWarning, match="holds within 1e-06 of this point.*smoothed_anisotropy"):
        expect_smooth(Network(model), ZERO, cotangents=torch.eye(1))
    with warnings.catch_warnings(action="error"):
        expect_smooth(Network(model), torch.arange(4.0)[None], cotangents=torch.eye(1))
