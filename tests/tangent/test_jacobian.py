"""The Jacobian's products and its dense form are those of loops over autograd."""

import pytest
import torch
from torch import nn

from oracles.ntk_by_loops import jacobian_by_loops
from tangentlab._errors import ArgumentError, NetworkError, ShapeError
from tangentlab.networks import Network
from tangentlab.tangent import jacobian

TOLERANCE = 1e-10


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


class Writes(nn.Module):
    """Writes into its input, and holds a parameter without an axis and one it does not use."""

    def __init__(self):
        super().__init__()
        self.layer, self.scale, self.unused = nn.Linear(4, 2), nn.Parameter(torch.tensor(2.0)), nn.Linear(2, 2)

    def forward(self, x):
        x.mul_(self.scale.detach())
        return torch.tanh(self.layer(x)) * self.scale


MODELS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)), (4,)),
    "convolutions": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.GELU(), nn.Flatten(), nn.Linear(8, 3)),
        (1, 4, 4),
    ),
    "lstm": (Recurrent, (5, 3)),
    "writes into its input": (Writes, (4,)),
}


def build(name, n=6):
    make, shape = MODELS[name]
    return make().double().eval(), torch.randn(n, *shape, dtype=torch.float64)


def relative(found, expected):
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("name", MODELS)
def test_products_and_dense_form_equal_loops(name):
    model, x = build(name)
    J, expected = jacobian(model, x), jacobian_by_loops(model, x.clone())
    n, c, p = J.shape
    assert (n, c, p) == expected.shape
    assert relative(J.dense(), expected) < TOLERANCE
    delta, u = torch.randn(p, dtype=torch.float64), torch.randn(n, c, dtype=torch.float64)
    for _ in range(2):  # asking leaves nothing behind
        assert relative(J.jvp(J.network.space.unflatten(delta)), expected @ delta) < TOLERANCE
        pulled = J.network.space.flatten(J.vjp(u))
        assert relative(pulled, torch.einsum("nc,ncp->p", u, expected)) < TOLERANCE


def test_many_rows_are_made_in_steps():
    model, x = build("mlp", n=150)
    assert relative(jacobian(model, x).dense(), jacobian_by_loops(model, x)) < TOLERANCE


def test_a_subset_and_another_dtype():
    model, x = build("mlp")
    J = jacobian(model.float(), x.float(), parameters="2.*", dtype=torch.float64)
    assert J.shape == (6, 2, 8) and J.dense().dtype == torch.float64
    expected = jacobian_by_loops(model.double(), x.float().double(), parameters={"2.weight", "2.bias"})
    assert relative(J.dense(), expected) < TOLERANCE


def test_arrays_and_lists_are_taken():
    model, x = build("mlp")
    J = jacobian(model, x.numpy())
    assert torch.equal(J.vjp(torch.ones(6, 2).tolist())["0.bias"], J.vjp(torch.ones(6, 2).numpy())["0.bias"])
    along = {name: tensor.numpy() for name, tensor in J.network.parameters.items()}
    assert J.jvp(along).shape == (6, 2)


def test_later_changes_of_module_and_rows_do_not_move_it():
    model, x = build("mlp")
    J = jacobian(model, x)
    before, f = J.vjp(torch.ones(6, 2))["0.weight"].clone(), J.outputs.clone()
    with torch.no_grad():
        model[0].weight.add_(1)
    x.add_(1)
    assert torch.equal(J.vjp(torch.ones(6, 2))["0.weight"], before)
    assert torch.equal(J.outputs, f)


def test_results_carry_no_graph():
    model, x = build("mlp")
    J = jacobian(model, x.requires_grad_())
    u = torch.ones(6, 2, dtype=torch.float64, requires_grad=True)
    assert not J.vjp(u)["0.weight"].requires_grad
    assert not J.jvp(dict(model.named_parameters())).requires_grad
    assert not J.dense().requires_grad


def test_foreseeable_mistakes_are_named():
    model, x = build("mlp")
    J = jacobian(model, x)
    with pytest.raises(ShapeError, match=r"`weights`.*\(n, c\) with n = 6, c = 2"):
        J.vjp(torch.ones(6))
    with pytest.raises(ShapeError, match=r"direction\['0.weight'\]"):
        J.jvp({})
    with pytest.raises(ArgumentError, match="unflatten"):
        J.jvp(torch.ones(23))
    with pytest.raises(ShapeError, match="0 rows"):
        jacobian(model, x[:0])


def test_rows_of_a_large_batch_that_depend_on_each_other_are_refused():
    class Centred(nn.Linear):
        def forward(self, x):
            out = super().forward(x)
            return out - out.mean(0) if len(x) > 10 else out

    model = Centred(4, 2).double()
    assert jacobian(model, torch.ones(5, 4)).shape == (5, 2, 10)
    with pytest.raises(NetworkError, match="rows beside it"):
        jacobian(model, torch.randn(20, 4))


def test_every_row_is_compared_where_the_data_decide_the_path():
    class Branches(nn.Linear):
        def forward(self, x):
            return super().forward(x) if x.sum() > 0 else super().forward(2 * x)

    x = torch.ones(200, 4)
    x[77] = -1  # one row that would take the other branch alone
    with pytest.raises(NetworkError, match="row 77 change"):
        jacobian(Branches(4, 2), x)
    assert jacobian(Branches(4, 2), x.abs()).shape == (200, 2, 10)


def test_an_output_of_several():
    model = nn.LSTM(3, 2, batch_first=True).double()
    x = torch.randn(3, 4, 3, dtype=torch.float64)
    J = jacobian(Network(model, output=lambda out: out[1][0][0]), x)
    assert relative(J.dense(), jacobian_by_loops(model, x, select=lambda out: out[1][0][0])) < TOLERANCE
