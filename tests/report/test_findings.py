import pytest

from tangentlab.report import Comparison
from tangentlab.report.findings import find, main_opponent
from tangentlab.report.intervals import paired_difference


def test_each_setting_has_one_finding_paired_by_seed(records):
    comparison = Comparison.of(records)
    found = find(comparison, "linear-end")
    assert [f.setting for f in found] == list(comparison.settings)
    for finding in found:
        ours, theirs = (comparison.accuracies(finding.setting, name) for name in ("network", "linear-end"))
        assert finding.difference == paired_difference(ours, theirs, resolution=1 / 500)


def test_a_large_gap_is_found_and_stands(make):
    found = find(Comparison.of(make(gain=lambda *_: 0.05)), "linear-init")
    assert {f.outcome for f in found} == {"ahead"}
    assert all(f.stands for f in found)
    assert {f.outcome for f in find(Comparison.of(make(gain=lambda *_: -0.05)), "linear-init")} == {"behind"}


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_seeds_cannot_tell(make, seeds):
    found = find(Comparison.of(make(seeds=seeds, gain=lambda *_: 0.2)), "linear-init")
    assert {(f.outcome, f.reason, f.stands) for f in found} == {("cannot tell", "too few seeds", False)}


def test_two_seeds_do_not_stand_even_where_their_p_is_small(make):
    (found,) = find(Comparison.of(make(("a",), ("b",), (100,), seeds=2, gain=lambda *_: 0.3)), "linear-init")
    assert found.difference.p < 0.05
    assert (found.outcome, found.stands) == ("cannot tell", False)


def test_what_stands_after_holm_was_decided_before(make):
    found = find(Comparison.of(make(seeds=5)), "linear-init")
    assert any(f.stands for f in found)
    assert any(f.outcome != "cannot tell" and not f.stands for f in found)
    assert all(f.outcome != "cannot tell" for f in found if f.stands)


def test_the_main_opponent_is_linear_init_or_the_next_best(make):
    for learners, main in [
        (("network", "ridge-end", "linear-init"), "linear-init"),
        (("network", "ridge-end", "linear-end"), "linear-end"),
        (("network",), None),
    ]:
        assert main_opponent(Comparison.of(make(learners=learners, seeds=1))) == main
