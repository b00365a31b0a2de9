import math

import pytest

from tangentlab.report import Setting
from tangentlab.report.crossing import find_crossing, rounded
from tangentlab.report.findings import Finding
from tangentlab.report.intervals import Interval


def curve(*differences, width=0.01, n=3, sizes=(100, 1000, 10_000, 100_000), stands=True):
    return [
        Finding(Setting("mlp", "a", size), "linear-init", Interval(d, d - width, d + width, n), stands=stands)
        for size, d in zip(sizes, differences)
    ]


def test_a_crossing_is_interpolated_in_the_logarithm_of_the_size():
    found = find_crossing(curve(-0.03, 0.01 + 1e-9))
    assert (found.state, found.low, found.high) == ("crosses", 100, 1000)
    assert math.log10(found.samples) == pytest.approx(2.75, abs=1e-6)


def test_undecided_sizes_between_widen_the_bracket_and_place_the_crossing():
    found = find_crossing(curve(-0.03, -0.005, 0.005, 0.03))
    assert (found.low, found.high) == (100, 100_000)
    assert found.samples == pytest.approx(10**3.5)
    assert str(found) == "about 3,200 samples (between 100 and 100,000)"


def test_the_order_of_the_findings_does_not_matter():
    findings = curve(-0.03, -0.005, 0.005, 0.03)
    assert find_crossing(findings[::-1]) == find_crossing(findings)


@pytest.mark.parametrize(
    ("differences", "said"),
    [
        ((0.02, 0.03), "not within range: ahead already at 100"),
        ((0.02, 0.001), "not within range: ahead already at 100"),
        ((-0.02, -0.03), "not within range: still behind at 1,000"),
        ((0.001, 0.03), "cannot tell"),
        ((-0.03, 0.001), "cannot tell"),
        ((0.0, 0.0), "cannot tell"),
        ((0.03, -0.03), "none: the lead is lost between 100 and 1,000"),
        ((-0.03, 0.03, -0.03), "cannot tell"),
    ],
)
def test_without_a_size_behind_and_a_later_one_ahead_there_is_no_crossing(differences, said):
    found = find_crossing(curve(*differences))
    assert found.samples is None
    assert str(found) == said


def test_too_few_seeds_show_no_crossing():
    assert str(find_crossing(curve(-0.5, 0.5, n=2))) == "cannot tell"


def test_a_crossing_stands_only_if_both_its_sides_do():
    findings = curve(-0.03, 0.03)
    assert find_crossing(findings).stands
    assert not find_crossing([findings[0], *curve(-0.03, 0.03, stands=False)[1:]]).stands


@pytest.mark.parametrize(("samples", "told"), [(99.6, 100), (101.2, 100), (436, 440), (3.2, 3), (98765, 99000)])
def test_two_digits_are_told(samples, told):
    assert rounded(samples) == told
