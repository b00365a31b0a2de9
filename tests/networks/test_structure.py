"""A structure tells networks apart by everything that their checks depend on, and by nothing else."""

from functools import partial

import pytest
import torch
from torch import nn

from tangentlab.networks import Network
from tangentlab.networks.structure import structure


def model():
    return nn.Sequential(
        nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 4), nn.Linear(4, 2)
    ).eval()


def double(module, args, output):
    return 2 * output


def test_networks_built_alike_and_trained_apart_are_of_one_structure():
    one, two = model(), model()
    two[1].running_mean.fill_(3.0)
    assert structure(Network(one)) == structure(Network(two)) != structure(Network(one, parameters=["0.*"]))
    assert hash(structure(Network(one))) == hash(structure(Network(two)))


CHANGES = {
    "a flag": lambda net: setattr(net[2], "p", 0.25),
    "train mode": lambda net: net[1].train(),
    "a shape": lambda net: net.__setitem__(4, nn.Linear(4, 3)),
    "a class": lambda net: net.__setitem__(4, nn.Identity()),
    "a dtype": lambda net: net.double(),
    "a tie": lambda net: setattr(net[3], "bias", net[0].bias),
    "a hook": lambda net: net[4].register_forward_hook(double),
    "a buffer that counts": lambda net: net[1].num_batches_tracked.fill_(7),
    "an attribute": lambda net: setattr(net, "scale", [1, {"a": (2.0,)}]),
    "a function": lambda net: setattr(net, "act", torch.relu),
    "a part of a function": lambda net: setattr(net, "act", partial(double, None)),
    "which parameters count": lambda net: net[0].weight.requires_grad_(False),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_what_runs_changes_the_structure(change):
    net = model()
    before = structure(Network(net))
    change(net)
    after = structure(Network(net))
    assert before is not None and after is not None and before != after


def test_what_cannot_be_seen_from_outside_has_no_structure():
    noise = 0.0
    for opaque in (lambda x: x + noise, object(), torch.zeros(2), double.__get__(object()), iter([])):
        net = model()
        net.__dict__["opaque"] = opaque
        view = Network(model())
        vars(view.module)["opaque"] = opaque
        assert structure(view) is None
