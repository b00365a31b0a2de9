"""The calibration study keeps for each task what was said before training, what training did, and what is naive."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import tangentlab as tl
from tangentlab.experiments.prediction.calibration import Calibration
from tangentlab.report.claims.calibration import calibration_cells


def small_network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 1))


@pytest.fixture(scope="module")
def records():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3, 4)).astype(np.float32)
    y = np.digitize(x[:, 0, 0] + 0.3 * rng.normal(size=200), [-0.4, 0.4])
    results = tl.study(
        "calibration",
        {"mine": small_network},
        data=(x, y),
        tasks=["group:0", "group:1", "random:2"],
        samples=80,
        test_samples=60,
        epochs=30,
        learning_rate=0.1,
        seeds=2,
    )
    assert not results.failed
    return results.records


def test_every_task_has_its_cell_at_every_seed(records):
    for record in records:
        assert [cell["task"] for cell in record.readings["cells"]] == ["group:0", "group:1", "random:2"]
    assert len(calibration_cells(records)) == 3


def test_naive_predictors_are_what_their_names_say(records):
    for cell in records[0].readings["cells"]:
        naive = cell["baselines"]
        p = naive["constant"]
        entropy = -(p * math.log(p) + (1 - p) * math.log(1 - p))
        assert naive["label_entropy"] == pytest.approx(entropy, abs=1e-6)  # labels are counted in float32 targets
        assert 0 <= naive["linear_model"] <= 1
        assert cell["predicted_low"] <= cell["predicted"] <= cell["predicted_high"]


def test_what_can_be_learnt_is_told_from_what_cannot(records):
    cells = {cell["task"]: cell for cell in calibration_cells(records)}
    for name in ("predicted", "linearization", "trained"):
        assert cells["group:0"][name] < cells["random:2"][name]
    assert abs(cells["random:2"]["trained"] - 0.5) < 0.25  # 60 test rows, two seeds
    assert cells["group:0"]["baselines"]["complexity"] < cells["random:2"]["baselines"]["complexity"]


def test_cells_make_a_calibration_that_can_be_kept(records, tmp_path):
    cells = calibration_cells(records)
    found = Calibration.of([*cells, *cells], command="tangentlab run calibration")
    assert found.cells == 6
    assert set(found.rankings) == {"predicted", *cells[0]["baselines"]}
    assert Calibration.model_validate_json(found.write(tmp_path / "kept.json").read_text()) == found
