"""Products and shifts read off the graph: gradients as autograd's, orders told apart, other uses refused."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from oracles.ntk_by_loops import ntk_by_loops
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.linalg.quick_products import QuickProducts
from tangentlab.networks import Network
from tangentlab.tangent.factors import as_rows
from tangentlab.tangent.operations import ORDERS, ROWS_FIRST, ROWS_LAST, operations_on
from tangentlab.tangent.routes import find_routes

n, length, width = 5, 4, 6


def rows(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Attention(nn.Module):
    def __init__(self, query=None, *, batch_first=True, **options):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, 2, batch_first=batch_first, **options)
        self.query, self.batch_first, self.readout = query, batch_first, nn.Linear(width, 2)

    def forward(self, x):
        if not self.batch_first:
            x = x.transpose(0, 1)
        query = x if self.query is None else self.query(x)
        y = self.attention(query, x, x, need_weights=False)[0]
        return self.readout(torch.tanh(y).mean(1 if self.batch_first else 0))


class Recurrent(nn.Module):
    def __init__(self, kind, **options):
        super().__init__()
        self.rnn = kind(width, 3, batch_first=True, **options)
        self.readout = nn.Linear(3 * (1 + self.rnn.bidirectional), 2)

    def forward(self, x):
        return self.readout(self.rnn(x)[0][:, -1])


class Bare(nn.Module):
    def __init__(self):
        super().__init__()
        self.W, self.V, self.b = (nn.Parameter(rows(*s, seed=3)) for s in ((width, 3), (3, 3), (3,)))

    def forward(self, x):
        return torch.tanh(torch.tanh(x @ self.W + self.b) @ self.V).mean(1) @ self.V + self.b


def encoder():
    layer = nn.TransformerEncoderLayer(width, 2, 8, batch_first=True)
    stack = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    return nn.Sequential(stack, nn.Flatten(), nn.Linear(length * width, 2)).eval()


MODELS = {  # the model, and the parameters that are read off the graph
    "attention": (Attention, 4),
    "attention without biases": (lambda: Attention(bias=False), 2),
    "attention, positions first": (lambda: Attention(batch_first=False), 4),
    "attention with other queries": (lambda: Attention(torch.sin), None),
    "attention of other widths": (lambda: Attention(torch.sin, kdim=width, vdim=width), None),
    "attention with one more key": (lambda: Attention(add_bias_kv=True), None),
    "encoder": (encoder, 8),
    "gru": (lambda: Recurrent(nn.GRU), 4),
    "gru of two layers, both ways": (
        lambda: Recurrent(nn.GRU, num_layers=2, bidirectional=True),
        15,
    ),  # one of zeros
    "rnn": (lambda: Recurrent(nn.RNN), 4),
    "lstm": (lambda: Recurrent(nn.LSTM), None),
    "bare matrices": (Bare, 3),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("outputs", ["full", "trace"])
def test_kernels_of_such_modules_are_those_of_loops(name, outputs):
    torch.manual_seed(0)
    make, count = MODELS[name]
    model, x = make().double(), rows(n, length, width)
    expected = ntk_by_loops(model, x, outputs=outputs)
    found = NeuralTangentKernel(model, outputs=outputs).gram(x)
    torch.testing.assert_close(found.values, expected, rtol=1e-10, atol=1e-12)
    if count is not None:
        assert f"{count} by the operations they enter" in found.description


def test_outputs_that_cancel_to_nothing_are_no_sign_of_rows_that_mix():
    torch.manual_seed(0)

    class LessItsStart(nn.Module):
        def __init__(self):
            super().__init__()
            self.now = Attention()
            self.start = copy.deepcopy(self.now).requires_grad_(False)

        def forward(self, x):
            return self.now(x) - self.start(x)

    model, x = LessItsStart().double(), rows(n, length, width)
    found = NeuralTangentKernel(model, outputs="trace")(x)
    torch.testing.assert_close(found, ntk_by_loops(model.now, x, outputs="trace"), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_orders_of_rows_are_told_apart_where_positions_are_as_many(order):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.W = nn.Parameter(rows(width, 2))

        def forward(self, x):
            y = x if order == ROWS_FIRST else x.transpose(0, 1)
            return torch.tanh(y @ self.W).sum(1 if order == ROWS_FIRST else 0)

    found = find_routes(Network(Model()), [rows(3, 3, width)])
    assert dict(found.operated) == {"W": order}


OTHER_USES = {
    "a sine": lambda x, W: x @ W + W.sin().sum(),
    "a use on the left": lambda x, W: x @ W @ (W.T @ W),
    "scaled": lambda x, W: torch.addmm(torch.zeros(2, dtype=x.dtype), x, W, alpha=2),
    "a part": lambda x, W: x @ W[:, :1],
    "another order of axes": lambda x, W: torch.einsum("ni,io->no", x, W) + W[0],
}


@pytest.mark.parametrize("name", OTHER_USES)
def test_a_parameter_with_any_other_use_is_left_to_other_routes(name):
    W = rows(width, 2).requires_grad_(True)
    f = OTHER_USES[name](rows(n, width), W)
    assert operations_on(f, {id(W): "W"}) == {}
    assert operations_on(f.detach(), {id(W): "W"}) == {}


def test_lines_that_are_no_multiple_of_the_rows_have_no_factor():
    W = rows(width, 2).requires_grad_(True)
    (use,) = operations_on(rows(7, width) @ W, {id(W): "W"})["W"]
    assert use.factor(rows(7, 1, 2), rows=3, order=ROWS_LAST) is None


def test_a_weight_given_as_outputs_by_inputs_is_flattened_as_it_lies():
    W = rows(2, width).requires_grad_(True)
    x, G = rows(n, width), rows(n, 1, 2, seed=1)
    (use,) = operations_on(F.linear(x, W), {id(W): "W"})["W"]
    expected = torch.einsum("nqo,ni->nqoi", G, x).flatten(2)
    torch.testing.assert_close(use.factor(G, rows=n, order=ROWS_FIRST).rows().rows, expected)


@pytest.mark.parametrize("bias", [True, False])
def test_a_map_large_enough_for_the_quicker_library_is_known_as_a_product_and_a_shift(bias):
    x, W, b = torch.randn(2, 40, 256), torch.randn(256, 256), torch.randn(256)
    W.requires_grad_()
    b.requires_grad_()
    with QuickProducts() as quick:
        y = F.linear(x, W, b if bias else None)
        found = operations_on(y.sum(), {id(W): "W", id(b): "b"})
        with quick.backward():
            (G,) = torch.autograd.grad(y.square().sum(), [found["W"][0].edge], retain_graph=True)
    assert list(found) == (["W", "b"] if bias else ["W"])
    factors = {name: uses[0].factor(G.unsqueeze(1), rows=2, order=ROWS_FIRST) for name, uses in found.items()}
    y = F.linear(x, W, b if bias else None)
    truth = [torch.autograd.grad(y[i].square().sum(), [W, b][: 1 + bias], retain_graph=True) for i in range(2)]
    for i, gradients in enumerate(truth):
        for factor, exact in zip(factors.values(), gradients):
            error = (as_rows(factor).rows[i, 0] - exact.flatten()).norm()
            assert error <= 1e-5 * exact.norm()  # sums of 40 products in float32, with room
