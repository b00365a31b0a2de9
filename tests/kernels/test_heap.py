"""Where blocks come to lie: gaps are joined, used again where they fit, and given back at the end."""

import pytest

from tangentlab.kernels.heap import Heap

MIB = 2**20


def peak(*events, kept=0):
    heap = Heap(kept=kept)
    heap.replay(events)
    return heap.peak / MIB


def test_neighbours_are_joined_once_both_are_free():
    three = [(i, MIB) for i in range(3)]
    apart = [*three, (0, -1), (1, -1), (3, MIB + MIB // 2)]  # one gap of two
    assert peak(*apart) == pytest.approx(3, abs=0.01)
    assert peak(*three, (0, -1), (3, MIB + MIB // 2)) == pytest.approx(4.5, abs=0.01)


def test_the_smallest_gap_that_fits_is_taken():
    blocks = [(i, size * MIB) for i, size in enumerate((4, 1, 2, 1))]
    gaps = [(0, -1), (2, -1)]
    assert peak(*blocks, *gaps, (4, MIB), (5, 3 * MIB)) == pytest.approx(8, abs=0.01)  # 1 into 2, and 3 into 4
    assert peak(*blocks, *gaps, (4, 3 * MIB), (5, 2 * MIB - 128)) == pytest.approx(8, abs=0.01)


def test_a_block_freed_alone_is_too_small_for_the_next_of_its_size():
    assert peak((0, MIB), (1, MIB), (0, -1), (2, MIB)) == pytest.approx(3, abs=0.01)
    assert peak((0, MIB), (1, MIB), (0, -1), (2, MIB - 96)) == pytest.approx(2, abs=0.01)


def test_large_blocks_have_pages_of_their_own_and_a_long_free_end_is_given_back():
    large = 40 * MIB
    assert peak((0, large), (0, -1), (1, large), (1, -1), (2, MIB)) == pytest.approx(40, abs=0.01)
    many = [(i, 20 * MIB) for i in range(5)]
    assert peak(*many, *[(i, -1) for i, _ in many], (9, large), (10, large), (11, large)) == pytest.approx(
        120, abs=1
    )
    assert peak(*many, (4, -1), (3, -1), (9, large), (10, large)) == pytest.approx(100 + 40, abs=1)  # 40 stay


def test_what_is_kept_serves_large_blocks_and_is_not_given_back():
    large, many = 40 * MIB, [(i, 20 * MIB) for i in range(5)]
    assert peak((0, large), (0, -1), (1, large), (1, -1), (2, MIB), kept=100 * MIB) == pytest.approx(40, abs=0.01)
    freed = [(i, -1) for i in reversed(range(5))]
    assert peak(*many, *freed, (9, 90 * MIB), (10, large), kept=80 * MIB) == pytest.approx(90 + 80, abs=1)
    assert peak(*many, *freed, (9, 75 * MIB), (10, large), kept=120 * MIB) == pytest.approx(115, abs=1)
