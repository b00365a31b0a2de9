from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import eigsh
from torch import nn

import tangentlab as tl
from oracles.ntk_by_loops import ntk_by_loops
from tangentlab._errors import ArgumentError, NetworkError, NotFiniteError, ShapeError, UnknownNameError
from tangentlab.kernels import NeuralTangentKernel, ntk_operator
from tangentlab.linalg import conjugate_gradient, trace_estimate


class Two(nn.Module):
    """Two inputs, a weight used twice, and one that is not used."""

    def __init__(self):
        super().__init__()
        self.shared, self.head, self.idle = nn.Linear(4, 4), nn.Linear(4, 3), nn.Parameter(torch.ones(2))

    def forward(self, a, b):
        return self.head(torch.tanh(self.shared(torch.tanh(self.shared(a)))) * b)


def mlp():
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)), torch.randn(7, 4)


def convolutions():
    layers = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.GELU(), nn.AvgPool2d(2), nn.Flatten(), nn.LayerNorm(27), nn.Linear(27, 3)
    )
    return layers, torch.randn(7, 1, 6, 6)


def two_inputs():
    return Two(), (torch.randn(7, 4), torch.randn(7, 4))


def recurrent():
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.head = nn.GRU(3, 4, batch_first=True), nn.Linear(4, 3)

        def forward(self, x):
            return self.head(self.cell(x)[0][:, -1])

    return Last(), torch.randn(7, 5, 3)


def attention():
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)
    return nn.Sequential(layer, nn.Flatten(), nn.Linear(12, 3)).eval(), torch.randn(7, 3, 4)


MAKERS = {f.__name__: f for f in (mlp, convolutions, two_inputs, recurrent, attention)}
FLAVOURS = ("full", "trace", "mean", "sum", 1)


def double(x):
    return tuple(t.double() for t in x) if isinstance(x, tuple) else x.double()


def dense(model, x, outputs):
    return NeuralTangentKernel(model, outputs=outputs).gram(x).matrix.double()


@pytest.mark.parametrize("way", ["products", "rows"])
@pytest.mark.parametrize("outputs", FLAVOURS)
@pytest.mark.parametrize("maker", MAKERS)
def test_products_are_those_of_the_dense_kernel(maker, outputs, way):
    model, x = MAKERS[maker]()
    model, x = model.double(), double(x)
    expected = dense(model, x, outputs)
    K = ntk_operator(model, x, outputs=outputs, way=way)
    V = torch.randn(len(expected), 5, dtype=torch.float64)
    assert K.shape == tuple(expected.shape)
    scale = float(expected.norm() * V.norm())
    torch.testing.assert_close(K.matmat(V), expected @ V, rtol=0, atol=1e-13 * scale)
    torch.testing.assert_close(K(V[:, 0]), expected @ V[:, 0], rtol=0, atol=1e-13 * scale)
    torch.testing.assert_close(K.diagonal(), expected.diagonal(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("way", ["products", "rows"])
@pytest.mark.parametrize("outputs", ["full", "trace"])
def test_blocks_of_rows_and_groups_of_vectors_change_nothing(outputs, way):
    model, x = mlp()
    model, x = model.double(), x.double()
    whole = ntk_operator(model, x, outputs=outputs, way=way)
    small = ntk_operator(model, x, outputs=outputs, way=way, memory="3KiB")
    assert small.rows.step < 7
    V = torch.randn(whole.shape[0], 9, dtype=torch.float64)
    torch.testing.assert_close(small.matmat(V), whole.matmat(V), rtol=0, atol=1e-13 * float(V.norm()) * 1e2)


@pytest.mark.parametrize("maker", ["mlp", "convolutions"])
@pytest.mark.parametrize("way", ["products", "rows"])
def test_float32_products_are_right_to_float32(maker, way):
    model, x = MAKERS[maker]()
    V = torch.randn(21, 3)
    found = ntk_operator(model, x, way=way)(V)
    assert found.dtype == torch.float32
    expected = dense(model.double(), x.double(), "full") @ V.double()
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=2e-6 * float(expected.abs().max()))


def test_the_way_follows_the_count_of_operations():
    """Convolutions use a weight at many pixels, so their gradients pay off after a few vectors; an MLP's after many."""
    network = tl.build_network("lenet", (1, 28, 28), outputs=1, seed=0)
    K = ntk_operator(network, torch.randn(4, 1, 28, 28), outputs=0)
    assert [K.chosen(r) for r in (1, 4, 64)] == ["products", "products", "rows"]
    network = tl.build_network("mlp", (784,), outputs=1, seed=0)
    assert ntk_operator(network, torch.randn(4, 784), outputs=0).chosen(32) == "products"


def test_scipy_finds_the_eigenvalues_of_the_dense_kernel():
    model, x = convolutions()
    model, x = model.double(), x.double()
    operator = ntk_operator(model, x).scipy()
    assert operator.dtype == np.float64
    expected = np.linalg.eigvalsh(dense(model, x, "full").numpy())
    found = eigsh(operator, k=3, v0=np.ones(21), return_eigenvectors=False)
    np.testing.assert_allclose(found, expected[-3:], rtol=1e-9)
    np.testing.assert_allclose(operator.rmatmat(np.eye(21)), operator @ np.eye(21), atol=1e-12)


def test_it_goes_where_a_kernel_is_known_by_its_products():
    model, x = mlp()
    model, x = model.double(), torch.randn(40, 4, dtype=torch.float64)
    K, exact = ntk_operator(model, x, outputs="trace"), dense(model, x, "trace")
    pairs = tl.eigenpairs(K, 4)
    torch.testing.assert_close(pairs.values, torch.linalg.eigvalsh(exact).flip(0)[:4], rtol=1e-10, atol=0)
    b = torch.randn(40, dtype=torch.float64)
    solution = conjugate_gradient(K, b, ridge=1.0)
    torch.testing.assert_close(solution.value, torch.linalg.solve(exact + torch.eye(40), b), rtol=0, atol=1e-6)
    assert trace_estimate(K, samples=None).value == pytest.approx(float(exact.trace()), rel=1e-12)


def test_an_existing_kernel_keeps_its_flavour_and_parameters():
    model, x = mlp()
    kernel = NeuralTangentKernel(model.double(), outputs="sum", parameters=["0.*"])
    V = torch.eye(7, dtype=torch.float64)
    torch.testing.assert_close(ntk_operator(kernel, x.double()).matmat(V), kernel(x.double()), rtol=0, atol=1e-12)


def test_nothing_is_touched_and_inference_mode_is_no_obstacle():
    model, x = convolutions()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = torch.random.get_rng_state()
    with torch.inference_mode():
        inside = ntk_operator(model, x, outputs=0)(torch.ones(7))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    torch.testing.assert_close(inside, ntk_operator(model, x, outputs=0)(torch.ones(7)))


def test_what_has_no_operator_is_refused():
    model, x = mlp()
    with pytest.raises(ArgumentError, match="one matrix"):
        ntk_operator(model, x, outputs="diagonal")
    with pytest.raises(UnknownNameError):
        ntk_operator(model, x, way="forward")
    with pytest.raises(ShapeError):
        ntk_operator(model, x)(torch.ones(7))
    with pytest.raises(ArgumentError):
        ntk_operator(model, x, memory="much")
    with pytest.raises(ShapeError, match="at least one row"):
        ntk_operator(model, x[:0])
    with pytest.raises(NetworkError, match="rows beside it"):
        ntk_operator(nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=0)), x)


