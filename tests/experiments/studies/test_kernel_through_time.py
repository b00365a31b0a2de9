"""The kernel through time: readings are those of the network trained for so many steps, at the steps they say."""

import copy

import numpy as np
import pytest
import torch
from sklearn.kernel_ridge import KernelRidge
from torch import nn

import tangentlab as tl
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.studies.kernel_through_time import reading_steps
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study_parts.control_task import control_task
from tangentlab.tasks import parity

TINY = {"parity_samples": 64, "samples": 60, "test_samples": 50, "examples": 640, "dimension": 8, "seeds": [2]}


@pytest.fixture(scope="module")
def small():
    found = tl.study("kernel-through-time", ["mlp:width=16,depth=1"], data="digits", **TINY)
    assert not found.failed
    return {record.readings["task"]: record.readings for record in found.records}


def test_readings_are_on_the_grid_and_at_named_steps():
    steps = reading_steps(2000, epoch=62, every=3, epochs=[1, 3])
    grid = [round(5 * 1.15**k) for k in range(0, 60, 3)]
    assert {0, 45, 62, 186, 2000} <= set(steps)
    assert set(steps) - {0, 45, 62, 186, 2000} <= {step for k in range(60) if (step := round(5 * 1.15**k))}
    assert len(set(grid) & set(steps)) >= 10
    assert steps == sorted(steps)


def test_the_last_reading_is_the_trained_network_and_its_kernel(small):
    """Trained and regressed again by hand; the regression by scikit-learn."""
    told = small["parity:3,8"]
    task = parity(3, dimension=8, samples=64, test_samples=50, seed=2)
    model = tl.build_network("mlp:width=16,depth=1", (8,), outputs=1, seed=2)
    descent = tl.Descent(learning_rate=0.05, momentum=0.9, batch_size=32, epochs=10, seed=2)
    state = tl.train(model, task.x_train, task.y_train, descent, snapshots=[5])
    last, wanted = told["readings"][-1], task.y_test[:, 0] > 0.5
    assert last["step"] == told["steps"] == 20
    outputs = state.module(task.x_test)[:, 0]
    assert last["network"]["test_mistakes"] == int(((outputs > 0) != wanted).sum())
    early = copy.deepcopy(model)
    early.load_state_dict(state.snapshots[5])
    kernels = {}
    for step, module in (
        (0, tl.build_network("mlp:width=16,depth=1", (8,), outputs=1, seed=2)),
        (5, early),
        (20, state.module),
    ):
        kernel = tl.NeuralTangentKernel(module.double(), outputs=0, mode="eval")
        K, K_test = kernel(task.x_train), kernel(task.x_test.double(), task.x_train.double())
        kernels[step] = K
        (reading,) = (each for each in told["readings"] if each["step"] == step)
        for each in (reading["kernel"], reading["kernel"]["ridgeless"]):
            fit = KernelRidge(alpha=each["ridge"] * float(K.diagonal().mean()), kernel="precomputed")
            found = fit.fit(K.numpy(), (2 * task.y_train - 1).numpy()).predict(K_test.numpy())[:, 0]
            assert each["test_mistakes"] == int(((torch.from_numpy(found) > 0) != wanted).sum())
        assert reading["trace"] == pytest.approx(float(K.diagonal().sum()), rel=1e-6)
    for reading in told["readings"]:
        if reading["step"] in kernels:
            for end, name in ((0, "from_start"), (20, "from_end")):
                a, b = kernels[end].flatten(), kernels[reading["step"]].flatten()
                cosine = float(a @ b / (a.norm() * b.norm()))
                assert reading[name] == pytest.approx(1 - cosine, abs=1e-6)


def test_three_parity_has_rows_of_its_own(small):
    assert small["parity:3,8"]["rows"] == 64
    assert small["group:0-4"]["rows"] == 60
    assert small["group:0-4"]["readings"][0]["from_start"] == 0
    assert small["group:0-4"]["readings"][-1]["from_end"] == 0


def test_a_module_and_arrays_of_ones_own_run_through_it():
    rows = np.random.default_rng(0).normal(size=(120, 6)).astype(np.float32)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.Linear(16, 1))
    labels = (rows[:, 0] * rows[:, 1] > 0).astype(int)
    found = tl.study("kernel-through-time", {"mine": module}, data=(rows, labels), **(TINY | {"test_samples": 20}))
    assert not found.failed
    assert [record.readings["task"] for record in found.records] == ["group:0"]


def test_batch_normalization_is_read_with_the_statistics_of_its_step():
    """Read at its end, a network with running statistics errs as the trained module does in evaluation mode."""
    rows = np.random.default_rng(1).normal(size=(120, 5)).astype(np.float32)
    data = tl.Data.from_arrays(rows, (rows[:, 0] > 0).astype(int), name="mine")
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(5, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 1))
    given = TINY | {"test_samples": 20}
    found = tl.study("kernel-through-time", {"mine": module}, data=data, **given)
    assert not found.failed
    (record,) = found.records
    task = control_task(StudyUnit("kernel-through-time", record.spec), Sources(data))
    descent = tl.Descent(learning_rate=0.05, momentum=0.9, batch_size=32, epochs=10, seed=2)
    trained = tl.train(module, task.x_train, task.y_train, descent).module.eval()
    for step, end in ((0, module.eval()), (-1, trained)):
        wrong = (end(task.x_train) > 0) != (task.y_train > 0.5)
        assert record.readings["readings"][step]["network"]["train_error"] == wrong.double().mean().item()
