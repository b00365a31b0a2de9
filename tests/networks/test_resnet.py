"""ResNet-18 and its zero-initialised residual branches."""

import math

import pytest
import torch
from torch.nn import functional as F

from tangentlab._errors import ShapeError
from tangentlab.networks.resnet import ResidualBlock, resnet18


@pytest.mark.parametrize(("outputs", "expected"), [(10, 11_173_962), (1, 11_169_345)])
def test_parameter_count_on_small_colour_images(outputs, expected, generator):
    model = resnet18((3, 32, 32), outputs, generator=generator)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def gradients(zero_init_residual, seed=0):
    model = resnet18(
        (1, 8, 8), 1, width=4, zero_init_residual=zero_init_residual, generator=torch.Generator().manual_seed(seed)
    ).double()
    x = torch.randn(5, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    model.eval()(x).sum().backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def test_zero_init_residual_hides_the_branches_exactly_and_nothing_else():
    inside = ("conv1.weight", "conv2.weight", "norm1.weight", "norm1.bias")
    for name, gradient in gradients(zero_init_residual=True).items():
        in_branch = name.startswith("stage") and "shortcut" not in name and name.endswith(inside)
        assert bool((gradient == 0).all()) == in_branch, name


def test_without_zero_init_every_parameter_has_a_gradient():
    assert all(bool((gradient != 0).any()) for gradient in gradients(zero_init_residual=False).values())


def test_zero_init_residual_changes_only_the_last_scales():
    def build(zero):
        return resnet18((1, 8, 8), 1, width=4, zero_init_residual=zero, generator=torch.Generator().manual_seed(0))

    with_zero, without = (dict(build(zero).named_parameters()) for zero in (True, False))
    changed = {name for name in with_zero if not torch.equal(with_zero[name], without[name])}
    assert changed == {f"stage{s}.{b}.norm2.weight" for s in range(1, 5) for b in range(2)}


def test_with_zero_branches_the_network_is_the_chain_of_its_shortcuts(generator):
    model = resnet18((1, 8, 8), 3, width=4, generator=generator).double().eval()
    x = torch.randn(4, 1, 8, 8, dtype=torch.float64, generator=generator)
    norm = math.sqrt(1 + 1e-5)  # eval BatchNorm with mean 0 and variance 1
    hidden = F.relu(F.conv2d(x, model.stem.weight, padding=1) / norm)
    for stage in (model.stage2, model.stage3, model.stage4):
        hidden = F.relu(
            torch.einsum("oi,nihw->nohw", stage[0].shortcut.conv.weight[..., 0, 0], hidden[..., ::2, ::2]) / norm
        )
    expected = hidden.mean((2, 3)) @ model.readout.weight.T
    torch.testing.assert_close(model(x), expected, rtol=1e-12, atol=1e-12)


def test_running_statistics_keep_nine_tenths_a_step(generator):
    model = resnet18((1, 8, 8), 1, width=4, generator=generator)
    x = torch.randn(16, 1, 8, 8, generator=generator)
    mean = F.conv2d(x, model.stem.weight, padding=1).mean((0, 2, 3))
    model(x)
    torch.testing.assert_close(model.norm.running_mean, 0.1 * mean.detach())


def test_a_block_with_equal_shapes_has_no_projection():
    with torch.random.fork_rng():
        assert isinstance(ResidualBlock(4, 4, stride=1, make_activation=torch.nn.ReLU).shortcut, torch.nn.Identity)


def test_a_flat_input_is_refused(generator):
    with pytest.raises(ShapeError, match="resnet18"):
        resnet18((784,), 1, generator=generator)
