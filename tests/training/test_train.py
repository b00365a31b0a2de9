import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from tangentlab._errors import ArgumentError, DataError, NetworkError, NotFiniteError, ShapeError
from tangentlab.networks import Network
from tangentlab.tangent import linearize
from tangentlab.training.batches import batches
from tangentlab.training.descent import Descent
from tangentlab.training.loss import LOSSES
from tangentlab.training.train import train


@pytest.fixture
def build():
    """Modules drawn without touching the global random state."""

    def build(make, *, seed=0, dtype=torch.float64):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return make().to(dtype)

    return build


def rows(n=24, d=3, *, classes=2, seed=1):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=g, dtype=torch.float64), torch.randint(classes, (n,), generator=g)


def tanh(c=1, d=3):
    return lambda: nn.Sequential(nn.Linear(d, 5), nn.Tanh(), nn.Linear(5, c))


def weights(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def plain_loop(module, x, y, descent, optimizer):
    """The loop as a user of torch would write it."""
    y = y if descent.loss == "cross_entropy" else y[:, None].to(x.dtype)
    start = {n: p.detach().clone() for n, p in module.named_parameters()}
    rates = descent.learning_rates(descent.steps(rows=len(x)))
    for rate, batch in zip(rates, batches(len(x), descent), strict=True):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        loss = LOSSES[descent.loss].value(module(x[batch]), y[batch])
        pull = sum(((p - start[n]) ** 2).sum() for n, p in module.named_parameters())
        (loss + descent.weight_decay / 2 * pull).backward()
        optimizer.step()


@pytest.mark.parametrize(
    ("options", "make"),
    [
        ({}, lambda p: torch.optim.SGD(p, momentum=0.9)),
        ({"momentum": 0.0, "schedule": "cosine"}, lambda p: torch.optim.SGD(p)),
        ({"nesterov": True, "schedule": "one_cycle"}, lambda p: torch.optim.SGD(p, momentum=0.9, nesterov=True)),
        ({"weight_decay": 0.5}, lambda p: torch.optim.SGD(p, momentum=0.9)),
        ({"optimizer": "adam", "schedule": "constant"}, lambda p: torch.optim.Adam(p)),
        ({"optimizer": "adam", "momentum": 0.5}, lambda p: torch.optim.Adam(p, betas=(0.5, 0.999))),
        ({"optimizer": "adam", "weight_decay": 0.5}, lambda p: torch.optim.Adam(p)),
        ({"loss": "cross_entropy"}, lambda p: torch.optim.SGD(p, momentum=0.9)),
        ({"loss": "mse"}, lambda p: torch.optim.SGD(p, momentum=0.9)),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)
def test_a_descent_is_the_loop_one_would_write(build, options, make):
    classes = 4 if options.get("loss") == "cross_entropy" else 2
    x, y = rows(classes=classes)
    descent = Descent(learning_rate=0.05, batch_size=7, epochs=6, **options)
    module = build(tanh(4 if classes == 4 else 1))
    state = train(module, x, y, descent)
    plain_loop(module, x, y, descent, make(module.parameters()))
    torch.testing.assert_close(weights(state.module), weights(module), rtol=1e-10, atol=1e-12)


def test_two_steps_worked_by_hand(build):
    module = build(lambda: nn.Linear(1, 1, bias=False))
    nn.init.zeros_(module.weight)
    # f = w on both rows, y = 4: g = w - 4 = -4, v = -4, w = 2; then g = -2, v = -4, w = 2 + 4 / 4
    descent = Descent(loss="mse", learning_rate=0.5, momentum=0.5, epochs=2)
    state = train(module, torch.ones(2, 1), torch.full((2,), 4.0), descent)
    assert state.module.weight.item() == 3.0
    assert state.history.loss == (8.0, 2.0)
    assert state.history.learning_rate == (0.5, 0.25)
    assert state.distance == 3.0


def test_weight_decay_of_a_linearized_module_pulls_to_its_anchor(build):
    x, y = rows()
    descent = Descent(learning_rate=0.05, weight_decay=0.5, batch_size=8, epochs=4)
    lin = linearize(build(tanh()))
    with torch.no_grad():
        for parameter in lin.parameters():
            parameter.add_(0.1)
    moved = weights(lin)
    state = train(lin, x, y, descent)
    anchor = torch.cat([t.flatten() for t in lin.anchor.values()])
    assert state.distance == pytest.approx((weights(state.module) - anchor).norm().item(), rel=1e-12)
    # one step with no data gradient: f reaches its targets, and only the penalty pulls
    with torch.no_grad():
        targets = lin(x)
    once = Descent(loss="mse", learning_rate=0.5, weight_decay=0.2, momentum=0.0, epochs=1)
    pulled = train(lin, x, targets, once).module
    torch.testing.assert_close(weights(pulled), moved - 0.1 * (moved - anchor), rtol=1e-12, atol=1e-14)


class Everything(nn.Module):
    """Batch normalization, dropout, a frozen layer, a buffer."""

    def __init__(self):
        super().__init__()
        self.first, self.frozen = nn.Linear(3, 4), nn.Linear(4, 4).requires_grad_(False)
        self.norm, self.drop, self.last = nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1)
        self.register_buffer("scale", torch.ones(1))

    def forward(self, x):
        return self.last(self.drop(torch.relu(self.norm(self.frozen(self.first(x)))))) * self.scale


def everything_about(module):
    return (
        {k: v.clone() for k, v in module.state_dict().items()},
        [part.training for part in module.modules()],
        [p.requires_grad for p in module.parameters()],
        [None if p.grad is None else p.grad.clone() for p in module.parameters()],
        [(list(part._forward_hooks), list(part._backward_hooks)) for part in module.modules()],
    )


@pytest.mark.parametrize("standing", [True, False])
def test_the_module_and_all_global_state_are_as_before(build, standing):
    module = build(Everything).train(standing)
    module.norm.eval()
    module.first.register_forward_hook(lambda *args: None)
    module.last.weight.grad = torch.ones_like(module.last.weight)
    x, y = rows()
    before, numpy, python = everything_about(module), np.random.get_state(), random.getstate()
    torch_before, x_before, y_before = torch.random.get_rng_state(), x.clone(), y.clone()
    with torch.no_grad():
        state = train(module, x, y, Descent(batch_size=5, epochs=2))
        assert not torch.is_grad_enabled()
    torch.testing.assert_close(everything_about(module), before, rtol=0, atol=0)
    np.testing.assert_equal(np.random.get_state(), numpy)
    assert random.getstate() == python
    assert torch.equal(torch.random.get_rng_state(), torch_before)
    assert torch.equal(x, x_before)
    assert torch.equal(y, y_before)
    # the trained copy stands as the module does, with only what may move moved, and no gradients left
    assert [part.training for part in state.module.modules()] == before[1]
    assert [p.requires_grad for p in state.module.parameters()] == before[2]
    assert all(p.grad is None for p in state.module.parameters())
    assert torch.equal(state.module.frozen.weight, module.frozen.weight)
    assert not torch.equal(state.module.first.weight, module.first.weight)


def test_training_runs_under_inference_mode(build):
    module, (x, y) = build(tanh()), rows()
    with torch.inference_mode():
        state = train(module, x, y, Descent(epochs=1))
    assert not torch.equal(weights(state.module), weights(module))


def test_what_a_module_draws_comes_from_the_seed(build):
    module, (x, y) = build(Everything), rows()
    first, again, other = (train(module, x, y, Descent(epochs=3, seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(weights(first.module), weights(again.module))
    assert not torch.equal(weights(first.module), weights(other.module))


def test_a_module_in_evaluation_mode_is_trained_in_train_mode(build):
    x, y = rows()
    standing = train(build(Everything).train(), x, y, Descent(epochs=3))
    resting = train(build(Everything).eval(), x, y, Descent(epochs=3))
    assert torch.equal(weights(standing.module), weights(resting.module))
    assert not torch.equal(resting.module.norm.running_mean, torch.zeros(4, dtype=torch.float64))


def test_a_normalization_held_in_evaluation_mode_stays_there(build):
    module, (x, y) = build(Everything), rows()
    module.norm.eval()
    state = train(module, x, y, Descent(epochs=3))
    assert torch.equal(state.module.norm.running_mean, torch.zeros(4, dtype=torch.float64))


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def forward(self, left, right, *, flag=True):
        return self.layer(left + right) if flag else None


def test_tuples_and_dictionaries_of_inputs_train_alike(build):
    module, (x, y) = build(TwoInputs), rows()
    descent = Descent(batch_size=5, epochs=3)
    by_tuple = train(module, (x, 2 * x), y, descent)
    by_dict = train(module, {"left": x, "right": 2 * x, "flag": True}, y, descent)
    whole = train(build(lambda: nn.Linear(3, 1)), 3 * x, y, descent)
    assert torch.equal(weights(by_tuple.module), weights(by_dict.module))
    torch.testing.assert_close(weights(by_tuple.module), weights(whole.module))


def test_inputs_take_the_dtype_of_the_module(build):
    x, y = rows()
    state = train(build(tanh(), dtype=torch.float32), x, y, Descent(epochs=2))
    assert weights(state.module).dtype == torch.float32


def test_integer_inputs_pass_as_they_are(build):
    module = build(lambda: nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 1)))
    x = torch.arange(10).reshape(5, 2) % 5
    state = train(module, x, torch.tensor([0, 1, 0, 1, 1]), Descent(learning_rate=1.0, epochs=200))
    assert state.history.loss[-1] < 0.01


def test_a_network_says_which_parameters_move_and_which_output_is_f(build):
    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x):
            return SimpleNamespace(hidden=self.body(x), score=self.head(torch.tanh(self.body(x)))[:, 0])

    module, (x, y) = build(Wrapped), rows()
    network = Network(module, parameters=["head.*"], output="score")
    state = train(network, x, y, Descent(epochs=3))
    assert torch.equal(state.module.body.weight, module.body.weight)
    assert not torch.equal(state.module.head.weight, module.head.weight)


def test_snapshots_are_states_on_the_way(build):
    module, (x, y) = build(Everything), rows()
    descent = Descent(batch_size=8, epochs=4, schedule="constant")
    state = train(module, x, y, descent, snapshots=[0, 3, 12])
    assert list(state.snapshots) == [0, 3, 12]
    torch.testing.assert_close(state.snapshots[0], dict(module.state_dict()), rtol=0, atol=0)
    torch.testing.assert_close(state.snapshots[12], dict(state.module.state_dict()), rtol=0, atol=0)
    short = train(module, x, y, Descent(batch_size=8, epochs=1, schedule="constant"))
    torch.testing.assert_close(state.snapshots[3], dict(short.module.state_dict()), rtol=0, atol=0)
    assert list(train(module, x, y, descent, snapshots=3).snapshots) == [1, 3, 12]


def test_snapshots_of_a_linearized_module_load_back(build):
    module, (x, y) = build(tanh()), rows()
    state = train(linearize(module), x, y, Descent(batch_size=8, epochs=2), snapshots=[6])
    again = linearize(module)
    again.load_state_dict(state.snapshots[6])
    assert torch.equal(again(x), state.module(x))


def test_history_begins_with_the_loss_of_the_first_batch(build):
    module, (x, y) = build(tanh()), rows()
    descent = Descent(batch_size=8, epochs=2)
    first = next(batches(24, descent))
    state = train(module, x, y, descent)
    expected = LOSSES["bce"].value(module(x[first]), y[first, None].double()).item()
    assert state.history.loss[0] == pytest.approx(expected, rel=1e-12)
    assert len(state.history.loss) == 6


def test_progress_hears_every_step(build):
    heard = []
    x, y = rows()
    train(build(tanh()), x, y, Descent(batch_size=12, epochs=2), progress=lambda *step: heard.append(step))
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_an_in_place_activation_trains_as_itself(build):
    x, y = rows()
    inside = build(lambda: nn.Sequential(nn.Linear(3, 5), nn.ReLU(inplace=True), nn.Linear(5, 1)))
    beside = build(lambda: nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 1)))
    states = [train(m, x, y, Descent(epochs=3)) for m in (inside, beside)]
    assert torch.equal(weights(states[0].module), weights(states[1].module))
    assert states[0].module[1].inplace


