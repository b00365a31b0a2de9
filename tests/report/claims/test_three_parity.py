"""The control is read at 2,000 rows, near-ridgeless, and its third part needs both distances."""

from tangentlab.records import Record
from tangentlab.report import CLAIMS, judge
from tangentlab.report.pictures import pictures_of

CLAIM = {claim.id: claim for claim in CLAIMS if claim.study == "three-parity"}
SPEC = {"study": "three-parity"}


def record(seed, rows=2000, **errors):
    """Made-up errors; kernels have theirs near-ridgeless, and 0.5 under the other rule."""
    learners = {}
    for name, error in errors.items():
        own = {"test_error": error, "test_mistakes": round(2000 * error), "train_error": 0.0}
        name = name.replace("_", "-")
        ridged = {"test_error": 0.5, "test_mistakes": 1000, "train_error": 0.0, "ridgeless": own}
        learners[name] = own if name == "network" else ridged
    spec = {**SPEC, "network": "mlp", "seed": seed, "samples": rows}
    points = [{"rows": rows, "learners": learners}]
    readings = {"test_rows": 2000, "task": "parity:3,30", "points": points}
    return Record(fingerprint=f"{seed}-{rows}", kind="study", spec=spec, readings=readings)


def verdicts(records):
    return {each.claim.id: each for each in judge([(SPEC, records)], claims=tuple(CLAIM.values()))}


def test_they_hold_where_the_network_is_far_ahead_and_the_constant_kernel_between():
    found = verdicts(
        [
            record(seed, network=0.0, initial=0.45 + seed / 100, after=0.001, after_constant=0.3)
            for seed in range(4)
        ]
    )
    assert {each.verdict for each in found.values()} == {"holds"}
    assert abs(found["control-parity"].statistic.value - 0.465) < 1e-9
    assert abs(found["control-parity-constant"].statistic.value - 0.165) < 1e-9
    assert "held-out rows 0.500" in found["control-parity"].statistic.words


def test_a_constant_kernel_as_bad_as_the_initial_one_is_not_between():
    worse = [record(seed, network=0.0, initial=0.45, after=0.0, after_constant=0.47) for seed in range(4)]
    assert verdicts(worse)["control-parity-constant"].verdict == "falls"
    level = [
        record(seed, network=0.0, initial=0.45, after=0.0, after_constant=0.45 + (-1) ** seed / 50)
        for seed in range(4)
    ]
    assert verdicts(level)["control-parity-constant"].verdict == "cannot tell"


def test_an_after_kernel_that_errs_brings_its_claim_down():
    found = verdicts([record(seed, network=0.0, initial=0.45, after=0.2, after_constant=0.3) for seed in range(4)])
    assert found["control-parity-after"].verdict == "falls"


def test_a_network_no_better_than_its_kernel_brings_the_control_down():
    found = verdicts(
        [record(seed, network=0.45, initial=0.45, after=0.4, after_constant=0.4) for seed in range(4)]
    )
    assert found["control-parity"].verdict == "falls"


def test_other_numbers_of_rows_tell_nothing():
    found = verdicts([record(seed, rows=500, network=0.0, initial=0.5, after=0.0) for seed in range(4)])
    assert {each.verdict for each in found.values()} == {"cannot tell"}


def test_the_figure_has_a_line_for_each_learner_and_a_figure_for_each_rule():
    records = [record(seed, rows=rows, network=0.125, initial=0.375) for seed in range(3) for rows in (500, 1000)]
    ridgeless, chosen = pictures_of(SPEC, records)
    (panel,) = ridgeless.panels
    assert [(series.name, series.x, series.y) for series in panel.series] == [
        ("network", (500.0, 1000.0), (0.125, 0.125)),
        ("initial kernel", (500.0, 1000.0), (0.375, 0.375)),
    ]
    assert chosen.panels[0].series[1].y == (0.5, 0.5)
