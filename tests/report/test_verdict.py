from dataclasses import replace

import numpy as np
import pytest

from tangentlab.records import Record
from tangentlab.report import reach_verdict


def test_there_are_one_headline_and_three_sentences(records):
    verdict = reach_verdict(records)
    assert len(verdict.sentences) == 3
    assert all(text.endswith(".") and "\n" not in text for text in (verdict.headline, *verdict.sentences))
    assert (verdict.finished, verdict.failed) == (51, 3)
    assert "3 of 54 cells failed and are left out." in verdict.sentences[1]


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (
            lambda *_: 0.05,
            "fake-lenet and fake-mlp generalize better than their linearizations under the same descent.",
        ),
        (
            lambda *_: -0.05,
            "fake-lenet and fake-mlp generalize worse than their linearizations under the same descent.",
        ),
        (
            lambda *_: 0.0,
            "Cannot tell whether fake-lenet and fake-mlp generalize better than their linearizations.",
        ),
        (
            lambda network, *_: 0.05 if network == "fake-lenet" else 0.0,
            "fake-lenet generalizes better than its linearization under the same descent; for fake-mlp these runs cannot tell.",
        ),
        (
            lambda network, *_: 0.05 if network == "fake-lenet" else -0.05,
            "fake-lenet generalizes better than its linearization under the same descent; "
            "fake-mlp generalizes worse than its linearization under the same descent.",
        ),
    ],
)
def test_the_headline_says_what_was_put_into_the_records(make, gain, said):
    assert reach_verdict(make(gain=gain)).headline == said


def test_a_win_that_kernel_regression_contradicts_is_told_in_the_headline(make):
    def turned(record):
        learners = record.readings["learners"]
        better = {"test_accuracy": min(learners["network"]["test_accuracy"] + 0.04, 1.0)}
        return replace(record, readings=record.readings | {"learners": learners | {"ridge-init": better}})

    verdict = reach_verdict([turned(r) for r in make(networks=("fake-lenet",), gain=lambda *_: 0.05)])
    assert verdict.headline == (
        "fake-lenet generalizes better than its linearization under the same descent, but worse than kernel regression."
    )
    assert "Against kernel regression with the kernel at initialization" in verdict.sentences[0]
    assert "fake-lenet −4" in verdict.sentences[0]


def test_the_other_opponents_have_averages_at_a_level_of_their_own(make):
    others = reach_verdict(make()).others
    assert [(o.opponent, o.network) for o in others] == [
        (opponent, network)
        for opponent in ("ridge-init", "linear-end", "ridge-end")
        for network in ("fake-lenet", "fake-mlp")
    ]
    assert {o.difference.level for o in others} == {1 - 0.05 / 6}


def test_the_first_sentence_has_the_difference_and_its_interval(make):
    verdict = reach_verdict(make(networks=("fake-lenet",), gain=lambda *_: 0.05))
    mean = verdict.overall[0].difference.mean
    assert f": fake-lenet +{100 * mean:.1f} (+" in verdict.sentences[0]
    assert "points of test accuracy averaged over 9 settings (95% intervals, 3 seeds)" in verdict.sentences[0]


def test_a_crossing_is_hedged_until_it_stands(make):
    few, many = (reach_verdict(make(networks=("fake-lenet",), seeds=seeds)) for seeds in (3, 10))
    assert few.headline.startswith(
        "fake-lenet may generalize worse than its linearization under the same descent with few"
    )
    assert many.headline.startswith(
        "fake-lenet generalizes worse than its linearization under the same descent with few"
    )
    assert "takes the lead on fake-group at about 250 samples" in many.sentences[1]


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_seeds_claim_nothing(make, seeds):
    verdict = reach_verdict(make(seeds=seeds, gain=lambda *_: 0.3, tasks=tuple("abcdef")))
    assert verdict.headline.startswith(f"Cannot tell: {seeds} seed")
    assert "cannot tell" in verdict.sentences[1]
    assert "cannot tell" in verdict.sentences[2]
    assert {f.outcome for f in verdict.findings} == {"cannot tell"}
    assert {c.state for c in verdict.crossings} == {"cannot tell"}


@pytest.mark.parametrize(
    ("grid", "why"),
    [
        ({"learners": ("network",)}, "no linear learner was run beside the network"),
        ({"learners": ("linear-init", "ridge-init")}, "the network itself was not among the learners"),
        ({"seeds": 1, "failing": {(n, s, 0) for n in ("fake-lenet", "fake-mlp") for s in (100, 300, 1000)}},
         "every cell failed"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(make, grid, why):
    verdict = reach_verdict(make(**grid))
    assert verdict.headline == f"Cannot tell: {why}."
    assert len(verdict.sentences) == 3


def test_the_opponent_is_named_when_it_is_not_the_linearization_at_initialization(make):
    verdict = reach_verdict(make(learners=("network", "ridge-init"), gain=lambda *_: 0.05))
    assert verdict.headline == "fake-lenet and fake-mlp generalize better than their tangent kernels."
    assert "kernel regression with the kernel at initialization" in verdict.sentences[0]


def test_infinite_width_is_an_opponent_of_its_own(make):
    verdict = reach_verdict(make(learners=("network", "infinite"), gain=lambda *_: 0.05))
    assert verdict.headline == "fake-lenet and fake-mlp generalize better than their kernels of infinite width."
    assert "kernel regression with the kernel of infinite width" in verdict.sentences[0]
    both = reach_verdict(make(learners=("network", "linear-init", "infinite"), gain=lambda *_: 0.05))
    assert both.opponent == "linear-init" and {each.opponent for each in both.others} == {"infinite"}


def test_a_single_setting_reads_well(make):
    one = {"networks": ("mlp",), "tasks": ("a",), "sizes": (300,)}
    verdict = reach_verdict(make(**one, gain=lambda *_: 0.05))
    assert verdict.sentences[1] == "Setting by setting, the network is ahead in 1 of 1 and behind in 0."
    verdict = reach_verdict(make(**one, gain=lambda *_: 0.0))
    assert verdict.sentences[1] == "Setting by setting, the runs cannot tell the two apart in the one setting."


def noise(rng, networks=2, tasks=3, sizes=(100, 300, 1000), seeds=3):
    """A grid in which network and linearization differ by nothing but noise."""
    records = []
    for network in range(networks):
        for task in range(tasks):
            for size in sizes:
                for seed in range(seeds):
                    learners = {
                        k: {"test_accuracy": 0.8 + rng.normal(0, 0.01)} for k in ("network", "linear-init")
                    }
                    spec = {
                        "network": f"n{network}",
                        "data": "d",
                        "task": f"t{task}",
                        "samples": size,
                        "seed": seed,
                    }
                    name = f"{network}-{task}-{size}-{seed}"
                    records.append(Record(fingerprint=name, spec=spec, readings={"learners": learners}))
    return records


def test_pure_noise_is_seldom_given_a_winner():
    rng = np.random.default_rng(0)
    verdicts = [reach_verdict(noise(rng)) for _ in range(150)]
    claims = [not v.headline.startswith("Cannot tell") and " may " not in v.headline for v in verdicts]
    stands = [any(f.stands for f in v.findings) for v in verdicts]
    assert sum(claims) <= 15  # 5% of 150 and three standard deviations
    assert sum(stands) <= 15
