import math

import pytest

from tangentlab.report.intervals import Interval
from tangentlab.report.wording import points_interval, shortened, significant


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (-0.01, 0.02, "−1.0 to +2.0"),
        (0.0131, 0.0199, "+1.3 to +2.0"),
        (-0.0001, 0.0001, "−0.1 to +0.1"),
        (0.00002, 0.01, "+0.002 to +1.000"),
        (-0.02, -0.0004, "−2.00 to −0.04"),
        (0.0, 0.01, "0.0 to +1.0"),
    ],
)
def test_bounds_are_rounded_outwards_and_never_across_zero(low, high, said):
    assert points_interval(Interval(0, low, high, 3)) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(9.9996e-5, "0.000100"), (-9.9996e-6, "−1.00×10⁻⁵"), (9.9996, "10.0"), (9.9996e6, "1.00×10⁷")],
)
def test_what_is_rounded_up_to_a_power_of_ten_is_written_as_one(value, said):
    assert significant(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(math.nan, "not a number"), (math.inf, "∞"), (-math.inf, "−∞"), (0.0, "0"), (-2.5, "−2.50")],
)
def test_every_number_has_a_word(value, said):
    assert significant(value) == said


def test_shortened_text_is_one_plain_line():
    assert shortened("a\u202eb\u2066c") == "a�b�c"
    assert shortened("tab\tand\u2028line") == "tab and line"
    assert shortened("\ud800x") == "�x"
    assert len(shortened("x" * 1000)) == 28
    assert shortened("שלום") == "שלום"
