"""Heat maps: colours by sign, strength by size, words escaped, nothing drawn of nothing."""

import re

from tangentlab.report.heat_map import HeatPanel, heat_map

WORDS = {"title": "t", "caption": "c", "across": "step", "down": "index"}


def test_colour_tells_the_sign_and_strength_the_size():
    panel = HeatPanel("a", values=((2.0, -1.0), (0.0, None)), rows=("0", "1"), columns=("1", "10"))
    svg = heat_map("k", [panel], **WORDS).svg
    cells = re.findall(r'fill="var\(--(\w+)\)" fill-opacity="([\d.]+)"><title>([^<]*)', svg)
    assert [(colour, opacity) for colour, opacity, _ in cells] == [
        ("accent", "1.000"),
        ("behind", "0.500"),
        ("behind", "0.000"),
    ]
    assert cells[1][2] == "0, step 10: ×0.500"


def test_one_scale_serves_all_panels():
    panels = [HeatPanel(name, ((value,),), ("0",), ("1",)) for name, value in (("a", 1.0), ("b", 3.0))]
    assert 'fill-opacity="0.333"><title>' in heat_map("k", panels, **WORDS).svg


def test_names_are_escaped():
    panel = HeatPanel("<script>", ((1.0,),), ("<b>",), ("&",), own=(1.0,), own_name="<i>", marked=0)
    svg = heat_map("k", [panel], **WORDS).svg
    assert "<script>" not in svg
    assert "<b>" not in svg
    assert "<i>" not in svg


def test_nothing_is_drawn_of_nothing():
    assert heat_map("k", [], **WORDS) is None
    assert heat_map("k", [HeatPanel("a", ((None,),), ("0",), ("1",))], **WORDS) is None


def test_files_hold_every_panel_and_are_the_same_each_time():
    panels = [
        HeatPanel("mlp, φ3", ((2.0, -1.0), (0.0, None)), ("0", ""), ("1", "10"), own=(1.0, 2.0), own_name="φ3"),
        HeatPanel("$x$ & y", ((1.0, 0.5), (0.0, -0.5)), ("0", ""), ("1", "10")),
    ]
    image = heat_map("k", panels, **WORDS)
    drawn = image.draw("svg")
    assert drawn == image.draw("svg")
    text = drawn.decode()
    assert "mlp, φ3" in text
    assert "$x$ &amp; y" in text
    assert "÷4.0" in text
    assert image.draw("pdf").startswith(b"%PDF")
