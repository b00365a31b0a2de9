"""What the study of risk foretells and measures is what NumPy finds of the same kernel."""

import numpy as np
import torch
from torch import nn

import tangentlab as tl


def linear():
    torch.manual_seed(0)
    return nn.Linear(6, 1)


def rows(count, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 6)).astype(np.float32)
    return x, (x @ np.arange(1.0, 7.0) + rng.normal(size=count) > 0).astype(int)


def found(**settings):
    x, y = rows(240, seed=0)
    given = {"task": "group:1", "samples": 120, "test_samples": 60, "sizes": [30, 60], "seeds": [0], "subsets": 3}
    results = tl.study("risk", {"linear": linear}, data=(x, y), **(given | settings))
    assert not results.failed
    return results.records[0].readings, (x, y)


def test_cross_validation_of_a_linear_model_is_the_textbook_formula():
    readings, (x, y) = found()
    data = tl.Data.from_arrays(x, y, name="arrays")
    task = tl.tasks.make_task("group:1", data, samples=120, test_samples=60, seed=0)
    ones = np.ones((120, 1))
    features = np.hstack([task.x_train.double().numpy(), ones])
    K, model = features @ features.T, linear().double()
    f0 = model(task.x_train.double()).detach().numpy()
    target = 2 * task.y_train.double().numpy() - 1 - f0
    for share, gcv in zip(readings["ridges"]["share"], readings["ridges"]["gcv"]):
        ridge = share * 120 * np.trace(K) / 120
        smoother = K @ np.linalg.inv(K + ridge * np.eye(120))
        residual = target - smoother @ target
        textbook = np.mean(residual**2) / (np.trace(np.eye(120) - smoother) / 120) ** 2
        assert abs(gcv / textbook - 1) < 1e-5  # rows reach the kernel in float32


def test_what_is_foretold_of_a_well_posed_task_is_near_what_is_measured():
    readings, _ = found(seeds=[0, 1])
    predicted, measured = (np.array(readings["curve"][name]) for name in ("predicted", "measured"))
    assert (np.abs(predicted / measured - 1) < 0.5).all()  # 60 test rows, 3 subsets
    assert readings["curve"]["samples"] == [30, 60]


def test_a_curve_needs_sizes_below_all_rows():
    readings, _ = found(sizes=[30, 500])
    assert readings["curve"]["samples"] == [30]


def test_data_of_fewer_rows_than_asked_for_give_all_they_have():
    readings, _ = found(samples=1000, test_samples=2000)
    assert (readings["rows"], readings["test_rows"]) == (180, 60)
    assert any("has 60 rows for `test_samples`, and 2,000 were asked for" in told for told in readings["warnings"])
