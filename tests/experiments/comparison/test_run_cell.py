"""A cell against computations that share nothing with it but the trained weights."""

import json

import numpy as np
import pytest
import torch

from oracles.ntk_by_loops import jacobian_by_loops
from tangentlab.experiments import Cell, ComparisonSpec, Sources, run_cell
from tangentlab.networks import Network, build_network
from tangentlab.tangent import linearize
from tangentlab.tasks import make_task
from tangentlab.training import Descent, train

DIGITS = Sources("digits")
NETWORK = "mlp:width=5,depth=1,activation=gelu"


def cell(*, network=NETWORK, task="group:0-4", samples=24, seed=1, **fields):
    given = {"test_samples": 30, "dtype": "float64", "epochs": 4, "batch_size": 8} | fields
    return Cell(spec=ComparisonSpec.of(**given), network=network, task=task, samples=samples, seed=seed)


@pytest.fixture(scope="module")
def found():
    return run_cell(cell(), DIGITS).readings


@pytest.fixture(scope="module")
def by_hand():
    """Outputs of every learner, from a Jacobian by loops and from primal training."""
    task = make_task("group:0-4", DIGITS.loaded, samples=24, test_samples=30, seed=1)
    x, x_test, y = task.x_train.double(), task.x_test.double(), task.y_train.double()
    first = build_network(NETWORK, (1, 8, 8), outputs=1, seed=1).double()
    descent = Descent(loss="bce", epochs=4, batch_size=8, seed=1)
    last = train(first, x, y, descent).module
    outputs = {"network": last(x_test).detach().numpy()}
    for name, model, centred in (("init", first, False), ("end", last, True)):
        model = model.eval()
        J, J_test = (jacobian_by_loops(model, rows)[:, 0].numpy() for rows in (x, x_test))
        K, K_test = J @ J.T, J_test @ J.T
        f0, f0_test = (np.zeros((len(r), 1)) if centred else model(r).detach().numpy() for r in (x, x_test))
        ridge = 1e-3 * np.trace(K) / 24
        codes = 2 * y.numpy() - 1
        outputs[f"ridge-{name}"] = f0_test + K_test @ np.linalg.solve(K + ridge * np.eye(24), codes - f0)
        state = train(linearize(Network(model, mode="eval"), centred=centred), x, y, descent)
        outputs[f"linear-{name}"] = state.module(x_test).detach().numpy()
        outputs[f"kernel-{name}"] = K
    return outputs, task.y_test.numpy()


@pytest.mark.parametrize("learner", ["network", "linear-init", "linear-end", "ridge-init", "ridge-end"])
def test_every_learner_is_what_it_says(found, by_hand, learner):
    outputs, y = by_hand
    f, readings = outputs[learner], found["learners"][learner]
    loss = np.mean(np.logaddexp(0, f) - y * f)
    assert readings["test_loss"] == pytest.approx(loss, rel=1e-8)
    assert readings["test_accuracy"] == np.mean((f > 0) == (y > 0.5))


def test_linear_learners_run_in_function_space_and_say_whether_they_are_centred(found):
    learners = found["learners"]
    assert {learners[name]["space"] for name in ("linear-init", "linear-end")} == {"functions"}
    centred = {name: readings.get("centred") for name, readings in learners.items()}
    assert centred == {
        "network": None,
        "linear-init": False,
        "linear-end": True,
        "ridge-init": False,
        "ridge-end": True,
    }


def test_anchors_are_read_from_the_kernels_at_both_ends(found, by_hand):
    outputs, _ = by_hand
    for name in ("init", "end"):
        K, anchor = outputs[f"kernel-{name}"], found["anchors"][name]
        assert anchor["trace"] == pytest.approx(np.trace(K), rel=1e-9)
        assert anchor["spectrum"][0] == pytest.approx(np.linalg.eigvalsh(K)[-1], rel=1e-9)
        stable = 2 * (1 + 0.9) / (0.25 * np.linalg.eigvalsh(K)[-1] / 24)
        assert anchor["stable_learning_rate"] == pytest.approx(stable, rel=1e-9)
        assert anchor["alignment"]["rayleigh"] > 0
        assert anchor["complexity"]["norm"] >= anchor["complexity"]["lower_bound"]
    K0, K1 = outputs["kernel-init"], outputs["kernel-end"]
    cosine = (K0 * K1).sum() / np.linalg.norm(K0) / np.linalg.norm(K1)
    assert found["kernel_distance"] == pytest.approx(1 - cosine, rel=1e-6)


