import dataclasses

import numpy as np
import pytest
import torch

from oracles.span_descent import descend, outputs_and_jacobian, random_network
from tangentlab._errors import ArgumentError, NotFiniteError, ShapeError
from tangentlab.linalg import SymmetricTiles
from tangentlab.training.batches import batches
from tangentlab.training.descent import Descent
from tangentlab.training.function_space import train_function_space
from tangentlab.training.function_space_many import train_function_space_many

ROUNDING = 1e-12  # relative; some hundred steps of float64 in other orders of summation, measured below 1e-14

SETTINGS = [
    Descent(learning_rate=0.05, batch_size=8, epochs=6),
    Descent(learning_rate=0.1, batch_size=8, epochs=6, momentum=0.0),
    Descent(learning_rate=0.05, batch_size=8, epochs=6, momentum=0.0, weight_decay=0.2),
    Descent(learning_rate=0.05, batch_size=8, epochs=6, momentum=0.5, weight_decay=0.1, schedule="cosine"),
    Descent(learning_rate=0.02, batch_size=8, epochs=6, nesterov=True, schedule="one_cycle"),
    Descent(learning_rate=0.03, batch_size=8, epochs=6, nesterov=True, weight_decay=0.3, schedule="constant"),
]


def problem(*, n=30, c=1, tasks=1, seed=0):
    """(f0, J) on n rows, and targets of each task."""
    g = np.random.default_rng(seed + 1)
    f0, J = outputs_and_jacobian(random_network(d=5, h=8, c=c, seed=seed), g.normal(size=(n, 5)))
    if c == 1:
        return f0, J, [g.integers(2, size=(n, 1)).astype(float) for _ in range(tasks)]
    return f0, J, [np.eye(c)[g.integers(c, size=n)] for _ in range(tasks)]


def full(J):
    return np.einsum("ikp,jlp->ijkl", J, J)


def primal_outputs(J, f0, y, descent, *, start=0):
    n = len(y)
    first = start * descent.steps_per_epoch(rows=n)
    delta = descend(
        J,
        f0,
        y,
        loss=descent.loss,
        batches=[b.numpy() for b in batches(n, descent)][first:],
        rates=descent.learning_rates(descent.steps(rows=n))[first:],
        momentum=descent.momentum,
        nesterov=descent.nesterov,
        weight_decay=descent.weight_decay,
    )
    return f0 + J @ delta, np.linalg.norm(delta)


def assert_each_is_its_own_descent(J, f0, targets, descents, *, K=None):
    states = train_function_space_many(full(J) if K is None else K, f0, targets, descents)
    assert len(states) == max(len(targets), len(descents))
    for i, state in enumerate(states):
        y, descent = targets[i % len(targets)], descents[i % len(descents)]
        f, distance = primal_outputs(J, f0, y, descent)
        assert np.abs(state.train_outputs.numpy() - f).max() <= ROUNDING * np.abs(f).max()
        assert state.distance == pytest.approx(distance, rel=ROUNDING)
        assert len(state.history.loss) == descent.steps(rows=len(f0))
        assert list(state.history.learning_rate) == descent.learning_rates(descent.steps(rows=len(f0)))


def test_settings_side_by_side_are_each_a_descent_in_parameter_space():
    f0, J, targets = problem()
    assert_each_is_its_own_descent(J, f0, targets, SETTINGS)


@pytest.mark.parametrize("loss", ["bce", "cross_entropy", "mse"])
def test_tasks_seeds_and_settings_at_once_are_each_a_descent_in_parameter_space(loss):
    f0, J, targets = problem(c=3, tasks=12)
    descents = [dataclasses.replace(d, loss=loss, seed=seed) for seed in (0, 7) for d in SETTINGS]
    assert_each_is_its_own_descent(J, f0, targets, descents)


def test_losses_batch_sizes_and_lengths_may_differ():
    f0, J, targets = problem(tasks=5)
    first = SETTINGS[0]
    changes = [{"loss": "mse"}, {"batch_size": 30}, {"batch_size": 99, "seed": 3}, {"epochs": 2}, {"seed": 1}]
    assert_each_is_its_own_descent(J, f0, targets, [dataclasses.replace(first, **change) for change in changes])


