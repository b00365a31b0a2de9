"""The learner `infinite`: the kernel of the catalogue's network at infinite width, beside the other ridge learners."""

import numpy as np
import pytest
import torch
from torch import nn

import tangentlab as tl
from tangentlab._errors import NetworkError
from tangentlab.experiments.comparison.cell import Cell
from tangentlab.experiments.comparison.grid import plan
from tangentlab.experiments.comparison.run_cell import run_cell
from tangentlab.experiments.comparison.spec import ComparisonSpec
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning import infinite

DIGITS = Sources(data="digits")
SMALL = {"test_samples": 40, "epochs": 2, "tasks": ["group:0-4"], "samples": [50]}


def cell(network="mlp:width=8,depth=2", *, samples=50, task="group:0-4", **fields):
    spec = ComparisonSpec.of(**{"test_samples": 40, "epochs": 2} | fields)
    return Cell(spec=spec, network=network, task=task, samples=samples, seed=0)


def test_all_stays_what_it_was_and_infinite_is_asked_for():
    assert "infinite" not in ComparisonSpec.of().learners
    assert ComparisonSpec.of(learners="all").learners == ComparisonSpec.of().learners
    assert ComparisonSpec.of(learners=["all", "infinite"]).learners[-1] == "infinite"


@pytest.mark.parametrize("task", ["group:0-4", "classes"])
def test_predictions_are_those_of_the_closed_form(task):
    given = cell(learners=["infinite"], task=task, ridge=1e-2)
    found = run_cell(given, DIGITS).readings["learners"]["infinite"]
    task = DIGITS.task(task, given.spec, samples=50, seed=0)
    x, x_test = (part.double().flatten(1) for part in (task.x_train, task.x_test))

    def kernel(a, b):
        """flatten-8-8-1 with ReLU, variance 1/fan_in and biases that learn from 0, by hand."""
        q = [part.square().mean(1) for part in (a, b)]
        k, theta, fan_in = a @ b.T / 64, 0.0, 64
        for last in (False, False, True):
            theta = theta + fan_in * k + 1
            if not last:
                size = torch.outer(q[0], q[1]).sqrt()
                angle = torch.acos((k / size).clamp(-1, 1))
                theta = theta * (np.pi - angle) / (2 * np.pi)
                k = size * (angle.sin() + (np.pi - angle) * angle.cos()) / (2 * np.pi)
                q, fan_in = [part / 2 for part in q], 8
        return theta

    K, cross = kernel(x, x), kernel(x_test, x)
    y = 2 * task.y_train.double() - 1 if task.outputs == 1 else task.y_train.double() - 1 / task.outputs
    y_test = 2 * task.y_test.double() - 1 if task.outputs == 1 else task.y_test.double() - 1 / task.outputs
    ridge = 1e-2 * float(K.diagonal().mean())
    f = cross @ torch.linalg.solve(K + ridge * torch.eye(50, dtype=torch.float64), y)
    assert found["ridge"] == pytest.approx(ridge, rel=1e-6)  # the diagonal here goes through arccos(1 − rounding)
    assert found["test_mse"] == pytest.approx(float((f - y_test).square().mean()), rel=1e-5)
    assert found["centred"] and 0 < found["kernel_distance"] < 1


def test_the_initial_kernel_of_a_wide_network_is_near():
    distances = {
        width: run_cell(cell(f"mlp:width={width},depth=2", learners=["infinite"]), DIGITS).readings["learners"][
            "infinite"
        ]["kernel_distance"]
        for width in (8, 512)
    }
    assert distances[512] < 0.2 * distances[8]


def test_lenet_of_the_catalogue_runs_beside_the_others():
    found = run_cell(cell("lenet", samples=30, learners=["all", "infinite"], test_samples=10), DIGITS)
    assert list(found.readings["learners"])[-1] == "infinite" and len(found.readings["learners"]) == 6
    assert found.timings["infinite"] > 0
    assert 0 <= found.readings["learners"]["infinite"]["test_accuracy"] <= 1


def test_readings_of_the_other_learners_do_not_change():
    alone = run_cell(cell(learners="all"), DIGITS).readings["learners"]
    beside = run_cell(cell(learners=["all", "infinite"]), DIGITS).readings["learners"]
    assert {name: beside[name] for name in alone} == alone


def test_a_network_without_a_closed_form_runs_without_the_learner_and_says_so():
    networks = {"mine": nn.Sequential(nn.Flatten(), nn.Linear(64, 1)), "mlp:width=8": "mlp:width=8"}
    results = tl.compare(
        networks, "group:0-4", learners=["ridge-init", "infinite"], samples=40, test_samples=20, seeds=1
    )
    learners = {record.spec["network"]: set(record.readings["learners"]) for record in results.records}
    assert learners == {"mine": {"ridge-init"}, "mlp:width=8": {"ridge-init", "infinite"}}
    told = next(record for record in results.records if record.spec["network"] == "mine").readings["warnings"]
    assert any("mine has no closed form at infinite width by its name" in text for text in told)


@pytest.mark.parametrize("learners", [["infinite"], ["ridge-init", "infinite"]])
@pytest.mark.parametrize(
    ("network", "words"),
    [("resnet18:width=2", "resnet18"), ("vgg:width=2", "has no rule"), ("own", "by its name")],
)
def test_asked_for_where_no_network_has_it_is_refused_before_work(network, words, learners):
    sources = Sources(data="digits", networks={"own": nn.Sequential(nn.Flatten(), nn.Linear(64, 1))})
    spec = ComparisonSpec.of(networks=network, seeds=1, learners=learners, **SMALL)
    with pytest.raises(NetworkError, match=words):
        plan(spec, sources)


def test_a_kernel_that_would_take_hours_is_refused_with_its_cost(monkeypatch):
    network = tl.InfiniteWidthMLP(2).network
    infinite.expect_affordable(network, (64,), rows=10_000, test_rows=10_000)
    monkeypatch.setattr(infinite, "MOST_COVARIANCES", 1000)
    with pytest.raises(NetworkError, match="2 covariances of pixels for each of 3,275 pairs"):
        run_cell(cell(learners=["infinite"]), DIGITS)
    found = run_cell(cell(learners=["ridge-init", "infinite"]), DIGITS).readings
    assert list(found["learners"]) == ["ridge-init"] and "left out" in found["warnings"][0]
    spec = ComparisonSpec.of(
        networks="mlp:width=8", seeds=1, learners=["infinite"], **SMALL | {"samples": [20, 50]}
    )
    monkeypatch.setattr(infinite, "MOST_COVARIANCES", 2 * (20 * 21 // 2 + 20 * 40))
    skipped = [each.skipped for each in plan(spec, DIGITS)]
    assert not skipped[0] and "3,275 pairs" in skipped[1]


def test_the_initialization_in_a_name_goes_before_that_of_the_spec():
    distances = {
        name: run_cell(cell(name, learners=["infinite"]), DIGITS).readings["learners"]["infinite"][
            "kernel_distance"
        ]
        for name in ("mlp:width=256,depth=2", "mlp:width=256,depth=2,initialization=torch")
    }
    assert max(distances.values()) < 0.02
