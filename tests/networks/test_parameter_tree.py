"""Tensors under dotted names."""

import pytest
import torch
from torch import nn

from tangentlab._errors import NetworkError
from tangentlab.networks.parameter_tree import Branch, FunctionModule, register_tensor


def test_names_come_back_as_they_went_in():
    tree = Branch()
    names = ["a.weight", "a.bias", "list.0", "list.1", "deep.er.and.deeper"]
    for name in names:
        register_tensor(tree, name, nn.Parameter(torch.zeros(1)))
    register_tensor(tree, "a.mean", torch.zeros(2))
    register_tensor(tree, "a.cache", torch.zeros(2), persistent=False)
    assert [name for name, _ in tree.named_parameters()] == names
    assert [name for name, _ in tree.named_buffers()] == ["a.mean", "a.cache"]
    assert "a.mean" in tree.state_dict() and "a.cache" not in tree.state_dict()


@pytest.mark.parametrize("name", ["train", "forward", "a.weight.more", "a"])
def test_a_name_that_is_taken_is_refused(name):
    tree = Branch()
    register_tensor(tree, "a.weight", nn.Parameter(torch.zeros(1)))
    with pytest.raises(NetworkError, match="cannot keep its name"):
        register_tensor(tree, name, torch.zeros(1))


def test_a_function_is_a_module_with_its_dictionary():
    given = {"w.0": torch.ones(2, 1), "b": torch.zeros(1)}
    module = FunctionModule(lambda p, x: x @ p["w.0"] + p["b"], given)
    assert module(torch.ones(3, 2)).tolist() == [[2.0]] * 3
    given["w.0"].add_(1)
    assert module(torch.ones(1, 2)).item() == 2.0
    moved = torch.func.functional_call(module, {"tree.b": torch.ones(1)}, torch.ones(1, 2))
    assert moved.item() == 3.0
