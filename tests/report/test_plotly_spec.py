import json

from tangentlab.report import Comparison, draw_figures
from tangentlab.report.plotly_spec import plotly_spec


def specs(records):
    return {figure.key: plotly_spec(figure) for figure in draw_figures(Comparison.of(records))}


def test_a_spec_is_standard_json(records):
    for spec in specs(records).values():
        assert json.loads(json.dumps(spec, allow_nan=False)) == spec


def test_every_panel_has_its_own_axes(records):
    for spec in specs(records).values():
        axes = {(trace["xaxis"], trace["yaxis"]) for trace in spec["data"]}
        numbers = [str(k + 1) if k else "" for k in range(len(spec["panels"]))]
        assert axes == {(f"x{n}", f"y{n}") for n in numbers}


def test_error_bars_reach_from_the_mean_to_the_bounds(records):
    comparison = Comparison.of(records)
    figures = {figure.key: figure for figure in draw_figures(comparison)}
    series = figures["gap"].panels[0].series[0]
    error = plotly_spec(figures["gap"])["data"][0]["error_y"]
    assert error["array"] == [h - y for h, y in zip(series.high, series.y)]
    assert error["arrayminus"] == [y - low for low, y in zip(series.low, series.y)]
    assert "error_x" in plotly_spec(figures["findings"])["data"][0]


def test_names_are_never_markup_or_templates(make):
    records = make(networks=("<b>&%{x}<a href='javascript:1'>",), tasks=("<sup>t</sup>",), seeds=3)
    for spec in specs(records).values():
        texts = [spec["title"], *(panel["title"] for panel in spec["panels"])]
        texts += [text for trace in spec["data"] for text in [*trace["hovertext"], trace["name"]]]
        texts += [text for panel in spec["panels"] for _, text in panel["ticks"] or []]
        assert not any("<" in (bare := text.replace("<br>", "")) or ">" in bare for text in texts)
        assert {trace["hovertemplate"] for trace in spec["data"]} <= {"%{hovertext}<extra></extra>", None}
