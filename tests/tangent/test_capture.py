"""Hooks see what layers were given and the gradients of what they returned, and know when they did not see all."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from oracles.ntk_by_loops import jacobian_by_loops
from tangentlab._errors import NetworkError
from tangentlab.networks import Network
from tangentlab.tangent.capture import capture, covered_layers
from tangentlab.tangent.factors import as_rows
from tangentlab.tangent.joined_factors import add_uses

X = torch.linspace(-1, 1, 20, dtype=torch.float64).reshape(5, 4)


class Model(nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(4, 4), nn.Linear(4, 2), nn.Linear(4, 2)
        self.given = forward

    def forward(self, x):
        return self.given(self, x)


def in_place(m, x):
    h = m.a(x)
    F.relu_(h)
    z = m.b(h)
    z *= 2
    return z


def in_place_on_a_view_that_was_read(m, x):
    h = m.a(x.unsqueeze(1))  # of three axes: a view of a product
    early = torch.tanh(h)
    h *= 2
    return m.b(early + h)[:, 0]


SEEN = {  # the parameters whose every use is a layer's, and how many there are
    "once": (lambda m, x: m.b(torch.tanh(m.a(x))), {"a": 1, "b": 1, "c": 0}),
    "twice": (lambda m, x: m.b(torch.tanh(m.a(torch.tanh(m.a(x))))), {"a": 2, "b": 1, "c": 0}),
    "called and not used": (lambda m, x: (m.c(x), m.b(x))[1], {"a": 0, "b": 1, "c": 0}),
    "in place": (in_place, {"a": 1, "b": 1, "c": 0}),
    "in place, on a view": (in_place_on_a_view_that_was_read, {"a": 1, "b": 1, "c": 0}),
    "detached": (lambda m, x: m.b(m.a(x).detach()), {"a": 0, "b": 1, "c": 0}),
    "by keyword": (lambda m, x: m.b(input=m.a(input=x)), {"a": 1, "b": 1, "c": 0}),
    "checkpointed": (
        lambda m, x: m.b(checkpoint(lambda z: torch.tanh(m.a(z)), x, use_reentrant=False)),
        {"a": 1, "b": 1, "c": 0},
    ),
    "stacked slices": (lambda m, x: m.b(m.a(x.repeat_interleave(3, 0)).reshape(len(x), 3, 4).mean(1)), {"a": 1, "b": 1, "c": 0}),
}  # fmt: skip
UNSEEN = {
    "also by function": (lambda m, x: m.b(m.a(x)) + F.linear(x, m.b.weight), {"b.weight"}),
    "also by function, times zero": (lambda m, x: m.b(m.a(x)) + 0 * F.linear(x, m.b.weight), {"b.weight"}),
    "only by function": (lambda m, x: F.linear(x, m.b.weight, m.b.bias), {"b.weight", "b.bias"}),
    "in a penalty": (lambda m, x: m.b(x) * m.b.bias.exp().sum(), {"b.bias"}),
    "on some of the rows": (lambda m, x: m.b(torch.cat([m.a(x[:2]), x[2:]])), {"a.weight", "a.bias"}),
    "on no rows": (lambda m, x: m.b(x + m.a(torch.ones(4, dtype=x.dtype))), {"a.weight", "a.bias"}),
}


def rows_of(uses):
    return as_rows(add_uses(uses)).rows


@pytest.mark.parametrize("name", SEEN)
def test_every_use_is_seen_and_right(name):
    forward, counts = SEEN[name]
    model = Model(forward).double()
    network = Network(model)
    found = capture(network, X, torch.eye(2, dtype=torch.float64))
    assert {key: len(uses) for key, uses in found.uses.items()} == {
        f"{layer}.{part}": count for layer, count in counts.items() for part in ("weight", "bias")
    }
    assert torch.equal(found.outputs, model(X))
    expected = network.space.unflatten(jacobian_by_loops(model, X))
    for key, uses in found.uses.items():
        if uses:
            assert torch.allclose(rows_of(uses), expected[key].flatten(2), atol=1e-12)
        else:
            assert not expected[key].any()


@pytest.mark.parametrize("name", UNSEEN)
def test_a_use_outside_layers_or_on_other_rows_leaves_the_parameter_out(name):
    forward, left_out = UNSEEN[name]
    network = Network(Model(forward).double())
    found = capture(network, X, torch.eye(2, dtype=torch.float64))
    assert set(network.names) - set(found.uses) == left_out


def test_cotangents_may_differ_from_row_to_row():
    model = Model(SEEN["twice"][0]).double()
    network = Network(model)
    u = torch.randn(1, 5, 2, dtype=torch.float64)
    J = network.space.unflatten(torch.einsum("nc,ncp->np", u[0], jacobian_by_loops(model, X)))
    for name, uses in capture(network, X, u).uses.items():
        if uses:
            assert torch.allclose(rows_of(uses)[:, 0], J[name].flatten(1))


def test_only_the_parameters_asked_for_and_nothing_stays():
    network = Network(Model(SEEN["once"][0]).double())
    found = capture(network, X, torch.eye(2, dtype=torch.float64), names=["a.bias"])
    assert list(found.uses) == ["a.bias"]
    assert not any(part._forward_hooks for part in network.module.modules())
    assert not any(t.requires_grad or t.grad is not None for t in network.module.parameters())


def test_hooks_that_change_what_a_layer_returns_come_after_ours():
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)).double()
    model[0].register_forward_hook(lambda part, args, out: out.clamp(max=0.1) * 3)
    network = Network(model)
    expected = network.space.unflatten(jacobian_by_loops(model, X))
    for name, uses in capture(network, X, torch.eye(2, dtype=torch.float64)).uses.items():
        assert torch.allclose(rows_of(uses), expected[name].flatten(2), atol=1e-12)


def test_one_table_row_shared_by_the_batch_is_everyones():
    class Positions(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.head = nn.Embedding(4, 3), nn.Linear(3, 2)

        def forward(self, x):
            return self.head((x.unsqueeze(2) * self.table(torch.arange(4)[None])).mean(1))

    model = Positions().double()
    network = Network(model)
    expected = network.space.unflatten(jacobian_by_loops(model, X))
    found = capture(network, X, torch.eye(2, dtype=torch.float64)).uses
    assert torch.allclose(rows_of(found["table.weight"]), expected["table.weight"].flatten(2))


def test_sizes_are_positive_where_a_layer_acts_even_if_its_gradient_cancels():
    model = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1)).double()
    network = Network(model)
    # the sum of a softmax is constant
    found = capture(network, X, torch.ones(1, 3, dtype=torch.float64), measured=True)
    assert rows_of(found.uses["0.bias"]).abs().max() < 1e-15
    dead = capture(
        Network(nn.Sequential(nn.Linear(4, 3), nn.Hardtanh(50, 51)).double()),
        X,
        torch.ones(1, 3).double(),
        measured=True,
    )
    assert dead.sizes["0.bias"] == 0


def test_values_destroyed_after_they_were_copied_too_are_refused():
    def destroyed(m, x):
        z = m.b(x)
        with torch.no_grad():
            z.copy_(z + 1)
        return z

    class Overwrites(Model):
        pass

    network = Network(Overwrites(destroyed).double())
    found = capture(network, X, torch.eye(2, dtype=torch.float64))  # a copy is taken at the second attempt
    assert torch.allclose(rows_of(found.uses["b.bias"]), torch.eye(2).double().expand(5, 2, 2))


def test_a_network_that_autograd_refuses_is_refused():
    def overwrites(m, x):
        h = m.a(x)
        z = m.b(h.exp_())
        h += z.sum(1, keepdim=True)
        return h[:, :2]

    with pytest.raises((NetworkError, RuntimeError), match="in-?place"):
        capture(Network(Model(overwrites).double()), X, torch.eye(2, dtype=torch.float64))


def test_covered_layers():
    network = Network(Model(SEEN["once"][0]), parameters=["b.*", "c.bias"])
    assert list(covered_layers(network)) == ["b", "c"]
    assert list(covered_layers(network, ["c.bias"])) == ["c"]
    assert list(covered_layers(Network(nn.LSTM(2, 2)))) == []
