"""Every form of a contraction is the same number."""

import itertools

import pytest
import torch

from tangentlab.kernels import contraction as contractions
from tangentlab.kernels import pairwise
from tangentlab.kernels.contraction import add_contraction, cheapest
from tangentlab.kernels.operation_count import OperationCount
from tangentlab.linalg import matrix_product
from tangentlab.tangent.factors import Outer, Rows, Tokens, Windows, as_rows
from tangentlab.tangent.patches import Geometry

SHAPES = {
    "full": lambda n, m, q: (n, m, q, q),
    "trace": lambda n, m, q: (n, m),
    "diagonal": lambda n, m, q: (n, m, q),
}


def outer(n, q=2, g=2, s=3, i=4, o=5, **options):
    inputs = torch.randn(n, g, s, i, dtype=torch.float64)
    return Outer(inputs, torch.randn(n, q, g, s, o, dtype=torch.float64), **options)


def tokens(n, q=2, s=4, h=3, vocabulary=5):
    return Tokens(torch.randint(vocabulary, (n, s)), torch.randn(n, q, s, h, dtype=torch.float64), vocabulary)


def windows(n, q=2, channels=3, o=4, space=(6, 5), **geometry):
    dims = len(space)
    plain = {
        "kernel": (3, 2, 2)[:dims],
        "stride": (1,) * dims,
        "dilation": (1,) * dims,
        "padding": (1,) * dims,
        "groups": 1,
    }
    geometry = Geometry(**{**plain, **geometry})
    gradients = torch.randn(n, q, o, *geometry.positions(space), dtype=torch.float64)
    return Windows(torch.randn(n, channels, *space, dtype=torch.float64), gradients, geometry)


def expected(left, right, contraction):
    full = torch.einsum("nqp,mrp->nmqr", as_rows(left).rows, as_rows(right).rows)
    diagonal = torch.einsum("nmqq->nmq", full)
    return {"full": full, "diagonal": diagonal, "trace": diagonal.sum(2)}[contraction]


FACTORS = {
    "outer, many positions": (outer, ("explicit", "pairwise")),
    "outer, one position": (lambda n: outer(n, s=1), ("explicit", "pairwise", "hadamard")),
    "outer, no groups": (lambda n: outer(n, g=1, s=1), ("explicit", "hadamard")),
    "outer, turned": (lambda n: outer(n, inputs_first=True), ("explicit", "pairwise")),
    "one output": (lambda n: outer(n, q=1), ("explicit", "pairwise")),
    "windows": (windows, ("explicit", "pairwise", "pixels")),
    "windows, strides": (lambda n: windows(n, stride=(2, 3), padding=(0, 2)), ("explicit", "pairwise", "pixels")),
    "windows, dilated": (lambda n: windows(n, dilation=(2, 3), q=1), ("explicit", "pairwise", "pixels")),
    "windows, groups": (lambda n: windows(n, channels=4, groups=2), ("explicit", "pairwise")),
    "windows of a signal": (lambda n: windows(n, space=(9,), stride=(4,)), ("explicit", "pairwise", "pixels")),
    "windows of a volume": (lambda n: windows(n, space=(4, 3, 3)), ("explicit", "pairwise", "pixels")),
    "windows larger than the image": (
        lambda n: windows(n, kernel=(5, 5), padding=(2, 2), space=(2, 3)),
        ("explicit", "pairwise", "pixels"),
    ),
    "one window": (
        lambda n: windows(n, kernel=(3, 3), padding=(0, 0), space=(3, 3)),
        ("explicit", "hadamard", "pairwise"),
    ),
    "tokens": (tokens, ("explicit", "pairwise")),
    "rows": (lambda n: Rows(torch.randn(n, 2, 7, dtype=torch.float64)), ("explicit",)),
}
CASES = [(name, form) for name, (_, forms) in FACTORS.items() for form in forms]


@pytest.mark.parametrize("contraction", SHAPES)
@pytest.mark.parametrize(("name", "form"), CASES)
def test_forms_agree_and_add(name, form, contraction):
    make, _ = FACTORS[name]
    left, right = make(5), make(3)
    q = as_rows(left).rows.shape[1]
    total = torch.ones(SHAPES[contraction](5, 3, q), dtype=torch.float64)
    add_contraction(total, left, right, form=form, contraction=contraction)
    assert torch.allclose(total, 1 + expected(left, right, contraction))


@pytest.mark.parametrize("contraction", SHAPES)
@pytest.mark.parametrize("form", ["explicit", "pairwise", "hadamard"])
@pytest.mark.parametrize(("s", "t"), [(1, 4), (4, 1), (2, 3)])
def test_the_two_sides_may_have_different_numbers_of_positions(s, t, form, contraction):
    left, right = outer(3, s=s), outer(2, s=t)
    total = torch.zeros(SHAPES[contraction](3, 2, 2), dtype=torch.float64)
    add_contraction(total, left, right, form=form, contraction=contraction)
    assert torch.allclose(total, expected(left, right, contraction))


