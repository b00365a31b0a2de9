import numpy as np
import pytest
import torch
from torch import nn

from oracles.span_descent import descend, outputs_and_jacobian, random_network
from tangentlab._errors import ArgumentError, DataError, NotFiniteError, NotSymmetricError, ShapeError
from tangentlab.tangent import linearize
from tangentlab.training.batches import batches
from tangentlab.training.descent import Descent
from tangentlab.training.function_space import train_function_space
from tangentlab.training.train import train

ROUNDING = 1e-12  # relative; 300 steps of float64 in two orders of summation, measured below 1e-14


def problem(*, n, c, m=7, d=5, h=8, seed=0):
    """(f0, J) on n train and m test rows, one-hot or 0/1 targets."""
    g = np.random.default_rng(seed + 1)
    weights = random_network(d=d, h=h, c=c, seed=seed)
    x = g.normal(size=(n + m, d))
    f0, J = outputs_and_jacobian(weights, x)
    y = np.eye(c)[g.integers(c, size=n)] if c > 1 else g.integers(2, size=(n, 1)).astype(float)
    return f0[:n], J[:n], f0[n:], J[n:], y


def full(J1, J2):
    return np.einsum("ikp,jlp->ijkl", J1, J2)


def relative(got, want):
    return float(np.abs(np.asarray(got) - want).max() / np.abs(want).max())


def assert_equals_primal(descent, *, n, c):
    f0, J, f0_test, J_test, y = problem(n=n, c=c)
    steps = descent.steps(rows=n)
    delta = descend(
        J,
        f0,
        y,
        loss=descent.loss,
        batches=[b.numpy() for b in batches(n, descent)],
        rates=descent.learning_rates(steps),
        momentum=descent.momentum,
        nesterov=descent.nesterov,
        weight_decay=descent.weight_decay,
    )
    state = train_function_space(full(J, J), f0, y, descent)
    assert relative(state.train_outputs, f0 + J @ delta) < ROUNDING
    assert relative(state.predict(full(J_test, J), f0_test), f0_test + J_test @ delta) < ROUNDING
    assert relative(np.einsum("ikp,ik->p", J, state.coefficients.numpy()), delta) < ROUNDING
    assert state.distance == pytest.approx(np.linalg.norm(delta), rel=ROUNDING)
    return state


@pytest.mark.parametrize(("loss", "c"), [("bce", 1), ("bce", 3), ("cross_entropy", 10), ("mse", 1), ("mse", 4)])
def test_300_momentum_steps_equal_descent_in_parameter_space(loss, c):
    descent = Descent(loss=loss, learning_rate=0.02, batch_size=20, epochs=100)
    assert descent.steps(rows=65) == 300
    assert_equals_primal(descent, n=65, c=c)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "one_cycle"])
@pytest.mark.parametrize(
    "options",
    [
        {"momentum": 0.0},
        {"nesterov": True},
        {"weight_decay": 0.3},
        {"weight_decay": 0.3, "nesterov": True, "momentum": 0.5},
    ],
    ids=lambda options: ",".join(options),
)
def test_every_schedule_and_rule_equals_descent_in_parameter_space(schedule, options):
    descent = Descent(
        loss="cross_entropy", learning_rate=0.05, batch_size=8, epochs=9, schedule=schedule, **options
    )
    assert_equals_primal(descent, n=30, c=3)


def test_fewer_rows_than_a_batch_are_one_batch():
    assert_equals_primal(Descent(learning_rate=0.05, batch_size=128, epochs=40), n=13, c=1)


def small_module(*, d, c, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(d, 6), nn.Tanh(), nn.Linear(6, c)).double()


def module_jacobian(module, x):
    names = dict(module.named_parameters())
    f = torch.func.jacrev(lambda p: torch.func.functional_call(module, p, (x,)))(names)
    return torch.cat([part.flatten(2) for part in f.values()], 2).detach().numpy()


@pytest.mark.parametrize(("loss", "c"), [("bce", 1), ("cross_entropy", 10)])
@pytest.mark.parametrize("nesterov", [False, True])
def test_training_the_linearized_module_is_the_same_descent(loss, c, nesterov):
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(50, 4, generator=generator, dtype=torch.float64)
    y = torch.randint(max(c, 2), (50,), generator=generator)
    module = small_module(d=4, c=c)
    descent = Descent(
        loss=loss, learning_rate=0.05, batch_size=16, epochs=100, weight_decay=1e-3, nesterov=nesterov, seed=5
    )
    assert descent.steps(rows=50) == 300
    J = module_jacobian(module, x)
    primal = train(linearize(module), x, y, descent)
    dual = train_function_space(full(J, J), module(x).detach(), y, descent)
    assert relative(dual.train_outputs, primal.module(x).detach().numpy()) < 1e-8
    assert dual.distance == pytest.approx(primal.distance, rel=1e-8)
    assert dual.history.loss == pytest.approx(primal.history.loss, rel=1e-8)
    assert dual.history.learning_rate == primal.history.learning_rate


