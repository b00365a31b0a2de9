"""Products with the mixed derivative, against central differences of first derivatives."""

import pytest
import torch
from torch import nn

from oracles.mixed_derivative_by_loops import mixed_derivative_by_loops
from tangentlab.networks import Network
from tangentlab.tangent.mixed_derivative import mixed_derivative


class Own(nn.Module):
    """Convolution, attention over positions, a shared weight, a parameter that is not used, and one that is frozen."""

    def __init__(self, outputs=2):
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3, padding=1)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.shared = nn.Parameter(0.3 * torch.randn(4, 4))
        self.unused = nn.Parameter(torch.ones(3))
        self.frozen = nn.Parameter(torch.ones(4), requires_grad=False)
        self.readout = nn.Linear(4, outputs)

    def forward(self, x):
        h = nn.functional.softplus(self.convolution(x)).flatten(2).transpose(1, 2)
        h = h + self.attention(h, h, h, need_weights=False)[0]
        h = torch.tanh(torch.tanh(h @ self.shared) @ self.shared.T) * self.frozen
        return self.readout(h.mean(1))


MODELS = {
    "mlp": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(12, 6), nn.GELU(), nn.Linear(6, 5), nn.GELU(), nn.Linear(5, 2)
    ),
    "normalized": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(12, 6), nn.LayerNorm(6), nn.Tanh(), nn.Linear(6, 2)
    ),
    "own": Own,
}


def rows(m=1, seed=0):
    return 0.5 * torch.randn(m, 1, 3, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def dense(D):
    """D as (q·p, d) by d products."""
    columns = [D.push(one.reshape(D.shape)) for one in torch.eye(D.size, dtype=torch.float64)]
    return torch.stack([torch.cat([t.flatten(1) for t in c.values()], dim=1).flatten() for c in columns], dim=1)


@pytest.mark.parametrize("name", MODELS)
def test_it_is_the_derivative_of_the_gradient(name):
    model = MODELS[name]().double().eval()
    x = rows()
    for cotangents in (torch.eye(2), torch.ones(1, 2), torch.eye(2)[1:]):
        with mixed_derivative(Network(model), x, cotangents=cotangents) as D:
            found = dense(D)
        exact = torch.cat([mixed_derivative_by_loops(model, x, weights.double()) for weights in cotangents])
        # differences of fourth order: step⁴ = 1e-12 and rounding / step = 1e-12, times a few
        assert torch.allclose(found, exact, atol=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_pull_is_the_transpose_of_push_and_gram_is_both(name):
    with mixed_derivative(Network(MODELS[name]().double()), rows(), cotangents=torch.eye(2)) as D:
        matrix = dense(D)
        gram = D.gram(torch.eye(12, dtype=torch.float64))
    assert torch.allclose(gram, matrix.T @ matrix, atol=1e-12)


@pytest.mark.parametrize("points", [5, 70, 130])
def test_several_points_are_averaged_however_many_graphs_are_kept(points):
    model, x = MODELS["mlp"]().double(), rows(points)
    with mixed_derivative(Network(model), x, cotangents=torch.ones(1, 2)) as D:
        found = dense(D)
        assert (D.kept is None) == (points > 64)
    each = []
    for row in x:
        with mixed_derivative(Network(model), row[None], cotangents=torch.ones(1, 2)) as D:
            each.append(dense(D))
    assert torch.allclose(found, torch.stack(each).mean(0), atol=1e-12)


def test_the_module_is_left_as_it_was():
    model = Own()
    before = {name: (tensor.clone(), tensor.requires_grad) for name, tensor in model.named_parameters()}
    state = torch.random.get_rng_state()
    network = Network(model)
    with mixed_derivative(network, rows().float(), cotangents=torch.eye(2)) as D:
        D.gram(torch.eye(12)[:, :2])
    assert torch.equal(state, torch.random.get_rng_state())
    for name, tensor in model.named_parameters():
        assert torch.equal(tensor, before[name][0]) and tensor.requires_grad == before[name][1]
        assert tensor.grad is None
    assert not any(t.requires_grad for t in network.selected_tensors.values())


def test_outputs_that_do_not_depend_on_inputs_or_weights_give_zero():
    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.ones(2))

        def forward(self, x):
            return self.w[None] + 0 * x.flatten(1)[:, :2].detach()

    with mixed_derivative(Network(Constant()), rows(), cotangents=torch.eye(2)) as D:
        assert not D.gram(torch.eye(12)).any()


@pytest.mark.parametrize("held", [1, 2**24])  # numbers of D z: one vector at a time, and all of them
def test_a_block_of_vectors_is_multiplied_as_each_alone_bit_by_bit(held, monkeypatch):
    monkeypatch.setattr("tangentlab.tangent.mixed_derivative._PUSHED", held)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.Tanh(), nn.Linear(5, 2)).double()
    points = torch.randn(150, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)  # not kept
    V = torch.randn(12, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with mixed_derivative(Network(model), points, cotangents=torch.eye(2)) as D:
        assert torch.equal(D.gram(V), torch.cat([D.gram(column[:, None]) for column in V.T], dim=1))
