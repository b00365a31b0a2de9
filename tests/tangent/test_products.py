"""Pushing forward and pulling back are transposes, in every way that torch offers."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from oracles.given_model import GivenModel
from oracles.ntk_by_loops import jacobian_by_loops
from tangentlab._errors import NetworkError
from tangentlab.networks import Network
from tangentlab.tangent.products import WAYS, autograd_gradients, find_push_way, pull_back, push_forward


class OnlyBackward(torch.autograd.Function):
    """tanh with a backward pass and no forward derivative."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.tanh(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * (1 - torch.tanh(x) ** 2)


class Straight(torch.autograd.Function):
    """Rounds forward, and pretends in both derivatives, differently, not to have."""

    @staticmethod
    def forward(x):
        return x.round()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, g):
        return g

    @staticmethod
    def jvp(ctx, t):
        return 0 * t


def plain(m, x):
    return m.b(torch.tanh(m.a(x)))


def no_grad_inside(m, x):
    with torch.no_grad():
        h = m.a(x)
    return m.b(torch.tanh(h))


X = torch.linspace(-2, 2, 20, dtype=torch.float64).reshape(5, 4)
PASSES = {
    "plain": plain,
    "only backward": lambda m, x: m.b(OnlyBackward.apply(m.a(x))),
    "detached part": lambda m, x: m.b(torch.tanh(m.a(x)).detach() + m.a(x)),
    "data": lambda m, x: plain(m, x) * m.b.weight.data.sum(),
    "no_grad inside": no_grad_inside,
    "checkpoint": lambda m, x: m.b(checkpoint(lambda z: torch.tanh(m.a(z)), x, use_reentrant=False)),
    "unused": lambda m, x: m.b(x[:, :3]),
    "straight through": lambda m, x: m.b(m.a(x) + (m.a(x).round() - m.a(x)).detach()),
    "a gradient inside": lambda m, x: m.b(torch.func.vmap(torch.func.grad(lambda r: torch.tanh(m.a(r)).sum()))(x)[:, :3]),
}  # fmt: skip


def directions(network):
    return {name: torch.randn_like(tensor) for name, tensor in network.parameters.items()}


def relative(found, expected):
    return ((found - expected).abs().max() / expected.abs().max()).item()


@pytest.mark.parametrize("name", PASSES)
def test_both_products_are_the_dense_jacobians(name):
    model = GivenModel(PASSES[name]).double()
    network = Network(model)
    J = jacobian_by_loops(model, X)
    along, u = directions(network), torch.randn(5, 2, dtype=torch.float64)
    way = find_push_way(network, X)
    f, df = push_forward(network, X, along=along, way=way)
    assert torch.equal(f, model(X))
    assert relative(df, J @ network.space.flatten(along)) < 1e-10
    pulled = network.space.flatten(pull_back(network, X, weights=u))
    assert relative(pulled, torch.einsum("nc,ncp->p", u, J)) < 1e-10


@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_the_same(way):
    network = Network(GivenModel(plain).double())
    along = directions(network)
    expected = push_forward(network, X, along=along)
    for found, value in zip(push_forward(network, X, along=along, way=way), expected):
        assert relative(found, value) < 1e-12


def test_a_subset_is_pushed_and_pulled():
    network = Network(GivenModel(plain).double())
    along = {"b.bias": torch.ones(2, dtype=torch.float64)}
    for way in WAYS:
        assert torch.equal(
            push_forward(network, X, along=along, way=way)[1], torch.ones(5, 2, dtype=torch.float64)
        )
    assert list(pull_back(network, X, weights=torch.ones(5, 2, dtype=torch.float64), names=["b.bias"])) == [
        "b.bias"
    ]


def test_single_precision_recurrent_kernels_find_a_way():
    network = Network(nn.LSTM(4, 3, batch_first=True), output=lambda out: out[0][:, -1])
    assert find_push_way(network, X.float().unsqueeze(1)) in WAYS


def test_a_forward_derivative_that_is_not_the_backward_ones_transpose_is_passed_over():
    model = GivenModel(lambda m, x: m.b(Straight.apply(3 * m.a(x)))).double()
    network = Network(model)
    assert find_push_way(network, X) == "double backward"
    along = directions(network)
    J = jacobian_by_loops(model, X)
    _, df = push_forward(network, X, along=along, way="double backward")
    assert relative(df, J @ network.space.flatten(along)) < 1e-10


def test_no_way_at_all_is_said_in_words():
    class Once(OnlyBackward):
        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, g):
            return g

    network = Network(GivenModel(lambda m, x: m.b(Once.apply(m.a(x)))).double())
    with pytest.raises(
        NetworkError, match=r"No way of differentiating.*forward: .*double backward: .*tangentlab\.ntk"
    ):
        find_push_way(network, X)


def test_values_destroyed_in_place_are_refused_with_a_remedy():
    def overwrites(m, x):
        h = m.a(x)
        m.b(h)
        z = m.b(h)
        h += 1
        return z

    network = Network(GivenModel(overwrites).double())
    with pytest.raises(NetworkError, match=r"overwrites in place.*x = x \+ y"):
        pull_back(network, X, weights=torch.ones(5, 2, dtype=torch.float64))


def test_sparse_and_missing_gradients_are_dense_zeros_and_numbers():
    table = nn.Embedding(4, 2, sparse=True)
    network = Network(table)
    f = table(torch.tensor([1]))
    (found,) = autograd_gradients(network, f, [table.weight], torch.ones(1, 2))
    assert found.tolist() == [[0, 0], [1, 1], [0, 0], [0, 0]]
    other = torch.ones(3, requires_grad=True)
    assert autograd_gradients(network, f.detach(), [other], torch.ones(1, 2))[0].tolist() == [0, 0, 0]
