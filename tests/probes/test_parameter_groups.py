from __future__ import annotations

import pytest

from tangentlab._errors import ArgumentError
from tangentlab.networks import build_network
from tangentlab.probes.parameter_groups import parameter_groups


@pytest.mark.parametrize(
    "by", ["layer", "parameter", 1, 2, 9, lambda name: name[0], {"convolutions": "*conv*", "rest": ["*"]}]
)
@pytest.mark.parametrize("network", ["mlp", "lenet", "resnet18:width=4", "vit"])
def test_every_parameter_is_in_one_group_and_in_its_order(network, by):
    model = build_network(network, (1, 28, 28), outputs=2, seed=0)
    names = [name for name, _ in model.named_parameters()]
    groups = parameter_groups(names, by)
    assert sorted(name for members in groups.values() for name in members) == sorted(names)
    assert all(list(members) == [name for name in names if name in members] for members in groups.values())


def test_a_prefix_stands_for_all_beneath_it_and_the_first_that_fits_counts():
    names = ["a.b.weight", "a.bc.weight", "a.b.c.bias", "z"]
    groups = parameter_groups(names, {"b": "a.b", "a": ["a"], "rest": "*"})
    assert groups == {"b": ("a.b.weight", "a.b.c.bias"), "a": ("a.bc.weight",), "rest": ("z",)}


@pytest.mark.parametrize("by", ["block", 0, True, 1.5, None])
def test_what_is_no_grouping_is_refused(by):
    with pytest.raises(ArgumentError, match="`by` must be 'layer', 'parameter', a depth"):
        parameter_groups(["a.weight"], by)


def test_a_table_that_leaves_a_parameter_out_is_refused():
    with pytest.raises(ArgumentError, match="none for 'head.bias'"):
        parameter_groups(["head.weight", "head.bias"], {"weights": "*weight"})
