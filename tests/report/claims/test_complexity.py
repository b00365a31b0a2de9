"""CA4 and its parts from made-up records in which the answer is known."""

import pytest

from tangentlab.records import Record
from tangentlab.report import CLAIMS, judge
from tangentlab.report.pictures import pictures_of

SPEC = {"study": "complexity"}
ALIGNMENT = (20.0, 5.0, 2.0, 0.5, 0.1, 0.01)
SEEDS = 6
NORM = (5.0, 8.0, 15.0, 20.0, 22.0, 23.0)
ACCURACY = (0.98, 0.95, 0.91, 0.81, 0.72, 0.66)


def told(kind, name, alignment, norm, accuracy):
    return {
        "kind": kind,
        "index": int(name.partition(":")[2]) if kind == "eigenfunction" else None,
        "task": name,
        "alignment": {"unbiased": alignment, "trace_normalized": 0.1, "target": 0.2, "centered": 0.3},
        "norm": norm,
        "normalized": norm,
        "energy": 0.5,
        "learners": {learner: {"test_accuracy": accuracy} for learner in ("network", "linear-init")},
    }


def record(network, seed, *, alignment=ALIGNMENT, norm=NORM, natural=0.9, random=(-0.05, 0.51)):
    noise = 0.001 * seed
    tasks = [
        told("natural", "group:0-4", 20.0, 12.0, natural + noise),
        told("random", "random:2", random[0] * (1 + noise), 50.0, random[1] + noise),
        *(
            told("eigenfunction", f"eigenfunction:{place}", alignment[place], norm[place], ACCURACY[place])
            for place in range(len(ACCURACY))
        ),
    ]
    spec = {**SPEC, "network": network, "seed": seed, "data": "made up"}
    return Record(fingerprint=f"{network}{seed}", kind="study", spec=spec, readings={"tasks": tasks, "top": 50})


def judged(records):
    own = [claim for claim in CLAIMS if claim.study == "complexity"]
    return {each.claim.id: each for each in judge([(SPEC, records)], claims=own)}


def test_all_hold_where_they_should():
    found = judged([record(network, seed) for network in ("mlp", "lenet") for seed in range(SEEDS)])
    assert {each.verdict for each in found.values()} == {"holds"}
    assert found["CA4"].statistic.value == pytest.approx(1.0)
    assert found["CA4b"].statistic.value == pytest.approx(0.05 / 20, rel=1e-2)
    assert found["CA4d"].statistic.value == pytest.approx(0.98 - 0.9 - 0.0025)  # a thousandth a seed


def test_a_norm_in_another_order_brings_the_first_down():
    found = judged([record("mlp", seed, norm=NORM[::-1]) for seed in range(SEEDS)])
    assert found["CA4"].verdict == "falls"
    assert "norm" in found["CA4"].statistic.words


def test_random_labels_with_alignment_of_either_sign_or_learnt_fall():
    for alignment in (-4.0, 4.0):
        found = judged([record("mlp", seed, random=(alignment, 0.7)) for seed in range(SEEDS)])
        assert (found["CA4b"].verdict, found["CA4c"].verdict) == ("falls", "falls")


def test_natural_labels_learnt_as_their_alignment_says_bring_the_last_down():
    assert judged([record("mlp", seed, natural=0.98) for seed in range(SEEDS)])["CA4d"].verdict == "falls"


def test_one_seed_cannot_tell_and_norms_that_were_not_computed_are_left_out():
    assert {each.verdict for each in judged([record("mlp", 0)]).values()} == {"cannot tell"}
    found = judged([record("mlp", seed, norm=(None,) * 6) for seed in range(SEEDS)])
    assert found["CA4"].verdict == "holds"
    assert "alignment" in found["CA4"].statistic.words


def test_random_labels_are_left_out_of_an_axis_that_has_no_place_for_them():
    figures = pictures_of(SPEC, [record("mlp", seed) for seed in range(SEEDS)])
    assert all(figure.drawn for figure in figures)
    by_key = {figure.key: figure for figure in figures}
    assert not any("random" in name for name, _ in by_key["complexity"].legend)
    assert any("random" in name for name, _ in by_key["complexity-norm"].legend)
