"""Claims of risk hold, fall or stay open by the numbers of records alone."""

import pytest

from tangentlab.records import Record
from tangentlab.report.claims.risk import CLAIMS

GCV, CURVE = CLAIMS


def record(seed, *, difference, network="mlp"):
    return Record(
        fingerprint=f"{network}{seed}",
        kind="study",
        spec={"study": "risk", "network": network, "seed": seed},
        readings={
            "ridges": {"gcv": [1.0, 1.0 + difference], "test_mse": [1.0, 1.0]},
            "curve": {"predicted": [0.5], "measured": [0.5 * (1 + difference)]},
        },
    )


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [((0.05, 0.06, 0.05), "holds"), ((0.4, 0.41, 0.4), "falls"), ((0.1, 0.3, 0.2), "cannot tell")],
)
def test_the_verdict_is_that_of_the_largest_difference(differences, verdict):
    statistic = GCV.statistic([record(seed, difference=d) for seed, d in enumerate(differences)])
    assert GCV.verdict(statistic) == verdict
    assert statistic.value == pytest.approx(sum(differences) / 3)


def test_the_worst_network_decides():
    records = [record(s, difference=0.01) for s in range(3)]
    records += [record(s, difference=0.5, network="lenet") for s in range(3)]
    assert GCV.verdict(GCV.statistic(records)) == "falls"
    assert GCV.statistic(records).words.startswith("lenet")


def test_a_curve_without_sizes_tells_nothing():
    empty = Record(
        fingerprint="a",
        kind="study",
        spec={"network": "mlp", "seed": 0},
        readings={"curve": {"samples": [], "predicted": [], "measured": []}},
    )
    assert CURVE.statistic([empty]) is None
