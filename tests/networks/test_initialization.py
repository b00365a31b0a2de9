"""Initialization against theory, and against PyTorch's own draws."""

import math

import pytest
import torch
from scipy import stats
from torch import nn

from tangentlab._errors import NetworkError, UnknownNameError
from tangentlab.networks.initialization import initialized, lecun_normal_
from tangentlab.networks.lenet import lenet
from tangentlab.networks.mlp import mlp


def weights_of(layer, *, fan_in):
    values = layer.weight.detach().double().flatten()
    assert layer.weight[0].numel() == fan_in
    return values


@pytest.mark.parametrize(
    ("make", "fan_in"),
    [
        (lambda: nn.Linear(50, 4000), 50),
        (lambda: nn.Conv2d(8, 1000, 5), 200),
        (lambda: nn.Conv2d(8, 1000, 5, groups=4), 50),
        (lambda: nn.Conv1d(16, 2000, 3), 48),
        (lambda: nn.Conv3d(4, 1000, 3), 108),
    ],
)
@pytest.mark.parametrize(("rule", "times_fan_in"), [("lecun", 1.0), ("torch", 1 / 3)])
def test_weights_have_the_variance_of_their_rule(make, fan_in, rule, times_fan_in, generator):
    values = weights_of(initialized(make, generator=generator, initialization=rule), fan_in=fan_in)
    variance = times_fan_in / fan_in
    # both laws have kurtosis below 3, so the sample variance has relative deviation below sqrt(2 / n); 4.5 of them
    assert abs(values.var() / variance - 1) < 4.5 * math.sqrt(2 / len(values))
    assert abs(values.mean()) < 4.5 * math.sqrt(variance / len(values))


def test_lecun_is_a_normal_cut_at_two_deviations_scaled_to_variance_one_over_fan_in(generator):
    cut = stats.truncnorm(-2, 2)
    deviation = 1 / math.sqrt(100)
    weight = lecun_normal_(torch.empty(500, 100, dtype=torch.float64), generator=generator)
    assert (
        stats.kstest(weight.flatten().numpy(), stats.truncnorm(-2, 2, scale=deviation / cut.std()).cdf).pvalue
        > 0.01
    )
    assert weight.abs().max() <= 2 * deviation / cut.std() * (1 + 1e-12)


def test_lecun_has_zero_biases_and_unit_norms(generator):
    model = initialized(
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.Flatten(), nn.LayerNorm(4)
        ),
        generator=generator,
    )
    assert not model[0].bias.any()
    for norm in (model[1], model[2], model[4]):
        assert torch.equal(norm.weight, torch.ones(4))
        assert torch.equal(norm.bias, torch.zeros(4))
    assert torch.equal(model[1].running_mean, torch.zeros(4))
    assert torch.equal(model[1].running_var, torch.ones(4))
    assert model[1].num_batches_tracked == 0


def test_torch_rule_draws_what_pytorch_draws_from_the_same_stream():
    with torch.random.fork_rng():
        torch.manual_seed(7)
        own_mlp = [nn.Linear(64, 100), nn.Linear(100, 100), nn.Linear(100, 3)]
        torch.manual_seed(8)
        own_lenet = [
            nn.Conv2d(1, 6, 5, padding=2),
            nn.Conv2d(6, 16, 5, padding=2),
            nn.Linear(64, 120),
            nn.Linear(120, 84),
            nn.Linear(84, 3),
        ]
    for builder, own, seed in ((mlp, own_mlp, 7), (lenet, own_lenet, 8)):
        drawn = builder((1, 8, 8), 3, generator=torch.Generator().manual_seed(seed), initialization="torch")
        expected = [parameter for layer in own for parameter in layer.parameters()]
        for parameter, reference in zip(drawn.parameters(), expected, strict=True):
            assert torch.equal(parameter, reference)


def test_a_layer_without_a_rule_is_refused_by_name(generator):
    with pytest.raises(NetworkError, match=r"'1' \(Embedding\).*draw_parameters"):
        initialized(lambda: nn.Sequential(nn.Linear(2, 2), nn.Embedding(3, 2)), generator=generator)


def test_a_buffer_without_a_rule_is_refused_rather_than_left_unset(generator):
    class Shift(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("by", torch.ones(2))

    with pytest.raises(NetworkError, match="Shift"):
        initialized(Shift, generator=generator)


def test_a_layer_of_ones_own_draws_its_own_parameters(generator):
    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.by = nn.Parameter(torch.empty(2))

        def draw_parameters(self, generator):
            nn.init.constant_(self.by, 3.0)

    assert initialized(Scale, generator=generator).by.tolist() == [3.0, 3.0]


def test_unknown_initialization_is_refused(generator):
    with pytest.raises(UnknownNameError, match="one of lecun, torch"):
        initialized(lambda: nn.Linear(1, 1), generator=generator, initialization="lecunn")


def test_nothing_is_drawn_from_the_global_generator(generator):
    before = torch.random.get_rng_state()
    initialized(
        lambda: nn.Sequential(nn.Linear(3, 3), nn.Conv2d(1, 1, 3)), generator=generator, initialization="torch"
    )
    assert torch.equal(torch.random.get_rng_state(), before)
