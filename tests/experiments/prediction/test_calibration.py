"""The calibration is read as it was written, says what it found, and a damaged one is refused in words."""

import json

import numpy as np
import pytest

from tangentlab._errors import DataError
from tangentlab.experiments import Calibration, read_calibration


def cells(count=24, *, seed=0):
    rng = np.random.default_rng(seed)
    found = []
    for k in range(count):
        error = 0.02 + 0.4 * k / count
        found.append(
            {
                "network": "mlp" if k % 2 else "lenet",
                "task": f"task {k // 2}",
                "data": "digits",
                "samples": 500,
                "seeds": 3,
                "predicted": error,
                "predicted_low": error - 0.02,
                "predicted_high": error + 0.02,
                "linearization": error + 0.01 * rng.standard_normal(),
                "trained": 0.8 * error,
                "baselines": {"constant": 0.5, "label_entropy": float(rng.random())},
            }
        )
    return found


def test_what_was_written_is_read(tmp_path):
    made = Calibration.of(cells(), command="tangentlab run calibration --scale medium", created="2025-01-01")
    assert read_calibration(made.write(tmp_path / "calibration.json")) == made
    assert json.loads((tmp_path / "calibration.json").read_text())["schema"] == 1


def test_its_figures_are_those_of_the_cells():
    found = Calibration.of(cells(), command="c")
    assert found.rankings["predicted"].value == pytest.approx(1) and found.rankings["constant"].value is None
    assert found.cells == 24 and found.tasks == 12 and found.networks == ("lenet", "mlp")
    assert found.network.high == pytest.approx(-0.2 * 0.02, abs=0.01) and found.curve.inside > 0.8
    said = " ".join(found.sentences())
    assert "24 cells of 12 tasks and 2 architectures" in said and "constant undefined" in said


def test_without_one_there_is_none(tmp_path):
    assert read_calibration(tmp_path / "none.json") is None


@pytest.mark.parametrize("text", ["", "{", '{"schema": 1}', "\ud800"])
def test_a_damaged_one_is_refused(tmp_path, text):
    path = tmp_path / "calibration.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(DataError, match="cannot be read"):
        read_calibration(path)


def test_too_few_cells_calibrate_nothing():
    with pytest.raises(DataError, match="3 cells"):
        Calibration.of(cells(3), command="c")
