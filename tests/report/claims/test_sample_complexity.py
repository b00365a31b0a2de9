"""CA3 and its parts from made-up records in which the answer is known."""

import pytest

from tangentlab.records import Record
from tangentlab.report import CLAIMS, judge
from tangentlab.report.pictures import pictures_of

SPEC = {"study": "sample-complexity"}
ROWS = (100, 400, 1600)


def record(task, seed, leads, *, network="mlp"):
    """The lead of the network at each number of rows, give or take a thousandth a seed."""
    points = []
    for rows, lead in zip(ROWS, leads):
        errors = {"network": 0.2 - lead - 0.001 * seed, "linearization": 0.2, "initial": 0.25}
        learners = {
            name: {"test_error": error, "test_mistakes": round(1000 * error), "train_error": 0.0}
            for name, error in errors.items()
        }
        learners["initial"]["ridgeless"] = learners["initial"] | {}
        points.append({"rows": rows, "learners": learners})
    spec = {**SPEC, "network": network, "task": task, "seed": seed, "data": "made up"}
    readings = {"task": task, "test_rows": 1000, "points": points}
    return Record(fingerprint=f"{network}{task[:5]}{seed}", kind="study", spec=spec, readings=readings)


def records(natural, eigenfunction, **where):
    told = {"group:0-4": natural, "eigenfunction:30": eigenfunction}
    return [record(task, seed, leads, **where) for task, leads in told.items() for seed in range(3)]


def judged(held):
    own = [claim for claim in CLAIMS if claim.study == "sample-complexity"]
    return {each.claim.id: each for each in judge([(SPEC, held)], claims=own)}


def test_all_hold_where_the_lead_turns_with_the_family():
    found = judged(records((-0.03, 0.0, 0.03), (-0.05, -0.1, -0.15)))
    assert {each.verdict for each in found.values()} == {"holds"}
    assert found["CA3"].statistic.value == pytest.approx(0.031)
    assert found["CA3b"].statistic.value == pytest.approx(-0.149)
    assert found["CA3c"].statistic.value == pytest.approx(0.06)


def test_a_network_behind_on_natural_labels_or_ahead_on_an_eigenfunction_falls():
    found = judged(records((0.0, -0.02, -0.05), (0.0, 0.02, 0.05)))
    assert {each.verdict for each in found.values()} == {"falls"}


def test_a_little_behind_counts_as_level_and_the_weakest_network_decides():
    ahead, level = (0.0, 0.02, 0.04), (0.0, 0.0, -0.005)
    held = [*records(ahead, (0.0, 0.0, -0.1)), *records(level, (0.0, 0.0, -0.1), network="lenet")]
    found = judged(held)
    assert found["CA3"].verdict == "holds"
    assert "lenet" in found["CA3"].statistic.words
    assert found["CA3c"].verdict != "holds"


def test_one_seed_cannot_tell():
    held = [record("group:0-4", 0, (-0.03, 0.0, 0.03)), record("eigenfunction:30", 0, (-0.05, -0.1, -0.15))]
    assert {each.verdict for each in judged(held).values()} == {"cannot tell"}


def test_the_crossing_is_marked_where_there_is_one():
    lead = pictures_of(SPEC, records((-0.03, -0.01, 0.03), (-0.05, -0.1, -0.15)))[0]
    natural, eigenfunction = lead.panels
    (crossing,) = [series for series in natural.series if series.name == "crossing"]
    assert 400 < crossing.x[0] < 1600
    assert [series.name for series in eigenfunction.series] == ["network − linearization"]
    assert all(figure.drawn for figure in pictures_of(SPEC, records((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))))