def test_readings_are_plain_json_and_complete(found):
    json.dumps(found)
    assert {"distance_travelled", "relative_distance", "parameters", "classes", "warnings", "history"} <= set(
        found
    )
    assert found["classes"] == list(make_task("group:0-4", DIGITS.loaded, samples=24, test_samples=30).classes)
    assert sum(found["class_balance"]["train"]) == pytest.approx(1)
    assert found["history"]["step"][0] == 0
    assert len(found["history"]["step"]) == len(found["history"]["loss"]) <= 100


def test_a_cell_gives_the_same_readings_twice():
    assert run_cell(cell(), DIGITS).readings == run_cell(cell(), DIGITS).readings


def test_long_histories_are_thinned_to_the_first_the_last_and_some_between():
    found = run_cell(cell(epochs=60, batch_size=4, learners=["network"]), DIGITS).readings
    steps = found["history"]["step"]
    assert steps[0] == 0
    assert steps[-1] == 60 * 6 - 1
    assert len(steps) == 100


def test_learners_that_need_no_training_train_nothing():
    found = run_cell(cell(learners=["linear-init", "ridge-init"]), DIGITS)
    assert list(found.readings["learners"]) == ["linear-init", "ridge-init"]
    assert "network" not in found.timings
    assert "kernel_distance" not in found.readings
    assert list(found.readings["anchors"]) == ["init"]


def test_a_rate_too_large_for_the_kernel_is_lowered_and_told():
    found = run_cell(cell(learning_rate=3.0, learners=["linear-init"]), DIGITS).readings
    bound = found["anchors"]["init"]["stable_learning_rate"]
    assert bound < 3.0
    assert found["learners"]["linear-init"]["learning_rate"] == pytest.approx(0.9 * bound)
    assert any("largest that is stable" in warning for warning in found["warnings"])


def test_several_outputs_take_the_full_kernel_and_equal_primal_training():
    full = run_cell(cell(task="classes", samples=30, learners=["linear-init", "ridge-init"]), DIGITS).readings
    assert full["kernel_flavour"] == "full"
    assert full["learners"]["linear-init"]["space"] == "functions"
    mean = run_cell(cell(task="classes", samples=30, kernel="mean", learners=["linear-init"]), DIGITS).readings
    assert mean["kernel_flavour"] == "mean"
    assert mean["learners"]["linear-init"]["space"] == "parameters"
    for reading in ("train_loss", "test_loss"):
        ours, theirs = (each["learners"]["linear-init"][reading] for each in (full, mean))
        assert ours == pytest.approx(theirs, rel=1e-8)


def test_adam_is_run_on_the_linearized_module():
    found = run_cell(cell(optimizer="adam", learning_rate=0.01), DIGITS).readings
    assert found["learners"]["linear-init"]["space"] == "parameters"
    assert found["learners"]["linear-end"]["space"] == "parameters"


def test_leave_one_out_chooses_among_the_ridges_without_a_test_row():
    found = run_cell(cell(ridge="leave-one-out", learners=["ridge-init"]), DIGITS).readings
    assert np.log10(found["learners"]["ridge-init"]["relative_ridge"]) == pytest.approx(
        round(np.log10(found["learners"]["ridge-init"]["relative_ridge"])), abs=1e-9
    )


def test_batch_norm_is_frozen_and_its_statistics_at_the_end_are_a_choice():
    class Normed(torch.nn.Sequential):
        def __init__(self):
            super().__init__(
                torch.nn.Flatten(),
                torch.nn.Linear(64, 6),
                torch.nn.BatchNorm1d(6),
                torch.nn.ReLU(),
                torch.nn.Linear(6, 1),
            )

    sources = Sources("digits", networks={"normed": Normed})
    trained, initial = (
        run_cell(cell(network="normed", end_statistics=which), sources).readings
        for which in ("trained", "initial")
    )
    assert trained["learners"]["network"] == initial["learners"]["network"]
    assert trained["anchors"]["init"] == initial["anchors"]["init"]
    assert trained["anchors"]["end"]["trace"] != initial["anchors"]["end"]["trace"]


def test_modules_networks_and_builders_of_ones_own_are_left_as_they_were():
    module = torch.nn.Sequential(torch.nn.Flatten(), build_network("mlp:width=3", (64,), outputs=1, seed=0))
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    narrow = Network(module, parameters=["1.readout.*"])
    sources = Sources("digits", networks={"mine": module, "narrow": narrow})
    whole = run_cell(cell(network="mine"), sources).readings
    part = run_cell(cell(network="narrow"), sources).readings
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())
    assert part["parameters"] == 4 < whole["parameters"]
