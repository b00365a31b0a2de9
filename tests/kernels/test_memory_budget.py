"""A byte budget is read, kept and refused in words."""

import pytest
import torch

from tangentlab._errors import ArgumentError, NumericalError
from tangentlab.kernels.memory_budget import free_bytes, parse_bytes, plan_blocks

CPU = torch.device("cpu")


def plan(rows=1000, columns=1000, pairs=1, row_bytes=10_000, item=4, memory="100MiB"):
    return plan_blocks(
        rows=rows, columns=columns, pairs=pairs, row_bytes=row_bytes, item=item, device=CPU, memory=memory
    )


@pytest.mark.parametrize(
    ("words", "count"),
    [(1, 1), (2.9, 2), ("512", 512), ("1kB", 1000), ("1 KiB", 1024), ("1.5 mib", 1572864), (".5GB", 500_000_000), ("2.GiB", 2**31), ("7 b", 7)],
)  # fmt: skip
def test_bytes_are_read(words, count):
    assert parse_bytes(words) == count


@pytest.mark.parametrize(
    "words",
    ["", "GB", "abc", "1e9", "-1", "0", 0, -5, True, None, float("nan"), float("inf"), "1..5GB", "1TB", [1]],
)
def test_what_is_no_budget_is_refused(words):
    with pytest.raises(ArgumentError, match="`memory`.*'4GiB'.*'2GiB'"):
        parse_bytes(words)


def test_free_memory_is_a_positive_number():
    assert free_bytes(CPU) > 2**20


@pytest.mark.parametrize("memory", ["5MB", "20MB", "100MiB", "1GiB"])
@pytest.mark.parametrize("row_bytes", [100, 10_000, 200_000])
def test_blocks_fit_and_are_as_large_as_they_may(memory, row_bytes):
    found = plan(memory=memory, row_bytes=row_bytes)
    left = max(parse_bytes(memory) - 4_000_000, parse_bytes(memory) // 4)
    assert 1 <= found.step <= found.block <= 1000
    assert found.bytes <= left or found.block == 1
    assert found.kept_blocks >= 1
    assert found.kept_blocks == 1 or (found.kept_blocks - 1) * found.block * row_bytes <= left


def test_more_memory_never_means_smaller_blocks():
    blocks = [plan(memory=f"{size}MB").block for size in (5, 10, 50, 200, 1000)]
    assert blocks == sorted(blocks)


def test_a_budget_of_next_to_nothing_goes_row_by_row():
    found = plan(rows=5, columns=5, memory="1kB", row_bytes=10**6)
    assert (found.block, found.step) == (1, 1)


def test_a_kernel_that_cannot_be_held_is_refused_with_its_size():
    with pytest.raises(
        NumericalError, match=r"1000 x 1000 rows takes 3.8 MiB and 976.6 KiB are allowed.*outputs='mean'"
    ):
        plan(memory="1MB")
    with pytest.raises(NumericalError, match=r"takes .* GiB and .* are free"):
        plan(rows=10**8, columns=10**8, memory=None)
