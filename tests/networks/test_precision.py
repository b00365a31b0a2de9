"""The precision that a network really works in."""

import pytest
import torch
from torch import nn

from tangentlab.networks import Network
from tangentlab.networks.precision import ROUNDING, agree, agree_up_to_rounding, lowest_precision


class Casts(nn.Module):
    def __init__(self, dtype):
        super().__init__()
        self.layer, self.dtype = nn.Linear(3, 3), dtype

    def forward(self, x):
        return self.layer(torch.tanh(self.layer(x)).to(self.dtype).to(x.dtype))


@pytest.mark.parametrize("dtype", ROUNDING)
def test_the_coarsest_dtype_on_the_way_is_found(dtype):
    network = Network(Casts(dtype).double())
    assert lowest_precision(network, torch.ones(2, 3).double()) == dtype


def test_a_single_network_is_single_whatever_it_casts_to_above():
    assert lowest_precision(Network(Casts(torch.float64)), torch.ones(2, 3)) == torch.float32


def test_looking_draws_no_random_numbers():
    network = Network(nn.Sequential(nn.Linear(3, 3), nn.FractionalMaxPool2d(2, output_size=1)))
    before = torch.get_rng_state()
    lowest_precision(network, torch.ones(2, 1, 3, 3))
    assert torch.equal(torch.get_rng_state(), before)


def test_agreement_is_relative_to_the_larger_output_and_never_across_shapes():
    a = torch.tensor([1e6, 1.0])
    assert agree(a, a + torch.tensor([0.0, 0.5]), tolerance=1e-6)
    assert not agree(a, a + torch.tensor([0.0, 2.0]), tolerance=1e-6)
    assert not agree(torch.zeros(2), torch.zeros(2, 1), tolerance=1)
    assert not agree(a, torch.tensor([float("nan"), 1.0]), tolerance=1)


def test_the_coarser_tolerance_is_given_only_to_networks_that_work_in_it():
    x = torch.ones(2, 3).double()
    exact, coarse = Network(Casts(torch.float64).double()), Network(Casts(torch.float32).double())
    a = torch.ones(2, 3).double()
    assert agree_up_to_rounding(coarse, x, a, a + 1e-6)
    assert not agree_up_to_rounding(exact, x, a, a + 1e-6)
    assert not agree_up_to_rounding(coarse, x, a, a + 1e-2)
