"""Products by the quicker library, and the symmetric one by strips, against float64."""

import pytest
import torch

from tangentlab.linalg.matrix_product import _suits_pieces, gram, product


@pytest.fixture(params=[16, 8], ids="registers of {}".format, autouse=True)
def registers(request, monkeypatch):
    """The same products on every processor."""
    monkeypatch.setattr("tangentlab.linalg.registers.register_numbers", lambda: request.param)
    return request.param


def rows(m, length, dtype=torch.float32):
    return torch.randn(m, length, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("m", [1, 127, 128, 515, 1100])
@pytest.mark.parametrize("length", [3, 256, 1000])
def test_a_symmetric_product_is_the_product_with_the_transpose(m, length):
    A = rows(m, length, torch.float64)
    torch.testing.assert_close(gram(A), A @ A.T, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("m", "length", "r"), [(5000, 20, 5), (40_000, 20, 5), (40_000, 5, 20), (9000, 40, 1)])
@pytest.mark.parametrize("turned", [False, True])
def test_a_tall_matrix_times_few_columns_is_true_float32(m, length, r, turned):
    A, B = rows(m, length), rows(r, length).T if turned else rows(length, r)
    exact = A.double() @ B.double()
    assert (product(A, B).double() - exact).abs().max() <= 1e-6 * exact.abs().max()  # sums of 40 in float32


@pytest.mark.parametrize("m", [129, 600])
def test_a_symmetric_product_in_float32_is_one_to_rounding_and_symmetric_off_the_diagonal_strips(m):
    A = rows(m, 2048)
    exact = A.double() @ A.double().T
    found = gram(A)
    assert (found.double() - exact).abs().max() <= 2e-6 * exact.abs().max()  # as true float32 has it
    assert torch.equal(found[: m // 4 - 16, -16:], found[-16:, : m // 4 - 16].T)


@pytest.mark.parametrize("m", [63, 64, 65, 160, 1023, 1024])
@pytest.mark.parametrize("length", [2047, 2048, 2051, 8195])
def test_long_sums_cut_in_pieces_are_exact_where_every_sum_is(m, length, registers):
    # whole numbers up to 4: sums below 2**24 are exact in float32, in any order
    wide = rows(m, length + 7).mul_(2).round_().clamp_(-4, 4)
    A = wide[:, 3 : 3 + length]  # with gaps between the rows
    assert _suits_pieces(A) == (registers == 8 and 64 <= m < 1024 and length >= 2048)
    assert torch.equal(gram(A).double(), A.double() @ A.double().T)


def test_under_autocast_a_symmetric_product_is_what_the_product_is():
    A = rows(70, 2051).round_()
    with torch.autocast("cpu", torch.bfloat16):
        # both round their result to bfloat16, of seven bits
        torch.testing.assert_close(gram(A).float(), (A @ A.T).float(), rtol=2**-7, atol=2.0)


def test_rows_may_be_a_view():
    A = rows(300, 512, torch.float64)
    torch.testing.assert_close(gram(A.T), A.T @ A, rtol=1e-12, atol=1e-12)


def test_products_agree_with_float64_for_any_layout_of_the_right_side():
    A, B = rows(200, 400), rows(300, 400)
    exact = A.double() @ B.double().T
    for right in (B.T, B.T.contiguous(), torch.cat([B.T, B.T], dim=1)[:, :300]):
        assert (product(A, right).double() - exact).abs().max() <= 2e-6 * exact.abs().max()
