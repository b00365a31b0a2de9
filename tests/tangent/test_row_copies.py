"""Copies of a parameter for each row give each row's gradient in one backward pass."""

import pytest
import torch
from torch import nn

from tangentlab.kernels import ntk
from tangentlab.networks import Network
from tangentlab.tangent.routes import find_routes
from tangentlab.tangent.row_copies import IN_PLACE, loose_parameters


class Loose(nn.Module):
    def __init__(self, shape, use):
        super().__init__()
        self.p = nn.Parameter(torch.randn(shape))
        self.layer, self.use = nn.Linear(4, 3), use

    def forward(self, x):
        return self.layer(self.use(x, self.p)).mean(1)


def rows(n=3):
    return torch.randn(n, 5, 4, dtype=torch.float64)


CASES = {
    "class token": ((1, 1, 4), lambda x, p: torch.cat([p.expand(len(x), -1, -1), x], 1), IN_PLACE),
    "positions": ((1, 5, 4), lambda x, p: x + p, IN_PLACE),
    "positions, unbatched": ((5, 4), lambda x, p: x * p, 0),
    "scale of features": ((4,), lambda x, p: x * p, 1),
    "scale of all": ((), lambda x, p: x * p, 2),
    "temperature": ((), lambda x, p: torch.softmax(x * p, -1), 2),
    "used twice": ((4,), lambda x, p: (x + p) * p, 1),
}


@pytest.mark.parametrize(("shape", "use", "axes"), CASES.values(), ids=CASES)
def test_broadcast_parameters_are_copied_and_the_kernel_equals_the_loop(shape, use, axes):
    model, x = Loose(shape, use).double(), rows(5)
    assert find_routes(Network(model), [rows()]).copied == (("p", axes),)
    for outputs in ("full", "trace", "diagonal"):
        found, truth = ntk(model, x, outputs=outputs), ntk(model, x, outputs=outputs, method="autograd")
        assert torch.allclose(found, truth, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "use"),
    [
        ((4, 4), lambda x, p: x @ p),  # copies make it a batched product of other rows, or fit by chance
        ((5, 5), lambda x, p: p @ x),
        ((3,), lambda x, p: x * p.sum()),
        ((4,), lambda x, p: x * p.reshape(1, 4)),
        ((4,), lambda x, p: x * p.flip(0).norm()),
        ((10, 4), lambda x, p: x + p[torch.arange(5)]),
    ],
)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 10])
def test_other_uses_give_the_kernel_of_the_loop_whatever_route_they_take(shape, use, n):
    model, x = Loose(shape, use).double(), rows(n)
    found, truth = ntk(model, x), ntk(model, x, method="autograd")
    assert torch.allclose(found, truth, rtol=1e-9, atol=1e-11)


def test_parameters_that_torch_hands_to_its_kernels_are_left_alone():
    parts = nn.ModuleDict(
        {
            "rnn": nn.LSTM(2, 2),
            "weighted": nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)),
            "mine": Loose((4,), torch.mul),
        }
    )
    names = [name for name, _ in parts.named_parameters()]
    assert loose_parameters(parts, names) == ["mine.p"]
