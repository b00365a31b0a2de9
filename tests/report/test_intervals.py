import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tangentlab.report.intervals import holm, mean_interval, paired_difference, spearman


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=9), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_interval_and_its_p_are_student_s(values, level):
    found = mean_interval(values, level=level)
    if np.std(values) < 1e-6:  # no width: nothing to compare with
        return
    low, high = stats.t.interval(level, len(values) - 1, np.mean(values), stats.sem(values))
    assert [found.low, found.high] == pytest.approx([low, high], rel=1e-9, abs=1e-9)
    assert found.p == pytest.approx(stats.ttest_1samp(values, 0).pvalue, rel=1e-6, abs=1e-12)


def test_intervals_of_three_seeds_hold_the_true_mean_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held = [i.low < 1 < i.high for row in rng.normal(1, 2, (2000, 3)) if (i := mean_interval(row))]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)  # three standard errors of 2000 draws


def test_one_seed_has_a_mean_and_no_interval():
    found = mean_interval([0.3])
    assert (found.mean, found.low, found.high, found.p, found.sign, found.bounds) == (
        0.3, None, None, None, 0, (None, None),
    )  # fmt: skip


def test_two_seeds_never_decide_however_far_from_zero_they_are():
    found = mean_interval([0.5, 0.5], resolution=1e-3)
    assert found.low > 0
    assert found.sign == 0
    assert found.bounds == (None, None)


def test_seeds_that_agree_by_rounding_decide_nothing():
    assert mean_interval([0.002, 0.002, 0.002], resolution=1 / 500).sign == 0
    assert mean_interval([0.02, 0.02, 0.02], resolution=1 / 500).sign == 1
    assert mean_interval([0.0, 0.0, 0.0], resolution=1 / 500).sign == 0


def test_differences_are_taken_over_shared_seeds_only():
    found = paired_difference({0: 0.9, 1: 0.8, 7: 0.1}, {0: 0.7, 1: 0.7, 9: 0.9})
    assert found.n == 2
    assert found.mean == pytest.approx(0.15)
    assert paired_difference({0: 0.9}, {1: 0.7}) is None


def test_pairing_sees_what_unpaired_intervals_hide():
    ours, theirs = {0: 0.61, 1: 0.81, 2: 0.71}, {0: 0.60, 1: 0.80, 2: 0.70}
    assert paired_difference(ours, theirs, resolution=1e-4).sign == 1
    assert mean_interval(list(ours.values())).low < mean_interval(list(theirs.values())).high


def test_holm_stops_at_the_first_that_fails():
    assert holm([0.001, 0.2, 0.013, 0.04]) == (True, False, True, False)  # 0.0125, 0.0167, 0.025
    assert holm([0.04]) == (True,)
    assert holm([]) == ()
    assert holm([None, 0.03]) == (False, True)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=9))
def test_the_rank_correlation_is_spearman_s_with_ties(pairs):
    x, y = zip(*pairs)
    found = spearman(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert found.value is None
        assert found.sign == 0
        return
    assert found.value == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    if found.low is not None:
        assert -1 <= found.low <= found.value <= found.high <= 1


@pytest.mark.parametrize("n", [4, 5, 6])
@pytest.mark.parametrize("level", [0.95, 0.9875])
def test_no_order_decides_that_the_exact_permutation_test_would_not(n, level):
    ranks = np.arange(n)
    orders = list(itertools.permutations(range(n)))
    values = np.array([np.corrcoef(ranks, order)[0, 1] for order in orders])
    for order, value in zip(orders, values):
        exact = np.mean(np.abs(values) >= abs(value) - 1e-9)
        if spearman(ranks, order, level=level).sign:
            assert exact <= 1 - level


def test_five_tasks_in_perfect_order_are_the_fewest_that_decide():
    assert [spearman(range(n), range(n)).sign for n in (2, 3, 4, 5)] == [0, 0, 0, 1]
    assert spearman(range(5), range(5, 0, -1)).sign == -1
    assert spearman(range(5), range(5)).low < 0.7  # and not an interval of no width