def test_the_centred_linearization_is_training_without_f0():
    x = torch.linspace(-1, 1, 24, dtype=torch.float64).reshape(12, 2)
    y = torch.arange(12) % 2
    module, descent = small_module(d=2, c=1), Descent(learning_rate=0.1, batch_size=4, epochs=20)
    J = module_jacobian(module, x)
    primal = train(linearize(module, centred=True), x, y, descent)
    dual = train_function_space(full(J, J), None, y, descent)
    assert relative(dual.train_outputs, primal.module(x).detach().numpy()) < 1e-8


def test_two_steps_worked_by_hand():
    K, y = torch.diag(torch.tensor([2.0, 1.0])), torch.tensor([4.0, 8.0])
    fixed = Descent(loss="mse", learning_rate=1.0, momentum=0.5, epochs=2, schedule="constant")
    # g = (-2, -4), v = g, a = (2, 4), f = (4, 4); then g = (0, -2), v = (-1, -4), a = (3, 8)
    state = train_function_space(K, None, y, fixed)
    assert state.coefficients.flatten().tolist() == [3.0, 8.0]
    assert state.train_outputs.flatten().tolist() == [6.0, 8.0]
    assert state.history.loss == (20.0, 4.0)
    assert state.distance == (2 * 9 + 64) ** 0.5
    # the second rate is a half: a = (2, 4) + (1, 4) / 2
    falling = Descent(loss="mse", learning_rate=1.0, momentum=0.5, epochs=2)
    assert train_function_space(K, None, y, falling).coefficients.flatten().tolist() == [2.5, 6.0]
    # Nesterov: a = (3, 6), f = (6, 6); then g = (1, -1), v = (0, -3), a = (3, 6) - (1, -2.5)
    ahead = Descent(loss="mse", learning_rate=1.0, momentum=0.5, epochs=2, schedule="constant", nesterov=True)
    assert train_function_space(K, None, y, ahead).coefficients.flatten().tolist() == [2.0, 8.5]


def test_shared_and_diagonal_kernels_are_full_kernels_without_couplings():
    f0, J, f0_test, J_test, y = problem(n=20, c=3)
    descent = Descent(loss="cross_entropy", learning_rate=0.05, batch_size=6, epochs=5)
    diagonal, diagonal_test = full(J, J).diagonal(0, 2, 3), full(J_test, J).diagonal(0, 2, 3)
    eye = np.eye(3)
    for K, K_test in ((diagonal, diagonal_test), (diagonal.mean(2), diagonal_test.mean(2))):
        wide = [(k if k.ndim == 3 else k[:, :, None])[..., None] * eye for k in (K, K_test)]
        one, other = train_function_space(K, f0, y, descent), train_function_space(wide[0], f0, y, descent)
        assert relative(one.coefficients, other.coefficients.numpy()) < ROUNDING
        assert relative(one.predict(K_test, f0_test), other.predict(wide[1], f0_test).numpy()) < ROUNDING


@pytest.mark.parametrize("c", [1, 3])
def test_strips_of_the_gram_give_what_the_whole_gives(monkeypatch, c):
    f0, J, _, _, y = problem(n=20, c=c)
    descent = Descent(loss="bce", batch_size=7, epochs=5)
    whole = train_function_space(full(J, J), f0, y, descent).coefficients
    monkeypatch.setattr("tangentlab.training.gram_rows.GATHER", 3 * 20 * c * c)
    assert relative(train_function_space(full(J, J), f0, y, descent).coefficients, whole.numpy()) < ROUNDING


def test_a_float32_gram_is_raised_to_float64():
    f0, J, _, _, y = problem(n=20, c=2)
    K = torch.from_numpy(full(J, J)).float()
    descent = Descent(loss="bce", batch_size=8, epochs=4)
    raised = train_function_space(K.double(), f0, y, descent)
    state = train_function_space(K, f0, y, descent)
    assert state.coefficients.dtype == torch.float64
    assert torch.equal(state.coefficients, raised.coefficients)


def test_labels_and_one_hot_rows_are_the_same_targets():
    f0, J, _, _, y = problem(n=20, c=4)
    descent = Descent(loss="cross_entropy", batch_size=8, epochs=4)
    one_hot = train_function_space(full(J, J), f0, y, descent)
    labels = train_function_space(full(J, J), f0, y.argmax(1), descent)
    assert relative(labels.coefficients, one_hot.coefficients.numpy()) < ROUNDING


