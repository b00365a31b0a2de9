"""Positions that no output reads: found, left out, and put back where other rows read them."""

import torch

from tangentlab.tangent.factors import Outer, Rows, as_rows
from tangentlab.tangent.read_positions import few_read, narrowed, read_positions, widened


def outer(read, positions=6, n=3, q=2):
    gradients = torch.zeros(n, q, 2, positions, 4, dtype=torch.float64)
    gradients[:, :, :, list(read)] = torch.randn(n, q, 2, len(read), 4, dtype=torch.float64)
    return Outer(torch.randn(n, 2, positions, 5, dtype=torch.float64), gradients)


def test_a_position_counts_if_one_row_and_one_output_read_it():
    use = outer([])
    use.gradients[2, 1, 1, 4, 3] = 1e-300
    assert read_positions(use) == (4,)


def test_most_positions_are_all_positions():
    assert read_positions(outer([0, 2, 3, 5])) == tuple(range(6))


def test_what_is_left_out_changes_no_gradient():
    use = outer([1, 4])
    few = narrowed(use, read_positions(use))
    assert few.inputs.shape[2] == 2 and torch.allclose(as_rows(few).rows, as_rows(use).rows)
    assert torch.allclose(as_rows(widened(few, (1, 4), count=6)).rows, as_rows(use).rows)


def test_a_gradient_that_is_not_a_number_is_read():
    use = outer([1])
    use.gradients[0, 0, 0, 3, 0] = torch.nan
    assert narrowed(use, (1,)) is use and read_positions(use) == (1, 3)


def test_terms_of_several_sets_of_rows_read_what_any_reads():
    assert few_read([{"a": outer([1])}, {"a": outer([4])}]) == {"a": (1, 4)}
    assert few_read([{"a": outer([1])}, {"a": outer([1], positions=7)}]) == {}
    assert (
        few_read([{"a": outer([1]), "b": Rows(torch.ones(1, 1, 1))}, {"a": outer(range(6)), "b": outer([1])}])
        == {}
    )
