"""One pass with dual tensors is (f, J δ), J by one backward pass for each output of each row."""

import pytest
import torch
import torch.autograd.forward_ad as dual
import torch.nn.functional as F
from torch import nn

from oracles.ntk_by_loops import jacobian_by_loops
from tangentlab.networks import Network
from tangentlab.tangent import linearize
from tangentlab.tangent.dual_pass import DUAL, dual_pass, dual_passes_rightly


class Spelled(nn.Module):
    """Layers of an unmoved input with keywords, with no bias, with a frozen bias, twice, and of a moved input."""

    def __init__(self):
        super().__init__()
        self.first, self.bare, self.fixed = nn.Linear(4, 3), nn.Linear(4, 3, bias=False), nn.Linear(4, 3)
        self.fixed.bias.requires_grad_(False)
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        h = F.linear(x, weight=self.first.weight, bias=self.first.bias) + F.linear(
            input=x, weight=self.bare.weight
        )
        h = (
            h
            + self.fixed(x) * F.linear(x, self.first.weight, bias=self.first.bias)
            + F.linear(x, self.bare.weight, None)
        )
        return self.head(torch.tanh(h))


class Frozen(nn.Module):
    """A frozen layer first: its output has no tangent, and the next layer's weights have."""

    def __init__(self):
        super().__init__()
        self.first, self.head = nn.Linear(4, 3).requires_grad_(False), nn.Linear(3, 2)

    def forward(self, x):
        return self.head(self.first(x).tanh())


def convolutional(kind, pool, size, **options):
    return nn.Sequential(
        kind(2, 4, 3, **options), nn.Tanh(), kind(4, 4, 2, groups=2), pool, nn.Flatten(), nn.Linear(4, 2)
    ), (3, 2, *size)


MODELS = {
    "spelled": lambda: (Spelled(), (3, 4)),
    "frozen first layer": lambda: (Frozen(), (3, 4)),
    "sequences": lambda: (nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(15, 2)), (3, 5, 4)),
    "conv1d": lambda: convolutional(nn.Conv1d, nn.AdaptiveAvgPool1d(1), (9,), stride=2, padding="valid"),
    "conv2d": lambda: convolutional(
        nn.Conv2d, nn.AdaptiveAvgPool2d(1), (7, 7), padding="same", padding_mode="circular"
    ),
    "conv3d": lambda: convolutional(nn.Conv3d, nn.AdaptiveAvgPool3d(1), (5, 5, 5), dilation=1, padding=1),
}


def build(name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model, shape = MODELS[name]()
        model, x = model.double(), torch.randn(shape, dtype=torch.float64)
        moving = {k: p for k, p in model.named_parameters() if p.requires_grad}
        along = {k: torch.randn_like(p) for k, p in moving.items()}
    J = jacobian_by_loops(model, x, parameters=list(along))
    return model, x, along, J @ torch.cat([change.flatten() for change in along.values()])


@pytest.mark.parametrize("name", MODELS)
def test_it_is_the_jacobian_times_the_direction(name):
    model, x, along, want = build(name)
    network = Network(model)
    f, df = dual_pass(network, x, along=along)
    assert torch.allclose(f, model(x), rtol=1e-12, atol=1e-12)
    assert torch.allclose(df, want, rtol=1e-12, atol=1e-12)  # float64 sums of some hundred terms
    assert dual_passes_rightly(network, x)


@pytest.mark.parametrize("name", MODELS)
def test_a_linearization_takes_this_way_and_has_the_right_values_and_gradients(name):
    model, x, along, want = build(name)
    lin = linearize(model, centred=True)
    with torch.no_grad():
        for key, p in lin.named_parameters():
            if key in along:
                p.add_(along[key])
    f = lin(x)
    assert lin._way == DUAL
    assert torch.allclose(f, want, rtol=1e-12, atol=1e-12)
    u = torch.randn(f.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    f.backward(u)
    J = jacobian_by_loops(model, x, parameters=list(along))
    own = dict(lin.named_parameters())
    found = torch.cat([own[key].grad.flatten() for key in along])
    assert torch.allclose(found, torch.einsum("ikp,ik->p", J, u), rtol=1e-12, atol=1e-12)


def test_within_other_forward_derivatives_it_is_right_too():
    model, x, along, want = build("conv2d")
    network = Network(model)
    _, change = torch.func.jvp(lambda s: dual_pass(network, x, along={k: s * v for k, v in along.items()})[1],
                               (torch.tensor(2.0, dtype=torch.float64),), (torch.tensor(1.0, dtype=torch.float64),))  # fmt: skip
    assert torch.allclose(change, want, rtol=1e-12, atol=1e-12)  # d/ds J (s δ) = J δ
    with dual.dual_level(), pytest.raises(RuntimeError, match="Nested forward mode"):
        dual_pass(network, x, along=along)  # as torch.func.jvp has it, and no wrong number


class Hidden(nn.Module):
    """A forward pass that takes a forward derivative itself, which bare dual tensors do not allow."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(torch.func.jvp(torch.sin, (x,), (torch.ones_like(x),))[1])


def test_a_pass_that_differentiates_forward_itself_goes_the_other_way():
    model, x = Hidden().double(), torch.randn(3, 4, dtype=torch.float64)
    lin = linearize(model)
    with torch.no_grad():
        lin.head.weight.add_(1.0)
    assert torch.allclose(lin(x), model(x) + x.cos().sum(1, keepdim=True), rtol=1e-12)
    assert lin._way == "forward"
