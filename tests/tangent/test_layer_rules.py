"""Each rule, given what its layer saw, gives the gradients that autograd gives row by row."""

import types

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tangentlab.tangent.factors import as_rows
from tangentlab.tangent.layer_rules import NAMED_RULES, RULES, rule_for, unbatched

LAYERS = {
    "linear": (lambda: nn.Linear(4, 3), (4,)),
    "linear over positions": (lambda: nn.Linear(4, 3), (2, 5, 4)),
    "linear without bias": (lambda: nn.Linear(4, 3, bias=False), (4,)),
    "conv1d same, reflected": (lambda: nn.Conv1d(2, 3, 4, padding="same", padding_mode="reflect"), (2, 7)),
    "conv1d valid": (lambda: nn.Conv1d(2, 3, 2, padding="valid"), (2, 7)),
    "conv2d grouped, strided, dilated": (
        lambda: nn.Conv2d(4, 6, (3, 2), (2, 1), (2, 1), (1, 2), groups=2),
        (4, 7, 6),
    ),
    "conv2d depthwise": (lambda: nn.Conv2d(4, 8, 3, groups=4, bias=False), (4, 5, 5)),
    "conv2d circular": (lambda: nn.Conv2d(2, 3, 3, padding=(1, 2), padding_mode="circular"), (2, 5, 6)),
    "conv2d replicated": (lambda: nn.Conv2d(2, 3, 3, padding=2, padding_mode="replicate", stride=3), (2, 5, 6)),
    "conv3d": (lambda: nn.Conv3d(2, 3, (2, 1, 3), padding=(0, 1, 1)), (2, 3, 3, 4)),
    "transposed 1d": (lambda: nn.ConvTranspose1d(4, 2, 3, 3, 1, 2), (4, 5)),
    "transposed 2d": (lambda: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, groups=2, dilation=2), (4, 4, 3)),
    "transposed 3d": (lambda: nn.ConvTranspose3d(2, 3, 2, padding=1), (2, 3, 3, 4)),
    "batch norm": (lambda: nn.BatchNorm1d(4), (4,)),
    "batch norm over space": (lambda: nn.BatchNorm2d(4), (4, 3, 2)),
    "batch norm in volumes": (lambda: nn.BatchNorm3d(2), (2, 2, 3, 2)),
    "instance norm": (lambda: nn.InstanceNorm1d(3, affine=True), (3, 5)),
    "instance norm with statistics": (
        lambda: nn.InstanceNorm2d(3, affine=True, track_running_stats=True),
        (3, 4, 4),
    ),
    "instance norm in volumes": (lambda: nn.InstanceNorm3d(2, affine=True), (2, 3, 2, 2)),
    "group norm": (lambda: nn.GroupNorm(2, 4), (4, 3, 3)),
    "layer norm": (lambda: nn.LayerNorm((3, 4)), (2, 3, 4)),
    "layer norm without bias": (lambda: nn.LayerNorm(4, bias=False), (3, 4)),
    "rms norm": (lambda: nn.RMSNorm((3, 4), eps=1e-5), (2, 3, 4)),
    "prelu": (lambda: nn.PReLU(), (4, 3)),
    "prelu by channel": (lambda: nn.PReLU(4), (4, 3, 2)),
}


def build(name):
    make, shape = LAYERS[name]
    layer = make().double().eval()
    with torch.no_grad():
        for tensor in [*layer.parameters(), *layer.buffers()]:
            if tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5)
    return layer, torch.randn(3, *shape, dtype=torch.float64)


def check(layer, x, rule):
    z = layer(x)
    G = torch.randn(len(x), 2, *z.shape[1:], dtype=torch.float64)
    with torch.no_grad():
        found = {name: as_rows(factor).rows for name, factor in rule(layer, x, G).items()}
    assert found.keys() >= dict(layer.named_parameters()).keys()
    for name, parameter in layer.named_parameters():
        for n in range(len(x)):
            out = layer(x[n : n + 1])[0]
            for q in range(2):
                expected = torch.autograd.grad(out, parameter, G[n, q], retain_graph=True)[0]
                assert torch.allclose(found[name][n, q], expected.flatten(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", LAYERS)
def test_rule_equals_autograd_row_by_row(name):
    layer, x = build(name)
    check(layer, x, rule_for(layer))


def test_every_rule_is_tested():
    assert {type(make()) for make, _ in LAYERS.values()} | {nn.Embedding} == set(RULES)


@pytest.mark.parametrize("padding", [None, 1, -1])
def test_embedding(padding):
    layer = nn.Embedding(5, 3, padding_idx=padding).double()
    check(layer, torch.tensor([[0, 1, 1, 4], [2, 2, 2, 4], [1, 1, 4, 4]]), rule_for(layer))


def test_the_transposed_linear_layer_of_transformers():
    pytorch_utils = pytest.importorskip("transformers.pytorch_utils")
    layer = pytorch_utils.Conv1D(3, 4).double()
    assert rule_for(layer) is NAMED_RULES["transformers.pytorch_utils.Conv1D"]
    check(layer, torch.randn(3, 2, 4, dtype=torch.float64), rule_for(layer))


def test_a_batch_norm_of_the_batch_has_no_rule():
    layer = nn.BatchNorm1d(3, track_running_stats=False)
    x = torch.randn(4, 3)
    assert rule_for(layer)(layer, x, x.unsqueeze(1)) == {}


def test_only_the_forward_pass_that_a_rule_was_written_for_has_it():
    class Same(nn.Linear):
        """Has more state and the same forward pass."""

        def __init__(self):
            super().__init__(2, 2)
            self.name = "same"

    class Other(nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    assert rule_for(Same()) is rule_for(nn.Linear(1, 1))
    assert rule_for(Other(2, 2)) is None
    patched = nn.Linear(2, 2)
    patched.forward = types.MethodType(lambda self, x: F.linear(x, self.weight).clamp(max=1), patched)
    assert rule_for(patched) is None
    assert rule_for(nn.MultiheadAttention(4, 2).out_proj) is rule_for(nn.Linear(1, 1))
    assert rule_for(nn.Tanh()) is None


def test_calls_without_a_batch_axis_are_seen():
    assert unbatched(nn.Conv2d(1, 1, 2), torch.zeros(1, 4, 4)) and not unbatched(
        nn.Conv2d(1, 1, 2), torch.zeros(1, 1, 4, 4)
    )
    assert unbatched(nn.InstanceNorm1d(2), torch.zeros(2, 4)) and not unbatched(
        nn.InstanceNorm1d(2), torch.zeros(1, 2, 4)
    )
    assert unbatched(nn.Embedding(2, 2), torch.tensor(1)) and not unbatched(nn.Embedding(2, 2), torch.tensor([1]))
    assert not unbatched(nn.Linear(2, 2), torch.zeros(2))
