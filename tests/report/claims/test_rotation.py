"""CA6 from made-up records in which the answer is known, and the heat map of them."""

import pytest

from tangentlab.records import Record
from tangentlab.report import CLAIMS, judge
from tangentlab.report.pictures import images_of, pictures_of

SPEC = {"study": "rotation"}


def target(index, *, growth=4.0, held_out=3.0, ranks=(10, 4), neighbours=1.0):
    part = {
        "ratio": 50.0,
        "normalized": growth,
        "rank_before": ranks[0],
        "rank_after": ranks[1],
        "neighbours": 1.0,
    }
    return {
        "index": index,
        "all": part,
        "train": part,
        "held_out": {**part, "normalized": held_out, "neighbours": neighbours},
        "path": {
            "steps": [1, 10],
            "first": [0, 1, 4],
            "medians": [[0.0, 0.0, 0.0], [1.0, -2.0, 0.5]],
            "target": [0.1, 2.0],
        },
    }


def record(network, seed, *targets):
    spec = {**SPEC, "network": network, "seed": seed, "data": "made up"}
    return Record(fingerprint=f"{network}{seed}", kind="study", spec=spec, readings={"targets": list(targets)})


def judged(records):
    own = [claim for claim in CLAIMS if claim.study == "rotation"]
    return {each.claim.id: each for each in judge([(SPEC, records)], claims=own)}


def test_all_hold_where_the_target_gains():
    found = judged([record("mlp", seed, target(10), target(100, growth=8.0)) for seed in range(3)])
    assert {each.verdict for each in found.values()} == {"holds"}
    assert found["CA6"].statistic.value == pytest.approx(4.0)
    assert found["CA6b"].statistic.value == pytest.approx(3.0)
    assert found["CA6c"].statistic.value == pytest.approx(0.6)


def test_means_of_ratios_are_geometric():
    found = judged([record("mlp", seed, target(10, growth=growth)) for seed, growth in enumerate((2.0, 8.0, 4.0))])
    assert found["CA6"].statistic.value == pytest.approx(4.0)
    assert found["CA6"].verdict == "cannot tell"  # Student's interval of three such logarithms is wide


def test_the_weakest_target_decides():
    found = judged(
        [record("mlp", seed, target(10), target(100, growth=1.1, ranks=(100, 120))) for seed in range(3)]
    )
    assert found["CA6"].verdict == "falls"
    assert found["CA6"].statistic.words == "mlp, eigenfunction 100"
    assert found["CA6c"].verdict == "falls"


def test_growing_no_more_than_those_beside_it_is_no_rotation_along_one_axis():
    found = judged([record("mlp", seed, target(10, neighbours=6.0)) for seed in range(3)])
    assert (found["CA6b"].verdict, found["CA6d"].verdict) == ("holds", "falls")


def test_pictures_show_the_target_apart_from_the_groups():
    records = [record("mlp", seed, target(3)) for seed in range(3)]
    (heat,) = images_of(SPEC, records)
    assert "φ3" in heat.svg
    assert "÷4" in heat.svg  # the scale reaches as far as the strongest cell
    end, way = pictures_of(SPEC, records)
    assert end.panels[0].series[1].y == (pytest.approx(4.0),)
    assert way.panels[0].series[1].y == pytest.approx((1.0, 0.25))  # the group of indices 1 to 3


def test_seeds_with_other_groups_of_indices_are_in_the_picture_too():
    other = target(10)
    other["path"] = {
        "steps": [1, 10],
        "first": [0, 1, 3, 9],
        "medians": [[0.0] * 4, [3.0, -2.0, 4.0, 9.0]],
        "target": [0.1, 2.0],
    }
    end = pictures_of(SPEC, [record("mlp", 0, target(10)), record("mlp", 1, other)])[0]
    panel = end.panels[0]
    assert "2 seeds" in panel.title
    # Groups from 0, 1 and 4: the middle of the last, 5, lies in the other's third; 2 to the power 2.25 is in between.
    others = panel.series[0]
    assert [round(value, 3) for value in others.y] == [round(2.0**m, 3) for m in (2.0, -2.0, 2.25)]
