"""The jackknife over seeds: Student's interval for means, none from too few seeds, never out of range."""

import numpy as np
import pytest

from tangentlab.report.intervals import mean_interval
from tangentlab.report.jackknife import jackknife_interval


def mean(values):
    return sum(values) / len(values)


def test_of_a_mean_it_is_students_interval():
    values = np.random.default_rng(0).normal(size=7).tolist()
    ours, theirs = jackknife_interval(values, mean), mean_interval(values)
    assert (ours.low, ours.mean, ours.high) == pytest.approx((theirs.low, theirs.mean, theirs.high), rel=1e-12)


def test_seeds_that_agree_have_the_width_of_one_step():
    ours = jackknife_interval([0.5] * 4, mean, resolution=0.1)
    theirs = mean_interval([0.5] * 4, resolution=0.1)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_bounds_stay_in_the_range_of_the_statistic():
    found = jackknife_interval([-1.0, -1.0, 0.5], mean, within=(-1.0, 1.0))
    assert (found.low, found.high) == (-1.0, 1.0)


def test_too_few_seeds_have_a_value_and_no_bounds():
    assert jackknife_interval([1.0, 2.0], mean).bounds == (None, None)


def test_a_statistic_that_needs_every_seed_has_no_bounds():
    found = jackknife_interval([1.0, 2.0, 3.0], lambda values: mean(values) if len(values) == 3 else None)
    assert (found.mean, found.low) == (2.0, None)
    assert jackknife_interval([1.0, 2.0, 3.0], lambda values: None) is None


def test_it_covers_the_truth_about_as_often_as_it_says():
    """A ratio of means of 12 normal seeds: 95 % within three standard errors of 400 draws, 0.917 to 0.983."""
    draws = np.random.default_rng(1).normal([2.0, 4.0], 0.3, size=(400, 12, 2))
    ratio = lambda rows: mean([r[1] for r in rows]) / mean([r[0] for r in rows])  # noqa: E731
    covered = [
        found.low <= 2.0 <= found.high for rows in draws if (found := jackknife_interval(list(rows), ratio))
    ]
    assert 0.917 <= np.mean(covered) <= 0.983
