"""The five-layer network of scaling laws."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from tangentlab._errors import ArgumentError, ShapeError, UnknownNameError
from tangentlab.kernels import infinite_width_of
from tangentlab.networks.myrtle import myrtle


@pytest.mark.parametrize("width", [1, 8, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_parameters_follow_the_formula(width, channels, generator):
    model = myrtle((channels, 28, 28), 10, width=width, generator=generator)
    sizes = [channels, width, 2 * width, 4 * width, 8 * width]
    expected = sum(9 * a * b + b for a, b in itertools.pairwise(sizes)) + 8 * width * 10 + 10
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


@pytest.mark.parametrize("side", [4, 7, 28, 32])
def test_the_forward_is_that_written_out(side, generator):
    model = myrtle((2, side, side), 3, width=3, initialization="torch", generator=generator).double()
    x = torch.randn(5, 2, side, side, dtype=torch.float64, generator=generator)
    h = x
    for layer, pools in ((model.conv1, False), (model.conv2, True), (model.conv3, True), (model.conv4, False)):
        h = F.conv2d(h, layer.weight, layer.bias, padding=1).clamp(min=0)
        if pools:
            h = (
                h[:, :, : h.shape[2] // 2 * 2, : h.shape[3] // 2 * 2]
                .unfold(2, 2, 2)
                .unfold(3, 2, 2)
                .mean((-1, -2))
            )
    expected = h.mean((2, 3)) @ model.readout.weight.T + model.readout.bias
    assert torch.allclose(model(x), expected, atol=1e-12)


def test_shifted_images_are_told_apart_only_by_their_edges(generator):
    """The mean over pixels makes a shift by whole pools, within a margin of zeros, no difference."""
    model = myrtle((1, 32, 32), 1, width=2, generator=generator)
    image = torch.zeros(1, 1, 32, 32)
    image[..., 12:18, 12:18] = torch.randn(6, 6, generator=generator)
    assert torch.allclose(model(image), model(image.roll((4, -4), (2, 3))), atol=1e-6)


def test_it_has_a_closed_form_at_infinite_width(generator):
    model = myrtle((1, 4, 4), 1, width=4, generator=generator)
    network = infinite_width_of(model, initialization="lecun")
    x = torch.randn(3, 1, 4, 4, dtype=torch.float64, generator=generator)
    K = network.ntk(x)
    assert torch.linalg.eigvalsh(K).min() > 0


def test_bad_arguments_are_refused(generator):
    with pytest.raises(ShapeError, match="myrtle"):
        myrtle((64,), 1, generator=generator)
    with pytest.raises(ArgumentError, match="width"):
        myrtle((1, 8, 8), 1, width=0, generator=generator)
    with pytest.raises(UnknownNameError, match="activation"):
        myrtle((1, 8, 8), 1, activation="rely", generator=generator)
