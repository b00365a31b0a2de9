"""A Gram says what it is and how far it was checked; a kernel stays what it was when its network is trained."""

import torch

from oracles.small_networks import build
from tangentlab.kernels import NeuralTangentKernel


def test_later_training_does_not_move_a_kernel():
    model, batch = build("mlp")
    kernel, x = NeuralTangentKernel(model), batch(3)
    before, identity = kernel(x), kernel.fingerprint
    with torch.no_grad():
        model[0].weight.add_(1)
    assert torch.equal(kernel(x), before)
    assert kernel.fingerprint == identity != NeuralTangentKernel(model).fingerprint


def test_gram_carries_its_meaning_and_its_check():
    model, batch = build("lenet")
    gram = NeuralTangentKernel(model, outputs="full").gram(batch(3))
    assert gram.matrix.shape == (9, 9)
    assert torch.equal(gram.matrix[3 * 1 + 2, 3 * 2 + 0], gram.values[1, 2, 2, 0])
    assert gram.difference < 1e-12
    assert "'full'" in gram.description
    assert "layer rules" in gram.description
