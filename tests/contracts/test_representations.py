"""What a name shows at the prompt says what it is, on a line or a few, and never the numbers that it holds."""

import pytest
import torch
from torch import nn

import tangentlab as tl

X = torch.randn(12, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = X[:, :1]


def network():
    return tl.Network(nn.Linear(3, 1).double())


def gram():
    return tl.ntk(network(), X, outputs=0)


SHOWN = {
    "Data": lambda: tl.Data.from_arrays(X, [0, 1] * 6, name="mine"),
    "Task": lambda: tl.tasks.parity(2, dimension=4, samples=8, test_samples=4),
    "Network": network,
    "LinearizedModule": lambda: tl.linearize(network()),
    "History": lambda: tl.train(network(), X, Y, tl.Descent(loss="mse", epochs=500, batch_size=4)).history,
    "KernelOperator": lambda: tl.ntk_operator(network(), X, outputs=0),
    "NeuralTangentKernel": lambda: tl.NeuralTangentKernel(network(), outputs=0),
    "Gram": lambda: tl.NeuralTangentKernel(network(), outputs=0).gram(X),
    "FittedKernelRegression": lambda: tl.KernelRegression().fit(gram(), Y),
    "FittedGradientFlow": lambda: tl.GradientFlow().fit(gram(), Y),
}


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_shown_is_short_and_begins_with_the_name(name):
    shown = repr(SHOWN[name]())
    assert shown.startswith(f"{name}(") and len(shown) < 600
    assert name.startswith("Fitted") or "tensor(" not in shown


def test_sizes_and_meaning_are_in_it():
    assert repr(SHOWN["Data"]()) == "Data('mine', 12 rows of shape (3,), 2 classes)"
    assert "8 train and 4 test rows of shape (4,)" in repr(SHOWN["Task"]())
    assert "4 of 4 parameters in 2 tensors" in repr(network())
    assert "1,500 steps, loss " in repr(SHOWN["History"]())
    assert "(f0(x) + J(x) (θ − θ0) of Linear, 4 of 4 " in repr(tl.linearize(nn.Linear(3, 1)))
    assert "(J(x) (θ − θ0) of Linear, 4 of 4 " in repr(tl.linearize(nn.Linear(3, 1), centred=True))
    assert "12 × 12" in repr(SHOWN["KernelOperator"]())
