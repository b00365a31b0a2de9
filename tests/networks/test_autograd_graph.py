"""The graph tells every use of a leaf, whatever hooks or values say."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from tangentlab.networks.autograd_graph import count_uses, leaves


def uses(layer, f):
    counts = count_uses(f)
    return {name: counts[id(parameter)] for name, parameter in layer.named_parameters()}


def test_a_layer_called_once_uses_each_parameter_once():
    x = torch.ones(2, 4, 5, 5)
    for layer in (nn.Conv2d(4, 2, 3), nn.Conv2d(4, 2, 3, padding_mode="circular", padding=1), nn.ConvTranspose2d(4, 2, 3),
                  nn.BatchNorm2d(4).eval(), nn.InstanceNorm2d(4, affine=True), nn.GroupNorm(2, 4), nn.PReLU(4), nn.PReLU(),
                  nn.LayerNorm(5), nn.LayerNorm((5, 5)), nn.RMSNorm(5), nn.Linear(5, 3), nn.Linear(5, 3, bias=False)):  # fmt: skip
        assert set(uses(layer, layer(x)).values()) == {1}, layer
    table = nn.Embedding(3, 2)
    assert uses(table, table(torch.tensor([[0, 1]]))) == {"weight": 1}


def test_uses_outside_the_layer_are_counted_even_when_multiplied_by_zero():
    layer, x = nn.Linear(3, 3), torch.ones(2, 3)
    assert uses(layer, layer(layer(x)))["weight"] == 2
    assert uses(layer, layer(x) + 0 * F.linear(x, layer.weight)) == {"weight": 2, "bias": 1}
    assert uses(layer, layer(x).detach() + layer.bias) == {"weight": 0, "bias": 1}


def test_a_checkpointed_part_is_seen():
    layer, x = nn.Linear(3, 3), torch.ones(2, 3)
    assert uses(layer, checkpoint(layer, x, use_reentrant=False)) == {"weight": 1, "bias": 1}


def test_leaves():
    a, b = (torch.ones(2, requires_grad=True) for _ in range(2))
    assert {id(t) for t in leaves(a * a + b)} == {id(a), id(b)}
    assert leaves(a)[0] is a
    assert leaves((a * b).detach()) == []


def test_a_graph_deeper_than_the_interpreters_stack():
    a = x = torch.ones(1, requires_grad=True)
    for _ in range(20_000):
        x = x + 1
    assert count_uses(x)[id(a)] == 1
