"""A Gram says what it is and how far it was checked, and stands wherever a kernel is taken as an array."""

import numpy as np
import torch
from torch import nn

import tangentlab as tl
from oracles.small_networks import build
from tangentlab.kernels import NeuralTangentKernel


def test_gram_carries_its_meaning_and_its_check():
    model, batch = build("lenet")
    gram = NeuralTangentKernel(model, outputs="full").gram(batch(3))
    assert gram.matrix.shape == (9, 9)
    assert torch.equal(gram.matrix[3 * 1 + 2, 3 * 2 + 0], gram.values[1, 2, 2, 0])
    assert gram.difference < 1e-12
    assert "'full'" in gram.description
    assert "layer rules" in gram.description


def test_a_gram_stands_wherever_a_kernel_is_taken_as_an_array():
    torch.manual_seed(0)
    model, x, y = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)), torch.randn(8, 3), torch.randn(8, 2)
    gram = NeuralTangentKernel(model).gram(x)
    assert np.asarray(gram).dtype == np.float32 and np.array_equal(np.asarray(gram), gram.values.numpy())
    assert np.array(gram, dtype=np.float64, copy=True).dtype == np.float64
    assert tl.alignment(gram, y) == tl.alignment(gram.values, y)
    assert tl.complexity(gram, y, ridge=0.1) == tl.complexity(gram.values, y, ridge=0.1)
    assert tl.kernel_distance(gram, gram.values) == 0
    one = NeuralTangentKernel(model, outputs="mean").gram(x)
    assert tl.KernelRegression(0.1).fit(one, y).gcv == tl.KernelRegression(0.1).fit(one.values, y).gcv
    assert torch.equal(tl.eigenpairs(one, 3).values, tl.eigenpairs(one.values, 3).values)
    assert tl.stable_learning_rate(one, loss="mse") == tl.stable_learning_rate(one.values, loss="mse")
    assert tl.predict_risk(one, y, samples=4).kappa == tl.predict_risk(one.values, y, samples=4).kappa
    assert tl.spectrum(one).trace == tl.spectrum(one.values).trace
