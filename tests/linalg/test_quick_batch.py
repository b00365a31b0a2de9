"""Products of many matrices and their gradients are those of torch, however the factors lie and whatever is read."""

import pytest
import torch
from torch import nn

from tangentlab.linalg.quick_batch import QuickBatch
from tangentlab.linalg.quick_products import QuickProducts


@pytest.fixture(autouse=True)
def registers_of_sixteen(monkeypatch):
    """The same ways on every processor: where registers have eight, such products are left to torch."""
    monkeypatch.setattr("tangentlab.linalg.registers.register_numbers", lambda: 16)


ROWS, HEADS, S, D = 16, 4, 65, 32


def heads(draw):
    """As attention has them: views of (rows, positions, heads·d)."""
    return torch.randn(ROWS, S, HEADS * D, generator=draw).reshape(ROWS, S, HEADS, D).transpose(1, 2)


def factors(name):
    draw = torch.Generator().manual_seed(0)
    q, k, p = heads(draw), heads(draw), torch.randn(ROWS, HEADS, S, S, generator=draw)
    found = {
        "scores": (q, k.mT),
        "mixtures": (p, k),
        "turned": (p.mT, k),
        "three axes": (p.flatten(0, 1), k.flatten(0, 1)),
    }[name]
    return [of.detach().requires_grad_() for of in found]


def everything(multiply, given, G):
    A, B = given
    C = multiply(A, B)
    return [C, *torch.autograd.grad(C, [A, B], G(C))]


READ = {
    "all": lambda C: torch.randn(C.shape, generator=torch.Generator().manual_seed(1)).to(C.dtype),
    "the first": lambda C: torch.zeros_like(C).index_fill_(-2, torch.tensor([0]), 1.0),
    "the last two": lambda C: torch.zeros_like(C).index_fill_(-2, torch.tensor([S - 2, S - 1]), 1.0),
    "those of one matrix": lambda C: torch.zeros_like(C).flatten(0, -3).index_fill_(0, torch.tensor([1]), 1.0).reshape(C.shape),
    "none": torch.zeros_like,
}  # fmt: skip


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize("name", ["scores", "mixtures", "turned", "three axes"])
def test_the_products_and_their_gradients_are_those_of_torch(name, read):
    found = everything(QuickBatch.apply, factors(name), READ[read])
    exact = everything(torch.matmul, [of.double() for of in factors(name)], READ[read])
    for one, truth in zip(found, exact):
        assert one.shape == truth.shape
        assert (one - truth).norm() <= 1e-6 * truth.norm()  # eps times the root of a sum of 65, with room


def test_only_what_is_asked_for_is_pulled_back():
    A, B = factors("scores")
    for given in ((A, B.detach()), (A.detach(), B)):
        C = QuickBatch.apply(*given)
        leaf = given[0] if given[0].requires_grad else given[1]
        (found,) = torch.autograd.grad(C.sum(), leaf)
        assert found.shape == leaf.shape


def test_derivatives_of_derivatives():
    A, B = (torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradgradcheck(QuickBatch.apply, (A, B))


def test_large_ones_of_a_pass_go_this_way_and_others_do_not():
    A, B = factors("scores")
    with QuickProducts():
        quick = A @ B
        quick.div_(2)  # an operation may write into it
        assert "QuickBatch" in type(quick.grad_fn.next_functions[0][0]).__name__
        small = A[:1] @ B[:1]
        parameter = A @ nn.Parameter(B.detach())
        of_double = A.double() @ B.double()
        with torch.no_grad():
            silent = A @ B
    assert torch.allclose(quick, silent / 2, atol=1e-5)
    for each in (small, parameter, of_double):
        assert "QuickBatch" not in type(each.grad_fn).__name__
