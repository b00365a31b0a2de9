"""CA1, CA2 and CA5 from made-up records in which the answer is known."""

import pytest

from tangentlab.records import Record
from tangentlab.report import CLAIMS, judge
from tangentlab.report.claims.eigenfunctions import common_level
from tangentlab.report.pictures import pictures_of

SPEC = {"study": "eigenfunctions"}
INDICES = (1, 3, 10, 30, 100, 300)
NETWORK = (0.97, 0.93, 0.88, 0.78, 0.75, 0.65)
LINEAR = (0.98, 0.97, 0.96, 0.94, 0.90, 0.70)


def learner(accuracy, place, *, train=1.0, steps=None, travelled=1.0, slow=5):
    reached = 10 * (place + 1) if steps is None else steps[place]
    return {
        "test_accuracy": accuracy,
        "train_accuracy": train,
        "distance": 9.0 + travelled * place,
        "steps": {"0.5": 5 if reached else slow, "0.2": reached},
    }


def record(network, seed, *, ours=NETWORK, theirs=LINEAR, **rest):
    noise = 0.001 * seed
    tasks = [
        {
            "index": index,
            "learners": {
                "network": learner(ours[place] + noise, place, **rest),
                "linear-init": learner(theirs[place] - noise, place),
            },
        }
        for place, index in enumerate(INDICES)
    ]
    spec = {**SPEC, "network": network, "seed": seed, "data": "made up"}
    return Record(
        fingerprint=f"{network}{seed}", kind="study", spec=spec, readings={"tasks": tasks, "steps_per_epoch": 10}
    )


def judged(records):
    own = [claim for claim in CLAIMS if claim.study == "eigenfunctions"]
    return {each.claim.id: each for each in judge([(SPEC, records)], claims=own)}


def test_all_hold_where_they_should():
    found = judged([record(network, seed) for network in ("mlp", "lenet") for seed in range(5)])
    assert {each.verdict for each in found.values()} == {"holds"}
    assert found["CA1"].statistic.value == -1.0
    # one exchange of neighbours among six is 12 / 210, a step whose rounding deviates by that over the root of 12;
    # Student's t of five seeds is 2.776
    assert found["CA1"].statistic.high == pytest.approx(-1 + 2.7764 * 12 / 210 / 12**0.5 / 5**0.5, abs=1e-4)
    # indices 30 and 100: leads 0.16 and 0.15, less 0.002 a seed, mean over seeds 0 to 4
    assert found["CA2"].statistic.value == pytest.approx(0.155 - 0.004)


def test_one_learner_whose_accuracy_does_not_fall_brings_the_first_down():
    flat = (0.7, 0.8, 0.75, 0.78, 0.72, 0.79)
    found = judged([record("mlp", seed, theirs=flat) for seed in range(5)])
    assert found["CA1"].verdict == "falls"
    assert "linearization" in found["CA1"].statistic.words


def test_a_lead_of_one_architecture_is_not_one_of_two():
    level = [record("lenet", seed, theirs=NETWORK) for seed in range(5)]
    found = judged([*[record("mlp", seed) for seed in range(5)], *level])
    assert found["CA2"].verdict == "falls"
    alone = judged([record("mlp", seed) for seed in range(5)])
    assert alone["CA2"].verdict == "cannot tell"


def test_a_network_that_does_not_learn_its_rows_underfits():
    found = judged([record(network, seed, train=0.8) for network in ("mlp", "lenet") for seed in range(5)])
    assert found["CA2b"].verdict == "falls"


def test_steps_are_counted_to_the_lowest_loss_that_every_task_came_to():
    whole = [record("mlp", seed) for seed in range(5)]
    part = [record("mlp", seed, steps=(10, 20, 30, 40, None, None)) for seed in range(5)]
    never = [record("mlp", seed, steps=(10, 20, 30, 40, 50, None), slow=None) for seed in range(5)]
    assert [common_level(each, "network") for each in (whole, part, never)] == ["0.2", "0.5", "0.5"]
    turned = judged([record("mlp", seed, steps=(60, 50, 40, 30, 20, 10)) for seed in range(5)])
    assert turned["CA5"].verdict == "falls"
    assert turned["CA5"].statistic.words == "mlp, network, to loss 0.2"


def test_a_distance_that_does_not_grow_is_told_apart_from_steps_that_do():
    found = judged([record("mlp", seed, travelled=-1.0) for seed in range(5)])
    assert (found["CA5"].verdict, found["CA5b"].verdict) == ("holds", "falls")


def test_one_seed_cannot_tell():
    assert {each.verdict for each in judged([record("mlp", 0)]).values()} == {"cannot tell"}


def test_figures_leave_out_what_was_not_reached():
    figures = pictures_of(SPEC, [record("mlp", seed, steps=(10, 20, 30, 40, 50, None)) for seed in range(5)])
    steps = next(figure for figure in figures if figure.key == "eigenfunctions-steps")
    ours = steps.panels[0].series[0]
    assert ours.name == "network, to 0.5"
    assert ours.y[1] == pytest.approx(0.5)  # epochs of ten steps
    never = pictures_of(SPEC, [record("mlp", s, steps=(1, 2, 3, 4, 5, None), slow=None) for s in range(5)])
    ours = next(figure for figure in never if figure.key == "eigenfunctions-steps").panels[0].series[0]
    assert ours.name == "network, to 0.5"
    assert ours.x == (1.0, 3.0, 10.0, 30.0, 100.0)
    assert all(figure.drawn for figure in figures)