def test_without_f0_the_outputs_are_those_of_the_kernel_or_else_of_the_labels():
    labels, descent = torch.tensor([0, 1, 0]), Descent(loss="cross_entropy", epochs=1)
    per_output = torch.eye(3)[..., None].expand(3, 3, 4)
    assert train_function_space(per_output, None, labels, descent).coefficients.shape == (3, 4)
    assert train_function_space(torch.eye(3), None, labels, descent).coefficients.shape == (3, 2)


def test_adam_is_refused_with_the_way_out():
    with pytest.raises(ArgumentError, match=r"leaves the span of Jᵀ.*linearize"):
        train_function_space(torch.eye(2), None, torch.ones(2), Descent(optimizer="adam"))


def test_a_rate_beyond_stability_stops_with_its_step():
    descent = Descent(loss="mse", learning_rate=1e30, epochs=100, schedule="constant")
    with pytest.raises(NotFiniteError, match=r"step \d+ of 100 \(learning rate 1e\+30\)"):
        train_function_space(torch.eye(2), None, torch.ones(2), descent)


def test_the_last_step_may_blow_up_too():
    descent = Descent(loss="mse", learning_rate=1e308, epochs=1, schedule="constant")
    with pytest.raises(NotFiniteError, match="after step 0"):
        train_function_space(100 * torch.eye(2), None, torch.ones(2) * 1e5, descent)


@pytest.mark.parametrize(
    ("K", "f0", "y", "error", "words"),
    [
        (torch.ones(3, 2), None, torch.ones(3), ShapeError, r"`K` must be a Gram"),
        (torch.ones(0, 0), None, torch.ones(0), ShapeError, r"`K` must be a Gram"),
        (torch.ones(2, 2, 3), torch.zeros(2, 2), torch.ones(2, 2), ShapeError, "`K`"),
        (
            torch.tensor([[1.0, 2.0], [0.0, 1.0]]),
            None,
            torch.ones(2),
            NotSymmetricError,
            "differs by|differs from",
        ),
        (torch.eye(2) * float("nan"), None, torch.ones(2), NotFiniteError, "`K` has"),
        (torch.eye(2), torch.zeros(3), torch.ones(2), ShapeError, "`f0`"),
        (torch.eye(2), torch.zeros(2), torch.ones(3), ShapeError, "`y`"),
        (torch.eye(2), torch.zeros(2), torch.tensor([1.0, float("nan")]), NotFiniteError, "`y` has 1 entry"),
        (torch.eye(2), torch.zeros(2), torch.tensor([1.0, -1.0]), DataError, "0 and 1"),
        (torch.eye(2), torch.zeros(2, 3), torch.ones(2), ShapeError, "there are 3 outputs"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_words(K, f0, y, error, words):
    with pytest.raises(error, match=words):
        train_function_space(K, f0, y, Descent(loss="bce"))


def test_an_asymmetric_coupling_between_outputs_is_refused():
    _, J, _, _, y = problem(n=5, c=2)
    K = full(J, J)
    K[1, 2, 0, 1] += 1.0
    with pytest.raises(NotSymmetricError):
        train_function_space(K, None, y, Descent(loss="bce"))


def test_predict_asks_for_what_training_had():
    y = torch.tensor([0.0, 1.0])
    with_bias = train_function_space(torch.eye(2), torch.zeros(2), y, Descent(epochs=1))
    centred = train_function_space(torch.eye(2), None, y, Descent(epochs=1))
    with pytest.raises(ArgumentError, match="f0_test"):
        with_bias.predict(torch.eye(2))
    with pytest.raises(ArgumentError, match="f0_test"):
        centred.predict(torch.eye(2), torch.zeros(2))
    with pytest.raises(ShapeError, match="a shared one with 3 columns"):
        centred.predict(torch.ones(2, 3))
    shared = train_function_space(torch.eye(2), torch.zeros(2, 2), torch.eye(2), Descent(epochs=1))
    with pytest.raises(ShapeError, match="a kernel against the 2 training rows, shared as K was"):
        shared.predict(torch.ones(1, 2, 2, 2), torch.zeros(1, 2))
    assert shared.predict(torch.ones(0, 2), torch.zeros(0, 2)).shape == (0, 2)


def test_progress_hears_every_step():
    heard = []
    descent = Descent(batch_size=2, epochs=2)
    train_function_space(torch.eye(4), None, torch.ones(4), descent, progress=lambda *step: heard.append(step))
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_nothing_given_is_written_to():
    f0, J, _, _, y = problem(n=6, c=2)
    given = [torch.from_numpy(full(J, J)), torch.from_numpy(f0).clone(), torch.from_numpy(y)]
    before = [tensor.clone() for tensor in given]
    train_function_space(*given, Descent(loss="bce", epochs=3, batch_size=2))
    assert all(torch.equal(a, b) for a, b in zip(given, before))
