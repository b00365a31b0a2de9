"""Terms of a block: made the same for every block, or the path is said to have changed."""

import weakref
from dataclasses import replace

import pytest
import torch
from torch import nn

from oracles.ntk_by_loops import ntk_by_loops
from tangentlab._errors import NetworkError
from tangentlab.kernels.layer_terms import TermMaker
from tangentlab.kernels.path_changed import PathChanged
from tangentlab.networks import Network
from tangentlab.tangent.factors import Outer, Rows, as_rows
from tangentlab.tangent.joined_factors import joined
from tangentlab.tangent.routes import find_routes


class Model(nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.a, self.b, self.scale = nn.Linear(4, 3), nn.Linear(3, 2), nn.Parameter(torch.tensor(1.5))
        self.given = forward

    def forward(self, x):
        return self.given(self, x)


def plain(m, x):
    return m.b(torch.tanh(m.a(x))) * m.scale


def rows(n, *shape):
    return torch.randn(n, *(shape or (4,)), generator=torch.Generator().manual_seed(n), dtype=torch.float64)


def loops(maker, x1, x2, *, outputs):
    return ntk_by_loops(maker.network.module, x1, x2, outputs=outputs, parameters=set(maker.network.names))


def planned(forward, samples, contraction="trace", columns=100, **options):
    network = Network(Model(forward).double())
    maker, row_bytes = TermMaker.plan(
        network,
        routes=find_routes(network, samples),
        cotangents=torch.eye(2, dtype=torch.float64),
        contraction=contraction,
        samples=samples,
        columns=columns,
        **options,
    )
    return maker, row_bytes


def test_terms_of_two_blocks_make_the_kernel():
    maker, row_bytes = planned(plain, [rows(3)])
    x1, x2 = rows(7), rows(5)
    total = torch.zeros(7, 5, dtype=torch.float64)
    maker.add_tile(total, maker.block(x1, step=3), maker.block(x2, step=5))
    assert torch.allclose(total, loops(maker, x1, x2, outputs="trace"))
    assert row_bytes >= 8 * sum(term.row_numbers for term in maker.block(rows(1), step=1).values())


def test_single_positions_carry_their_bias_and_the_rest_is_one_term():
    maker, _ = planned(plain, [rows(3)])
    terms = maker.block(rows(4), step=4)
    assert set(terms) == {"a.weight+a.bias", "b.weight+b.bias", "scale"}
    assert isinstance(terms["a.weight+a.bias"], (Outer, Rows)) and isinstance(terms["scale"], Rows)


@pytest.mark.parametrize("contraction", ["full", "trace", "diagonal"])
def test_rows_of_one_and_of_many_positions_meet(contraction):
    def over_positions(m, x):
        return m.b(torch.tanh(m.a(x)).sum(1)) * m.scale

    x1, x2 = rows(3, 1, 4), rows(2, 5, 4)
    maker, _ = planned(over_positions, [x1, x2], contraction=contraction)
    shape = {"full": (3, 2, 2, 2), "trace": (3, 2), "diagonal": (3, 2, 2)}[contraction]
    total = torch.zeros(shape, dtype=torch.float64)
    maker.add_tile(total, maker.block(x1, step=2), maker.block(x2, step=2))
    assert torch.allclose(total, loops(maker, x1, x2, outputs=contraction))


def test_blocks_do_not_depend_on_the_step():
    maker, _ = planned(plain, [rows(3)])
    x = rows(7)
    for name, term in maker.block(x, step=7).items():
        assert torch.allclose(as_rows(term).rows, as_rows(joined(maker.block(x, step=2)[name])).rows)


def test_what_a_pass_has_made_is_not_held_while_the_next_is_made(monkeypatch):
    maker, _ = planned(plain, [rows(3)])
    made, settled = [], TermMaker._settled_terms

    def watched(self, x, *, checks):
        assert all(earlier() is None for earlier in made)
        terms = settled(self, x, checks=checks)
        made.append(weakref.ref(terms["scale"].rows))  # copied into the block
        return terms

    monkeypatch.setattr(TermMaker, "_settled_terms", watched)
    maker.block(rows(7), step=3)
    assert len(made) == 3


def first_token(m, x):
    return m.b(torch.tanh(m.a(x))[:, 0]) * m.scale


def longest_read(m, x):
    h = torch.tanh(m.a(x))
    last = (x[..., 0] > 0).sum(1)  # how much of each row is read
    kept = (torch.arange(x.shape[1]) < last[:, None]).unsqueeze(2)
    return m.b((h * kept).sum(1)) * m.scale


def test_positions_that_no_output_reads_are_left_out():
    maker, _ = planned(first_token, [rows(3, 5, 4)])
    assert maker.read == {"a.weight": (0,)}
    x1, x2 = rows(7, 5, 4), rows(4, 5, 4)
    left = maker.block(x1, step=3)
    assert joined(left["a.weight"]).inputs.shape == (7, 1, 1, 4)
    total = torch.zeros(7, 4, dtype=torch.float64)
    maker.add_tile(total, left, maker.block(x2, step=4))
    assert torch.allclose(total, loops(maker, x1, x2, outputs="trace"))


@pytest.mark.parametrize("step", [1, 2, 6])
@pytest.mark.parametrize("contraction", ["trace", "full"])
def test_rows_that_read_more_positions_than_planned_keep_them(step, contraction):
    def lengths(*read):
        x = rows(len(read), 6, 4)
        x[..., 0] = torch.tensor([[1.0] * n + [-1.0] * (6 - n) for n in read])
        return x

    maker, _ = planned(longest_read, [lengths(1, 2, 1)], contraction)
    assert maker.read == {"a.weight": (0, 1)}
    short, mixed = lengths(2, 1, 2, 1, 1, 2), lengths(1, 6, 2, 4, 1, 2)
    for x1, x2 in ((short, mixed), (mixed, short), (mixed, mixed)):
        shape = (6, 6, 2, 2) if contraction == "full" else (6, 6)
        total = torch.zeros(shape, dtype=torch.float64)
        maker.add_tile(total, maker.block(x1, step=step), maker.block(x2, step=step))
        assert torch.allclose(total, loops(maker, x1, x2, outputs=contraction))


@pytest.mark.parametrize("contraction", ["trace", "full"])
def test_gradients_in_an_order_of_their_own_meet_and_are_kept_from_others(contraction):
    module = nn.Sequential(nn.Conv2d(6, 8, 3, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(8 * 81, 1))
    network, x1, x2 = Network(module), torch.randn(7, 6, 9, 9), torch.randn(5, 6, 9, 9)
    routes = find_routes(network, [x1[:3]])
    how = {"routes": routes, "cotangents": torch.eye(1), "contraction": contraction}
    maker, _ = TermMaker.plan(network, samples=[x1[:3]], columns=1000, **how)
    left, right = maker.block(x1, step=7), maker.block(x2, step=2)
    weight = left["0.weight"]
    assert isinstance(weight, Rows) and weight.order == "lines"
    total = torch.zeros(7, 5, *([1, 1] if contraction == "full" else []), dtype=torch.float64)
    maker.add_tile(total, left, right)
    exact = ntk_by_loops(module.double(), x1.double(), x2.double(), outputs="trace")
    assert (total.view(7, 5) - exact).abs().max() <= 2e-6 * exact.abs().max()  # float32
    ordered = right | {"0.weight": replace(right["0.weight"], order="")}  # as of rows that use the layer twice
    with pytest.raises(PathChanged, match="0.weight"):
        maker.add_tile(total, left, ordered)


def branch_on_layer_b(m, x):
    return m.b(m.a(x)) if (x > 90).any() else m.a(x)[:, :2] * m.scale


def loop(m, x):
    h = m.a(x)
    for _ in range(1 + int((x > 90).any())):
        h = torch.tanh(m.a(torch.cat([h, h[:, :1]], 1)))
    return m.b(h)


@pytest.mark.parametrize(("forward", "names"), [(branch_on_layer_b, {"b.weight", "b.bias"}), (loop, {"a.weight"})])
def test_a_path_that_changes_with_the_data_is_named(forward, names):
    maker, _ = planned(forward, [rows(3)])
    x = rows(6)
    maker.block(x, step=6)
    x[4, 0] = 100
    with pytest.raises((PathChanged, NetworkError)) as error:
        maker.block(x, step=2)
    if isinstance(error.value, PathChanged):
        assert names & set(error.value.names)
    else:
        assert "rows beside it" in str(error.value)


def test_each_block_is_compared_with_rows_alone():
    def crowd(m, x):
        return plain(m, x) + (x.mean(0)[:2] if len(x) > 10 else 0)

    maker, _ = planned(crowd, [rows(3)])
    maker.block(rows(20), step=10)
    with pytest.raises(NetworkError, match="rows beside it"):
        maker.block(rows(20), step=20)


def test_a_wary_maker_compares_every_row():
    def branch(m, x):
        return plain(m, x) if x.sum() > 0 else plain(m, 2 * x)

    x = rows(40).abs()
    x[11] = -x[11]
    maker, _ = planned(branch, [rows(3).abs()])
    wary, _ = planned(branch, [rows(3).abs()], wary=True)
    maker.block(x.abs(), step=40)
    with pytest.raises(NetworkError, match="row 11 of 40|row 11 change"):
        wary.block(x, step=40)
