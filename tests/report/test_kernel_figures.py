from dataclasses import replace

import numpy as np
import pytest

from tangentlab.report import Comparison, Setting
from tangentlab.report.kernel_figures import (
    alignment_figure,
    complexity_figure,
    distance_figure,
    history_figure,
    spectrum_figure,
)


def changed(records, **readings):
    return [replace(r, readings=r.readings | readings) for r in records]


def test_the_spectrum_is_the_geometric_mean_at_the_largest_size(make):
    comparison = Comparison.of(make())
    figure = spectrum_figure(comparison)
    found = comparison.cells[Setting("fake-lenet", "fake-group", 1000)].values()
    values = np.array([record.readings["anchors"]["init"]["spectrum"] for record in found])
    series = figure.panels[0].series[0]
    assert (figure.x.log, figure.y.log) == (True, True)
    assert series.x == tuple(range(1, 65))
    assert series.y == pytest.approx(np.exp(np.log(values).mean(0)))
    assert series.low == pytest.approx(values.min(0))
    assert series.high == pytest.approx(values.max(0))


def test_eigenvalues_that_no_logarithm_can_show_are_left_out(make):
    anchors = {"init": {"spectrum": [2.0, 1.0, 0.0, -1e-12, float("nan")]}, "end": {"spectrum": "none"}}
    figure = spectrum_figure(Comparison.of(changed(make(), anchors=anchors)))
    assert [series.y for series in figure.panels[0].series] == [pytest.approx((2.0, 1.0))]


def test_alignment_and_complexity_are_shown_at_both_anchors(make):
    comparison = Comparison.of(make())
    for figure in (alignment_figure(comparison), complexity_figure(comparison)):
        assert [s.role for s in figure.panels[0].series] == ["init", "end"]
        assert all(low < y < high for s in figure.panels[0].series for low, y, high in zip(s.low, s.y, s.high))


def test_the_interval_of_a_logarithmic_axis_is_positive(make):
    records = make(seeds=3)
    wild = [
        replace(
            r, readings=r.readings | {"anchors": {"init": {"complexity": {"normalized": 10.0 ** r.spec["seed"]}}}}
        )
        for r in records
    ]
    series = complexity_figure(Comparison.of(wild)).panels[0].series[0]
    assert series.y[0] == pytest.approx(10.0)
    assert 0 < series.low[0] < 1


def test_the_kernel_distance_has_a_line_for_each_task(make):
    figure = distance_figure(Comparison.of(make()))
    assert [panel.title for panel in figure.panels] == ["fake-lenet", "fake-mlp"]
    assert [s.name for s in figure.panels[0].series] == ["fake-group", "fake-parity", "fake-random"]


def test_the_history_has_a_line_for_each_seed(make):
    figure = history_figure(Comparison.of(make()))
    assert len(figure.panels[0].series) == 3
    assert figure.panels[0].series[0].x[0] == 1.0


@pytest.mark.parametrize("wrong", [None, 3, [], {}, {"step": 3, "loss": None}, {"step": [1], "loss": ["x"]}])
def test_readings_of_another_form_draw_nothing(make, wrong):
    comparison = Comparison.of(changed(make(seeds=1), history=wrong, anchors=wrong, kernel_distance=wrong))
    assert not history_figure(comparison).drawn
    assert not spectrum_figure(comparison).drawn
    assert not alignment_figure(comparison).drawn
    assert not distance_figure(comparison).drawn or wrong == 3
