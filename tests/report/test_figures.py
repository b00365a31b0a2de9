from dataclasses import replace

from tangentlab.report import Comparison, draw_figures
from tangentlab.report.figures import FIGURES


def test_every_figure_is_drawn_under_its_own_key_when_everything_was_read(records):
    figures = draw_figures(Comparison.of(records))
    assert [figure.key for figure in figures] == list(FIGURES)
    assert all(figure.title and figure.caption.endswith(".") for figure in figures)


def test_figures_without_readings_are_left_out(make):
    bare = [replace(r, readings={"learners": r.readings["learners"]}) for r in make()]
    assert [f.key for f in draw_figures(Comparison.of(bare))] == ["findings", "learning-curves", "gap"]


def test_a_figure_s_series_and_notes_are_as_long_as_its_points(records):
    for figure in draw_figures(Comparison.of(records)):
        for panel in figure.panels:
            for series in panel.series:
                lengths = {len(part) for part in (series.x, series.y, series.notes) if part is not None}
                assert len(lengths) == 1
