import itertools

import pytest

from tangentlab.report.comparison import LEARNERS
from tangentlab.report.palette import STROKES, SURFACE, stroke


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("role", STROKES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_stroke_stands_out_from_the_ground(role, theme):
    needed = 2.5 if role in ("ridge-end", "linear-end") else 3  # these two are dashed and marked as well
    assert contrast(getattr(stroke(role), theme), SURFACE[theme]["ground"]) >= needed


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_readable_on_the_ground(theme):
    for name in ("ink", "muted"):
        assert contrast(SURFACE[theme][name], SURFACE[theme]["ground"]) >= 4.5


def test_no_two_learners_differ_by_colour_alone():
    drawn = {(stroke(name).dash, stroke(name).marker, stroke(name).width) for name in LEARNERS}
    assert len(drawn) == len(LEARNERS)


def test_every_learner_has_a_stroke_of_its_own():
    assert set(LEARNERS) <= set(STROKES)
    for a, b in itertools.combinations(LEARNERS, 2):
        assert stroke(a) != stroke(b)
