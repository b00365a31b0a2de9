"""Three-parity: the network and its after-kernel learn what the initial kernel does not; readings are what they say."""

import pytest
import torch
from sklearn.kernel_ridge import KernelRidge
from torch import nn

import tangentlab as tl
from tangentlab._errors import ArgumentError, UnknownNameError
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study_parts.contest import Contest
from tangentlab.tasks import parity

SMALL = {
    "networks": ["mlp:width=32,depth=1"],
    "seeds": [3],
    "most_epochs": 10,
    "test_samples": 100,
    "dimension": 8,
}


@pytest.fixture(scope="module")
def small():
    return tl.study("three-parity", samples=[40, 80], constant_samples=60, **SMALL)


def test_every_learner_is_there_and_the_constant_kernel_where_there_are_rows_for_it(small):
    assert not small.failed
    (record,) = small.records
    few, many = record.readings["points"]
    assert set(few["learners"]) == {"network", "linearization", "initial", "infinite", "after"}
    assert set(many["learners"]) - set(few["learners"]) == {"after-constant"}
    assert (few["rows"], many["rows"], few["epochs"]) == (40, 80, 10)
    assert (record.readings["test_rows"], record.readings["constant_rows"]) == (100, 60)


def test_errors_are_those_of_the_parts_put_together_by_hand(small):
    """Network, kernels and regressions are made here again on 40 and 80 rows, the regressions by scikit-learn."""
    descent = tl.Descent(learning_rate=0.05, momentum=0.9, batch_size=32, epochs=10, seed=3)
    for point in small.records[0].readings["points"]:
        task = parity(3, dimension=8, samples=point["rows"], test_samples=100, seed=3)
        model = tl.build_network("mlp:width=32,depth=1", (8,), outputs=1, seed=3)
        modules = {"initial": model, "after": tl.train(model, task.x_train, task.y_train, descent).module}
        if point["rows"] == 80:
            modules["after-constant"] = tl.train(model, task.x_train[:60], task.y_train[:60], descent).module
        compare_with_sklearn(point["learners"], modules, task)


def compare_with_sklearn(learners, modules, task):
    wanted = task.y_test[:, 0] > 0.5
    for learner, module in modules.items():
        kernel = tl.NeuralTangentKernel(module.double(), outputs=0, mode="eval")
        K, K_test = kernel(task.x_train).numpy(), kernel(task.x_test, task.x_train).numpy()
        told = learners[learner]
        for each in (told, told["ridgeless"]):
            fit = KernelRidge(alpha=each["ridge"] * K.diagonal().mean(), kernel="precomputed")
            outputs = torch.from_numpy(fit.fit(K, (2 * task.y_train - 1).numpy()).predict(K_test))[:, 0]
            assert each["test_error"] == ((outputs > 0) != wanted).double().mean().item()
        if learner == "after":
            outputs = module(task.x_test.double())[:, 0]
            assert learners["network"]["test_mistakes"] == int(((outputs > 0) != wanted).sum())


def test_the_infinite_kernel_is_that_of_the_network_at_its_width(small):
    """At width 4,000 the network's own kernel comes within a few percent of a row's with itself."""
    task = parity(3, dimension=8, samples=40, test_samples=100, seed=3)
    unit = StudyUnit("three-parity", {"network": "mlp:width=4000,depth=1", "seed": 3, "initialization": "lecun"})
    unit.settings.update(dtype="float32", memory="", most_covariances=10**9)
    contest = Contest(unit, Sources(""), task)
    for ours, theirs in zip(contest.infinite, (contest.start.gram.values, contest.start.cross)):
        size = contest.infinite[0].diagonal().mean()
        assert (ours - theirs).square().mean().sqrt() / size < 0.05  # a unit's own deviation 2, over √4000


def test_a_kernel_of_infinite_width_beyond_the_budget_is_left_out_and_told():
    found = tl.study("three-parity", samples=[60], most_covariances=10, learners=["infinite", "initial"], **SMALL)
    assert set(found.records[0].readings["points"][0]["learners"]) == {"initial"}
    assert any("covariances, and 1.0e+01 are allowed" in told for told in found.records[0].readings["warnings"])


def test_the_network_learns_what_its_initial_kernel_does_not():
    found = tl.study(
        "three-parity", samples=1200, seeds=[7], learners=["network", "initial", "after"], dimension=20
    )
    errors = {
        name: each["test_error"] for name, each in found.records[0].readings["points"][0]["learners"].items()
    }
    assert errors["network"] <= 0.05
    assert errors["after"] <= 0.05
    assert errors["initial"] >= 0.35


def test_a_module_of_ones_own_runs_through_it():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(8, 20), nn.Tanh(), nn.Linear(20, 1))
    found = tl.study(
        "three-parity", {"mine": module}, samples=[60], **{k: SMALL[k] for k in SMALL if k != "networks"}
    )
    assert not found.failed
    assert found.records[0].spec["network"] == "mine"
    assert set(found.records[0].readings["points"][0]["learners"]) == {
        "network",
        "linearization",
        "initial",
        "after",
    }
    assert any("'infinite' is left out" in told for told in found.records[0].readings["warnings"])


def test_data_are_refused_for_it_makes_its_own():
    with pytest.raises(ArgumentError, match="data-scaling"):
        tl.study("three-parity", data="digits")


def test_a_learner_that_does_not_exist_is_named():
    found = tl.study("three-parity", samples=[60], learners=["netwrok"], **SMALL)
    assert "netwrok" in found.failed[0].error["message"]
    assert UnknownNameError.__name__ not in found.failed[0].error["message"]
