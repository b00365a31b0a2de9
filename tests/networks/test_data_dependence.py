"""Numbers that leave torch on their way from the data are seen; all others are nobody's business."""

import pytest
import torch
from torch import nn

from tangentlab.networks import Network
from tangentlab.networks.data_dependence import reads_its_data

X = torch.linspace(-1, 1, 12).reshape(3, 4)


class Model(nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.layer, self.given = nn.Linear(4, 2), forward
        self.register_buffer("scale", torch.tensor(2.0))

    def forward(self, x):
        return self.given(self, x)


READS = {
    "a branch": lambda m, x: m.layer(x) if x.sum() > 0 else m.layer(-x),
    "a branch on a hidden value": lambda m, x: m.layer(x) * (2 if (torch.tanh(m.layer(x)) > 0).any() else 1),
    "a number": lambda m, x: m.layer(x) * x.abs().max().item(),
    "a list": lambda m, x: m.layer(x) * sum(x[:, 0].tolist()),
    "an array": lambda m, x: m.layer(x) + float(x.detach().numpy().mean()),
    "a comparison": lambda m, x: m.layer(x) if torch.equal(x, x.clone()) else x,
}
DOES_NOT = {
    "a layer": lambda m, x: m.layer(x),
    "a branch in tensors": lambda m, x: torch.where(x.sum(1, keepdim=True) > 0, m.layer(x), 0),
    "a parameter": lambda m, x: m.layer(x) * m.layer.weight.norm().item(),
    "a buffer": lambda m, x: m.layer(x) * (2 if m.scale > 1 else 1),
    "a shape": lambda m, x: m.layer(x) * x.shape[1],
}


@pytest.mark.parametrize("name", READS)
def test_reads(name):
    assert reads_its_data(Network(Model(READS[name])), X)


@pytest.mark.parametrize("name", DOES_NOT)
def test_does_not_read(name):
    assert not reads_its_data(Network(Model(DOES_NOT[name])), X)


def test_inputs_by_name_and_integers_are_followed():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(5, 2)

        def forward(self, ids, mask):
            hidden = self.table(ids)
            return hidden.mean(1) if mask.all() else (hidden * mask[..., None]).mean(1)

    x = {"ids": torch.ones(2, 3, dtype=torch.long), "mask": torch.ones(2, 3, dtype=torch.long)}
    assert reads_its_data(Network(Masked()), x)
