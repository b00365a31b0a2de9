"""Claims of the kernel through time from made-up readings."""

import pytest

from tangentlab.records import Record
from tangentlab.report import CLAIMS, judge
from tangentlab.report.pictures import pictures_of

CLAIM = tuple(claim for claim in CLAIMS if claim.study == "kernel-through-time")
SPEC = {"study": "kernel-through-time"}


def record(seed, *, kernel, network, from_end, task="parity:3,30"):
    """Readings at steps 0, 10 (the middle, and epoch 1), 30 (epoch 3) and 100 (the end)."""
    readings = []
    for place, step in enumerate((0, 10, 30, 100)):
        errors = {"test_error": kernel[place] + seed / 1000, "test_mistakes": 1, "train_error": 0.0, "ridge": 0.1}
        readings.append(
            {
                "step": step,
                "epoch": step / 10,
                "network": {"test_error": network[place] + seed / 1000},
                "kernel": errors | {"ridgeless": errors},
                "from_start": 1 - from_end[place],
                "from_end": from_end[place],
                "alignment": {"centered": 0.1 * place},
            }
        )
    found = {
        "task": task,
        "test_rows": 2000,
        "steps": 100,
        "steps_per_epoch": 10,
        "middle": 10,
        "readings": readings,
    }
    spec = {**SPEC, "network": "mlp", "seed": seed}
    return Record(fingerprint=f"{task.partition(':')[0]}-{seed}", kind="study", spec=spec, readings=found)


def judged(*records):
    return {each.claim.id: each for each in judge([(SPEC, records)], claims=CLAIM)}


MOVING = {"kernel": (0.5, 0.4, 0.3, 0.1), "network": (0.5, 0.5, 0.4, 0.1), "from_end": (0.5, 0.4, 0.3, 0.0)}
SETTLED = {"kernel": (0.5, 0.1, 0.1, 0.1), "network": (0.5, 0.1, 0.1, 0.05), "from_end": (0.5, 0.1, 0.01, 0.0)}


def test_a_kernel_that_moves_all_the_time_holds_all_three():
    found = judged(*(record(seed, **MOVING) for seed in range(3)))
    assert {each.verdict for each in found.values()} == {"holds"}
    assert found["CB6"].statistic.value == pytest.approx(0.3)
    assert found["CB6-turn"].statistic.value == pytest.approx(0.6)
    assert found["CB6-lead"].statistic.value == pytest.approx((0.1 + 0.1 + 0.0) / 3)


def test_a_kernel_that_settles_early_brings_them_down():
    found = judged(*(record(seed, **SETTLED) for seed in range(3)))
    assert found["CB6"].verdict == "cannot tell"  # no gain at all: its interval is a test row wide on either side
    assert found["CB6-turn"].verdict == "falls"
    assert found["CB6-lead"].verdict == "falls"


def test_the_setting_that_speaks_least_for_it_decides():
    both = [record(seed, **MOVING) for seed in range(3)]
    both += [record(seed, **SETTLED, task="group:0-4") for seed in range(3)]
    found = judged(*both)
    assert found["CB6-turn"].verdict == "falls"
    assert found["CB6-turn"].statistic.words == "mlp, group:0-4, the weakest of 2 settings"


def test_the_lead_at_the_start_counts_for_nothing():
    """Before the first epoch a kernel is ahead of any untrained network."""
    early = {**MOVING, "network": (0.9, 0.4, 0.3, 0.1)}
    assert judged(*(record(seed, **early) for seed in range(3)))["CB6-lead"].statistic.value == pytest.approx(0)


def test_figures_have_errors_distances_and_alignment():
    errors, turn, alignment = pictures_of(SPEC, [record(seed, **MOVING) for seed in range(3)])
    network, kernel, ridgeless = errors.panels[0].series
    assert network.y == pytest.approx((0.501, 0.501, 0.401, 0.101))
    assert kernel.y == ridgeless.y == pytest.approx((0.501, 0.401, 0.301, 0.101))
    assert turn.panels[0].series[1].y == pytest.approx(MOVING["from_end"])
    assert alignment.panels[0].series[0].y == pytest.approx((0, 0.1, 0.2, 0.3))
    assert network.x[1:] == (10.0, 30.0, 100.0)
    assert errors.x.ticks[0][1] == "0"
