"""The VGG-like network."""

import pytest
import torch
from torch import nn

from tangentlab._errors import ShapeError, UnknownNameError
from tangentlab.networks.vgg import vgg


@pytest.mark.parametrize(("batch_norm", "expected"), [(False, 9_225_610), (True, 9_231_114)])
def test_at_its_own_width_it_has_the_parameters_of_vgg_11(batch_norm, expected, generator):
    model = vgg((3, 32, 32), 10, width=64, batch_norm=batch_norm, generator=generator)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


@pytest.mark.parametrize(
    ("side", "pools", "pixels"), [(1, 0, 1), (3, 1, 1), (8, 3, 1), (28, 4, 1), (32, 5, 1), (70, 5, 4)]
)
def test_pools_follow_the_image_size(side, pools, pixels, generator):
    model = vgg((1, side, side), 2, width=2, generator=generator)
    assert sum(isinstance(layer, nn.MaxPool2d) for layer in model) == pools
    assert model.readout.in_features == 16 * pixels
    assert model(torch.zeros(1, 1, side, side)).shape == (1, 2)


def test_no_kernel_entry_is_dead_on_a_small_image(generator):
    model = vgg((1, 8, 8), 1, width=4, activation="gelu", pool="average", generator=generator)
    model(torch.randn(8, 1, 8, 8, generator=generator)).sum().backward()
    for layer in model:
        if isinstance(layer, nn.Conv2d):
            assert bool((layer.weight.grad != 0).all())


def test_average_pools_replace_max_pools(generator):
    model = vgg((1, 8, 8), 1, width=2, pool="average", generator=generator)
    assert any(isinstance(layer, nn.AvgPool2d) for layer in model)
    assert not any(isinstance(layer, nn.MaxPool2d) for layer in model)


def test_bad_arguments_are_refused(generator):
    with pytest.raises(UnknownNameError, match="average, max"):
        vgg((1, 8, 8), 1, pool="min", generator=generator)
    with pytest.raises(ShapeError, match="vgg"):
        vgg((64,), 1, generator=generator)