def test_tied_weights_stay_tied(build):
    def tied():
        module = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3), nn.Linear(3, 1))
        module[2].weight = module[0].weight
        return module

    module, (x, y) = build(tied), rows()
    trained = train(module, x, y, Descent(epochs=3)).module
    assert trained[2].weight is trained[0].weight


def test_a_loss_that_leaves_the_finite_numbers_stops_with_step_and_rate(build):
    x, y = rows()
    descent = Descent(loss="mse", learning_rate=1e200, epochs=100, schedule="constant")
    with pytest.raises(NotFiniteError, match=r"step \d+ of 100 \(learning rate 1e\+200\).*Lower learning_rate"):
        train(build(tanh()), x, y, descent)


def test_parameters_that_blow_up_in_the_last_step_are_seen(build):
    x, y = rows()
    descent = Descent(loss="mse", learning_rate=1e308, epochs=1)
    with pytest.raises(NotFiniteError, match="after step 0"):
        train(build(tanh()), 1e3 * x, 1e6 * y, descent)


def test_one_row_under_batch_normalization_is_refused_in_words(build):
    x, y = rows()
    with pytest.raises(NetworkError, match=r"batches of 1 row.*raise batch_size"):
        train(build(Everything), x, y, Descent(batch_size=1, epochs=1))


