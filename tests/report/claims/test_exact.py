"""CA9 is decided by the largest difference of all."""

from tangentlab.records import Record
from tangentlab.report import CLAIMS, judge
from tangentlab.report.pictures import pictures_of

CLAIM = [claim for claim in CLAIMS if claim.id == "CA9"]
SPEC = {"study": "exact"}


def record(name, network="mlp", **violations):
    spec = {**SPEC, "network": network, "seed": 0, "data": "made up"}
    return Record(fingerprint=name, kind="study", spec=spec, readings={"violations": violations})


def test_it_holds_where_the_largest_difference_is_small():
    (found,) = judge(
        [(SPEC, [record("a", lemma=0.0, slope_mse=2e-5), record("b", primal_dual=1e-14)])], claims=CLAIM
    )
    assert found.verdict == "holds"
    assert found.statistic.value == found.statistic.high == 2e-5
    assert "squared loss" in found.statistic.words


def test_one_fact_of_one_network_that_fails_brings_it_down():
    (found,) = judge([(SPEC, [record("a", lemma=0.0), record("b", "lenet", one_backward=3e-4)])], claims=CLAIM)
    assert found.verdict == "falls"
    assert found.statistic.words.endswith("(lenet)")


def test_without_readings_nothing_is_told():
    (found,) = judge([(SPEC, [record("a")])], claims=CLAIM)
    assert found.verdict == "cannot tell"


def test_the_figure_has_a_point_for_each_fact_of_each_network():
    (figure,) = pictures_of(SPEC, [record("a", lemma=0.0, slope_mse=1e-6), record("b", "lenet", lemma=1e-12)])
    assert [panel.title for panel in figure.panels] == ["mlp", "lenet"]
    assert figure.panels[0].series[0].x == (-17.0, -6.0)
