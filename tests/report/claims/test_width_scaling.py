"""Claims on width, from made-up curves and distances whose slopes are known."""

import math

import pytest

from tangentlab.records import Record
from tangentlab.report import CLAIMS, judge
from tangentlab.report.claims.width_scaling import off_half
from tangentlab.report.intervals import Interval
from tangentlab.report.pictures import pictures_of

CLAIM = {claim.id: claim for claim in CLAIMS if claim.study == "width-scaling"}
SPEC = {"study": "width-scaling"}
WIDTHS, ROWS = (16, 32, 64), (100, 200, 400, 800)


def record(seed, width, *, power=0.5, excess=0.0, network=0.3, initial=0.2):
    """Distance width^−(power + seed/1000); an infinite-width kernel that errs as the initial one less `excess`; power laws in rows."""
    wiggle = 1 + seed / 1000

    def errors(error):
        told = {"test_error": error * wiggle, "test_mistakes": round(2000 * error), "train_error": 0.0}
        return told | {"ridgeless": told}

    points = [
        {
            "rows": rows,
            "learners": {
                "network": errors(rows**-network),
                "initial": errors(rows**-initial),
                "infinite": errors(rows**-initial - excess / wiggle),
            },
        }
        for rows in ROWS
    ]
    distance = width ** -(power + seed / 1000)
    spec = {**SPEC, "network": f"mlp:width={width}", "architecture": "mlp", "width": width, "seed": seed}
    told = {"kernel_distance": distance**2 / 2, "relative": 2 * distance}
    readings = {"task": "group:0-4", "test_rows": 2000, "points": points, "to_infinite": told}
    return Record(fingerprint=f"{seed}-{width}", kind="study", spec=spec, readings=readings)


def judged(**changes):
    """`excess_at` gives the excess of each width."""
    excess = changes.pop("excess_at", {16: 0.03, 32: 0.02, 64: 0.01})
    records = [record(seed, width, excess=excess[width], **changes) for seed in range(4) for width in WIDTHS]
    return {each.claim.id: each for each in judge([(SPEC, records)], claims=tuple(CLAIM.values()))}


def test_they_hold_where_kernels_near_the_limit_and_the_network_gains_faster():
    found = judged()
    assert {each.verdict for each in found.values()} == {"holds"}
    assert found["CB3"].statistic.value == pytest.approx(0.02, rel=1e-9)
    assert found["CB3"].statistic.words == "mlp: +3.0 to +1.0 points above infinite width"
    assert found["CB3-exponent"].statistic.value == pytest.approx(0.1, rel=1e-9)
    assert "0.300 against 0.200" in found["CB3-exponent"].statistic.words


def test_they_fall_where_the_opposite_comes():
    found = judged(excess_at={16: 0.01, 32: 0.02, 64: 0.03}, power=1.0, network=0.2, initial=0.3)
    assert {each.verdict for each in found.values()} == {"falls"}
    assert found["CB3-distance"].statistic.value == pytest.approx(0.5015)  # slopes −1, −1.001, −1.002, −1.003
    assert found["CB3-distance"].statistic.words.startswith("mlp, slope −1.00, ")


def test_the_width_with_the_least_lead_decides():
    records = [
        record(seed, width, network=0.3 if width < 64 else 0.1 + seed / 50)
        for seed in range(4)
        for width in WIDTHS
    ]
    (found,) = judge([(SPEC, records)], claims=[CLAIM["CB3-exponent"]])
    assert (found.verdict, found.statistic.words.partition(",")[0]) == ("falls", "mlp:width=64")


def test_one_seed_or_two_widths_do_not_tell():
    alone = [record(0, width) for width in WIDTHS]
    assert {each.verdict for each in judge([(SPEC, alone)], claims=tuple(CLAIM.values()))} == {"cannot tell"}
    two = [record(seed, width) for seed in range(3) for width in WIDTHS[:2]]
    assert judge([(SPEC, two)], claims=[CLAIM["CB3-distance"]])[0].statistic is None


@pytest.mark.parametrize(
    ("bounds", "told"),
    [((-0.6, -0.45), (0.0, 0.1)), ((-1.0, -0.7), (0.2, 0.5)), ((-0.4, -0.1), (0.1, 0.4))],
)
def test_an_interval_of_a_slope_becomes_one_of_its_distance_from_a_half(bounds, told):
    low, high = bounds
    found = off_half(Interval((low + high) / 2, low, high, 3))
    assert (found.low, found.high) == pytest.approx(told)


def test_networks_without_a_width_are_in_no_claim():
    mine = record(0, 16)
    mine.spec.update(width=0, architecture="mine", network="mine")
    assert {each.statistic for each in judge([(SPEC, [mine])], claims=tuple(CLAIM.values()))} == {None}


def test_figures_have_the_distances_and_the_errors_at_each_width():
    records = [record(seed, width, excess=0.01) for seed in range(3) for width in WIDTHS]
    distance, error, curves = pictures_of(SPEC, records)
    turned, relative, slope = distance.panels[0].series
    assert turned.x == (16.0, 32.0, 64.0)
    assert relative.y[0] == pytest.approx(2 * turned.y[0])
    assert slope.y[2] == pytest.approx(slope.y[0] / 2)
    assert error.panels[0].title == "mlp, 800 rows"
    by_name = {series.name: series for series in error.panels[0].series}
    mean = 800**-0.3 * 1.001
    assert by_name["network"].y == pytest.approx((mean,) * 3)
    assert len(curves.panels) == 3
    assert math.isclose(by_name["initial kernel"].y[0] - by_name["infinite-width kernel"].y[0], 0.01, rel_tol=1e-9)
