"""The multilayer perceptron."""

import pytest
import torch

from tangentlab._errors import ArgumentError
from tangentlab.networks.mlp import mlp


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(("shape", "expected"), [((1, 28, 28), 88_701), ((3, 32, 32), 317_501), ((784,), 88_701)])
def test_defaults_have_the_papers_parameter_count(shape, expected, generator):
    assert count(mlp(shape, 1, generator=generator)) == expected


def test_output_is_the_formula(generator):
    model = mlp(
        (2, 3), 4, generator=generator, initialization="torch", width=5, depth=3, activation="tanh"
    ).double()
    x = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(2, 2, 3)
    hidden = x.reshape(2, 6)
    for level in (1, 2, 3):
        layer = getattr(model, f"hidden{level}")
        hidden = torch.tanh(hidden @ layer.weight.T + layer.bias)
    expected = hidden @ model.readout.weight.T + model.readout.bias
    torch.testing.assert_close(model(x), expected, rtol=1e-13, atol=1e-13)


def test_depth_zero_is_linear_in_the_input(generator):
    model = mlp((6,), 2, generator=generator, depth=0).double()
    assert count(model) == 14
    x = torch.eye(6, dtype=torch.float64)
    torch.testing.assert_close(model(3 * x), 3 * model(x))  # biases are zero


@pytest.mark.parametrize("bad", [{"width": 0}, {"depth": -1}, {"width": 2.5}])
def test_bad_sizes_are_refused(bad, generator):
    with pytest.raises(ArgumentError, match=next(iter(bad))):
        mlp((6,), 1, generator=generator, **bad)
