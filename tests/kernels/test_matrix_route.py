import pytest
import torch

from tangentlab.kernels import matrix_route
from tangentlab.kernels.matrix_route import LARGEST_ERROR, MatrixRoute, fastest_products, probe_route


def test_products_on_the_chosen_route_are_true_float32():
    a = torch.randn(300, 2000, generator=torch.Generator().manual_seed(1))
    exact = a.double() @ a.double().T
    with fastest_products(a):
        error = float(((a @ a.T).double() - exact).abs().max() / exact.abs().max())
    assert error < LARGEST_ERROR


def test_the_switch_is_restored_after_an_error():
    before = torch.get_float32_matmul_precision()
    with pytest.raises(RuntimeError), fastest_products(torch.zeros(1)):
        raise RuntimeError
    assert torch.get_float32_matmul_precision() == before


def test_double_precision_is_left_alone(monkeypatch):
    monkeypatch.setattr(matrix_route, "probe_route", lambda threads: pytest.fail("probed"))
    with fastest_products(torch.zeros(1, dtype=torch.float64)):
        pass


def test_a_route_that_rounds_to_bfloat16_is_not_taken(monkeypatch):
    real = torch.Tensor.__matmul__

    def rounding(a, b):
        if torch.get_float32_matmul_precision() == "medium":
            return real(a.bfloat16(), b.bfloat16()).float()
        return real(a, b)

    monkeypatch.setattr(torch.Tensor, "__matmul__", rounding)
    monkeypatch.setattr(
        matrix_route, "_timed", lambda a, b: 1.0 if torch.get_float32_matmul_precision() == "highest" else 0.1
    )
    route = probe_route.__wrapped__(1)
    assert route == MatrixRoute("highest", 1.0, route.error)
