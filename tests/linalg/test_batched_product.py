"""Batched products are the products one by one, whichever way they go."""

import pytest
import torch

from tangentlab.linalg.batched_product import batched_product, worth_alone, worth_grouping


@pytest.fixture(params=[16, 8, 0], ids="registers of {}".format, autouse=True)
def registers(request, monkeypatch):
    """The same products on every processor."""
    monkeypatch.setattr("tangentlab.linalg.registers.register_numbers", lambda: request.param)
    return request.param


SIZES = {
    "small": (7, 5, 9, 11),
    "grouped": (40, 128, 65, 112),
    "grouped in portions": (70, 128, 33, 256),
    "grouped by odd rows": (40, 65, 32, 66),
    "one by one": (3, 256, 160, 256),
    "one row": (1, 100, 64, 100),
    "empty sum": (2, 3, 1, 4),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("count", "m", "s", "r"), SIZES.values(), ids=SIZES)
def test_it_is_the_product_of_each(count, m, s, r, turned, dtype):
    A = torch.randn(count, s, m, dtype=dtype).transpose(1, 2) if turned else torch.randn(count, m, s, dtype=dtype)
    B = torch.randn(count, r, s, dtype=dtype).transpose(1, 2) if turned else torch.randn(count, s, r, dtype=dtype)
    exact = torch.stack([a.double() @ b.double() for a, b in zip(A, B)])
    # s terms of size one err by eps √s, the worst of 200,000 sums by some tens of that; TF32 by thousands
    allowed = 60 * torch.finfo(dtype).eps * s**0.5
    assert (batched_product(A, B).double() - exact).abs().max() <= allowed
    room = torch.full((count, m, r), torch.nan, dtype=dtype)
    assert batched_product(A, B, out=room) is room and torch.equal(room, batched_product(A, B))


def test_sizes_of_this_file_take_every_way(registers):
    alone = {name for name, (_, m, s, r) in SIZES.items() if worth_alone(m, s, r)}
    grouped = {name for name, (_, m, s, r) in SIZES.items() if worth_grouping(m, s, r)}
    if registers == 8:  # all at once by the BLAS
        assert not alone and not grouped
    else:
        assert alone == {"one by one"}
        assert {name for name in SIZES if "grouped" in name} == grouped - {"one row", "one by one"}
