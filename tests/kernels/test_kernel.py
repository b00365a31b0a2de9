"""A kernel is that of its network at one anchor: it pickles and copies, and stays what it was when that is trained."""

import copy
import pickle

import torch

from oracles.small_networks import build, rows
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.networks import Network


def test_later_training_does_not_move_a_kernel():
    model, batch = build("mlp")
    kernel, x = NeuralTangentKernel(model), batch(3)
    before, identity = kernel(x), kernel.fingerprint
    with torch.no_grad():
        model[0].weight.add_(1)
    assert torch.equal(kernel(x), before)
    assert kernel.fingerprint == identity != NeuralTangentKernel(model).fingerprint


def test_a_kernel_object_pickles_and_copies():
    model, batch = build("mlp")
    kernel, x = NeuralTangentKernel(model, outputs="mean"), batch(4)
    for again in (pickle.loads(pickle.dumps(kernel)), copy.deepcopy(kernel)):
        assert torch.equal(again(x), kernel(x)) and again.fingerprint == kernel.fingerprint


def test_evaluating_does_not_change_the_fingerprint_or_the_network():
    network = Network(build("mlp")[0])
    kernel = NeuralTangentKernel(network)
    before = kernel.fingerprint
    kernel(rows(3, 4))
    assert NeuralTangentKernel(network).fingerprint == before
