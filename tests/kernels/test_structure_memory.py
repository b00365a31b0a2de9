"""What an inspection found is remembered for the same structure and no other; each kernel is checked all the same."""

import pytest
import torch
from torch import nn

from tangentlab._errors import NetworkError, NumericalError
from tangentlab.kernels import inspection, ntk


@pytest.fixture
def compared(monkeypatch):
    """Counts the comparisons of routes; nothing is remembered from before."""
    calls = []
    monkeypatch.setattr(inspection, "_VERDICTS", inspection.StructureMemory())
    find = inspection.find_routes
    monkeypatch.setattr(inspection, "find_routes", lambda *args, **kw: calls.append(1) or find(*args, **kw))
    return calls


class Mixing(nn.Linear):
    strength = 0.0

    def forward(self, x):
        return super().forward(x + self.strength * x.mean(0))


def rows(n=6):
    return torch.randn(n, 3, generator=torch.Generator().manual_seed(0))


def test_a_second_kernel_of_the_same_structure_compares_nothing_again(compared):
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
    first = ntk(model, rows())
    model[0].weight.data.mul_(2.0)
    second = ntk(model, rows())
    assert len(compared) == 1 and not torch.equal(first, second)
    assert torch.allclose(second, ntk(model, rows(), method="autograd"), rtol=1e-5, atol=1e-6)


def test_other_inputs_methods_and_flags_are_compared_anew(compared):
    model = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.1)).eval()
    for count, call in enumerate(
        [
            lambda: ntk(model, rows()),
            lambda: ntk(model, rows(1)),
            lambda: ntk(model, rows().reshape(2, 3, 3).mean(1).unsqueeze(1).squeeze(1), method="vmap"),
            lambda: ntk(model, rows(), rows(5)),
            lambda: ntk(model, rows(), dtype=torch.float64),
            lambda: setattr(model[1], "p", 0.2) or ntk(model, rows()),
        ]
    ):
        call()
        assert len(compared) == count + 1


def test_an_attribute_that_makes_rows_mix_is_refused_after_a_kernel_without(compared):
    model = Mixing(3, 2)
    ntk(model, rows())
    model.strength = 0.5
    with pytest.raises(NetworkError, match="mixes the rows"):
        ntk(model, rows())


STRENGTH = [0.0]


class Hidden(nn.Linear):
    def forward(self, x):
        return super().forward(x + STRENGTH[0] * x.mean(0))


def test_even_what_no_structure_shows_is_refused_on_the_rows_themselves(compared):
    model = Hidden(3, 2)
    ntk(model, rows())
    STRENGTH[0] = 0.5
    try:
        with pytest.raises((NetworkError, NumericalError)):
            ntk(model, rows())
    finally:
        STRENGTH[0] = 0.0
    assert len(compared) == 1


def test_outputs_that_overflow_are_named_as_on_a_first_call(compared):
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    ntk(model, rows())
    model[0].weight.data.fill_(1e38)
    model[1].weight.data.fill_(1e38)
    with pytest.raises(NumericalError, match="model"):
        ntk(model, rows())
