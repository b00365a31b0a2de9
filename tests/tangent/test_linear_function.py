"""Jδ and Jᵀu are each other's derivatives, to any order."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from tangentlab._errors import NetworkError
from tangentlab.networks import Network
from tangentlab.tangent import jacobian
from tangentlab.tangent.linear_function import push, push_from_inputs, records_rightly

X = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(3, 4)


def build():
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)).double()
    network = Network(model)
    J = jacobian(model, X).dense().flatten(0, 1)
    change = {name: torch.randn_like(t).requires_grad_() for name, t in network.parameters.items()}
    return network, J, change


def flat(tensors):
    return torch.cat([tensor.flatten() for tensor in tensors])


def test_value_gradient_and_second_derivative_are_those_of_the_matrix():
    network, J, change = build()
    for record in (False, True):
        f0, df = push(network, X, along=change, way="forward", record=record)
        assert torch.equal(f0, network(X)) and not f0.requires_grad
        delta = flat(t.detach() for t in change.values())
        assert torch.allclose(df.flatten(), J @ delta)
        gradient = torch.autograd.grad((df**3).sum(), list(change.values()), create_graph=True)
        assert torch.allclose(flat(gradient), J.T @ (3 * (J @ delta) ** 2))
        v = torch.randn(len(delta), dtype=torch.float64)
        second = torch.autograd.grad(flat(gradient) @ v, list(change.values()))
        assert torch.allclose(flat(second), J.T @ (6 * (J @ delta) * (J @ v)))


def test_repeated_backward_passes_and_frozen_directions():
    network, J, change = build()
    change["0.weight"].requires_grad_(False)
    _, df = push(network, X, along=change, way="forward", record=True)
    for _ in range(2):
        found = torch.autograd.grad(df.sum(), change["2.bias"], retain_graph=True)[0]
        assert torch.allclose(found, J.sum(0)[-2:])


def test_nothing_is_recorded_when_no_gradient_is_asked_for():
    network, _, change = build()
    with torch.no_grad():
        _, df = push(network, X, along=change, way="forward", record=True)
    assert df.grad_fn is None


def test_a_part_that_runs_again_in_the_backward_pass_is_not_recorded():
    class Checkpointed(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 3), nn.Linear(3, 2)

        def forward(self, x):
            return self.b(checkpoint(lambda z: torch.tanh(self.a(z)), x, use_reentrant=False))

    assert not records_rightly(Network(Checkpointed().double()), X, way="forward")
    assert not records_rightly(build()[0], X, way="double backward")
    assert records_rightly(build()[0], X, way="forward")


NORMS = {
    "layer norm": lambda: nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.Tanh(), nn.Linear(4, 2)),
    "instance norm": lambda: nn.Sequential(nn.Conv1d(3, 2, 1), nn.InstanceNorm1d(2), nn.Tanh(), nn.Linear(4, 2)),
    "attention": lambda: nn.TransformerEncoderLayer(4, 2, 6, batch_first=True, activation="gelu"),
    "batch norm": lambda: nn.Sequential(nn.Conv1d(3, 2, 1), nn.BatchNorm1d(2), nn.Tanh(), nn.Linear(4, 2)),
}


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("name", NORMS)
def test_derivatives_in_the_input_are_those_of_differences(name, centred):
    network = Network(NORMS[name]().double().eval())
    change = {name: torch.randn_like(t).requires_grad_() for name, t in network.parameters.items()}
    x, step = torch.randn(2, 3, 4).double(), torch.randn(2, 3, 4).double()

    def value(x, change=change):
        return push_from_inputs(network, x, along=change, way="forward", centred=centred).pow(2).sum()

    leaf = x.clone().requires_grad_()
    found, *rest = torch.autograd.grad(value(leaf), [leaf, *change.values()])
    slope = (value(x + 1e-6 * step) - value(x - 1e-6 * step)) / 2e-6
    assert torch.allclose((found * step).sum(), slope, rtol=1e-6)
    f0, df = push(network, x, along=change, way="forward")
    expected = torch.autograd.grad((df if centred else f0 + df).pow(2).sum(), list(change.values()))
    assert all(torch.allclose(a, b) for a, b in zip(rest, expected))
    assert all(tensor.grad is None for tensor in network.module.parameters())


def test_several_inputs_of_which_some_move():
    network = Network(nn.Bilinear(4, 3, 2).double())
    a, b = torch.randn(5, 4).double().requires_grad_(), torch.randn(5, 3).double()
    change = {name: torch.zeros_like(t) for name, t in network.parameters.items()}
    found = torch.autograd.grad(push_from_inputs(network, (a, b), along=change, way="forward").sum(), a)[0]
    assert torch.allclose(found, torch.autograd.grad(network.apply({}, (a, b)).sum(), a)[0])


def test_differentiating_twice_in_the_input_is_refused():
    network = Network(nn.Linear(4, 2).double())
    x = X.clone().requires_grad_()
    change = {name: torch.ones_like(t) for name, t in network.parameters.items()}
    f = push_from_inputs(network, x, along=change, way="forward").pow(2).sum()
    with pytest.raises(NetworkError, match="once in its inputs.*create_graph"):
        torch.autograd.grad(f, x, create_graph=True)
