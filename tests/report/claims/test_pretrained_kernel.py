"""CA7 from made-up records in which the answer is known."""

import pytest

from tangentlab.records import Record
from tangentlab.report import CLAIMS, judge
from tangentlab.report.pictures import pictures_of

SPEC = {"study": "pretrained-kernel"}


def learner(accuracy, loss, steps=None):
    curve = {
        "steps": [1, 10],
        "train_loss": [0.7, loss],
        "test_loss": [0.7, loss],
        "test_accuracy": [0.5, accuracy],
    }
    counted = {"0.5": steps, "0.1": None if steps is None else 4 * steps}
    return {"test_accuracy": accuracy, "train_loss": loss, "curve": curve, "steps": counted}


def record(network, seed, *, end=(0.80, 0.01), matched=0.04, fast=30, start=(0.95, 0.16), index=10):
    learners = {
        "network": learner(0.81 + 0.001 * seed, 0.05),
        "linear-init": learner(*start, steps=90),
        "linear-end": learner(*end),
        "linear-end-matched": learner(end[0], matched, steps=fast),
    }
    spec = {**SPEC, "network": network, "seed": seed, "data": "made up"}
    readings = {"tasks": [{"index": index, "learners": learners}]}
    return Record(fingerprint=f"{network}{seed}", kind="study", spec=spec, readings=readings)


def judged(records):
    own = [claim for claim in CLAIMS if claim.study == "pretrained-kernel"]
    return {each.claim.id: each for each in judge([(SPEC, records)], claims=own)}


def test_all_hold_where_they_should():
    found = judged([record(network, seed) for network in ("mlp", "lenet") for seed in range(3)])
    assert {each.verdict for each in found.values()} == {"holds"}
    assert found["CA7"].statistic.value == pytest.approx(1 / 16)
    assert found["CA7b"].statistic.value == pytest.approx(0.011)
    assert found["CA7c"].statistic.value == pytest.approx(0.15)
    assert found["CA7d"].statistic.value == pytest.approx(0.25)
    assert found["CA7e"].statistic.value == pytest.approx(1 / 3)


def test_growth_alone_is_found_out_by_the_matched_rate():
    found = judged([record("mlp", seed, matched=0.16, fast=90) for seed in range(3)])
    assert [found[name].verdict for name in ("CA7", "CA7d", "CA7e")] == ["holds", "falls", "falls"]


def test_an_after_kernel_that_generalizes_better_than_its_network_does_not_test_like_it():
    found = judged([record("mlp", seed, end=(0.95, 0.01)) for seed in range(3)])
    assert (found["CA7b"].verdict, found["CA7c"].verdict) == ("falls", "falls")


def test_differences_of_either_sign_do_not_cancel():
    records = [record("mlp", seed, end=(0.81 + (-1) ** seed * 0.08, 0.01)) for seed in range(4)]
    assert judged(records)["CA7b"].verdict == "falls"


def test_curves_are_drawn_for_every_learner_and_task():
    records = [record("mlp", seed, index=index) for seed in range(3) for index in (10,)]
    test, train, _ = pictures_of(SPEC, records)
    assert [panel.title for panel in test.panels] == ["mlp, φ10"]
    assert len(test.panels[0].series) == 4
    assert train.panels[0].series[2].y == pytest.approx((0.7, 0.01))