@pytest.mark.parametrize("contraction", SHAPES)
def test_small_workspaces_and_long_rows_change_nothing(contraction, monkeypatch):
    monkeypatch.setattr(pairwise, "NUMBERS", 1)
    monkeypatch.setattr(contractions, "PART_NUMBERS", 1)
    monkeypatch.setattr(contractions, "COLUMNS", 3)
    for make, form in [
        *((make, "pairwise") for make in (outer, tokens, windows)),
        *((make, "explicit") for make in (outer, tokens, windows)),
        (windows, "pixels"),
    ]:
        left, right = make(5), make(4)
        total = torch.zeros(SHAPES[contraction](5, 4, 2), dtype=torch.float64)
        add_contraction(total, left, right, form=form, contraction=contraction)
        assert torch.allclose(total, expected(left, right, contraction))


def test_long_rows_are_summed_in_double_precision(monkeypatch):
    monkeypatch.setattr(contractions, "COLUMNS", 16)
    ones = torch.ones(1, 1, 4096)
    ones[..., 0] = 1e4  # beside its square single precision loses the small ones
    total = torch.zeros(1, 1, dtype=torch.float64)
    add_contraction(total, Rows(ones), Rows(ones), form="explicit", contraction="trace")
    assert abs(total.item() - (1e8 + 4095)) <= 16


@pytest.mark.parametrize("contraction", SHAPES)
@pytest.mark.parametrize("form", ["explicit", "pairwise", "pixels"])
def test_the_diagonal_tile_is_the_product_of_a_side_with_itself(form, contraction, monkeypatch):
    monkeypatch.setattr(contractions, "PART_NUMBERS", 100)
    side = windows(4)
    total = torch.zeros(SHAPES[contraction](4, 4, 2), dtype=torch.float64)
    add_contraction(total, side, side, form=form, contraction=contraction)
    assert torch.allclose(total, expected(side, side, contraction))


@pytest.mark.parametrize("contraction", SHAPES)
@pytest.mark.parametrize(("name", "form"), CASES)
def test_strips_that_end_at_the_diagonal_give_both_triangles(name, form, contraction, monkeypatch):
    monkeypatch.setattr(matrix_product, "_STRIPS", ((2, 4),))  # of 16 rows
    monkeypatch.setattr(matrix_product, "_LONG", 1)
    side = FACTORS[name][0](35)
    q = as_rows(side).rows.shape[1]
    total = torch.ones(SHAPES[contraction](35, 35, q), dtype=torch.float64)
    add_contraction(total, side, side, form=form, contraction=contraction)
    assert torch.allclose(total, 1 + expected(side, side, contraction))


@pytest.mark.parametrize("form", ["pairwise", "pixels"])
def test_a_side_with_itself_takes_little_more_than_half_of_the_products(form):
    with torch.device("meta"):
        side, other = windows(64, channels=8, o=8), windows(64, channels=8, o=8)
    asked = []
    for right in (side, other):
        with OperationCount() as count:
            total = torch.zeros(64, 64, dtype=torch.float64, device="meta")
            add_contraction(total, side, right, form=form, contraction="trace")
        asked.append(count.operations)
    assert 0.5 < asked[0] / asked[1] < 0.65  # four strips that end at the diagonal: 10 of 16 blocks


@pytest.mark.parametrize(
    ("factor", "contraction", "form"),
    [
        (Rows(torch.zeros(1, 1, 9)), "full", "explicit"),
        (outer(1, q=1, g=1, s=1, i=500, o=500), "trace", "hadamard"),
        (outer(1, q=1, g=1, s=1, i=1, o=1), "full", "explicit"),
        (outer(1, q=1, g=1, s=2, i=500, o=500), "trace", "pairwise"),
        (outer(1, q=1, g=1, s=400, i=9, o=4), "trace", "explicit"),
        (windows(1, q=1, channels=512, o=512, space=(4, 4), kernel=(3, 3)), "trace", "pixels"),
        (windows(1, q=1, channels=64, o=64, space=(32, 32), kernel=(3, 3)), "trace", "explicit"),
        (tokens(1, q=1, s=3, vocabulary=100_000), "trace", "pairwise"),
        (tokens(1, q=1, s=300, vocabulary=5), "trace", "explicit"),
    ],
)
def test_the_cheapest_form_follows_the_sizes(factor, contraction, form):
    assert cheapest(factor, contraction=contraction, columns=1000) == form


def test_every_flavour_has_a_form_for_every_factor():
    for (make, forms), contraction in itertools.product(FACTORS.values(), SHAPES):
        assert cheapest(make(2), contraction=contraction, columns=10) in forms
