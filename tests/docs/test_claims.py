"""The page of claims is what its command writes from what it keeps, and no claim or experiment is missing on it."""

import importlib.util
import json
from pathlib import Path

import pytest

from tangentlab.experiments import STUDIES
from tangentlab.report import CLAIMS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def claims():
    spec = importlib.util.spec_from_file_location("make_claims", ROOT / "docs" / "make_claims.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_its_command_writes(claims):
    kept = json.loads(claims.KEPT.read_text(encoding="utf-8"))
    assert claims.PAGE.read_text(encoding="utf-8") == claims.page(kept)


def test_no_claim_and_no_experiment_is_missing(claims):
    small = json.loads(claims.KEPT.read_text(encoding="utf-8"))["small"]
    assert [row["id"] for row in small["claims"]] == [claim.id for claim in CLAIMS]
    assert [run["study"] for run in small["runs"]] == list(STUDIES)
    assert not any(run["failed"] for run in small["runs"])


def test_verdicts_on_the_page_are_those_that_the_numbers_give():
    small = json.loads((ROOT / "docs" / "claims.json").read_text(encoding="utf-8"))["small"]
    by_id = {claim.id: claim for claim in CLAIMS}
    for row in small["claims"]:
        claim = by_id[row["id"]]
        assert (row["relation"], row["threshold"]) == (">=" if claim.above else "<=", claim.threshold)
        if row["low"] is not None and claim.above:
            assert (row["verdict"] == "holds") == (row["low"] >= claim.threshold)
        elif row["low"] is not None:
            assert (row["verdict"] == "holds") == (row["high"] <= claim.threshold)
