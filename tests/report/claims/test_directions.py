"""CA8 and its parts from made-up records in which the answer is known."""

import pytest

from tangentlab.records import Record
from tangentlab.report import CLAIMS, judge
from tangentlab.report.pictures import images_of, pictures_of

SPEC = {"study": "directions"}
INDICES = (0, 20, 50, 100, 200)
ACCURACY = (0.99, 0.97, 0.9, 0.7, 0.6)
SQUARES = (1.0, 0.5, 0.1, 0.01, 0.001)
ALIGNMENTS = (1.0, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)


def record(network, seed, *, accuracy=ACCURACY, linear=ACCURACY, alignment=ALIGNMENTS, floor=None):
    noise = 0.001 * seed
    sets = [
        {
            "index": index,
            "eigenvalue": SQUARES[place],
            "learners": {
                "network": {"test_accuracy": accuracy[place] - place * noise},
                "linear-init": {"test_accuracy": linear[place] - place * noise},
            },
        }
        for place, index in enumerate(INDICES)
    ]
    readings = {
        "sets": sets,
        "alignments": [
            {"index": k, "eigenvalue": 1 / (k + 1), "measured": one, "error": 0.0, "foretold": one}
            for k, one in enumerate(alignment)
        ],
        "eigenvalues": [1 / (k + 1) for k in range(300)],
        "floor": floor,
        "pictures": {"indices": [0, 7], "values": [1.0, 0.5], "shades": [[[[999, 0], [0, -999]]]] * 2},
    }
    spec = {**SPEC, "network": network, "seed": seed, "data": "made up", "epsilon": 1.0}
    return Record(fingerprint=f"{network[:3]}{seed}", kind="study", spec=spec, readings=readings)


def judged(records):
    own = [claim for claim in CLAIMS if claim.study == "directions"]
    return {each.claim.id: each for each in judge([(SPEC, records)], claims=own)}


def both(**changes):
    floor = {"value": 0.07, "width": 100, "index": 100}
    lenet = [record("lenet:activation=gelu", seed, **changes) for seed in range(3)]
    return [*lenet, *[record("mlp:activation=gelu", seed, floor=floor) for seed in range(3)]]


def test_all_hold_where_they_should():
    found = judged(both())
    assert {each.verdict for each in found.values()} == {"holds"}
    assert found["CA8"].statistic.value == pytest.approx(0.29 + 0.003)  # 0.99 − 0.70, and 3 · 0.001 · mean seed


def test_a_linearization_that_hardly_drops_brings_the_first_down():
    found = judged(both(linear=(0.8, 0.8, 0.8, 0.75, 0.7)))
    assert found["CA8"].verdict == "falls"
    assert "linearization" in found["CA8"].statistic.words
    assert found["CA8c"].verdict == "holds"


def test_without_a_convolutional_network_the_first_is_open():
    assert judged([record("mine", seed) for seed in range(3)])["CA8"].verdict == "cannot tell"


def test_a_floor_that_begins_elsewhere_falls():
    off = {"value": 0.07, "width": 100, "index": 101}
    found = judged([*both(), record("mlp:activation=gelu", 3, floor=off)])
    assert found["CA8b"].verdict == "falls"
    assert found["CA8b"].statistic.value == 1
    assert judged([record("lenet", seed) for seed in range(3)])["CA8b"].verdict == "cannot tell"


def test_alignments_in_another_order_fall():
    assert judged(both(alignment=ALIGNMENTS[::-1]))["CA8d"].verdict == "falls"


def test_figures_and_grids_are_drawn_of_every_network():
    figures = pictures_of(SPEC, both())
    assert all(figure.drawn for figure in figures)
    assert [len(figure.panels) for figure in figures] == [2, 2, 2]
    spectrum = next(figure for figure in figures if figure.key == "directions-spectrum")
    assert [len(panel.series) for panel in spectrum.panels] == [1, 2]  # the floor is that of the second alone
    grids = images_of(SPEC, both())
    assert [grid.title for grid in grids] == [
        "Directions of lenet:activation=gelu",
        "Directions of mlp:activation=gelu",
    ]
    assert all("k = 7" in grid.svg for grid in grids)
