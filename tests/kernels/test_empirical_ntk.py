"""tl.ntk equals a loop of torch.autograd.grad over rows and outputs, for every flavour, on every kind of network."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from oracles.ntk_by_loops import ntk_by_loops
from oracles.small_networks import CASES, build, rows
from tangentlab._errors import TangentlabError
from tangentlab.kernels import ntk
from tangentlab.networks import Network

FLAVOURS = ("full", "trace", "mean", "diagonal", "sum", 0, -1)
TOLERANCE = 1e-9  # relative, float64: a few thousand roundings of 1e-16 with room for cancellation


def relative(found, expected):
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("outputs", FLAVOURS)
@pytest.mark.parametrize("name", CASES)
def test_kernel_equals_loops_over_autograd(name, outputs):
    model, batch = build(name)
    x1, x2 = batch(4), batch(3)
    assert relative(ntk(model, x1, outputs=outputs), ntk_by_loops(model, x1, outputs=outputs)) < TOLERANCE
    assert relative(ntk(model, x1, x2, outputs=outputs), ntk_by_loops(model, x1, x2, outputs=outputs)) < TOLERANCE


@pytest.mark.parametrize("name", CASES)
def test_general_route_equals_loops(name):
    model, batch = build(name)
    x = batch(2)
    assert relative(ntk(model, x, method="autograd"), ntk_by_loops(model, x)) < TOLERANCE


def test_a_network_that_autograd_itself_refuses_is_refused_in_words():
    class Overwrites(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            h = self.a(x)
            z = self.b(h)
            h += z  # destroys the input that the gradient of b.weight needs
            return h

    with pytest.raises(TangentlabError, match="Overwrites.*in place"):
        ntk(Overwrites().double(), rows(3, 4))


def test_one_row_against_many():
    model, batch = build("position table")
    x1, x2 = batch(1), batch(3)
    assert relative(ntk(model, x1, x2), ntk_by_loops(model, x1, x2)) < TOLERANCE
    assert relative(ntk(model, x2, x1), ntk_by_loops(model, x2, x1)) < TOLERANCE
    assert relative(ntk(model, x1), ntk_by_loops(model, x1)) < TOLERANCE


def test_callable_with_a_dictionary_of_parameters():
    p = {"w.0": rows(4, 2), "b": rows(1, 2)[0]}

    def f(q, x):
        return torch.tanh(x @ q["w.0"] + q["b"])

    class Same(nn.Module):
        def __init__(self):
            super().__init__()
            self.w, self.b = nn.Parameter(p["w.0"]), nn.Parameter(p["b"])

        def forward(self, x):
            return torch.tanh(x @ self.w + self.b)

    x = rows(3, 4)
    assert relative(ntk(f, x, parameters=p), ntk_by_loops(Same(), x)) < TOLERANCE


def test_tuple_and_dictionary_inputs():
    model = nn.Bilinear(3, 2, 2).double()
    x = (rows(4, 3), rows(4, 2))
    named = {"input1": x[0], "input2": x[1]}
    expected = ntk_by_loops(model, x)
    assert relative(ntk(model, x), expected) < TOLERANCE
    assert relative(ntk(model, named), expected) < TOLERANCE


def test_parameter_subsets_by_name_pattern_and_predicate():
    model, batch = build("mlp")
    x = batch(3)
    expected = ntk_by_loops(model, x, parameters={"4.weight", "4.bias"})
    for choice in (["4.weight", "4.bias"], "4.*", lambda name, tensor: name.startswith("4.")):
        assert relative(ntk(model, x, parameters=choice), expected) < TOLERANCE


def test_output_selection_of_a_recurrent_layer():
    model = nn.LSTM(3, 2, batch_first=True).double()
    x = rows(3, 4, 3)
    net = Network(model, output=lambda out: out[0][:, -1])
    assert relative(ntk(net, x), ntk_by_loops(model, x, select=lambda out: out[0][:, -1])) < TOLERANCE


@pytest.mark.parametrize("method", ["layer_rules", "vmap"])
def test_an_insisted_route_is_right_or_refused(method):
    model, batch = build("a layer used twice")
    x = batch(3)
    assert relative(ntk(model, x, method=method), ntk_by_loops(model, x)) < TOLERANCE
    bare, batch = build("bare parameter")
    if method == "layer_rules":
        with pytest.raises(TangentlabError, match=r"'scale'.*method='auto'"):
            ntk(bare, batch(3), method=method)


def test_a_first_kernel_of_plain_layers_does_not_import_the_compiler():
    code = (
        "import sys, torch, tangentlab as tl;"
        "tl.ntk(tl.build_network('mlp', (4,), outputs=1, seed=0), torch.randn(6, 4));"
        "tl.ntk(tl.build_network('lenet', (1, 12, 12), outputs=2, seed=0), torch.randn(4, 1, 12, 12));"
        "print('torch._dynamo' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
