"""A rule is taken where it is proved: every use seen, and equal to autograd on rows that can tell."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from oracles.given_model import GivenModel
from tangentlab._errors import NetworkError, UnknownNameError
from tangentlab.networks import Network
from tangentlab.tangent.operations import ROWS_FIRST, ROWS_LAST
from tangentlab.tangent.routes import check_method, find_routes

WEIGHT_AND_BIAS = ("weight", "bias")
Model = partial(GivenModel, width=4)


def rows(n=3, *shape):
    shape = shape or (4,)
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def closed(x):
    """0 for every row looked at, but not for every row there is."""
    return (x[..., :1] > 50).to(x.dtype)


def positions_first(m, x):
    """(rows, positions, features): layer a is called with positions on the first axis."""
    return m.b(torch.tanh(m.a(x.transpose(0, 1)))[-1])


CASES = {  # which layers may take their rules, given rows
    "plain": (lambda m, x: m.b(torch.tanh(m.a(x))), rows(), {"a", "b"}),
    "one row": (lambda m, x: m.b(torch.tanh(m.a(x))), rows(1), {"a", "b"}),
    "another use": (lambda m, x: m.b(m.a(x)) + F.linear(x, m.a.weight)[:, :2], rows(), {"b", "a.bias"}),
    "another use behind a closed gate": (
        lambda m, x: m.b(m.a(x)) + closed(x) * F.linear(x, m.a.weight)[:, :2], rows(), {"b", "a.bias"},
    ),
    "positions first": (positions_first, rows(3, 6, 4), {"b"}),
    "as many positions as rows": (positions_first, rows(3, 3, 4), {"b"}),
    "positions first, behind a gate": (
        lambda m, x: positions_first(m, x) * (x[:, 0, :1] > 1.5) + m.b(x[:, 0]) * 0, rows(3, 3, 4), set(),
    ),
    "reversed rows": (lambda m, x: m.b(torch.tanh(m.a(x.flip(0)).flip(0))), rows(), {"b"}),
    "sorted rows": (
        lambda m, x: m.b(torch.tanh(m.a(x[x[:, 0].argsort()])[x[:, 0].argsort().argsort()])), rows(), {"b"},
    ),
    "a dead layer": (lambda m, x: m.b(F.relu(m.a(x) - 100)), rows(), {"b.bias"}),
    "values that mix in their gradient alone": (
        lambda m, x: m.b(m.a(x)) + m.a(x).mean(0)[:2] - m.a(x).mean(0)[:2].detach(), rows(), {"b"},
    ),
}  # fmt: skip


def taken(names):
    """The parameters of layers, of which one part alone may be named."""
    return {full for name in names for full in ([name] if "." in name else [f"{name}.weight", f"{name}.bias"])}


@pytest.mark.parametrize("name", CASES)
def test_rules_are_taken_where_they_are_right(name):
    forward, x, expected = CASES[name]
    found = find_routes(Network(Model(forward).double()), [x])
    assert set(found.by_rule) <= taken(expected)
    if "gate" not in name:
        assert set(found.by_rule) == taken(expected)


def test_zero_weights_do_not_send_the_layers_before_them_away():
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)).double()
    nn.init.zeros_(model[2].weight)
    assert len(find_routes(Network(model), [rows()]).by_rule) == 4


def test_gradients_that_cancel_do_not_send_their_parameter_away():
    model = nn.Sequential(
        nn.Conv1d(2, 3, 2), nn.InstanceNorm1d(3), nn.Tanh(), nn.Flatten(), nn.Linear(12, 2)
    ).double()
    assert "0.bias" in find_routes(Network(model), [rows(3, 2, 5)]).by_rule


def test_a_linear_layer_alone_in_single_precision():
    model = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1), nn.Linear(3, 2))
    assert len(find_routes(Network(model), [rows().float()]).by_rule) == 4


def test_parameters_without_effect_are_unused_and_cost_nothing():
    found = find_routes(Network(Model(lambda m, x: m.b(x)).double()), [rows()])
    assert found.unused == ("a.weight", "a.bias") and found.general == ()
    assert found.describe() == "2 tensors by layer rules, 2 unused"


def test_a_rule_must_hold_on_every_set_of_rows():
    network = Network(Model(lambda m, x: positions_first(m, x)).double())
    one, several = rows(1, 3, 4), rows(3, 6, 4)
    assert "a.weight" in find_routes(network, [one]).by_rule  # one row is whatever axis one takes
    found = find_routes(network, [one, several])
    assert "a.weight" not in found.by_rule
    assert dict(found.operated) == {"a.weight": ROWS_LAST, "a.bias": ROWS_LAST}


def test_bare_parameters_are_copied_cells_are_read_off_the_graph_and_the_rest_takes_the_general_route():
    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.scale, self.rnn = nn.Linear(4, 2), nn.Parameter(torch.ones(2)), nn.RNNCell(4, 2)
            self.forms = nn.Bilinear(4, 4, 2)

        def forward(self, x):
            return self.layer(x) * self.scale + self.rnn(x) + self.forms(x, x)

    found = find_routes(Network(Bare().double()), [rows()])
    assert found.by_rule == ("layer.weight", "layer.bias")
    assert found.copied == (("scale", 0),)
    of_cell = ("rnn.weight_ih", "rnn.bias_ih", "rnn.bias_hh", "forms.bias")
    assert dict(found.operated) == dict.fromkeys(of_cell, ROWS_FIRST)
    assert found.general == ("rnn.weight_hh", "forms.weight")  # what multiplies zeros cannot be judged
    words = (
        "2 tensors by layer rules",
        "4 by the operations they enter",
        "1 by copies for each row",
        "2 by autograd",
    )
    assert found.describe() == ", ".join(words)
    with pytest.raises(NetworkError, match="No layer rule covers 'scale' and 6 more.*method='auto'"):
        find_routes(Network(Bare().double()), [rows()], method="layer_rules")


def test_rerouting_moves_names_and_finds_a_way_for_them():
    network = Network(Model(CASES["plain"][0]).double())
    found = find_routes(network, [rows()]).without(["a.weight"], network=network, samples=[rows()])
    assert found.general == ("a.weight",) and found.by_rule == ("a.bias", "b.weight", "b.bias")


@pytest.mark.parametrize("method", ["vmap", "autograd"])
def test_an_insisted_way_is_for_all(method):
    found = find_routes(Network(Model(CASES["plain"][0]).double()), [rows()], method=method)
    assert found.general_way == method and len(found.general) == 4


def test_unknown_methods_are_refused():
    with pytest.raises(UnknownNameError, match="`method`.*Did you mean 'autograd'"):
        check_method("autogard")
