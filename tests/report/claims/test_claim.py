"""The verdict of a claim: the whole interval on one side of the threshold, the threshold itself on the side that holds."""

import math

import pytest

from tangentlab.report.claims import Claim, Statistic


def claim(*, above):
    return Claim("X", "", "", "", "", 0.5, above, lambda records: None)


@pytest.mark.parametrize(
    ("low", "high", "above", "below"),
    [
        (0.5, 0.5, "holds", "holds"),
        (0.4, 0.6, "cannot tell", "cannot tell"),
        (0.5, 0.6, "holds", "cannot tell"),
        (0.4, 0.5, "cannot tell", "holds"),
        (0.6, 0.7, "holds", "falls"),
        (0.3, 0.4, "falls", "holds"),
        (0.6, math.inf, "holds", "falls"),
        (-math.inf, math.inf, "cannot tell", "cannot tell"),
    ],
)
def test_the_whole_interval_decides(low, high, above, below):
    found = Statistic((low + high) / 2 if math.isfinite(low + high) else 0.65, low, high, 3)
    assert (claim(above=True).verdict(found), claim(above=False).verdict(found)) == (above, below)


@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize(
    "numbers", [(0.1, math.nan, 0.2), (0.1, 0.0, math.nan), (math.nan, 0.0, 0.2), (0.1, None, None)]
)
def test_what_is_no_number_decides_nothing(above, numbers):
    assert claim(above=above).verdict(Statistic(*numbers, 3)) == "cannot tell"
