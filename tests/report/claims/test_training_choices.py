"""The choice with the least gap decides, against the kernel under the rule that suits it better."""

from tangentlab.records import Record
from tangentlab.report import CLAIMS, judge
from tangentlab.report.pictures import pictures_of

(CLAIM,) = (claim for claim in CLAIMS if claim.study == "training-choices")
SPEC = {"study": "training-choices"}


def record(seed, *, network, initial=0.5, ridgeless=0.46, task="parity:3,30"):
    """`network`: (optimizer, batch size, factor) to the error."""
    made = [
        {"optimizer": name, "batch_size": size, "factor": factor, "network": {"test_error": error}}
        for (name, size, factor), error in network.items()
    ]
    kernel = {"test_error": initial, "ridgeless": {"test_error": ridgeless}}
    readings = {"task": task, "test_rows": 1000, "initial": kernel, "choices": made}
    spec = {**SPEC, "network": "mlp", "seed": seed, "task": task}
    return Record(fingerprint=f"{seed}-{task[0]}", kind="study", spec=spec, readings=readings)


def judged(records):
    (found,) = judge([(SPEC, records)], claims=[CLAIM])
    return found


def test_it_holds_where_every_choice_is_ahead():
    found = judged(
        [record(s, network={("sgd", 32, 1.0): 0.0, ("adam", 128, 0.5): 0.1 + s / 100}) for s in range(3)]
    )
    assert found.verdict == "holds"
    assert abs(found.statistic.value - 0.35) < 1e-9  # of 0.46, the better rule, less a mean of 0.11
    assert "adam, batches of 128, rate × 0.5" in found.statistic.words
    assert found.statistic.words.endswith("the least of 2 choices")


def test_one_choice_at_which_the_network_learns_nothing_brings_it_down():
    none = [record(s, network={("sgd", 32, 1.0): 0.0, ("sgd", 128, 0.5): 0.48 + s / 1000}) for s in range(3)]
    assert judged(none).verdict == "falls"
    some = [record(s, network={("sgd", 32, 1.0): 0.0, ("sgd", 128, 0.5): 0.2 * s}) for s in range(3)]
    assert judged(some).verdict == "cannot tell"


def test_seeds_that_agree_to_the_row_still_have_an_interval():
    found = judged([record(s, network={("sgd", 32, 1.0): 0.0}) for s in range(3)])
    assert found.statistic.low < 0.46 < found.statistic.high


def test_the_figure_has_a_row_for_each_choice_with_both_errors():
    records = [record(s, network={("sgd", 32, 0.5): 0.1, ("adam", 32, 2.0): 0.3}) for s in range(3)]
    (figure,) = pictures_of(SPEC, records)
    (panel,) = figure.panels
    assert [text for _, text in panel.ticks] == ["sgd, batches of 32, rate × 0.5", "adam, batches of 32, rate × 2"]
    network, kernel = panel.series
    assert [round(x, 9) for x in (*network.x, *kernel.x)] == [0.1, 0.3, 0.46, 0.46]
    assert network.y == kernel.y == (0.0, -1.0)


def test_tasks_are_told_apart():
    records = [
        record(s, network={("sgd", 32, 1.0): error}, task=task)
        for s in range(3)
        for task, error in (("parity:3,30", 0.0), ("group:0-4", 0.5))
    ]
    found = judged(records)
    assert found.verdict == "falls"
    assert found.statistic.words.startswith("mlp, group:0-4")
    assert len(pictures_of(SPEC, records)[0].panels) == 2
