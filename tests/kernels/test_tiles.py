"""Tiles: any plan gives the same kernel, symmetric work is done once, blocks are kept while there is room."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from oracles.ntk_by_loops import ntk_by_loops
from tangentlab.kernels.block_plan import BlockPlan
from tangentlab.kernels.layer_terms import TermMaker
from tangentlab.kernels.output_flavour import output_flavour
from tangentlab.kernels.tiles import TileMaker, fill_tiles
from tangentlab.networks import Network
from tangentlab.tangent.routes import find_routes


def rows(n):
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(n), dtype=torch.float64)


def build(outputs):
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2), nn.Tanh()).double()
    network = Network(model)
    flavour = output_flavour(outputs, outputs=2)
    maker, _ = TermMaker.plan(
        network,
        routes=find_routes(network, [rows(3)]),
        cotangents=flavour.cotangents(like=rows(1)),
        contraction=flavour.contraction,
        samples=[rows(3)],
        columns=10,
    )
    return model, maker, flavour


def filled(maker, flavour, x1, x2, **options):
    plan = BlockPlan(**({"block": 3, "step": 2, "bytes": 0, "kept_blocks": 2} | options))
    seen = []
    K = torch.full(flavour.shape(len(x1), len(x1 if x2 is None else x2)), float("nan"), dtype=torch.float64)
    fill_tiles(K, TileMaker(maker, x1, x2, flavour, plan), progress=lambda *pair: seen.append(pair))
    return K, seen


@pytest.mark.parametrize("outputs", ["full", "trace", "diagonal"])
@pytest.mark.parametrize("block", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("kept", [1, 3, 100])
def test_every_plan_gives_the_kernel(outputs, block, kept):
    model, maker, flavour = build(outputs)
    x1, x2 = rows(7), rows(4)
    for other in (None, x2):
        K, seen = filled(maker, flavour, x1, other, block=block, kept_blocks=kept)
        assert torch.allclose(K, ntk_by_loops(model, x1, other, outputs=outputs))
        assert seen[-1][0] == seen[-1][1] and [done for done, _ in seen] == sorted(done for done, _ in seen)
        if other is None:
            assert torch.equal(K, flavour.transpose(K))


def test_symmetric_work_is_done_once():
    _, maker, flavour = build("trace")
    seen = filled(maker, flavour, rows(6), None, block=2)[1]
    assert len(seen) == 6 and seen[-1] == (24, 24)  # of nine tiles of four pairs
    assert filled(maker, flavour, rows(6), rows(6), block=2)[1][-1] == (36, 36)


@pytest.mark.parametrize(("kept", "blocks"), [(100, 3), (1, 6)])
def test_blocks_are_made_again_only_where_there_is_no_room(kept, blocks, monkeypatch):
    _, maker, flavour = build("trace")
    made = []
    block = TermMaker.block
    monkeypatch.setattr(
        TermMaker, "block", lambda self, x, *, step: made.append(len(x)) or block(self, x, step=step)
    )
    filled(replace(maker), flavour, rows(6), None, block=2, kept_blocks=kept)
    assert blocks - 1 <= len(made) <= blocks
