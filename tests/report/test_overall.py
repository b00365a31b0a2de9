import numpy as np
import pytest

from tangentlab.report import reach_verdict


def test_the_average_is_over_settings_first_and_then_over_seeds(make):
    records = make(networks=("fake-lenet",), seeds=4)
    (overall,) = reach_verdict(records).overall
    per_seed = [
        np.mean(
            [
                r.readings["learners"]["network"]["test_accuracy"]
                - r.readings["learners"]["linear-init"]["test_accuracy"]
                for r in records
                if r.spec["seed"] == seed
            ]
        )
        for seed in range(4)
    ]
    assert overall.difference.n == 4
    assert overall.difference.mean == pytest.approx(np.mean(per_seed), abs=1e-12)
    assert overall.settings == 9


def test_the_level_rises_with_the_number_of_networks(make):
    one, two = (reach_verdict(make(networks=names)).overall for names in (("a",), ("a", "b")))
    assert one[0].difference.level == pytest.approx(0.95)
    assert {each.difference.level for each in two} == {0.975}


def test_a_setting_that_lacks_a_seed_is_left_out_of_the_average(make):
    (overall,) = reach_verdict(make(networks=("fake-mlp",), failing={("fake-mlp", 1000, 1)})).overall
    assert overall.settings == 6
    assert overall.difference.n == 3


def test_a_network_whose_every_setting_lacks_a_seed_has_no_average(make):
    failing = {("fake-mlp", size, seed) for size, seed in [(100, 0), (300, 1), (1000, 2)]}
    (overall,) = reach_verdict(make(networks=("fake-mlp",), failing=failing)).overall
    assert overall.difference is None
    assert overall.outcome == "cannot tell"


def test_a_lead_that_changes_hands_is_not_averaged_away(make):
    up = make(networks=("a",), seeds=5, gain=lambda _n, _t, samples: -0.06 if samples < 200 else 0.08)
    down = make(networks=("a",), seeds=5, gain=lambda _n, _t, samples: 0.08 if samples < 200 else -0.06)
    by_task = make(networks=("a",), seeds=5, gain=lambda _n, task, _s: 0.08 if task == "fake-group" else -0.06)
    found = [reach_verdict(records).overall[0] for records in (up, down, by_task)]
    assert [each.outcome for each in found] == ["crosses", "reversed", "mixed"]
    assert all(each.turn_stands for each in found)
    assert found[0].difference.mean > 0
