"""Per-sample gradients by transforms and by a loop are the same, and the loop is taken where transforms are not."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from oracles.ntk_by_loops import jacobian_by_loops
from tangentlab.networks import Network
from tangentlab.tangent.sample_gradients import WAYS, find_gradient_way, sample_gradients

X = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(3, 4)


class Model(nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.a, self.b = nn.Linear(4, 3), nn.Linear(3, 2)
        self.scale = nn.Parameter(torch.tensor(1.5))
        self.given = forward

    def forward(self, x):
        return self.given(self, x)


def plain(m, x):
    return m.b(torch.tanh(m.a(x))) * m.scale


def branching(m, x):
    return plain(m, x) if x.sum() > 0 else plain(m, -x)


def caching(m, x):
    m.cache = m.a(x)
    return m.b(torch.tanh(m.cache))


MODELS = {
    "plain": (plain, "vmap"),
    "a branch on the data": (branching, "autograd"),
    "a checkpoint": (
        lambda m, x: m.b(checkpoint(lambda z: torch.tanh(m.a(z)), x, use_reentrant=False)),
        "autograd",
    ),
    "a cache": (caching, "vmap"),
    "nothing used": (lambda m, x: x[:, :2], "vmap"),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_working_way_is_right(name):
    forward, way = MODELS[name]
    model = Model(forward).double()
    network = Network(model)
    assert find_gradient_way(network, X, names=network.names) == way
    cotangents = torch.randn(3, 2, dtype=torch.float64)
    found = sample_gradients(network, X, names=network.names, cotangents=cotangents, way=way)
    if name == "nothing used":
        assert not any(t.any() for t in found.values())
        return
    J = torch.einsum("qc,ncp->nqp", cotangents, jacobian_by_loops(model, X))
    assert torch.allclose(network.space.flatten(found, leading=2), J)
    assert {name: t.shape for name, t in found.items()} == {
        name: (3, 3, *t.shape) for name, t in network.parameters.items()
    }


def test_both_ways_take_dictionaries_and_constants():
    class Scaled(nn.Bilinear):
        def forward(self, input1, input2, scale):
            return super().forward(input1, input2) * scale

    network = Network(Scaled(4, 2, 2).double())
    x = {"input1": X, "input2": X[:, :2], "scale": 3.0}
    a, b = (
        sample_gradients(network, x, names=("weight",), cotangents=torch.eye(2).double(), way=way) for way in WAYS
    )
    assert torch.allclose(a["weight"], b["weight"])


def test_gradients_that_are_rounding_alone_do_not_rule_out_transforms():
    class Attends(nn.Module):  # a softmax does not see the keys' bias
        def __init__(self):
            super().__init__()
            self.query, self.key, self.bias = (
                nn.Linear(4, 3),
                nn.Linear(4, 3, bias=False),
                nn.Parameter(torch.ones(3)),
            )

        def forward(self, x):
            keys = self.key(x) + self.bias
            return ((self.query(x) @ keys.mT).softmax(-1) @ x).mean(1)

    network = Network(Attends().double())
    x = torch.randn(3, 5, 4, dtype=torch.float64)
    assert find_gradient_way(network, x, names=("bias", "query.weight")) == "vmap"


def test_results_carry_no_graph_and_leave_no_gradients():
    network = Network(Model(plain).double())
    for way in WAYS:
        found = sample_gradients(network, X, names=("a.bias",), cotangents=torch.eye(2).double(), way=way)
        assert not found["a.bias"].detach().requires_grad
    assert not any(t.requires_grad or t.grad is not None for t in network.module.parameters())
