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
        most_bytes=lambda blocks, step, tiles: (
            sum(blocks) * term_bytes + max(step * step_bytes, 24 * (side * tiles[0][0]) ** 2)
        ),
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
    assert found.bytes == 16 * MIB + 100 * 10_000 + 64 * 40_000


def test_what_is_asked_for_is_the_blocks_that_are_made_and_the_tiles_there_are():
    asked = []

    def needed(rows):
        found = plan_blocks(
            rows=rows,
            columns=rows,
            side=1,
            symmetric=True,
            block=40,
            term_bytes=10_000,
            most_bytes=lambda *needs: asked.append(needs) or 9000,
            room=100 * MIB,
        )
        return found.bytes - 16 * MIB

    assert needed(40) == 9000
    assert {(tuple(blocks), tuple(tiles)) for blocks, _, tiles in asked} == {((40,), ((40, None),))}
    asked.clear()
    assert needed(100) == 9000 + 40 * 10_000  # a block beside those made
    assert {(tuple(blocks), tuple(tiles)) for blocks, _, tiles in asked} >= {
        ((40, 40), ((40, 40),)),
        ((40, 20), ((40, 40),)),
    }
    asked.clear()
    needed(60)
    assert asked[-1][2] == [(40, 20), (40, None)]


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
