"""Activations: what the names mean, and that none destroys its input."""

import math

import pytest
import torch

from tangentlab import _errors as errors
from tangentlab.networks.activation import ACTIVATIONS, activation_maker

FORMULAS = {
    "relu": lambda t: max(t, 0.0),
    "gelu": lambda t: t * (1 + math.erf(t / math.sqrt(2))) / 2,
    "erf": math.erf,
    "tanh": math.tanh,
    "sigmoid": lambda t: 1 / (1 + math.exp(-t)),
    "silu": lambda t: t / (1 + math.exp(-t)),
    "softplus": lambda t: math.log1p(math.exp(t)),
    "identity": lambda t: t,
}


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activation_is_its_formula_and_leaves_its_input(name):
    x = torch.linspace(-3, 3, 25, dtype=torch.float64)
    given = x.clone()
    expected = torch.tensor([FORMULAS[name](t) for t in x.tolist()], dtype=torch.float64)
    torch.testing.assert_close(activation_maker(name)()(x), expected, rtol=1e-14, atol=1e-14)
    assert torch.equal(x, given)


def test_unknown_activation_names_the_nearest():
    with pytest.raises(errors.UnknownNameError, match="Did you mean 'gelu'"):
        activation_maker("gellu")
