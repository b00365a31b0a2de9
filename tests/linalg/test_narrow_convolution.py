"""Convolutions to few channels are torch's, forward and backward; all others are left to torch."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tangentlab.linalg import narrow_convolution as module
from tangentlab.linalg.narrow_convolution import lines_at_once, narrow_convolution, turned
from tangentlab.linalg.quick_products import QuickProducts


@pytest.fixture(autouse=True)
def registers_of_sixteen(monkeypatch):
    """The same convolutions on every processor."""
    monkeypatch.setattr(module, "register_numbers", lambda: 16)


@pytest.mark.parametrize("lines", [1, 2, 3, 6])
@pytest.mark.parametrize("padding", [(0, 0), (2, 1), (0, 3)])
@pytest.mark.parametrize("kernel", [(5, 3), (1, 1), (5, 4)])
@pytest.mark.parametrize("bias", [True, False])
def test_any_number_of_lines_at_once_is_the_convolution_in_float64(lines, padding, kernel, bias):
    high = 12 + kernel[0] - 1 - 2 * padding[0]
    x, weight = torch.randn(3, 2, high, 9, dtype=torch.float64), torch.randn(4, 2, *kernel, dtype=torch.float64)
    shift = torch.randn(4, dtype=torch.float64) if bias else None
    found = narrow_convolution(x, weight, shift, padding=padding, lines=lines)
    assert torch.allclose(found, F.conv2d(x, weight, shift, padding=padding), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("padding", [(0, 0), (2, 1), (4, 2)])
def test_the_gradient_in_the_input_is_the_convolution_with_the_turned_weight(padding):
    x = torch.randn(3, 2, 11, 9, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 2, 5, 3, dtype=torch.float64)
    f = F.conv2d(x, weight, padding=padding)
    G = torch.randn_like(f)
    (truth,) = torch.autograd.grad(f, x, G)
    back = [k - 1 - p for k, p in zip(weight.shape[2:], padding)]
    found = narrow_convolution(G, turned(weight), None, padding=back, lines=1)
    assert torch.allclose(found, truth, rtol=1e-13, atol=1e-14)


CONVOLUTIONS = {
    "few outputs": (nn.Conv2d(1, 6, 5, padding=2), (64, 1, 28, 28)),
    "few inputs": (nn.Conv2d(6, 16, 5), (64, 6, 14, 14)),
    "few of both": (nn.Conv2d(3, 4, (3, 5), padding="same"), (64, 3, 24, 20)),
    "one of both": (nn.Conv2d(1, 1, 7, bias=False), (64, 1, 30, 30)),
    "a prime number of lines": (nn.Conv2d(2, 4, 3), (64, 2, 31, 31)),
    "padded beyond its reach": (nn.Conv2d(4, 4, 3, padding=3), (64, 4, 22, 22)),
    "of single pixels": (nn.Conv2d(4, 4, 1), (256, 4, 32, 32)),
    "with steps": (nn.Conv2d(3, 6, 5, stride=2), (64, 3, 31, 31)),
    "with gaps": (nn.Conv2d(3, 6, 3, dilation=2), (64, 3, 32, 32)),
    "in groups": (nn.Conv2d(4, 8, 5, groups=2), (64, 4, 28, 28)),
    "reflected": (nn.Conv2d(3, 6, 3, padding=1, padding_mode="reflect"), (64, 3, 32, 32)),
    "transposed": (nn.ConvTranspose2d(6, 3, 5), (64, 6, 20, 20)),
    "of one image": (nn.Conv2d(1, 6, 5), (1, 200, 200)),
}


@pytest.mark.parametrize("turn", ["", "channels_last", "turned"])
@pytest.mark.parametrize("inputs_only", [True, False])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_within_the_context_every_convolution_is_what_it_is_outside(name, inputs_only, turn):
    layer, shape = CONVOLUTIONS[name]
    x = torch.randn(shape)
    if turn == "channels_last" and x.ndim == 4:
        x = x.to(memory_format=torch.channels_last)
    elif turn:
        x = x.transpose(-1, -2)

    def everything(layer: nn.Module, x: Tensor, quick: QuickProducts | None = None) -> list[Tensor]:
        leaf = x.detach().requires_grad_()
        f = layer(leaf)
        wanted = [leaf] if inputs_only else [leaf, *layer.parameters()]
        if quick is None:
            return [f.detach(), *torch.autograd.grad(f.square().sum(), wanted)]
        with quick.backward():
            return [f.detach(), *torch.autograd.grad(f.square().sum(), wanted)]

    with QuickProducts() as quick:
        inside = everything(layer, x, quick)
    outside = everything(layer, x)
    exact = everything(layer.double(), x.double())
    layer.float()
    for found, other, truth in zip(inside, outside, exact, strict=True):
        # eps times the root of sums of up to 500; a gradient of a weight sums more, as torch does it
        assert (found - truth).norm() <= 1e-6 * truth.norm() + 2 * (other - truth).norm()
        assert not found.requires_grad


def test_narrow_float32_convolutions_on_the_processor_take_as_many_lines_as_fill_a_register():
    x, weight = torch.ones(64, 1, 28, 28), torch.ones(6, 1, 5, 5)
    assert lines_at_once(x, weight, (2, 2)) == 2
    assert lines_at_once(x.repeat(4, 1, 1, 1), weight[:1], (2, 2)) == 7  # of 28 lines
    assert lines_at_once(x, weight[:, :, :1], (0, 2)) == 1  # twice the channels for twice the multiplications
    assert lines_at_once(x, torch.ones(9, 1, 5, 5), (2, 2)) == 1
    assert lines_at_once(x[:1], weight, (2, 2)) == 1
    assert lines_at_once(x.double(), weight.double(), (2, 2)) == 1
    assert lines_at_once(x.to("meta"), weight.to("meta"), (2, 2)) == 1
    assert lines_at_once(x[:, :, :27], weight, (2, 2)) == 1


def test_the_narrow_ways_are_taken(monkeypatch):
    taken = []
    true = module.narrow_convolution

    def told(*args, lines, **options):
        taken.append(lines)
        return true(*args, lines=lines, **options)

    monkeypatch.setattr("tangentlab.linalg.quick_products.narrow_convolution", told)
    net = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5))
    x = torch.randn(64, 1, 28, 28)
    with QuickProducts() as quick:
        z = net[0](x)
        f = net[1](z)
        with quick.backward():
            torch.autograd.grad(f.sum(), z)
    assert taken == [2, 2]


def test_a_processor_of_unknown_registers_takes_no_lines_at_once(monkeypatch):
    monkeypatch.setattr(module, "register_numbers", lambda: 0)
    assert lines_at_once(torch.ones(256, 1, 28, 28), torch.ones(1, 1, 5, 5), (2, 2)) == 1
