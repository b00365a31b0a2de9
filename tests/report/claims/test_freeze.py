"""Claims of the intervention, from made-up errors on three-parity; other tasks are drawn and decide nothing."""

import pytest

from tangentlab.records import Record
from tangentlab.report import CLAIMS, judge
from tangentlab.report.pictures import pictures_of

CLAIM = {claim.id: claim for claim in CLAIMS if claim.study == "freeze"}
SPEC = {"study": "freeze"}
NETWORK = {0: 0.5, 2: 0.48, 4: 0.4, 5: 0.0, 20: 0.0}


def record(seed, frozen, *, network=NETWORK, task="parity:3,30", tenth=5):
    """Errors when frozen at each epoch, and of the network at each of them; the last is its end."""
    freezings = [
        {
            "epoch": epoch,
            "network": {"test_error": network[epoch]},
            "frozen": {"test_error": error + (seed / 1000 if epoch == 0 else 0)},
            "kernel_distance": epoch / 100,
        }
        for epoch, error in frozen.items()
    ]
    readings = {"task": task, "test_rows": 2000, "tenth": tenth, "freezings": freezings}
    readings["network"] = {"test_error": network[max(network)]}
    spec = {**SPEC, "network": "mlp", "seed": seed, "task": task}
    return Record(fingerprint=f"{seed}-{task[0]}", kind="study", spec=spec, readings=readings)


def judged(*records):
    return {each.claim.id: each for each in judge([(SPEC, records)], claims=tuple(CLAIM.values()))}


def test_they_hold_where_the_kernel_learns_first():
    frozen = {0: 0.45, 2: 0.4, 4: 0.2, 5: 0.01, 20: 0.0}
    found = judged(*(record(seed, frozen) for seed in range(3)))
    assert {each.verdict for each in found.values()} == {"holds"}
    assert found["freeze"].statistic.value == pytest.approx(0.441)
    assert found["freeze-keeps"].statistic.value == pytest.approx(0.01)
    assert found["freeze-lead"].statistic.value == pytest.approx(0.251)  # at epoch 4, the last before 5


def test_a_start_that_learns_as_well_brings_the_need_down():
    found = judged(*(record(seed, {0: 0.02, 4: 0.0, 5: 0.0}) for seed in range(3)))
    assert (found["freeze"].verdict, found["freeze-keeps"].verdict) == ("falls", "holds")
    assert found["freeze-lead"].verdict == "falls"


def test_a_late_kernel_that_errs_does_not_keep_the_error():
    found = judged(*(record(seed, {0: 0.5, 4: 0.4, 5: 0.15}) for seed in range(3)))
    assert found["freeze-keeps"].verdict == "falls"


def test_a_network_that_has_learnt_at_once_gives_no_lead():
    flat = dict.fromkeys(NETWORK, 0.1)
    found = judged(*(record(seed, {0: 0.5, 5: 0.1}, network=flat) for seed in range(3)))
    assert found["freeze-lead"].statistic is None


def test_other_tasks_decide_nothing():
    found = judged(*(record(seed, {0: 0.5, 5: 0.0}, task="group:0-4") for seed in range(3)))
    assert {each.statistic for each in found.values()} == {None}


def test_the_figures_have_both_tasks_with_the_start_on_a_log_axis():
    frozen = {0: 0.4, 2: 0.3, 5: 0.0}
    records = [record(seed, frozen, task=task) for seed in range(3) for task in ("parity:3,30", "group:0-4")]
    errors, distance = pictures_of(SPEC, records)
    assert [panel.title for panel in errors.panels] == ["mlp, parity:3,30", "mlp, group:0-4"]
    linear, network, end = errors.panels[0].series
    assert linear.x == (0.5, 2.0, 5.0)
    assert linear.y == pytest.approx((0.401, 0.3, 0.0))
    assert network.y == pytest.approx((0.5, 0.48, 0.0))
    assert end.y == pytest.approx((0.0, 0.0, 0.0))
    assert distance.panels[0].series[0].y == pytest.approx((0.0, 0.02, 0.05))