@pytest.mark.parametrize("gather", [1, 8 * 30 * 9 * 2, 2**21], ids=["row by row", "two orders", "all orders"])
@pytest.mark.parametrize("c", [1, 3])
def test_orders_in_lockstep_are_what_they_are_alone(monkeypatch, gather, c):
    f0, J, targets = problem(c=c, tasks=1)
    for module in ("gram_rows", "function_space_many"):
        monkeypatch.setattr(f"tangentlab.training.{module}.GATHER", gather)
    descents = [dataclasses.replace(SETTINGS[3], seed=seed) for seed in range(5)]
    descents += [dataclasses.replace(SETTINGS[5], seed=seed) for seed in range(5)]
    assert_each_is_its_own_descent(J, f0, targets, descents)


@pytest.mark.parametrize("form", ["shared", "diagonal"])
def test_the_other_forms_of_a_gram_give_what_they_give_alone(form):
    f0, J, targets = problem(c=3, tasks=4)
    K = full(J).diagonal(0, 2, 3).copy()
    K = K.mean(2) if form == "shared" else K
    descents = [dataclasses.replace(SETTINGS[i], seed=i // 2) for i in range(4)]
    for state, y, descent in zip(train_function_space_many(K, f0, targets, descents), targets, descents):
        alone = train_function_space(K, f0, y, descent)
        assert torch.allclose(state.coefficients, alone.coefficients, rtol=ROUNDING, atol=ROUNDING)
        assert state.history.loss == pytest.approx(alone.history.loss, rel=ROUNDING)
        assert state.form == form


def test_runs_may_have_anchors_and_numbers_of_outputs_of_their_own():
    f0, J, targets = problem(tasks=3)
    K = full(J)[:, :, 0, 0]
    labels = torch.arange(30) % 4
    descents = [SETTINGS[0], SETTINGS[0], dataclasses.replace(SETTINGS[0], loss="cross_entropy")]
    states = train_function_space_many(K, [f0, None, np.zeros((30, 4))], [*targets[:2], labels], descents)
    for state, anchor, y, descent in zip(states, [f0, None, np.zeros((30, 4))], [*targets[:2], labels], descents):
        alone = train_function_space(K, anchor, y, descent)
        assert torch.allclose(state.coefficients, alone.coefficients, rtol=ROUNDING, atol=ROUNDING)
        assert state.centred == (anchor is None)


def test_products_in_float32_differ_by_their_rounding():
    f0, J, targets = problem(tasks=4)
    K = torch.from_numpy(full(J)[:, :, 0, 0]).float()
    exact = train_function_space_many(K, f0, targets, SETTINGS[0])
    quick = train_function_space_many(K, f0, targets, SETTINGS[0], dtype=torch.float32)
    gaps = [float((a.train_outputs - b.train_outputs).abs().max()) for a, b in zip(exact, quick)]
    assert (
        0 < max(gaps) < 1e-5
    )  # outputs of order one: a product of 30 terms in float32, contracted by the descent
    assert quick[0].coefficients.dtype == torch.float64


def test_tiles_serve_whole_batches_and_say_why_not_mini_batches():
    f0, J, targets = problem(tasks=2)
    K = torch.from_numpy(full(J)[:, :, 0, 0])
    tiles = SymmetricTiles.of([(0, 0, K[:20, :20]), (0, 20, K[:20, 20:]), (20, 20, K[20:, 20:])])
    descents = [dataclasses.replace(SETTINGS[3], batch_size=64, seed=seed) for seed in (0, 1)]
    assert_each_is_its_own_descent(J, f0, targets, descents, K=tiles)
    with pytest.raises(ArgumentError, match=r"`batch_size` must be at least 30.*np\.memmap"):
        train_function_space_many(tiles, f0, targets, SETTINGS[0])


def test_a_run_that_blows_up_names_its_own_rate():
    fine, wild = SETTINGS[0], dataclasses.replace(SETTINGS[0], loss="bce", learning_rate=1e200, weight_decay=1e200)
    with pytest.raises(NotFiniteError, match=r"step \d+ of \d+ \(learning rate [\d.]+e\+"):
        train_function_space_many(torch.eye(16), None, [torch.ones(16)], [fine, wild])


def test_progress_counts_steps_of_all_bundles():
    heard = []
    descents = [
        Descent(batch_size=2, epochs=2),
        Descent(batch_size=2, epochs=2, seed=1),
        Descent(batch_size=4, epochs=3),
    ]
    train_function_space_many(
        torch.eye(4), None, [torch.ones(4)], descents, progress=lambda *step: heard.append(step)
    )
    assert heard == [(i + 1, 7) for i in range(7)]  # two orders of four steps in lockstep, then three steps


@pytest.mark.parametrize(
    ("f0", "targets", "descents", "error", "words"),
    [
        (None, [], Descent(), ArgumentError, "`targets`"),
        (None, [torch.ones(2)], [], ArgumentError, "`descents`"),
        (None, [torch.ones(2)] * 2, [Descent()] * 3, ArgumentError, "one for each"),
        (None, [torch.ones(2)], [Descent(), "fast"], ArgumentError, "a Descent or a list"),
        ([None, None, None], [torch.ones(2)] * 2, Descent(), ArgumentError, "`f0`"),
        (None, [torch.ones(2), torch.ones(3)], Descent(), ShapeError, "`y`"),
        (None, [torch.ones(2)], [Descent(), Descent(optimizer="adam")], ArgumentError, "span"),
    ],
)
def test_what_does_not_match_is_refused_in_words(f0, targets, descents, error, words):
    with pytest.raises(error, match=words):
        train_function_space_many(torch.eye(2), f0, targets, descents)


@pytest.mark.parametrize("start", [0, 1, 5])
def test_the_rest_of_a_descent_is_its_last_batches_and_rates_from_rest(start):
    f0, J, targets = problem(tasks=6)
    heard = []
    descents = [dataclasses.replace(descent, seed=i // 4) for i, descent in enumerate(SETTINGS)]
    states = train_function_space_many(
        full(J), f0, targets, descents, start=start, progress=lambda *step: heard.append(step)
    )
    for state, y, descent in zip(states, targets, descents):
        f, distance = primal_outputs(J, f0, y, descent, start=start)
        assert np.abs(state.train_outputs.numpy() - f).max() <= ROUNDING * np.abs(f).max()
        assert state.distance == pytest.approx(distance, rel=ROUNDING)
        rates = descent.learning_rates(descent.steps(rows=30))[3 * start :]
        assert list(state.history.learning_rate) == rates
        assert len(state.history.loss) == len(rates)
    assert heard[-1][0] == heard[-1][1] == len(heard)


@pytest.mark.parametrize("start", [-1, 6, 1.0, True])
def test_a_start_outside_of_the_descent_is_refused(start):
    with pytest.raises(ArgumentError, match="`start` must be a whole number of epochs from 0 to 5"):
        train_function_space(torch.eye(2), None, torch.ones(2), SETTINGS[0], start=start)


def test_products_in_half_precision_are_refused():
    with pytest.raises(ArgumentError, match="`dtype`"):
        train_function_space_many(torch.eye(2), None, [torch.ones(2)], Descent(), dtype=torch.float16)


def test_snapshots_are_where_a_shorter_way_would_have_come():
    """A constant rate: after t steps of a long descent the coefficients are those of the first t epochs alone."""
    f0, J, targets = problem(tasks=2)
    whole = Descent(learning_rate=0.05, batch_size=30, epochs=6, schedule="constant")
    states = train_function_space_many(full(J)[:, :, 0, 0], f0, targets, whole, snapshots=[0, 2, 6])
    for state, y in zip(states, targets):
        short = dataclasses.replace(whole, epochs=2)
        outputs, _ = primal_outputs(J, f0, y, short)
        K = full(J)[:, :, 0, 0]
        assert list(state.snapshots) == [0, 2, 6]
        np.testing.assert_allclose(state.predict(K, f0, step=2), outputs, rtol=ROUNDING, atol=ROUNDING)
        np.testing.assert_allclose(state.predict(K, f0, step=0), f0)
        np.testing.assert_allclose(state.predict(K, f0, step=6), state.train_outputs, rtol=ROUNDING, atol=ROUNDING)
    with pytest.raises(ArgumentError, match="snapshots"):
        states[0].predict(K, f0, step=3)


def test_snapshots_of_the_rest_of_a_descent_are_counted_from_its_start():
    f0, J, (y,) = problem()
    descent = Descent(learning_rate=0.05, batch_size=8, epochs=4)
    (state,) = train_function_space_many(full(J)[:, :, 0, 0], f0, [y], descent, start=2, snapshots=2)
    assert list(state.snapshots) == [1, 6]  # two epochs of three steps
