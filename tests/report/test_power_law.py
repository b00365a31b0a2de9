"""Power laws: known exponents are found, their intervals cover them, and what is no power law is refused."""

import math

import numpy as np
import pytest

from tangentlab.report.error_curves import Point
from tangentlab.report.power_law import exponent_gap, fit_power_law, over_seeds, power_law

ROWS = (100, 200, 400, 800, 1600)
TESTS = 2000


def exact(error, rows=ROWS):
    """One seed's curve without noise."""
    return [Point(n, error(n), round(TESTS * error(n)), 0.0) for n in rows]


def drawn(error, rng, rows=ROWS):
    """One seed's curve with a binomial number of mistakes on 2,000 test rows and luck of its own."""
    luck = math.exp(rng.normal(0, 0.03))
    mistakes = [rng.binomial(TESTS, min(1.0, luck * error(n))) for n in rows]
    return [Point(n, k / TESTS, int(k), 0.0) for n, k in zip(rows, mistakes)]


@pytest.mark.parametrize("beta", [0.0, 0.17, 0.5, 1.0])
def test_an_exact_power_law_is_found_whatever_its_scale(beta):
    fit = fit_power_law(exact(lambda n: 0.9 * (n / 100) ** -beta))
    assert fit.exponent == pytest.approx(beta, abs=1e-12)
    assert fit(400) == pytest.approx(0.9 * 4**-beta)
    assert fit.bend == pytest.approx(0, abs=1e-10)
    assert np.allclose(fit.residuals, 0)


def test_the_bend_is_the_change_of_the_local_exponent():
    """ln err = −0.2 L − 0.05 L² with L = ln n has the local exponent 0.2 + 0.1 L."""
    fit = fit_power_law(exact(lambda n: math.exp(-0.2 * math.log(n) - 0.05 * math.log(n) ** 2)))
    assert fit.bend == pytest.approx(0.1 * math.log(16))


def test_intervals_cover_the_true_exponent_as_often_as_they_say():
    rng = np.random.default_rng(0)
    laws = [power_law({s: drawn(lambda n: 2 * n**-0.4, rng) for s in range(5)}) for _ in range(200)]
    covered = np.mean([law.exponent.low <= 0.4 <= law.exponent.high for law in laws])
    assert 0.9 < covered <= 1  # 0.95, and two deviations of 200 draws are 0.03
    assert np.mean([bool(law.refusal) for law in laws]) < 0.05


def test_the_gap_of_two_exponents_is_taken_seed_by_seed():
    """Luck that both learners of a seed share falls out of their difference."""
    shared = {seed: 0.05 * (-1) ** seed for seed in range(6)}
    ours = {s: exact(lambda n, s=s: n ** -(0.5 + shared[s])) for s in shared}
    theirs = {s: exact(lambda n, s=s: 2 * n ** -(0.3 + shared[s])) for s in shared}
    found = exponent_gap(ours, theirs)
    assert found.gap.mean == pytest.approx(0.2)
    assert found.gap.high - found.gap.low < 1e-9
    assert found.ours.exponent.high - found.ours.exponent.low > 0.05


def test_points_with_few_mistakes_are_dropped_for_both_learners():
    """At 19 wrong rows of 2,000 the network's last point goes, and the kernel's with it."""
    network = {s: [*exact(lambda n: 10 / n, ROWS[:4]), Point(1600, 19 / TESTS, 19, 0.0)] for s in range(3)}
    kernel = {s: exact(lambda n: n**-0.25) for s in range(3)}
    found = exponent_gap(network, kernel)
    assert found.ours.fits[0].rows == found.theirs.fits[0].rows == ROWS[:4]
    assert found.gap.mean == pytest.approx(0.75)


def test_a_floor_is_no_power_law():
    rng = np.random.default_rng(1)
    law = power_law({s: drawn(lambda n: 0.08 + 20 / n, rng) for s in range(5)})
    assert "not a power law" in law.refusal
    assert "from 100 to 1,600 rows" in law.refusal
    gap = exponent_gap(
        {s: drawn(lambda n: 0.08 + 20 / n, rng) for s in range(5)}, {s: exact(lambda n: n**-0.2) for s in range(5)}
    )
    assert gap.refusal.startswith("the first is not a power law")


def test_a_step_leaves_too_few_points():
    step = [Point(500, 0.49, 980, 0.0), Point(1000, 0.004, 8, 0.0), Point(2000, 0.0, 0, 0.0)]
    assert "no seed has 3 points" in power_law({0: step}).refusal
    assert exponent_gap({0: step}, {0: step}).gap is None


def test_one_seed_has_an_exponent_and_no_interval():
    law = power_law({0: exact(lambda n: n**-0.3)})
    assert law.exponent.mean == pytest.approx(0.3)
    assert law.exponent.low is None


def test_from_eight_seeds_on_the_bootstrap_gives_the_interval():
    """For many values it is that of the normal distribution, mean ± 1.96 s/√n."""
    values = np.random.default_rng(2).normal(3, 2, size=400).tolist()
    found = over_seeds(values)
    half = 1.96 * np.std(values) / 20
    assert found.low == pytest.approx(np.mean(values) - half, abs=0.03)
    assert found.high == pytest.approx(np.mean(values) + half, abs=0.03)
