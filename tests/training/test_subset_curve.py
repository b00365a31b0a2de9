"""The learning curve on one Gram is that of fits on other rows, and its draws spread as curves of other Grams do."""

import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError, DataError, NotPositiveError, NotSymmetricError, ShapeError
from tangentlab._seeds import generator
from tangentlab.data import stratified_order
from tangentlab.training import KernelRegression, subset_curve


def rows_and_target(n, *, seed, c=1):
    """A kernel of rows with a decaying spectrum and codes that are partly in it."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 40, generator=draw, dtype=torch.float64) * torch.arange(1, 41) ** -0.6
    noise = 0.3 * torch.randn(n, c, generator=draw, dtype=torch.float64)
    return x @ x.T, (x[:, :c] - x[:, 1 : c + 1] + noise).sign()


def test_every_split_is_a_kernel_regression_on_its_rows():
    K, y = rows_and_target(24, seed=0)
    f0 = 0.2 * torch.ones(24, 1, dtype=torch.float64)
    curve = subset_curve(K, y, f0, samples=[6, 15, 24], ridge=[0.1, 0.2, 0.3], decides=True, splits=3)
    whole = KernelRegression(ridge=0.3).fit(K, y, f0)
    assert curve.mean(curve.mse)[2] == pytest.approx(
        float(whole.leave_one_out_residuals.square().mean()), rel=1e-9
    )
    assert curve.error is not None
    assert curve.mean(curve.error)[2] == pytest.approx(float((whole.leave_one_out * y <= 0).double().mean()))
    by_row, by_split, _ = curve.mse
    held = ~np.isnan(by_row[1])
    assert held.sum() <= 3 * 9 and np.isnan(by_split[2]).all()
    # the same subsets, found again by what each split leaves out: all rows of one split, refitted
    single = subset_curve(K, y, f0, samples=[15], ridge=0.2, splits=2)
    for r in range(2):
        order = torch.randperm(24, generator=generator(0, "subset_curve", r))
        seen, new = order[:15], order[15:]
        fit = KernelRegression(ridge=0.2).fit(K[seen][:, seen], y[seen], f0[seen])
        expected = (fit.predict(K[new][:, seen], f0[new]) - y[new]).square().mean()
        assert single.mse[1][0, r] == pytest.approx(float(expected), rel=1e-9)


def test_the_curve_is_right_on_average_and_its_draws_spread_as_it_does():
    """40 Grams of 60 rows each: their mean curve against fits tested on many fresh rows; their spread against draws."""
    sizes, curves, spreads, fresh, decided = [10, 40, 60], [], [], [], []
    for trial in range(40):
        K, y = rows_and_target(1000, seed=trial)
        curve = subset_curve(K[:60, :60], y[:60], samples=sizes, ridge=0.5, decides=True, splits=20)
        curves.append(curve.mean(curve.mse))
        spreads.append(curve.sampled(curve.mse, draws=300).std(0))
        assert curve.error is not None
        decided.append((curve.mean(curve.error), curve.sampled(curve.error, draws=300).std(0)))
        row = []
        for n in sizes:
            fit = KernelRegression(ridge=0.5).fit(K[:n, :n], y[:n])
            row.append(float((fit.predict(K[60:, :n]) - y[60:]).square().mean()))
        fresh.append(row)
    found, truth = np.array(curves), np.array(fresh)
    error = np.sqrt(found.var(0) + truth.var(0)) / np.sqrt(40)
    assert (np.abs(found.mean(0) - truth.mean(0)) < 4 * error).all()
    # a standard deviation from 40 is known to a ninth; the draws' own is an estimate too
    ratio = np.mean(spreads, 0) / found.std(0)
    assert ((ratio > 0.6) & (ratio < 1.6)).all(), ratio


def test_subsets_keep_the_shares_of_classes_and_are_nested_for_a_seed():
    K, y = rows_and_target(30, seed=1)
    strata = (y[:, 0] > 0).long()
    one, two = (subset_curve(K, y, samples=[5, 10], strata=strata, seed=3, splits=4) for _ in range(2))
    np.testing.assert_array_equal(one.mse[0], two.mse[0])
    other = subset_curve(K, y, samples=[5, 10], strata=strata, seed=4, splits=4)
    assert not np.array_equal(one.mse[0], other.mse[0], equal_nan=True)


@pytest.mark.parametrize("classes", [2, 3])
def test_rows_are_left_out_with_one_of_every_other_class_so_that_no_class_is_decided_against(classes):
    """A kernel that tells next to nothing of balanced labels: a row left out alone is always decided against."""
    labels = torch.arange(120) % classes
    one_hot = torch.nn.functional.one_hot(labels, classes).double()
    y = 2 * one_hot[:, :1] - 1 if classes == 2 else one_hot - 1 / 3
    x = torch.randn(120, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    K = torch.ones(120, 120, dtype=torch.float64) + 1e-6 * x @ x.T  # far below the ridge
    found = subset_curve(K, y, samples=[120], ridge=1.0, decides=True, strata=labels)
    assert found.error is not None
    chance = 1 - 1 / classes
    assert found.mean(found.error)[0] == pytest.approx(chance, abs=3 * (chance * (1 - chance) / 120) ** 0.5)
    alone = subset_curve(K, y, samples=[120], ridge=1.0, decides=True)
    assert alone.error is not None and alone.mean(alone.error)[0] > 0.9
    np.testing.assert_array_equal(found.mse.rows, alone.mse.rows)


def test_decisions_at_all_rows_are_those_of_fits_without_the_group():
    K, y = rows_and_target(21, seed=5)
    labels = (torch.arange(21) % 3 > 0).long()
    f0 = 0.3 * torch.ones(21, 1, dtype=torch.float64)
    found = subset_curve(K, y, f0, samples=[21], ridge=0.2, decides=True, strata=labels, seed=2)
    order = stratified_order(labels, generator=generator(2, "subset_curve", 0))
    for new in order.split(2):  # 21 rows: the last is left out alone
        seen = torch.tensor([i for i in range(21) if i not in new.tolist()])
        fit = KernelRegression(ridge=0.2).fit(K[seen][:, seen], y[seen], f0[seen])
        wrong = (fit.predict(K[new][:, seen], f0[new]) > 0) != (y[new] > 0)
        assert found.error is not None
        np.testing.assert_array_equal(found.error.rows[0, new], wrong[:, 0].double())


def test_draws_of_two_curves_share_what_the_curves_share():
    """The same targets twice: not a draw differs, so that no difference is seen where there is none."""
    K, y = rows_and_target(40, seed=2)
    one, two = (subset_curve(k, y, samples=[10, 40], ridge=r) for k, r in ((K, 0.3), (2 * K, 0.6)))
    np.testing.assert_allclose(one.sampled(one.mse, draws=50), two.sampled(two.mse, draws=50), rtol=1e-8)


def test_several_outputs_decide_by_the_largest():
    K, y = rows_and_target(40, seed=3, c=3)
    codes = torch.nn.functional.one_hot(y.argmax(1), 3).double() - 1 / 3
    curve = subset_curve(K, codes, samples=[40], ridge=0.5, decides=True)
    left_out = KernelRegression(ridge=0.5).fit(K, codes).leave_one_out
    assert curve.error is not None
    assert curve.mean(curve.error)[0] == pytest.approx(
        float((left_out.argmax(1) != codes.argmax(1)).double().mean())
    )


def test_a_kernel_of_zeros_predicts_zero_and_a_singular_one_is_no_trouble():
    y = torch.ones(10, 1)
    curve = subset_curve(torch.zeros(10, 10), y, samples=[5, 10])
    np.testing.assert_allclose(curve.mean(curve.mse), 1)
    curve = subset_curve(torch.ones(10, 10), y, samples=[5, 10])  # float32, of rank one
    np.testing.assert_allclose(curve.mean(curve.mse), 0, atol=1e-6)


@pytest.mark.parametrize(
    ("K", "arguments", "error", "words"),
    [
        (torch.eye(4), {"samples": [5]}, ArgumentError, "1 to 4"),
        (torch.eye(4), {"samples": []}, ArgumentError, "one or more"),
        (torch.eye(4), {"splits": 1}, ArgumentError, "splits"),
        (torch.eye(4), {"ridge": [0.1, 0.2, 0.3]}, ArgumentError, "ridge"),
        (torch.eye(4), {"ridge": -1.0}, ArgumentError, "ridge"),
        (torch.eye(4), {"strata": torch.zeros(3)}, DataError, "3 classes"),
        (torch.eye(4).roll(1, 0), {}, NotSymmetricError, "symmetric"),
        (-torch.eye(4), {}, NotPositiveError, "positive"),
        (torch.eye(3), {}, ShapeError, "y"),
        (torch.ones(4, 4, 1), {}, ArgumentError, "one kernel for all outputs"),
    ],
)
def test_what_cannot_be_is_refused(K, arguments, error, words):
    with pytest.raises(error, match=words):
        subset_curve(K, torch.ones(4), **{"samples": [2], **arguments})
