"""Claims of data scaling from made-up curves whose exponents are known."""

import math

import numpy as np
import pytest

from tangentlab.records import Record
from tangentlab.report import CLAIMS, judge
from tangentlab.report.pictures import pictures_of

CLAIM = tuple(claim for claim in CLAIMS if claim.study == "data-scaling")
SPEC = {"study": "data-scaling"}
ROWS = (100, 200, 400, 800, 1600)


def record(seed, curves, *, network="mlp", task="group:0-4", data="fashion-mnist", spread=0.0):
    """Errors given as functions of the number of rows; a seed multiplies each learner's exponent a little."""
    rng = np.random.default_rng(seed)
    luck = {name: 1 + spread * rng.normal() for name in curves}
    points = []
    for n in ROWS:
        learners = {}
        for name, curve in curves.items():
            error = curve(n) ** luck[name]
            found = {"test_error": error, "test_mistakes": round(2000 * error), "train_error": 0.0}
            learners[name] = found if name == "network" else found | {"ridgeless": dict(found)}
        points.append({"rows": n, "learners": learners})
    spec = {**SPEC, "network": network, "task": "halves", "seed": seed, "data": data}
    readings = {"test_rows": 2000, "task": task, "points": points}
    return Record(fingerprint=f"{network}-{data}-{seed}", kind="study", spec=spec, readings=readings)


def law(beta, scale=1.0):
    return lambda n: scale * n**-beta


def judged(*records):
    return {each.claim.id: each for each in judge([(SPEC, records)], claims=CLAIM)}


def test_a_network_with_the_larger_exponent_holds_what_the_paper_claims():
    curves = {
        "network": law(0.4),
        "initial": law(0.2),
        "infinite": law(0.25),
        "after": law(0.4),
        "after-constant": law(0.3),
    }
    found = judged(*(record(seed, curves, spread=0.02) for seed in range(5)))
    assert [found[name].verdict for name in ("CB1", "CB1-infinite", "CB4", "CB5")] == ["holds"] * 4
    assert found["CB1"].statistic.value == pytest.approx(0.2, abs=0.02)
    assert found["control-fashion"].verdict == "falls"
    assert "on 100 to 1,600 rows: network 0.1" in found["CB1"].statistic.words  # both ends: curves may cross


def test_equal_exponents_tell_nothing_and_leave_the_control_standing():
    curves = {
        "network": law(0.2),
        "initial": law(0.2),
        "infinite": law(0.2),
        "after": law(0.2),
        "after-constant": law(0.2),
    }
    found = judged(*(record(seed, curves, spread=0.05) for seed in range(5)))
    assert [found[name].verdict for name in ("CB1", "CB1-infinite", "CB4")] == ["cannot tell"] * 3
    assert found["control-fashion"].verdict == "holds"


def test_kernels_that_scale_better_bring_it_down():
    curves = {
        "network": law(0.2),
        "initial": law(0.4),
        "infinite": law(0.4),
        "after": law(0.2),
        "after-constant": law(0.4),
    }
    found = judged(*(record(seed, curves, spread=0.02) for seed in range(5)))
    assert [found[name].verdict for name in ("CB1", "CB1-infinite", "CB4")] == ["falls"] * 3


def test_that_settings_exist_is_read_from_the_best_one_at_a_stricter_level():
    good = {"network": law(0.4), "initial": law(0.2), "after-constant": law(0.3)}
    bad = {"network": law(0.2), "initial": law(0.4), "after-constant": law(0.4)}
    both = [record(s, good, spread=0.02) for s in range(5)]
    both += [record(s, bad, network="lenet", spread=0.02) for s in range(5)]
    found = judged(*both)
    assert found["CB1"].verdict == "holds"
    assert "best of 2 settings, its interval at 0.975" in found["CB1"].statistic.words
    alone = judged(*both[:5])["CB1"].statistic
    wider = found["CB1"].statistic
    assert wider.high - wider.low > alone.high - alone.low
    assert found["CB4"].verdict == "falls"  # a claim about all of them, and lenet's kernel gains faster
    assert found["CB4"].statistic.words.startswith("lenet on group:0-4")


def test_a_curve_with_a_floor_has_no_verdict():
    curves = {"network": lambda n: 0.08 + 20 / n, "initial": law(0.2)}
    found = judged(*(record(seed, curves, spread=0.02) for seed in range(5)))["CB1"]
    assert found.verdict == "cannot tell"
    assert found.statistic.low is None
    assert "the network's curve is not a power law" in found.statistic.words


def test_an_after_kernel_away_from_the_network_on_either_side_brings_its_claim_down():
    for factor in (0.75, 1.25):
        curves = {"network": law(0.2), "initial": law(0.2), "after": law(0.2, scale=factor)}
        found = judged(*(record(seed, curves) for seed in range(3)))["CB5"]
        assert found.verdict == "falls"
        assert f"{math.copysign(1, factor - 1) * found.statistic.value:+.4f}" in found.statistic.words


def test_the_negative_control_is_about_fashion_mnist():
    curves = {"network": law(0.2), "initial": law(0.2)}
    assert judged(*(record(s, curves, data="arrays") for s in range(3)))["control-fashion"].statistic is None


def test_figures_show_points_fits_exponents_and_residuals():
    curves = {"network": law(0.4), "initial": lambda n: 0.08 + 20 / n}
    drawn = pictures_of(SPEC, [record(seed, curves, spread=0.02) for seed in range(5)])
    scaling, ridgeless, exponents, residuals = drawn
    assert [figure.drawn for figure in drawn] == [True] * 4
    lines = [series for series in scaling.panels[0].series if series.thin]
    assert [line.name for line in lines] == ["network", "initial kernel"]
    assert lines[0].y[0] / lines[0].y[1] == pytest.approx(16**0.4, rel=0.05)
    assert [(tick[1]) for tick in exponents.panels[0].ticks] == [
        "network",
        "initial kernel",
        "initial kernel, ridgeless",
    ]
    assert exponents.panels[0].series[0].x[0] == pytest.approx(0.4, abs=0.02)
    assert "not a power law" in exponents.panels[0].series[1].notes[0]
    network = next(series for series in residuals.panels[0].series if series.name == "network")
    assert np.allclose(network.y, 0, atol=1e-9)
    assert ridgeless.key == "data-scaling-ridgeless"
