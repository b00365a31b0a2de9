"""Strips: every tile once, own strips first, no taker idle while tiles wait."""

import random
from collections import Counter

import pytest

from tangentlab.kernels.tile_strips import Strips


def triangle(blocks):
    return [(a, b) for a in range(blocks) for b in range(a, blocks)]


def blocks_made(strips, takers, *, kept, chance):
    """Blocks of terms that takers with a memory of the `kept` + 1 blocks used last would make."""
    made, memory, seen = 0, {taker: [] for taker in range(takers)}, []
    while len(strips):
        taker = chance.randrange(takers)
        pair = strips.take(taker)
        seen.append(pair)
        for block in (pair[1], pair[0]):
            held = memory[taker]
            if block not in held:
                made += 1
                held.append(block)
                del held[: -(kept + 1)]
            elif block == pair[0]:  # as TileMaker does: blocks of rows are what is wanted again
                held.remove(block)
                held.append(block)
    return made, seen


@pytest.mark.parametrize(("blocks", "takers", "kept"), [(1, 3, 2), (7, 2, 3), (24, 3, 4), (24, 1, 100)])
def test_every_tile_is_taken_once_by_any_number_of_takers(blocks, takers, kept):
    strips = Strips.of(triangle(blocks), kept=kept, takers=takers)
    _, seen = blocks_made(strips, takers, kept=kept, chance=random.Random(0))
    assert sorted(seen) == triangle(blocks)


def test_takers_make_far_fewer_terms_than_if_tiles_were_dealt_at_random():
    chance = random.Random(0)
    dealt, _ = blocks_made(Strips.of(triangle(40), kept=5, takers=3), 3, kept=5, chance=chance)
    shuffled = triangle(40)
    chance.shuffle(shuffled)
    at_random = 0
    for taker in range(3):
        memory = []
        for pair in shuffled[taker::3]:
            for block in pair:
                at_random += block not in memory
                memory = ([*memory, block] if block not in memory else memory)[-6:]
    assert dealt < at_random / 3


def test_each_owner_keeps_to_its_strip_until_it_is_done():
    strips = Strips.of(triangle(12), kept=2, takers=3)
    taken = {taker: [strips.take(taker) for _ in range(6)] for taker in "abc"}
    assert [len({a // 2 for a, _ in pairs}) for pairs in taken.values()] == [1, 1, 1]


def test_a_dead_owners_tiles_are_taken_by_others_and_its_last_one_again():
    strips = Strips.of(triangle(6), kept=2, takers=2)
    lost = strips.take("dead")
    strips.put_back(lost)
    left = Counter()
    while len(strips):
        left[strips.take("alive")] += 1
    assert left == Counter(triangle(6))


def test_when_cleared_none_waits():
    strips = Strips.of(triangle(4), kept=2, takers=2)
    strips.clear()
    assert len(strips) == 0
    with pytest.raises(IndexError):
        strips.take("one")