@pytest.mark.parametrize(
    ("make", "x", "y", "error", "words"),
    [
        (tanh(), torch.zeros(4, 3), torch.zeros(5), ShapeError, "each of the 4 rows"),
        (tanh(), torch.zeros(0, 3), torch.zeros(0), ShapeError, "at least one row"),
        (tanh(), torch.full((4, 3), float("nan")), torch.zeros(4), NotFiniteError, "`x` has 12 entries"),
        (tanh(), torch.zeros(4, 2), torch.zeros(4), NetworkError, r"fails on a batch of x \(4, 2\)"),
        (tanh(), "rows", torch.zeros(4), ArgumentError, "`x`"),
        (tanh(2), torch.zeros(4, 3), torch.zeros(4), ShapeError, "there are 2 outputs"),
        (tanh(), torch.zeros(4, 3), torch.full((4,), 2.0), DataError, "0 and 1"),
        (lambda: nn.Flatten(), torch.zeros(4, 3), torch.zeros(4), NetworkError, "nothing can move"),
        (
            lambda: tanh()().requires_grad_(False),
            torch.zeros(4, 3),
            torch.zeros(4),
            NetworkError,
            "nothing can move",
        ),
        (
            lambda: nn.LazyLinear(1),
            torch.zeros(4, 3),
            torch.zeros(4),
            NetworkError,
            "'weight' is a lazy parameter",
        ),
        (
            lambda: nn.Linear(3, 1, device="meta"),
            torch.zeros(4, 3),
            torch.zeros(4),
            NetworkError,
            "'weight' is on the meta device",
        ),
        (
            lambda: torch.jit.trace(nn.Linear(3, 1), torch.zeros(1, 3)),
            torch.zeros(4, 3),
            torch.zeros(4),
            NetworkError,
            "compiled to TorchScript",
        ),
        (lambda: nn.LSTM(3, 2), torch.zeros(4, 3), torch.zeros(4), NetworkError, "which is f"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_words(build, make, x, y, error, words):
    with pytest.raises(error, match=words):
        train(build(make), x, y, Descent(epochs=1))


def test_outputs_cut_off_from_the_parameters_are_refused(build):
    class Detached(nn.Linear):
        def forward(self, input):
            return super().forward(input).detach()

    x, y = rows()
    with pytest.raises(NetworkError, match="do not depend on any parameter"):
        train(build(lambda: Detached(3, 1)), x, y, Descent(epochs=1))


def test_what_is_no_module_is_refused():
    with pytest.raises(ArgumentError, match=r"`module` must be an nn\.Module"):
        train(lambda x: x, torch.zeros(2, 1), torch.zeros(2), Descent())  # pyright: ignore[reportArgumentType]


def test_labels_beyond_the_outputs_are_refused_before_a_step(build):
    with pytest.raises(DataError, match="0 ≤ y < 3"):
        train(build(tanh(3)), torch.zeros(4, 3), torch.tensor([0, 1, 2, 3]), Descent(loss="cross_entropy"))
