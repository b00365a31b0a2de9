"""Many runs at once are what each is alone, whether they were stacked or not."""

import pytest
import torch
from torch import nn

from tangentlab._errors import ArgumentError, DataError, NotFiniteError, UnknownNameError
from tangentlab.networks import Network, build_network
from tangentlab.training.descent import Descent
from tangentlab.training.stacked_modules import StackedModules
from tangentlab.training.train import train
from tangentlab.training.train_many import train_many

ROUNDING = 1e-10  # relative; some dozen float64 steps whose sums are taken in other orders, measured below 1e-13


def seeded(make, seeds=3):
    modules = []
    for seed in range(seeds):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            modules.append(make().double())
    return modules


def rows(*shape, n=40):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, *shape, generator=generator, dtype=torch.float64), torch.randint(
        2, (n,), generator=generator
    )


def mlp():
    return nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 1))


class Counting(nn.Module):
    """Its function changes with the number of calls."""

    def __init__(self):
        super().__init__()
        self.layer, self.calls = nn.Linear(5, 1), 0

    def forward(self, x):
        self.calls += 1
        return self.layer(x) / self.calls


class Branching(nn.Module):
    """Its function depends on a number in its data."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(5, 1)

    def forward(self, x):
        return self.layer(x) if x[0, 0] > 0 else -self.layer(x)


class Drawing(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(5, 1)

    def forward(self, x):
        return self.layer(x + torch.randn(()).to(x))


class Scaled(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.layer, self.scale = nn.Linear(5, 1), scale

    def forward(self, x):
        return self.layer(x) * self.scale


def hooked():
    module = mlp()
    module[0].register_forward_hook(lambda *_: None)
    return module


@pytest.fixture
def stacks(monkeypatch):
    """The numbers of runs that were really descended as stacks."""
    heard = []
    original = StackedModules.unstack

    def unstack(self):
        heard.append(len(self.modules))
        original(self)

    monkeypatch.setattr(StackedModules, "unstack", unstack)
    return heard


def assert_each_is_alone(modules, x, y, descents, **options):
    before = [{k: v.clone() for k, v in m.state_dict().items()} for m in modules]
    state = torch.get_rng_state()
    found = train_many(modules, x, y, descents, **options)
    assert torch.equal(torch.get_rng_state(), state)
    for i, got in enumerate(found):
        module, descent = modules[i], descents if isinstance(descents, Descent) else descents[i]
        want = train(module, x, y, descent)
        for (name, a), b in zip(got.module.state_dict().items(), want.module.state_dict().values(), strict=True):
            assert torch.allclose(a, b, rtol=ROUNDING, atol=ROUNDING), name
        assert got.history.loss == pytest.approx(want.history.loss, rel=ROUNDING)
        assert got.history.learning_rate == want.history.learning_rate
        assert got.distance == pytest.approx(want.distance, rel=ROUNDING)
        assert [p.training for p in got.module.modules()] == [p.training for p in want.module.modules()]
        assert [p.requires_grad for p in got.module.parameters()] == [
            p.requires_grad for p in want.module.parameters()
        ]
        assert all(p.grad is None for p in got.module.parameters())
        assert all(torch.equal(module.state_dict()[k], v) for k, v in before[i].items())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"nesterov": True, "weight_decay": 0.1},
        {"optimizer": "adam", "learning_rate": 0.01, "weight_decay": 0.1},
        {"loss": "mse", "momentum": 0.0, "schedule": "one_cycle"},
        {"batch_size": 99},
    ],
    ids=str,
)
def test_stacked_runs_are_what_each_is_alone(stacks, options):
    x, y = rows(5)
    settings = {"batch_size": 16, "epochs": 6} | options
    assert_each_is_alone(seeded(mlp), x, y, [Descent(seed=s, **settings) for s in (0, 1, 1)], method="stacked")
    assert stacks == [3]


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_several_outputs_frozen_parameters_and_convolutions_are_stacked(stacks, loss):
    def make():
        net = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.ReLU(), nn.BatchNorm2d(3).eval(), nn.Flatten(), nn.Linear(48, 2)
        )
        net[0].bias.requires_grad_(False)
        return net

    x, y = rows(1, 6, 6)
    y = y if loss == "cross_entropy" else nn.functional.one_hot(y)
    descents = [Descent(loss=loss, batch_size=16, epochs=3, seed=s) for s in range(3)]
    assert_each_is_alone(seeded(make), x, y, descents, method="stacked")
    assert stacks == [3]


UNFIT = {
    "statistics": lambda: nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)),
    "dropout": lambda: nn.Sequential(nn.Linear(5, 4), nn.Dropout(0.5), nn.Linear(4, 1)),
    "counter": Counting,
    "branch": Branching,
    "draws": Drawing,
    "hooks": hooked,
}


@pytest.mark.parametrize("name", UNFIT)
@pytest.mark.parametrize("method", ["auto", "stacked"])
def test_what_cannot_be_stacked_is_trained_one_by_one(stacks, name, method):
    x, y = rows(5)
    descents = [Descent(batch_size=16, epochs=3, seed=s) for s in range(3)]
    assert_each_is_alone(seeded(UNFIT[name]), x, y, descents, method=method)
    assert stacks == []


def test_modules_whose_settings_differ_are_not_mixed_up(stacks):
    x, y = rows(5)
    modules = [seeded(lambda s=s: Scaled(s), 1)[0] for s in (1.0, 1.0, 1.0 + 1e-7)]
    assert_each_is_alone(modules, x, y, Descent(batch_size=16, epochs=2), method="stacked")
    assert stacks == []


def test_architectures_and_descents_may_be_mixed(stacks):
    x, y = rows(5)
    wide = seeded(lambda: nn.Sequential(nn.Linear(5, 9), nn.Tanh(), nn.Linear(9, 1)), 2)
    modules = [*seeded(mlp, 2), *wide, *seeded(mlp, 2)]
    descents = [Descent(batch_size=16, epochs=2, seed=i, learning_rate=0.1 if i < 4 else 0.01) for i in range(6)]
    assert_each_is_alone(modules, x, y, descents, method="stacked")
    assert stacks == [2, 2, 2]


def test_networks_and_structured_inputs_are_stacked_too(stacks):
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Linear(5, 1), nn.Linear(5, 1)

        def forward(self, a, b):
            return {"f": self.left(a) + torch.tanh(self.right(b))}

    x, y = rows(5)
    networks = [Network(m, parameters="left*", output="f") for m in seeded(Sum)]
    for inputs in ((x, -x), {"a": x, "b": x.square()}):
        for got, network in zip(train_many(networks, inputs, y, Descent(epochs=2), method="stacked"), networks):
            want = train(network, inputs, y, Descent(epochs=2))
            assert torch.allclose(got.module.left.weight, want.module.left.weight, rtol=ROUNDING, atol=0)
            assert torch.equal(got.module.right.weight, want.module.right.weight)
    assert stacks == [3, 3]


@pytest.mark.parametrize("method", ["auto", "loop"])
def test_every_method_gives_the_same(method):
    x, y = rows(1, 8, 8)
    modules = [build_network("mlp", (1, 8, 8), outputs=1, seed=s, width=6, depth=1).double() for s in range(3)]
    assert_each_is_alone(modules, x, y, Descent(batch_size=16, epochs=2), method=method)


def test_one_module_may_start_several_descents():
    x, y = rows(5)
    (module,) = seeded(mlp, 1)
    descents = [Descent(epochs=1, batch_size=8, seed=s) for s in (3, 4)]
    for got, descent in zip(train_many(module, x, y, descents, method="stacked"), descents):
        want = train(module, x, y, descent)
        assert torch.allclose(got.module[0].weight, want.module[0].weight, rtol=ROUNDING)


@pytest.mark.parametrize("method", ["stacked", "loop"])
def test_progress_counts_the_steps_of_a_group_once(method):
    heard = []
    x, y = rows(5)
    train_many(
        seeded(mlp),
        x,
        y,
        Descent(batch_size=20, epochs=2),
        method=method,
        progress=lambda *step: heard.append(step),
    )
    assert heard[-1] == (4, 4)
    assert [step for step, _ in heard] == sorted(step for step, _ in heard)


def test_what_is_wrong_is_said_as_for_one_run():
    x, y = rows(5)
    wild = Descent(loss="mse", learning_rate=1e30, epochs=80, schedule="constant")
    with pytest.raises(NotFiniteError, match="blown up"):
        train_many(seeded(mlp), x, y, wild, method="stacked")
    with pytest.raises(DataError, match="0 and 1"):
        train_many(seeded(mlp), x, 2 * y, Descent())
    with pytest.raises(ArgumentError, match="`descents`"):
        train_many(seeded(mlp), x, y, [Descent(), Descent()])
    with pytest.raises(ArgumentError, match="`descents`"):
        train_many([], x, y, Descent())
    with pytest.raises(ArgumentError, match="`descents`"):
        train_many(seeded(mlp), x, y, None)
    with pytest.raises(ArgumentError, match="`module` must be an nn.Module"):
        train_many(None, x, y, Descent())
    with pytest.raises(UnknownNameError, match="method"):
        train_many(seeded(mlp), x, y, Descent(), method="quick")
