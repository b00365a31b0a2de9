"""Blocks of rows are as large as fits; what all of it takes is counted, and never more rows than there are."""

import pytest

from tangentlab.kernels.block_plan import held_bytes, plan_blocks

MIB = 2**20


def plan(rows=1000, columns=1000, side=1, term_bytes=10_000, step_bytes=40_000, room=100 * MIB, block=None):
    return plan_blocks(
        rows=rows,
        columns=columns,
        side=side,
        symmetric=True,
        term_bytes=term_bytes,
        step_bytes=step_bytes,
        tile_bytes=lambda size, other: 24 * (side * size) ** 2,
        room=room,
        block=block,
    )


@pytest.mark.parametrize("room", [20, 40, 100, 1000])
@pytest.mark.parametrize("term_bytes", [100, 10_000, 100_000])
@pytest.mark.parametrize("side", [1, 10])
def test_blocks_fit_and_are_as_large_as_they_may(room, term_bytes, side):
    found = plan(room=room * MIB, term_bytes=term_bytes, step_bytes=4 * term_bytes, side=side)
    assert 1 <= found.step <= found.block <= 1000
    assert found.bytes <= room * MIB
    assert 1 <= found.kept_blocks <= -(-1000 // found.block)


def test_more_room_never_means_fewer_rows_kept():
    kept = [
        found.block * found.kept_blocks for found in (plan(room=size * MIB) for size in (20, 30, 60, 200, 999))
    ]
    assert kept == sorted(kept) and kept[-1] >= 1000


def test_no_more_rows_are_counted_than_there_are():
    found = plan(rows=100, columns=100, block=64)
    assert found.block == found.step == 64 and found.kept_blocks == 2
    used = 100 * 10_000 + 64 * (40_000 - 10_000) + 24 * 64**2
    assert found.bytes == 16 * MIB + used + used // 4  # splinters between two passes


def test_one_pass_leaves_no_splinters_and_one_block_has_no_tile_with_another():
    asked = []
    found = plan_blocks(
        rows=40,
        columns=40,
        side=1,
        symmetric=True,
        term_bytes=10_000,
        step_bytes=40_000,
        tile_bytes=lambda size, other: asked.append((size, other)) or 5000,
        room=100 * MIB,
        block=40,
    )
    assert found.bytes == 16 * MIB + 40 * 40_000 + 5000
    assert asked == [(40, None)]


def test_splinters_are_bounded():
    sizes = 100_000, 200_000
    few, many = (plan(rows=4000, columns=4000, term_bytes=s, step_bytes=s, room=4000 * MIB) for s in sizes)
    assert few.block == many.block > few.step > many.step
    held = [(4000 + found.step) * size for size, found in zip(sizes, (few, many))]
    assert many.bytes - few.bytes == held[1] - held[0]


def test_no_room_at_all_means_row_by_row():
    found = plan(rows=5, columns=5, room=1000, term_bytes=10**6)
    assert (found.block, found.step) == (1, 1)


def test_a_block_that_is_given_stays():
    assert plan(block=300).block == 300
    assert plan(block=300, room=1000).block == 300
    assert plan(block=300, room=1000).step == 1
    assert plan(block=3000).block == 1000


def test_results_are_counted_where_they_stay():
    assert held_bytes(1000, 500, numbers=9, item=4) == 18_000_000
    assert held_bytes(1000, 1000, numbers=1, item=8, storage="packed", block=10) == 8 * 1000 * 1010 // 2
    assert held_bytes(10**6, 10**6, numbers=100, item=4, storage="disk") == 0
