"""Rates of dense algebra scale by the operations and the reading of an algorithm."""

import pytest
import torch

from tangentlab.experiments.study.rates import SEARCH, Algebra, Growth, epoch_seconds
from tangentlab.experiments.study.work import Work
from tangentlab.linalg.eigenpairs import DENSE_ROWS

NOTHING = Growth(0.0, 0.0)


def algebra(**known):
    given = {
        "factorization": NOTHING,
        "decomposition": NOTHING,
        "read": 0.0,
        "span_step": 0.0,
        "span_number": 0.0,
    }
    return Algebra(**(given | known))


@pytest.mark.parametrize(("square", "cube"), [(2.0, 3.0), (0.0, 1.0), (1.0, 0.0)])
def test_growth_finds_both_parts(square, cube):
    true = Growth(square, cube)
    found = Growth.through(4, true.at(4), 10, true.at(10))
    assert found.at(100) == pytest.approx(true.at(100))


def test_neither_part_of_a_growth_is_negative():
    assert Growth.through(10, 1000.0, 20, 1000.0) == Growth(1000.0 / 400, 0.0)
    steep = Growth.through(10, 1.0, 20, 1000.0)
    assert steep.square == 0.0
    assert steep.at(20) > 0


def test_each_count_has_its_rate():
    work = Work(solves=(10, 20), span=((3, 2, 10),), eigenpairs=((10, 10),))
    assert algebra(factorization=Growth(1.0, 0.0)).seconds(work) == 500.0
    assert algebra(span_step=1.0).seconds(work) == 3.0
    assert algebra(span_number=1.0).seconds(work) == 60.0
    assert algebra(decomposition=Growth(0.0, 1.0)).seconds(work) == 1000.0


@pytest.mark.parametrize("double", [True, False])
def test_few_pairs_of_many_rows_are_searched_and_others_decomposed(double):
    rates = algebra(decomposition=Growth(0.0, 1.0), read=1.0)
    first, each = SEARCH[double]
    large = DENSE_ROWS + 1
    assert rates.pairs(100, 10, double=double) == 100**3
    assert rates.pairs(100, 1, double=double) == 100**2 * sum(SEARCH[True])
    assert rates.pairs(large, 10, double=double) == large**2 * (first + 10 * each)
    assert rates.pairs(large, large // 2, double=double) == large**3


def test_pairs_of_a_unit_are_in_the_precision_of_its_kernels():
    rates, large = algebra(read=1.0), 2 * DENSE_ROWS
    found = {double: rates.seconds(Work(eigenpairs=((large, 100),), double=double)) for double in SEARCH}
    assert found == {double: large**2 * (first + 100 * each) for double, (first, each) in SEARCH.items()}


def test_what_is_measured_is_positive():
    found = Algebra.measured(torch.device("cpu"))
    assert found.factorization.at(1000) > 0
    assert found.decomposition.at(1000) > 0
    assert found.read > 0
    assert found.span_step + found.span_number > 0


def test_an_epoch_is_the_difference_of_two_descents():
    asked = []
    assert epoch_seconds(asked.append) >= 0
    few, many = sorted(set(asked))
    assert few < many <= few + 64
