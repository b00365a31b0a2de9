from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from tangentlab.probes import alignment, alignment_intervals

NAMES = ("rayleigh", "trace_normalized", "unbiased", "target", "centered")


def gram(n, p, seed=0):
    F = np.random.default_rng(seed).standard_normal((n, p))
    return F @ F.T


def full(n, c, p, seed=0):
    F = np.random.default_rng(seed).standard_normal((n, c, p))
    return np.einsum("ikp,jlp->ijkl", F, F)


FORMS = {
    "shared": lambda: (gram(7, 9), np.random.default_rng(1).standard_normal(7)),
    "columns": lambda: (gram(7, 9), np.random.default_rng(1).standard_normal((7, 3))),
    "diagonal": lambda: (
        np.stack([gram(7, 9, s) for s in range(2)], 2),
        np.random.default_rng(1).standard_normal((7, 2)),
    ),
    "full": lambda: (full(6, 2, 15), np.random.default_rng(1).standard_normal((6, 2))),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_is_the_jackknife_of_alignments_of_the_kernel_without_a_row(form):
    K, y = FORMS[form]()
    n, found = len(K), alignment_intervals(K, y)
    assert {name: found[name].value for name in NAMES} == pytest.approx(asdict(alignment(K, y)), rel=1e-12)
    without = []
    for i in range(n):
        rest = np.delete(np.arange(n), i)
        without.append(asdict(alignment(K[np.ix_(rest, rest)], y[rest])))
    for name in NAMES:
        each = np.array([one[name] for one in without])
        error = np.sqrt((n - 1) / n * ((each - each.mean()) ** 2).sum())
        assert found[name].standard_error == pytest.approx(error, rel=1e-8), name
        bias = (n - 1) * (each.mean() - found[name].value)
        assert found[name].bias == pytest.approx(bias, rel=1e-6, abs=1e-9), name


def test_taking_the_bias_off_brings_a_small_sample_near_a_large_one():
    """One kernel, x·x', and one rule: the mean over small samples, with and without the bias that each reports."""
    rng = np.random.default_rng(0)
    w = np.ones(5)

    def sample(n):
        x = rng.standard_normal((n, 5))
        return x @ x.T, np.sign(x @ w + rng.standard_normal(n))

    truth = alignment(*sample(3000))
    small = [alignment_intervals(*sample(40)) for _ in range(60)]
    for name in ("trace_normalized", "target", "centered"):
        plain = np.mean([one[name].value for one in small]) - getattr(truth, name)
        corrected = np.mean([one[name].corrected for one in small]) - getattr(truth, name)
        assert abs(corrected) < 0.5 * abs(plain), name


def test_a_constant_target_has_no_interval_where_it_has_no_alignment():
    found = alignment_intervals(gram(6, 9), np.full(6, 0.1))
    assert found["centered"].value == 0.0
    assert found["rayleigh"].low < found["rayleigh"].value < found["rayleigh"].high
