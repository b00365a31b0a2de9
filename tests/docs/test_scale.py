"""The costs on the page are those that its command computes, and its counts agree with a count by hand."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scale():
    spec = importlib.util.spec_from_file_location("make_scale", ROOT / "docs" / "make_scale.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_scale"] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_page_shows_what_its_command_computes(scale):
    text = scale.PAGE.read_text(encoding="utf-8")
    assert text == scale.page(text)


def test_operations_of_a_linear_network_are_those_counted_by_hand(scale):
    passes = 2 * 10 * (2 * 3 * 4)  # rows, forward and backward, 3 inputs and 4 outputs
    pairs = 55 * 2 * (3 + 4)  # half of 10 x 10 and the diagonal, inner products of inputs and of gradients
    assert scale.operations((scale.Layer(1, 3, 4),), 10) == passes + pairs


@pytest.mark.parametrize(
    ("name", "network"),
    [("LeNet on Fashion-MNIST", "lenet"), ("MLP 784-1024-1024-1", "mlp:width=1024,depth=2")],
)
def test_layers_hold_the_parameters_of_the_network(scale, name, network):
    from tangentlab.networks import build_network

    parameters = sum(p.numel() for p in build_network(network, (1, 28, 28), outputs=1, seed=0).parameters())
    assert sum(layer.inputs * layer.outputs for layer in scale.NETWORKS[name]) == parameters
