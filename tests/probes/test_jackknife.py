from __future__ import annotations

import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError
from tangentlab.probes.jackknife import jackknife


def without_each(function, x):
    return torch.tensor([function(np.delete(x, i)) for i in range(len(x))], dtype=torch.float64)


def test_the_bias_of_the_plug_in_variance_is_found_exactly():
    x = np.random.default_rng(0).standard_normal(9)
    found = jackknife(float(np.var(x)), without_each(np.var, x))
    assert found.corrected == pytest.approx(np.var(x, ddof=1), rel=1e-12)


def test_the_interval_of_a_mean_is_students():
    from scipy.stats import ttest_1samp

    x = np.random.default_rng(0).standard_normal(7)
    found = jackknife(float(x.mean()), without_each(np.mean, x), level=0.9)
    expected = ttest_1samp(x, 0.0).confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_what_cannot_be_left_out_has_no_interval():
    found = jackknife(1.0, torch.tensor([1.0]))
    assert np.isnan([found.standard_error, found.bias, found.low, found.high]).all()
    assert np.isnan(jackknife(1.0, torch.tensor([1.0, float("inf")])).low)


@pytest.mark.parametrize("level", [0.0, 1.0, 95])
def test_a_level_outside_of_0_and_1_is_refused(level):
    with pytest.raises(ArgumentError, match="`level` must be between 0 and 1"):
        jackknife(0.0, torch.zeros(3), level=level)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_numbers_of_any_scale_have_their_error(scale):
    x = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    expected = jackknife(2.0, x).standard_error
    assert jackknife(2.0 * scale, scale * x).standard_error == pytest.approx(scale * expected, rel=1e-14)


def test_two_rows_tell_no_error():
    found = jackknife(0.3, torch.tensor([1.0, 1.0]))  # as shares of a trace of one row are
    assert np.isnan([found.standard_error, found.low, found.high]).all()
