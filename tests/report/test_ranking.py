from dataclasses import replace

import pytest

from tangentlab.report import Comparison
from tangentlab.report.ranking import rank_tasks

TASKS = tuple(f"fake-{k}" for k in range(6))


def test_readings_that_follow_the_accuracies_agree(make):
    found = rank_tasks(Comparison.of(make(tasks=TASKS, networks=("fake-mlp",), gain=lambda *_: 0.0)))
    assert {(r.samples, r.predictor) for r in found} == {
        (n, name) for n in (100, 300, 1000) for name in ("alignment", "yᵀK⁻¹y")
    }
    assert {r.outcome for r in found} == {"agrees"}
    assert all(r.agreement.value == pytest.approx(1) for r in found)


def test_readings_in_the_opposite_order_disagree(make):
    def turned(record):
        anchors = record.readings["anchors"]
        init = anchors["init"] | {
            "alignment": {"trace_normalized": -anchors["init"]["alignment"]["trace_normalized"]}
        }
        return replace(record, readings=record.readings | {"anchors": anchors | {"init": init}})

    records = [turned(r) for r in make(tasks=TASKS, networks=("fake-mlp",), sizes=(100,), gain=lambda *_: 0.0)]
    outcomes = {r.predictor: r.outcome for r in rank_tasks(Comparison.of(records))}
    assert outcomes == {"alignment": "disagrees", "yᵀK⁻¹y": "agrees"}


@pytest.mark.parametrize("k", [1, 2, 3])
def test_fewer_than_four_tasks_cannot_tell_and_say_how_many_there_are(make, k):
    for ranking in rank_tasks(Comparison.of(make(tasks=TASKS[:k]))):
        assert ranking.outcome == "cannot tell"
        assert str(ranking).startswith(f"cannot tell: {k} task")


def test_four_tasks_in_perfect_order_still_cannot_tell(make):
    for ranking in rank_tasks(Comparison.of(make(tasks=TASKS[:4], gain=lambda *_: 0.0))):
        assert ranking.outcome == "cannot tell"
        assert "Spearman 1.00" in str(ranking)


def test_too_few_seeds_cannot_tell(make):
    found = rank_tasks(Comparison.of(make(tasks=TASKS, seeds=2)))
    assert {str(r) for r in found} == {"cannot tell: too few seeds (2)"}


def test_tasks_without_readings_are_left_out(make):
    records = [replace(r, readings={"learners": r.readings["learners"]}) for r in make(tasks=TASKS)]
    assert rank_tasks(Comparison.of(records)) == ()
