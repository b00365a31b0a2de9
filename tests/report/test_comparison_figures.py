import numpy as np
import pytest

from tangentlab.report import Comparison
from tangentlab.report.comparison_figures import findings_figure, gap_figure, learning_curves, samples_ticks
from tangentlab.report.findings import find


def test_learning_curves_show_the_mean_accuracy_of_every_learner(records):
    comparison = Comparison.of(records)
    figure = learning_curves(comparison)
    assert len(figure.panels) == 6
    assert [s.name for s in figure.panels[0].series] == list(comparison.learners)
    first = [np.mean(list(comparison.accuracies(s, "network").values())) for s in comparison.settings[:3]]
    assert figure.panels[0].series[0].y == pytest.approx([100 * value for value in first])


def test_learners_of_one_size_are_drawn_less_than_a_tenth_apart(records):
    for panel in learning_curves(Comparison.of(records)).panels:
        xs = np.array([series.x for series in panel.series])
        assert np.all(np.abs(xs / np.array([100, 300, 1000]) - 1) < 0.1)
        assert len(set(xs[:, 0])) == 5


def test_the_gap_is_the_finding_in_points(records):
    comparison = Comparison.of(records)
    series = gap_figure(comparison).panels[0].series[0]
    assert series.name == "network − linear-init"
    expected = [100 * f.difference.mean for f in find(comparison, "linear-init")[:3]]
    assert series.y == pytest.approx(expected)
    assert gap_figure(comparison).y.zero


def test_intervals_from_fewer_than_three_seeds_are_not_drawn(make):
    for draw in (learning_curves, gap_figure, findings_figure):
        for panel in draw(Comparison.of(make(seeds=2))).panels:
            for series in panel.series:
                assert set(series.low) == set(series.high) == {None}


def test_the_findings_are_drawn_by_their_outcome_in_every_row(make):
    comparison = Comparison.of(make(seeds=8))
    figure = findings_figure(comparison)
    drawn = {(s.name, x) for panel in figure.panels for s in panel.series for x in s.x}
    names = {"ahead": "network ahead", "behind": "linear-init ahead", "cannot tell": "cannot tell"}
    assert drawn == {(names[f.outcome], 100 * f.difference.mean) for f in find(comparison, "linear-init")}
    rows = [text for _, text in figure.panels[0].ticks]
    assert rows[:5] == ["fake-group", "n = 100", "n = 300", "n = 1,000", "fake-parity"]


def test_a_long_list_of_findings_shows_the_largest_size_and_says_so(make):
    comparison = Comparison.of(make(tasks=tuple(f"t{k}" for k in range(20)), seeds=1, networks=("a",)))
    figure = findings_figure(comparison)
    assert [text for _, text in figure.panels[0].ticks] == [f"t{k}" for k in sorted(range(20), key=str)]
    assert "Only the largest size, 1,000, is drawn." in figure.caption


def test_panels_beyond_the_limit_are_counted_not_hidden(make):
    comparison = Comparison.of(make(tasks=tuple(f"t{k:02}" for k in range(15)), seeds=1))
    figure = learning_curves(comparison)
    assert (len(figure.panels), figure.omitted) == (24, 6)


def test_at_most_six_sizes_are_ticks():
    assert len(samples_ticks(tuple(range(100, 120)))) <= 6