def test_a_network_that_branches_on_its_batch_is_caught_in_later_blocks():
    class Branching(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.other = nn.Linear(4, 1), nn.Linear(4, 1)

        def forward(self, x):
            return self.one(x) if x.sum() > -50 else self.other(x)

    x = torch.ones(300, 4)
    x[270] = -100.0
    with pytest.raises(NetworkError, match="rows beside it"):
        ntk_operator(Branching(), x, outputs=0)


def test_a_parameter_without_an_axis_counts_on_every_way():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.scale = nn.Linear(4, 2), nn.Parameter(torch.tensor(2.0))

        def forward(self, x):
            return torch.tanh(self.layer(x)) * self.scale

    model, x = Scaled().double(), torch.randn(6, 4, dtype=torch.float64)
    expected = ntk_by_loops(model, x).transpose(1, 2).reshape(12, 12)
    for way in ("products", "rows"):
        assert torch.allclose(ntk_operator(model, x, way=way)(torch.eye(12).double()), expected)
    assert torch.allclose(ntk_operator(model, x).diagonal(), expected.diagonal())


def test_rows_that_depend_on_each_other_in_large_batches_alone_are_refused():
    class Crowd(nn.Linear):
        def forward(self, x):
            out = super().forward(x)
            return out - out.mean(0) if len(x) > 50 else out

    with pytest.raises(NetworkError, match="rows beside it"):
        ntk_operator(Crowd(4, 2), torch.randn(80, 4))


@pytest.mark.filterwarnings("ignore:memory= allows")  # what this process holds is not the question here
@pytest.mark.parametrize("outputs", [0, "mean", "full"])
def test_a_kernel_gives_its_operator(outputs):
    model, x = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double(), torch.randn(6, 4).double()
    kernel = NeuralTangentKernel(model, outputs=outputs, memory="8MiB")
    operator = kernel.operator(x)
    K = kernel.gram(x).matrix
    V = torch.randn(len(K), 3, dtype=torch.float64)
    assert torch.allclose(operator(V), K @ V) and torch.allclose(operator(V[:, 0]), K @ V[:, 0])
    assert operator.scipy().shape == operator.shape == tuple(K.shape)
    assert operator.rows.budget == 8 * 2**20 and kernel.operator(x, memory="1MiB").rows.budget == 2**20
    assert torch.equal(operator(V), ntk_operator(kernel, x)(V))


class Bag(nn.Module):
    """torch has neither a forward derivative of a sum over a table's entries, nor a second backward one."""

    def __init__(self):
        super().__init__()
        self.table, self.head = nn.EmbeddingBag(5, 4, mode="sum"), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(torch.tanh(self.table(x)))


@pytest.mark.parametrize("way", ["auto", "rows"])
def test_operations_without_a_forward_derivative_take_the_gradients_of_rows(way):
    model, x = Bag().double(), torch.randint(0, 5, (6, 3))
    exact = ntk_by_loops(model, x, outputs="trace")
    operator = NeuralTangentKernel(model, outputs="trace").operator(x, way=way)
    V = torch.randn(6, 2, dtype=torch.float64)
    assert torch.allclose(operator(V), exact @ V) and torch.allclose(operator.diagonal(), exact.diagonal())
    with pytest.raises(NetworkError, match="No way of differentiating"):
        NeuralTangentKernel(model, outputs="trace").operator(x, way="products")


def test_vectors_that_are_not_finite_are_named():
    with pytest.raises(NotFiniteError, match="`vectors`"):
        tl.ntk_operator(mlp()[0], torch.randn(7, 4), outputs=0)(torch.full((7,), float("nan")))
