"""Rankings of the calibration study: known correlations, whole tasks resampled, naive predictors beside it."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from tangentlab.records import Record
from tangentlab.report.claims.calibration import CLAIMS, calibration_cells, correlations

RANK, LEAD = CLAIMS


def records(*, noise, tasks=12, networks=4, seeds=2, seed=0):
    rng = np.random.default_rng(seed)
    found = []
    hardness = np.linspace(0.02, 0.45, tasks)
    for n in range(networks):
        for s in range(seeds):
            cells = []
            for t in range(tasks):
                trained = float(hardness[t] + 0.01 * n)
                cells.append(
                    {
                        "task": f"t{t}",
                        "samples": 100,
                        "predicted": trained + noise * float(rng.normal()),
                        "trained": trained,
                        "baselines": {
                            "constant": 0.5,
                            "label_entropy": 0.69,
                            "linear_model": float(rng.normal()),
                            "trace": float(n),
                        },
                    }
                )
            spec = {"study": "calibration", "network": f"n{n}", "data": "d", "seed": s}
            found.append(Record(fingerprint=f"{n}-{s}", kind="study", spec=spec, readings={"cells": cells}))
    return found


def test_correlations_are_scipys():
    cells = calibration_cells(records(noise=0.1))
    found = correlations(cells)
    trained = [cell["trained"] for cell in cells]
    assert found["predicted"] == pytest.approx(spearmanr([c["predicted"] for c in cells], trained).statistic)
    assert found["trace"] == pytest.approx(spearmanr([c["baselines"]["trace"] for c in cells], trained).statistic)
    assert found["constant"] == 0.0


def test_a_right_ranking_holds_and_leads():
    told = records(noise=0.0)
    assert RANK.verdict(RANK.statistic(told)) == "holds"
    assert RANK.statistic(told).value == pytest.approx(1.0)
    assert LEAD.verdict(LEAD.statistic(told)) == "holds"


def test_a_ranking_by_chance_falls_and_does_not_lead():
    told = records(noise=100.0)
    assert RANK.verdict(RANK.statistic(told)) == "falls"
    assert LEAD.verdict(LEAD.statistic(told)) != "holds"


def test_a_few_tasks_tell_nothing():
    assert RANK.statistic(records(noise=0.0, tasks=3)) is None
    assert LEAD.statistic([]) is None
