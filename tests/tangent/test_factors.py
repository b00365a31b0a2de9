"""Whatever form a per-sample gradient has, it is the same gradient written out."""

import itertools

import pytest
import torch

from tangentlab.tangent.factors import Outer, Rows, Tokens, as_rows
from tangentlab.tangent.joined_factors import add_uses, alike, fold, put_rows, room_for, with_bias


def outer(n=4, q=2, g=2, s=3, i=5, o=2, **options):
    inputs = torch.randn(n, g, s, i, dtype=torch.float64)
    return Outer(inputs, torch.randn(n, q, g, s, o, dtype=torch.float64), **options)


def tokens(n=4, q=2, s=3, h=2, vocabulary=6):
    return Tokens(torch.randint(vocabulary, (n, s)), torch.randn(n, q, s, h, dtype=torch.float64), vocabulary)


def rows(n=4, q=2, p=20):
    return Rows(torch.randn(n, q, p, dtype=torch.float64))


def test_outer_products_are_flattened_as_the_weight_is():
    use = outer()
    weight = torch.einsum("nqgso,ngsi->nqgoi", use.gradients, use.inputs)
    assert torch.allclose(use.rows().rows, weight.reshape(4, 2, -1))
    turned = Outer(use.inputs, use.gradients, inputs_first=True)
    assert torch.allclose(turned.rows().rows, weight.transpose(3, 4).reshape(4, 2, -1))


def test_tokens_add_where_they_repeat():
    use = tokens()
    table = torch.zeros(4, 2, 6, 2, dtype=torch.float64)
    for n, s in itertools.product(range(4), range(3)):
        table[n, :, use.tokens[n, s]] += use.gradients[n, :, s]
    assert torch.allclose(use.rows().rows, table.reshape(4, 2, -1))


@pytest.mark.parametrize(
    "use", [outer(), outer(inputs_first=True), tokens(), rows()], ids=["outer", "turned", "tokens", "rows"]
)
def test_numbers_are_counted(use):
    kept = [t for t in vars(use).values() if isinstance(t, torch.Tensor)]
    assert use.row_numbers == sum(t[0].numel() for t in kept)
    assert use.explicit_numbers == as_rows(use).rows[0].numel()


@pytest.mark.parametrize(
    "uses",
    [
        [outer(), outer()],
        [outer(s=1), outer(s=4), outer()],
        [outer(inputs_first=True), outer(inputs_first=True)],
        [outer(), outer(inputs_first=True)],
        [tokens(), tokens(s=1)],
        [outer(g=1, i=4, o=5), tokens(vocabulary=10), rows()],
        [rows(), rows()],
    ],
)
def test_uses_add(uses):
    expected = sum(as_rows(use).rows for use in uses)
    assert torch.allclose(as_rows(add_uses(uses)).rows, expected)


def turned(n):
    return Rows(rows(n=2).rows.transpose(0, 1)[:, :1].expand(-1, n, -1).contiguous().transpose(0, 1))


@pytest.mark.parametrize("make", [outer, lambda n: outer(n, inputs_first=True), tokens, rows, turned])
def test_blocks_of_rows_are_joined(make):
    parts = [make(n=1), make(n=3), make(n=2)]
    assert alike(parts[0], parts[1])
    whole = room_for(parts[1], rows=6)
    for start, part in zip((0, 1, 4), parts):
        put_rows(whole, part, start=start)
    assert torch.equal(as_rows(whole).rows, torch.cat([as_rows(part).rows for part in parts]))


@pytest.mark.parametrize(
    ("a", "b"),
    [(outer(), outer(s=2)), (outer(), tokens()), (tokens(), tokens(s=1)), (rows(), rows(p=3)), (rows(), outer())],
)
def test_what_cannot_be_joined_is_not_alike(a, b):
    assert not alike(a, b)


@pytest.mark.parametrize("make", [outer, lambda n: outer(n, inputs_first=True), tokens, rows])
def test_slices_of_a_row_are_folded_into_it(make):
    use = make(n=12)
    folded = fold(use, 4)
    assert torch.allclose(as_rows(folded).rows, as_rows(use).rows.reshape(4, 3, 2, -1).sum(1))
    assert fold(use, 12) is use


def test_a_bias_is_a_weight_of_the_input_one():
    use = outer(g=1, s=3, i=5, o=2)
    found = with_bias(use).rows().rows.reshape(4, 2, 2, 6)
    assert torch.allclose(found[..., :5].reshape(4, 2, -1), use.rows().rows)
    assert torch.allclose(found[..., 5], use.gradients.sum((2, 3)))
