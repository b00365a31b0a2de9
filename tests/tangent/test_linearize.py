"""A linearization is the network at its anchor, exactly affine in its parameters, with Jᵀu as its gradient."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn

from oracles.ntk_by_loops import jacobian_by_loops, ntk_by_loops
from tangentlab._errors import ArgumentError, NetworkError, NotFiniteError, ShapeError
from tangentlab.kernels import ntk
from tangentlab.networks import Network
from tangentlab.tangent import LinearizedModule, linearize


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.rnn, self.head = kind(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.decoder = nn.Embedding(9, 4), nn.Linear(4, 9)
        self.decoder.weight = self.table.weight

    def forward(self, t):
        return self.decoder(torch.tanh(self.table(t)).mean(1))


class Bare(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.scale = nn.Linear(4, 2), nn.Parameter(torch.tensor(1.5))
        self.shifts = nn.ParameterList([torch.ones(2), torch.zeros(2)])

    def forward(self, x):
        return self.layer(x.mul_(2)) * self.scale + self.shifts[0] * self.shifts[1]


def residual():
    net = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Dropout2d(0.5), nn.Flatten(), nn.LazyLinear(2)
    )  # fmt: skip
    net(torch.randn(2, 1, 4, 4))
    return net


def frozen():
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
    net[0].requires_grad_(False)
    return net


def reals(*shape):
    return lambda n: torch.randn(n, *shape, dtype=torch.float64)


MODELS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)), reals(4)),
    "batch norm and dropout": (residual, reals(1, 4, 4)),
    "lstm": (lambda: Recurrent(nn.LSTM), reals(5, 3)),
    "gru": (lambda: Recurrent(nn.GRU), reals(5, 3)),
    "transformer": (
        lambda: nn.Sequential(nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6, batch_first=True), 2), nn.Flatten()),
        reals(3, 4),
    ),
    "tied": (Tied, lambda n: torch.randint(9, (n, 3))),
    "bare parameters, written inputs": (Bare, reals(4)),
    "frozen": (frozen, reals(4)),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 2)), reals(4)),
    "one parameter": (lambda: nn.Linear(4, 1, bias=False), reals(4)),
}  # fmt: skip


def build(name="mlp", n=6, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        make, batch = MODELS[name]
        return make().double().eval(), batch(n)


def called(model, x):
    return model(x.clone()).detach()


def moved(lin, size=0.5):
    """Move the trainable parameters; returns δ as one vector."""
    with torch.no_grad():
        for parameter in lin.parameters():
            if parameter.requires_grad:
                parameter.add_(size * torch.randn_like(parameter))
    return torch.cat([(p - lin.anchor[n]).flatten() for n, p in trainable(lin)]).detach()


def trainable(lin):
    return [(name, parameter) for name, parameter in lin.named_parameters() if parameter.requires_grad]


def relative(found, expected):
    return ((found - expected).abs().max() / expected.abs().max()).item()


@pytest.mark.parametrize("name", MODELS)
def test_at_the_anchor_it_is_the_model(name):
    model, x = build(name)
    lin = linearize(model)
    assert relative(lin(x), called(model, x)) < 1e-13
    assert called(linearize(model, centred=True), x).abs().max() == 0


@pytest.mark.parametrize("name", MODELS)
def test_away_from_it_it_is_the_first_order_expansion(name):
    model, x = build(name)
    J, f0 = jacobian_by_loops(model, x.clone()), called(model, x)
    for centred in (False, True):
        lin = linearize(model, centred=centred)
        delta = moved(lin)
        assert relative(lin(x), J @ delta + (0 if centred else f0)) < 1e-12


@pytest.mark.parametrize("name", MODELS)
def test_its_gradient_is_the_originals_jacobian_transposed_wherever_it_stands(name):
    model, x = build(name)
    lin = linearize(model)
    f = lin(x)
    u = torch.randn_like(f)
    expected = torch.einsum("nc,ncp->p", u, jacobian_by_loops(model, x.clone()))
    for _ in range(2):
        lin.zero_grad()
        (lin(x) * u).sum().backward()
        assert relative(torch.cat([p.grad.flatten() for _, p in trainable(lin)]), expected) < 1e-12
        moved(lin)


@pytest.mark.parametrize("name", MODELS)
def test_it_is_exactly_affine_in_its_parameters(name):
    model, x = build(name)
    lin = linearize(model)
    points = [copy.deepcopy(lin) for _ in range(3)]
    for point in points[:2]:
        moved(point)
    with torch.no_grad():
        for a, b, c in zip(*(point.parameters() for point in points)):
            c.copy_(0.3 * a + 0.7 * b)
    f = [point(x) for point in points]
    assert relative(f[2], 0.3 * f[0] + 0.7 * f[1]) < 1e-12


def test_names_and_flags_are_the_models_own():
    model, _ = build("frozen")
    lin = linearize(model)
    assert [(n, p.shape, p.requires_grad) for n, p in lin.named_parameters()] == [
        (n, p.shape, p.requires_grad) for n, p in model.named_parameters()
    ]
    normed, _ = build("batch norm and dropout")
    assert {n for n, _ in normed.named_buffers()} <= set(linearize(normed).state_dict())
    subset = linearize(model, parameters="0.*")
    assert [name for name, _ in trainable(subset)] == ["0.weight", "0.bias"]


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
        lambda p: torch.optim.Adam(p, lr=0.01),
        lambda p: torch.optim.AdamW(p, lr=0.01, foreach=True),
        lambda p: torch.optim.LBFGS(p, max_iter=5),
    ],
    ids=["SGD", "Adam", "AdamW", "LBFGS"],
)
@pytest.mark.parametrize("name", ["mlp", "batch norm and dropout", "lstm", "tied", "frozen"])
def test_optimizers_of_torch_train_it(name, optimizer):
    model, x = build(name)
    lin = linearize(model)
    target = called(model, x) + 0.1
    optimizer = optimizer(lin.parameters())

    def closure():
        optimizer.zero_grad()
        loss = (lin(x) - target).square().mean()
        loss.backward()
        return loss

    losses = [float(optimizer.step(closure).detach()) for _ in range(25)]
    assert losses[-1] < 0.7 * losses[0]
    assert all(torch.equal(lin.anchor[n], p) for n, p in model.named_parameters() if n in lin.anchor)


def test_gradient_descent_on_it_equals_gradient_descent_on_the_matrix():
    model, x = build()
    lin = linearize(model)
    J, f0 = jacobian_by_loops(model, x).flatten(0, 1), called(model, x).flatten()
    delta = torch.zeros(J.shape[1], dtype=torch.float64)
    optimizer = torch.optim.SGD(lin.parameters(), lr=0.01)
    for _ in range(20):
        optimizer.zero_grad()
        lin(x).square().sum().backward()
        optimizer.step()
        delta = delta - 0.01 * 2 * J.T @ (f0 + J @ delta)
    found = torch.cat([(p - lin.anchor[n]).flatten() for n, p in lin.named_parameters()])
    assert relative(found, delta) < 1e-11


@pytest.mark.parametrize("name", MODELS)
def test_a_state_dictionary_carries_the_whole_function(name):
    model, x = build(name)
    lin = linearize(model)
    moved(lin)
    other = linearize(build(name, seed=1)[0])
    other(x)  # it has seen its own anchor first
    other.load_state_dict(lin.state_dict())
    assert torch.equal(other(x), lin(x))
    grads = [torch.autograd.grad(net(x).sum(), [p for _, p in trainable(net)]) for net in (lin, other)]
    assert all(torch.equal(a, b) for a, b in zip(*grads))
    fresh = linearize(build(name, seed=2)[0])
    fresh.load_state_dict(lin.state_dict(), assign=True)
    assert torch.equal(fresh(x), lin(x))


@pytest.mark.parametrize("name", ["mlp", "batch norm and dropout", "tied", "lstm"])
def test_it_can_be_copied_pickled_and_saved(name):
    model, x = build(name)
    lin = linearize(model)
    for when in ("before", "after"):
        if when == "after":
            lin(x)
        moved(lin)
        file = io.BytesIO()
        torch.save(lin, file)
        file.seek(0)
        for again in (pickle.loads(pickle.dumps(lin)), copy.deepcopy(lin), torch.load(file, weights_only=False)):
            assert torch.equal(again(x), lin(x))
            expected = lin(x).detach()
            moved(again)
            assert torch.equal(lin(x), expected)


def test_it_moves_between_dtypes_with_its_anchor():
    model, x = build("batch norm and dropout")
    lin = linearize(model)
    moved(lin)
    expected = lin(x).detach()
    single = copy.deepcopy(lin).float()
    assert single(x).dtype == torch.float32  # rows follow
    assert relative(single(x).double(), expected) < 1e-5
    assert {t.dtype for t in single.anchor.values()} == {torch.float32}
    double = linearize(build("mlp")[0].float()).double()
    assert double(torch.ones(2, 4)).dtype == torch.float64


def test_moving_it_leaves_the_network_it_came_from():
    network = Network(build()[0])
    linearize(network).float()
    assert network.dtype == torch.float64


def test_train_and_eval_change_nothing():
    model, x = build("batch norm and dropout")
    lin = linearize(model)
    before = lin(x)
    assert torch.equal(lin.train()(x), before)
    assert not any(part.training for part in lin._tangent.module.modules())


def test_a_model_in_train_mode_is_refused_when_first_called_or_taken_in_evaluation_mode():
    model, x = build("batch norm and dropout")
    expected = called(model, x)
    with pytest.raises(NetworkError, match="train mode.*BatchNorm2d"):
        linearize(model.train())(x)
    assert torch.equal(linearize(model, mode="eval")(x), expected)


def test_derivatives_in_the_input_are_the_models_and_move_with_the_parameters():
    for name in ("mlp", "lstm", "transformer"):
        model, x = build(name)
        lin = linearize(model)
        leaf, own = (x.clone().requires_grad_() for _ in range(2))
        found = torch.autograd.grad(lin(leaf).pow(3).sum(), leaf)[0]
        assert relative(found, torch.autograd.grad(model(own).pow(3).sum(), own)[0]) < 1e-12
        moved(lin)
        found = torch.autograd.grad(lin(leaf).pow(3).sum(), leaf)[0]
        step = torch.randn_like(x)
        ahead, behind = (lin(x + s * step).pow(3).sum() for s in (1e-6, -1e-6))
        assert torch.allclose((found * step).sum(), (ahead - behind) / 2e-6, rtol=1e-6)


def test_second_derivatives_of_a_loss_are_the_gauss_newton_matrix():
    model, x = build()
    lin = linearize(model)
    moved(lin)
    J = jacobian_by_loops(model, x).flatten(0, 1)
    own = list(lin.parameters())
    gradient = torch.cat([g.flatten() for g in torch.autograd.grad((lin(x) ** 2).sum(), own, create_graph=True)])
    v = torch.randn_like(gradient)
    found = torch.cat([g.flatten() for g in torch.autograd.grad(gradient @ v, own)])
    assert relative(found, 2 * J.T @ (J @ v)) < 1e-12


def test_under_no_grad_it_builds_no_graph():
    model, x = build()
    lin = linearize(model)
    with torch.no_grad():
        assert lin(x).grad_fn is None
        assert relative(lin(x), called(model, x)) < 1e-13


def test_callables_and_tuples():
    given = {"w.0": torch.randn(4, 3, dtype=torch.float64), "w.1": torch.randn(3, 1, dtype=torch.float64)}
    lin = linearize(lambda p, x: torch.tanh(x @ p["w.0"]) @ p["w.1"], parameters=given)
    assert [name for name, _ in lin.named_parameters()] == ["w.0", "w.1"]
    x = torch.randn(5, 4, dtype=torch.float64)
    assert torch.allclose(lin(x), torch.tanh(x @ given["w.0"]) @ given["w.1"])
    pair = nn.Bilinear(2, 3, 2).double()
    a, b = torch.randn(4, 2).double(), torch.randn(4, 3).double()
    for found in (linearize(pair)(a, b), linearize(pair)((a, b)), linearize(pair)(a, input2=b)):
        assert torch.equal(found, pair(a, b))


def test_constants_are_passed_on():
    class Scaled(nn.Linear):
        def forward(self, x, *, scale=1.0, **options):
            return super().forward(x) * scale * options.get("more", 1)

    lin = linearize(Scaled(4, 2))
    x = torch.ones(3, 4)
    assert torch.equal(lin(x, scale=2.0, more=3), 6 * lin(x))


def test_the_kernel_of_a_linearization_is_the_networks_wherever_it_stands():
    model, x = build()
    lin = linearize(model)
    expected = ntk_by_loops(model, x)
    for _ in range(2):
        assert relative(ntk(lin, x), expected) < 1e-10
        moved(lin)


def test_the_models_later_training_does_not_move_it():
    model, x = build("batch norm and dropout")
    lin = linearize(model)
    before = lin(x)
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            tensor.add_(1)
    assert torch.equal(lin(x), before)


def test_frozen_tensors_and_buffers_that_are_set_are_followed():
    model, x = build("frozen")
    lin = linearize(model)
    lin(x)
    with torch.no_grad():
        lin.get_parameter("0.weight").mul_(2)
        model[0].weight.mul_(2)
    assert torch.allclose(lin(x), model(x))


def test_refusals():
    model, x = build()
    lin = linearize(model)
    with pytest.raises(ArgumentError, match="got nothing"):
        lin()
    with pytest.raises(ShapeError, match="0 rows"):
        lin(x[:0])
    with pytest.raises(NotFiniteError, match="`x`"):
        lin(x * float("nan"))
    for _ in range(2):  # before and after it has seen rows that fit
        with pytest.raises(NetworkError, match=r"failed on x \([36], 3\)"):
            lin(x[:, :3])
        lin(x)
    with pytest.raises(ArgumentError, match="its own linearization"):
        linearize(lin)
    clash = nn.Linear(2, 1)
    clash.register_parameter("anchor", nn.Parameter(torch.ones(1)))
    with pytest.raises(NetworkError, match="'anchor'"):
        linearize(clash)


def test_a_batch_whose_rows_depend_on_each_other_is_refused():
    with pytest.raises(NetworkError, match="rows beside it"):
        linearize(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, track_running_stats=False)).eval())(
            torch.randn(6, 4)
        )


def test_it_is_a_module():
    assert isinstance(linearize(nn.Linear(2, 1)), LinearizedModule)
