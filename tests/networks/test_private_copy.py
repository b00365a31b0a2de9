"""A private view shares nothing with the user's module but its structure."""

import threading

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from tangentlab._errors import NetworkError
from tangentlab.networks.private_copy import converted, private_copy

X = torch.linspace(-1, 1, 12).reshape(3, 4)


def parts(module):
    return [*module.parameters(), *module.buffers()]


def mlp():
    return nn.Sequential(nn.Linear(4, 3), nn.ReLU(inplace=True), nn.BatchNorm1d(3), nn.Linear(3, 2))


def old_weight_norm():
    with pytest.warns(FutureWarning):
        return nn.utils.weight_norm(nn.Linear(4, 2))


def pruned():
    layer = nn.Linear(4, 2)
    prune.random_unstructured(layer, "weight", 0.5)
    layer(X)
    return layer


MODULES = {
    "plain": mlp,
    "weight norm": lambda: parametrizations.weight_norm(nn.Linear(4, 2)),
    "weight norm, old": old_weight_norm,
    "spectral norm": lambda: parametrizations.spectral_norm(nn.Linear(4, 2)),
    "orthogonal": lambda: parametrizations.orthogonal(nn.Linear(4, 4)),
    "pruned": pruned,
    "lstm": lambda: nn.LSTM(4, 2),
}


@pytest.mark.parametrize("name", MODULES)
def test_same_function_other_tensors(name):
    user = MODULES[name]().eval()
    view = private_copy(user)
    out, expected = view(X), user(X)
    if isinstance(out, tuple):
        out, expected = out[0], expected[0]
    assert torch.equal(out, expected)
    assert {t.data_ptr() for t in parts(view)}.isdisjoint(t.data_ptr() for t in parts(user))
    assert not any(t.requires_grad for t in parts(view))
    assert [n for n, _ in view.named_parameters()] == [n for n, _ in user.named_parameters()]


def test_sharing_keeps_the_memory_and_not_the_flags():
    user = mlp()
    view = private_copy(user, share=True)
    assert [t.data_ptr() for t in parts(view)] == [t.data_ptr() for t in parts(user)]
    assert not any(t.requires_grad for t in view.parameters())
    assert all(t.requires_grad for t in user.parameters())


def test_ties_stay_ties():
    user = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    user[1].weight = user[0].weight
    view = private_copy(user)
    assert view[1].weight is view[0].weight is not user[0].weight


def test_in_place_layers_are_switched_off_in_the_view_alone():
    user = mlp()
    assert private_copy(user)[1].inplace is False
    assert user[1].inplace is True


def test_gradients_hooks_and_results_of_a_forward_pass_do_not_hinder_a_copy():
    user = mlp()
    user[0].register_forward_hook(lambda part, args, out: 2 * out)
    user.last = user(X)  # inside a graph
    user.last.sum().backward()
    view = private_copy(user)
    assert all(t.grad is None for t in view.parameters())
    assert torch.equal(view.eval()(X), user.eval()(X))
    assert not view.last.requires_grad


def test_conversion_moves_a_copy():
    user = mlp()
    double = converted(user, dtype=torch.float64)
    assert {t.dtype for t in double.parameters()} == {torch.float64}
    assert {t.dtype for t in user.parameters()} == {torch.float32}
    assert double[2].num_batches_tracked.dtype == torch.int64


def test_what_cannot_be_copied_is_refused():
    user = mlp()
    user.lock = threading.Lock()
    with pytest.raises(NetworkError, match="Sequential cannot be copied.*Remove locks"):
        private_copy(user)


def test_lazy_parameters_are_refused():
    with pytest.raises(NetworkError, match="'weight' is a lazy parameter.*forward pass"):
        private_copy(nn.LazyLinear(3))
