"""Where two passes part."""

import torch
from torch import nn

from tangentlab.networks import Network
from tangentlab.networks.layer_trace import first_disagreement, trace

X = torch.linspace(-1, 1, 12).reshape(3, 4)


class Inner(nn.Module):
    def __init__(self, *, centre):
        super().__init__()
        self.layer, self.centre = nn.Linear(4, 4), centre

    def forward(self, x):
        return self.layer(x - x.mean(0) if self.centre else x)


def parted(model, row=0):
    network = Network(model.eval())
    return first_disagreement(trace(network, X), trace(network, X[row : row + 1]), row=row, tolerance=1e-4)


def test_the_layer_that_mixes_is_named():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4, track_running_stats=False), nn.Linear(4, 1))
    assert parted(model) == "layer '1' (BatchNorm1d)"


def test_a_module_that_mixes_between_its_layers_is_named_and_not_the_layer_after_it():
    model = nn.Sequential(nn.Linear(4, 4), Inner(centre=True), nn.Linear(4, 1))
    assert parted(model) == "layer '1' (Inner), before its layer '1.layer',"


def test_a_module_that_mixes_after_its_last_layer_is_named():
    class Softmax0(nn.Linear):
        def forward(self, x):
            return super().forward(x).softmax(0)

    assert parted(Softmax0(4, 2)) == "the module Softmax0"


def test_a_layer_that_fails_alone_is_named():
    class NeedsTwo(nn.Module):
        def forward(self, x):
            assert len(x) > 1
            return x

    assert parted(nn.Sequential(nn.Linear(4, 4), NeedsTwo())) == "layer '1' (NeedsTwo)"


def test_inputs_by_keyword_are_seen_and_no_hook_stays():
    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Inner(centre=False)

        def forward(self, x):
            return self.inner(x=x - x.mean(0))

    network = Network(Outer())
    calls = trace(network, X)
    assert [call.name for call in calls] == ["inner.layer", "inner", ""]
    assert all(call.given is not None for call in calls)
    assert not any(part._forward_hooks for part in network.module.modules())
    assert parted(Outer()) == "the module Outer, before its layer 'inner',"
