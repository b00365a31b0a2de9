"""forecast: measure, for a second or a few, the functions that will make a kernel, and say what all of it will take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch

from tangentlab.kernels.block_plan import held_bytes
from tangentlab.kernels.footprint import Footprint, factor_bytes
from tangentlab.kernels.inspection import Inspection
from tangentlab.kernels.memory_budget import parse_bytes
from tangentlab.kernels.operation_count import OperationCount
from tangentlab.kernels.path_changed import PathChanged
from tangentlab.kernels.plan import LayerPlan, Plan, count_rows_made, count_tiles
from tangentlab.kernels.process_memory import peak_bytes, resident_bytes, settle
from tangentlab.kernels.tile_timing import LONG, check_seconds, fresh_byte_seconds, row_and_pair_seconds, timed
from tangentlab.kernels.tiles import TileMaker
from tangentlab.networks.evaluation import preserved_random_state
from tangentlab.networks.inputs import Inputs, count_rows, take_rows


def forecast(
    inspect: Callable[[], Inspection],
    x1: Inputs,
    x2: Inputs | None,
    *,
    kernel: str,
    memory: int | str | None,
    storage: str,
) -> Plan:
    """The plan of a kernel between `x1` and `x2`; `inspect` makes the checks that precede it, timed here.

    Cost: the checks, twice where they are short, and three short measurements; nothing of size n x n is allocated.
    """
    found, once = timed(inspect)
    again = min(once, timed(inspect)[1]) if once < LONG else once
    while True:
        try:
            planning = math.inf
            for _ in range(2):  # the first may wait for memory and libraries
                start = time.perf_counter()
                tiles = found.tiles(x1, x2, memory=memory, storage=storage)
                planning = min(planning, time.perf_counter() - start)
            with preserved_random_state(found.network.device):
                return _plan(found, tiles, kernel, memory, storage, again + planning, once - again)
        except PathChanged as change:
            found = found.without(change.names)


def _plan(
    found: Inspection,
    tiles: TileMaker,
    kernel: str,
    memory: int | str | None,
    storage: str,
    checks: float,
    first_use: float,
) -> Plan:
    network, flavour, plan, symmetric = tiles.maker.network, tiles.flavour, tiles.plan, tiles.symmetric
    x2 = tiles.x1 if tiles.x2 is None else tiles.x2
    n, m = count_rows(tiles.x1), count_rows(x2)
    footprint = found.footprint(columns=m)
    result = held_bytes(
        n, m, numbers=flavour.numbers, item=network.dtype.itemsize, storage=storage, block=plan.block
    )
    highest = peak_bytes(network.device)  # before the measurements, which the kernel does without
    row_seconds, pair_seconds = row_and_pair_seconds(tiles)
    settle(network.device)
    resident = resident_bytes(network.device)  # with what the libraries keep once they have been used
    checks += check_seconds(tiles)
    byte_seconds = fresh_byte_seconds(network.device, count=result // 4)
    count, pairs = count_tiles(n, m, symmetric=symmetric, block=plan.block)
    made = count_rows_made(n, m, symmetric=symmetric, block=plan.block, kept=plan.kept_blocks)
    with torch.no_grad(), OperationCount() as forward:
        network.apply({}, take_rows(found.samples[0], slice(0, 1)))
    row = (footprint.made.operations - footprint.made.checked * forward.operations) // footprint.made.rows
    kept = min(plan.kept_blocks * plan.block, made) * footprint.term_bytes
    seconds = checks + made * row_seconds + pairs * pair_seconds + (result + kept) * byte_seconds
    return Plan(
        kernel=kernel,
        routes=found.routes.describe(),
        shape=flavour.shape(n, m),
        dtype=str(network.dtype).removeprefix("torch."),
        device=str(network.device),
        threads=torch.get_num_threads(),
        layers=tuple(_layer(footprint, name, plan.block, pairs) for name in tiles.maker.forms),
        backward_passes=flavour.count,
        forward_operations=made * forward.operations,
        backward_operations=made * max(0, row - forward.operations),
        block=plan.block,
        step=plan.step,
        kept_blocks=plan.kept_blocks,
        tiles=count,
        rows_made=made,
        pairs=pairs,
        storage=storage,
        result_bytes=result,
        resident_bytes=resident,
        work_bytes=plan.bytes,
        bytes=max(highest, resident + result + plan.bytes),
        budget=None if memory is None else parse_bytes(memory),
        check_seconds=checks,
        row_seconds=row_seconds,
        pair_seconds=pair_seconds,
        byte_seconds=byte_seconds,
        first_use_seconds=first_use,
        seconds=seconds,
    )


def _layer(footprint: Footprint, name: str, block: int, pairs: int) -> LayerPlan:
    factor = footprint.row[name]
    count = footprint.layer(name, block, block)
    return LayerPlan(
        name=name,
        factor=type(factor).__name__.lower(),
        form=footprint.maker.forms[name],
        operations=count.operations * pairs // block**2,
        moved=count.moved * pairs // block**2,
        row_bytes=factor_bytes(factor),
    )
