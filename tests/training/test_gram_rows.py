import numpy as np
import pytest
import torch

from tangentlab._errors import NotFiniteError, ShapeError
from tangentlab.training.gram_rows import ProductRows, StoredRows
from tangentlab.training.kernel_rows import checked_gram, kernel_rows

ROUNDING = 1e-13  # float64 products of 9 numbers of order one


def kernel(form, *, m=7, n=9, c=3):
    shape = {"shared": (m, n), "diagonal": (m, n, c), "full": (m, n, c, c)}[form]
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize("form", ["shared", "diagonal", "full"])
@pytest.mark.parametrize("gather", [1, 40, 2**21])
@pytest.mark.parametrize("orders", [1, 4])
def test_products_of_rows_are_the_sums_they_should_be(monkeypatch, form, gather, orders):
    monkeypatch.setattr("tangentlab.training.gram_rows.GATHER", gather)
    K, c, r = kernel(form), 3, 2
    g = np.random.default_rng(1)
    a, index = g.normal(size=(orders, 9, c, r)), g.integers(7, size=(orders, 5))
    if form == "shared":
        want = np.einsum("sbn,snkr->sbkr", K[index], a)
    elif form == "diagonal":
        want = np.einsum("sbnk,snkr->sbkr", K[index], a)
    else:
        want = np.einsum("sbnkl,snlr->sbkr", K[index], a)
    rows = StoredRows.of(K, outputs=c)
    for _ in range(2):  # the second time in used buffers
        got = rows.product(torch.from_numpy(index), torch.from_numpy(a))
        assert np.abs(got.numpy() - want).max() < ROUNDING * 100
    single = rows.product(torch.from_numpy(index), torch.from_numpy(a), dtype=torch.float32)
    assert single.dtype == torch.float64
    assert 0 < np.abs(single.numpy() - want).max() < 1e-5  # float32 sums of 9 to 27 terms of order one


def test_a_kernel_between_other_rows_has_both_numbers():
    rows = kernel_rows(kernel("full"), outputs=3, name="K_test")
    assert (rows.rows, rows.columns, rows.outputs, rows.form) == (7, 9, 3, "full")


def test_a_function_with_a_shape_is_read_through_its_products():
    K = torch.randn(6, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    K = K @ K.T

    class Operator:
        shape, dtype = (6, 6), torch.float64

        def matmat(self, vectors):
            return K @ vectors

    rows = checked_gram(Operator())
    assert isinstance(rows, ProductRows)
    a, index = torch.randn(2, 6, 1, 3, dtype=torch.float64), torch.stack([torch.randperm(6), torch.arange(6)])
    assert torch.allclose(rows.product(index, a), StoredRows.of(K, outputs=1).product(index, a), rtol=1e-12)


def test_a_gram_that_is_none_is_refused():
    with pytest.raises(ShapeError, match="must be a Gram"):
        checked_gram(torch.ones(3, 2))
    with pytest.raises(NotFiniteError, match="`K` has 1 entry"):
        checked_gram(torch.diag(torch.tensor([1.0, float("nan")])) + torch.tensor([[0.0, 0.0], [0.0, 1.0]]))
    with pytest.raises(NotFiniteError, match=r"the first at \(1, 1, 0\)"):
        checked_gram(np.where(np.arange(8).reshape(2, 2, 2) == 6, np.nan, 1.0))
