"""The infinite width of torch's own layers against their empirical kernels when they are wide."""

import numpy as np
import pytest
import torch
from torch import nn

import tangentlab as tl
from tangentlab._errors import NetworkError, UnknownNameError
from tangentlab.kernels import infinite_width_of
from tangentlab.kernels.infinite_module import DEVIATIONS
from tangentlab.networks.initialization import INITIALIZATIONS, initialized


def normal(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def assert_limit(build, x, *, initialization, seeds=12):
    """Kernels of wide networks scatter about the limit: within 5 standard errors everywhere, and within a tenth."""
    limit = infinite_width_of(build(0), initialization=initialization).ntk(x)
    found = torch.stack([tl.ntk(build(seed).double(), x, outputs=0) for seed in range(seeds)])
    off = found.mean(0) - limit
    assert float((off / (found.std(0) / seeds**0.5)).abs().max()) < 5
    assert float(off.norm() / limit.norm()) < 0.1


@pytest.mark.parametrize("initialization", ["lecun", "torch"])
@pytest.mark.parametrize("activation", ["relu", "gelu", "tanh"])
def test_catalogue_mlp_tends_to_its_limit(activation, initialization):
    name = f"mlp:width=512,depth=2,activation={activation},initialization={initialization}"
    # 60 inputs: the sum of uniform weights over them is Gaussian to a percent
    assert_limit(
        lambda seed: tl.build_network(name, (60,), outputs=1, seed=seed),
        normal(4, 60),
        initialization=initialization,
    )


@pytest.mark.parametrize("initialization", ["lecun", "torch"])
def test_wide_convolutions_tend_to_their_limit(initialization):
    def build(seed):
        def make():
            return nn.Sequential(
                nn.Conv2d(3, 96, 3, padding=1),
                nn.ReLU(),
                nn.AvgPool2d(2),
                nn.Conv2d(96, 96, 3, stride=2, padding=1, bias=False),
                nn.ReLU(),
                nn.Flatten(),
                nn.Linear(96 * 4, 1),
            )

        generator = torch.Generator().manual_seed(seed)
        return initialized(make, generator=generator, initialization=initialization)

    assert_limit(build, normal(3, 3, 8, 8), initialization=initialization)


@pytest.mark.parametrize("name", ["lenet", "lenet:activation=erf", "mlp:depth=0", "vgg:width=4,pool=average"])
def test_catalogue_networks_with_a_closed_form(name):
    model = tl.build_network(name, (1, 12, 12), outputs=3, seed=0)
    network = infinite_width_of(model, initialization="lecun")
    K = network.ntk(torch.rand(2, 1, 12, 12, generator=torch.Generator().manual_seed(0)))
    assert K.dtype == torch.float32 and float(torch.linalg.eigvalsh(K)[0]) > 0


def test_deviations_are_those_that_initialization_draws():
    assert DEVIATIONS.keys() == INITIALIZATIONS.keys()
    for name, (weight, bias) in DEVIATIONS.items():
        layer = initialized(
            lambda: nn.Linear(64, 20_000), generator=torch.Generator().manual_seed(0), initialization=name
        )
        scaled = [parameter.detach().numpy() * 8 for parameter in (layer.weight, layer.bias)]
        np.testing.assert_allclose([part.std() for part in scaled], [weight, bias], rtol=0.01)


class Own(nn.Module):
    def forward(self, x):
        return x


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (Own(), "The network"),
        (nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), "'1'"),
        (nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2))), "'0.1'"),
        (nn.Sequential(nn.Conv2d(2, 2, 3, groups=2)), "Conv2d"),
        (nn.Sequential(nn.Conv2d(2, 2, (3, 5))), "Conv2d"),
        (nn.Sequential(nn.Conv2d(2, 2, 2, padding="same")), "Conv2d"),
        (nn.Sequential(nn.AvgPool2d(2, padding=1)), "AvgPool2d"),
        (nn.Sequential(nn.Flatten(2)), "Flatten"),
    ],
)
def test_a_layer_without_a_rule_is_named(module, words):
    with pytest.raises(NetworkError, match=words):
        infinite_width_of(module, initialization="lecun")


def test_an_unknown_initialization_is_refused():
    with pytest.raises(UnknownNameError, match="lecun"):
        infinite_width_of(nn.Sequential(nn.Linear(1, 1)), initialization="he")


def test_a_layer_without_biases_learns_none():
    x, fan_in = normal(3, 6), 6
    kernel = infinite_width_of(nn.Sequential(nn.Linear(6, 1, bias=False)), initialization="torch").ntk(x)
    torch.testing.assert_close(kernel, fan_in * x @ x.T / fan_in)
    with_biases = infinite_width_of(nn.Sequential(nn.Linear(6, 1)), initialization="torch").ntk(x)
    torch.testing.assert_close(with_biases, kernel + 1)
