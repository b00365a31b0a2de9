"""Networks of infinite width: exact facts, every pair of pixels by loops, blocks, types, refusals."""

import numpy as np
import pytest
import torch

import tangentlab as tl
from oracles.infinite_width_by_loops import kernels as by_loops
from tangentlab._errors import (
    ArgumentError,
    DataError,
    NotFiniteError,
    NumericalError,
    ShapeError,
    UnknownNameError,
)
from tangentlab.kernels import infinite_pass
from tangentlab.kernels.infinite_layers import (
    Activation,
    AveragePool,
    Convolution,
    Dense,
    Flatten,
    GlobalAveragePool,
    Product,
    Residual,
)

RELU = Activation("relu")
LENET = [
    Convolution(5),
    RELU,
    AveragePool(2),
    Convolution(5),
    RELU,
    AveragePool(2),
    Flatten(),
    Dense(),
    RELU,
    Dense(),
]


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(
    ("layers", "loops"),
    [
        (
            [
                Convolution(3, 1.2, 0.3),
                RELU,
                AveragePool(2),
                Convolution(3, 1.1),
                RELU,
                Flatten(),
                Dense(0.9, 0.2),
            ],
            [
                ("conv", 3, 1, (1, 1), 1.2, 0.3),
                ("relu",),
                ("pool", 2),
                ("conv", 3, 1, (1, 1), 1.1, 0),
                ("relu",),
                ("flatten",),
                ("dense", 0.9, 0.2),
            ],
        ),
        (
            [Convolution(2, 1.2, stride=2, padding="valid"), RELU, GlobalAveragePool(), Dense()],
            [("conv", 2, 2, (0, 0), 1.2, 0), ("relu",), ("gap",), ("dense", 1, 0)],
        ),
        (
            [AveragePool(2), Convolution(3, stride=2), RELU, AveragePool(2), Flatten(), Dense()],
            [("pool", 2), ("conv", 3, 2, (1, 1), 1, 0), ("relu",), ("pool", 2), ("flatten",), ("dense", 1, 0)],
        ),
        (
            [
                Convolution(3, 1.3, 0.1, padding=2),
                RELU,
                Convolution(2, padding="same"),
                RELU,
                GlobalAveragePool(),
                Dense(),
            ],
            [
                ("conv", 3, 1, (2, 2), 1.3, 0.1),
                ("relu",),
                ("conv", 2, 1, (0, 1), 1, 0),
                ("relu",),
                ("gap",),
                ("dense", 1, 0),
            ],
        ),
    ],
    ids=["pool then flatten", "valid with stride", "pools", "even window"],
)
def test_needed_pairs_of_pixels_give_what_every_pair_gives(layers, loops):
    x = normal(2, 2, 6, 7) if loops[0][0] != "pool" else normal(2, 2, 10, 11)
    x[1, :, 2, 3] = 0  # a pixel without variance
    network = tl.InfiniteWidthNetwork(layers)
    expected = [by_loops(loops, a.numpy(), b.numpy()) for a in x for b in x]
    nngp, ntk = (np.array(values).reshape(2, 2) for values in zip(*expected))
    np.testing.assert_allclose(network.nngp(x), nngp, rtol=1e-12)
    np.testing.assert_allclose(network.ntk(x), ntk, rtol=1e-7)  # the loops' arccos near 1 has the root of rounding
    np.testing.assert_allclose(network.ntk(x[:1], x[1:]), ntk[:1, 1:], rtol=1e-11)


def test_a_flattening_network_needs_few_of_the_pairs():
    network = tl.InfiniteWidthNetwork(LENET)
    assert network.work((1, 28, 28)) < 0.05 * 784**2
    assert tl.InfiniteWidthNetwork([Convolution(3), RELU, Flatten(), Dense()]).work((1, 28, 28)) == 784


@pytest.mark.parametrize("activation", ["relu", "erf", "gelu", "tanh", "identity", torch.sin])
def test_kernels_are_symmetric_positive_and_those_of_single_pairs(activation):
    x = torch.cat([normal(8, 5), torch.zeros(1, 5), -normal(1, 5), 1.5 * normal(1, 5)])
    mlp = tl.InfiniteWidthMLP(2, activation, 1.3, 0.1)
    nngp, ntk = mlp.kernels(x)
    for kernel, alone in ((nngp, mlp.nngp), (ntk, mlp.ntk)):
        assert torch.equal(kernel, kernel.T)
        assert float(torch.linalg.eigvalsh(kernel)[0]) > -1e-13 * float(kernel.trace())
        torch.testing.assert_close(alone(x, x), kernel, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(alone(x[2:3], x[5:7]), kernel[2:3, 5:7], rtol=1e-12, atol=1e-14)
    assert bool((ntk.diagonal() >= nngp.diagonal()).all())


@pytest.mark.parametrize("width", [3, 700])
def test_equal_and_opposite_rows_lie_exactly_on_the_kinks(width):
    """θ = 0 and θ = π, where the slope of relu's dual has an infinite derivative, through three layers."""
    x = normal(4, width)
    mlp = tl.InfiniteWidthMLP(3, "relu", 2**0.5)
    ntk, again = mlp.ntk(x), mlp.ntk(x, x.clone())
    torch.testing.assert_close(again.diagonal(), ntk.diagonal(), rtol=1e-14, atol=0)
    # E[relu²] = q/2 twice the variance of a weight: the NNGP stays x·x/d before the readout, and the NTK is L times it
    torch.testing.assert_close(ntk.diagonal(), 4 * x.square().mean(1), rtol=1e-13, atol=0)
    one = tl.InfiniteWidthMLP(1, "relu", 2**0.5)
    assert one.ntk(x, -x).diagonal().abs().max() == 0
    torch.testing.assert_close(one.ntk(x, 4 * x).diagonal(), 4 * one.ntk(x).diagonal(), rtol=1e-14, atol=0)


def test_a_zero_row_has_a_zero_kernel_without_biases():
    x = torch.zeros(2, 3, dtype=torch.float64)
    for activation in ("relu", "erf", "gelu", "tanh"):
        assert tl.InfiniteWidthMLP(2, activation, 1.0).ntk(x).abs().max() == 0
    assert bool((tl.InfiniteWidthMLP(2, "sigmoid", 1.0).ntk(x) > 0).all())  # sigmoid(0) is not 0


def test_without_hidden_layers_the_kernel_is_linear():
    x = normal(4, 6)
    linear = tl.InfiniteWidthMLP(0, "relu", 9.0, 9.0, 1.5, 0.5)
    torch.testing.assert_close(linear.ntk(x), 2.25 * x @ x.T / 6 + 0.25)
    torch.testing.assert_close(linear.nngp(x), linear.ntk(x))


def test_relu_network_of_homogeneous_layers_scales_with_its_input():
    x = normal(5, 3, 4, 4)
    network = tl.InfiniteWidthNetwork([Convolution(3, 1.3), RELU, GlobalAveragePool(), Dense()])
    torch.testing.assert_close(network.ntk(3 * x), 9 * network.ntk(x), rtol=1e-12, atol=0)


@pytest.mark.filterwarnings("ignore:memory= allows")  # what this process holds is not the question here
def test_blocks_of_rows_change_nothing(monkeypatch):
    x, x2 = normal(7, 1, 6, 6), normal(5, 1, 6, 6, seed=1)
    network, seen = tl.InfiniteWidthNetwork(LENET), []
    whole = network.kernels(x), network.kernels(x, x2)
    monkeypatch.setattr(infinite_pass, "_BLOCK_NUMBERS", {"cpu": 4 * network.work((1, 6, 6))})
    parts = network.kernels(x, progress=lambda *at: seen.append(at)), network.kernels(x, x2, memory="64 MiB")
    assert len(seen) > 3 and seen == [(i + 1, len(seen)) for i in range(len(seen))]
    for one, other in zip(whole, parts):
        torch.testing.assert_close(one, other, rtol=1e-13, atol=0)


def test_precision_and_kinds_of_arrays():
    x = normal(4, 3)
    mlp = tl.InfiniteWidthMLP(2, "erf", 1.3)
    expected = mlp.ntk(x)
    assert mlp.ntk(x.float()).dtype == torch.float32
    rounded = mlp.ntk(x.float(), dtype=torch.float64)
    torch.testing.assert_close(mlp.ntk(x.float()), rounded.float(), rtol=0, atol=0)  # all of it was float64
    assert torch.equal(mlp.ntk(x.numpy()), expected)
    assert mlp.ntk(x.float().numpy(), x.numpy()).dtype == torch.float64
    assert mlp.ntk(np.arange(6).reshape(2, 3)).dtype == torch.float64
    assert torch.equal(mlp.ntk(x.requires_grad_()), expected)
    torch.testing.assert_close(mlp.ntk(x.detach().reshape(4, 1, 3, 1)), expected)


def test_rows_of_images_are_not_touched_and_randomness_is_not_drawn():
    x = normal(3, 1, 4, 4)
    before, state = x.clone(), torch.get_rng_state()
    tl.InfiniteWidthNetwork([Convolution(3), RELU, Flatten(), Dense()]).ntk(x)
    assert torch.equal(x, before) and torch.equal(torch.get_rng_state(), state)


def test_standard_parametrization_weighs_each_layer_by_its_fan_in():
    """Of a linear network of one hidden layer: W₂ W₁ x has the kernel (d + N₁ σ₂² …), known in closed form."""
    x, d, hidden = normal(3, 5), 5, 40
    network = tl.InfiniteWidthNetwork([Dense(1.0, fan_in=d), Dense(1.0, fan_in=hidden)])
    gram = x @ x.T / d
    torch.testing.assert_close(network.ntk(x), (d * gram + 1) + hidden * gram + 1)


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (lambda: tl.InfiniteWidthMLP(-1), ArgumentError, "depth"),
        (lambda: tl.InfiniteWidthMLP(1.5), ArgumentError, "depth"),
        (lambda: tl.InfiniteWidthMLP(1, "rely"), UnknownNameError, "relu"),
        (lambda: tl.InfiniteWidthMLP(1, 3), ArgumentError, "activation"),
        (lambda: tl.InfiniteWidthMLP(1, torch.nn.ReLU), ArgumentError, "activation"),
        (lambda: tl.InfiniteWidthMLP(1, weight_std=float("nan")), ArgumentError, "weight_std"),
        (lambda: tl.InfiniteWidthMLP(1, bias_std=-0.1), ArgumentError, "bias_std"),
        (lambda: tl.InfiniteWidthMLP(1, readout_bias_std="1"), ArgumentError, "readout_bias_std"),
        (lambda: tl.InfiniteWidthNetwork([]), ArgumentError, "one layer or more"),
        (lambda: tl.InfiniteWidthNetwork([RELU, Dense()]), ArgumentError, "linear layer"),
        (lambda: tl.InfiniteWidthNetwork([Dense(), RELU, RELU]), ArgumentError, "linear layer"),
        (lambda: tl.InfiniteWidthNetwork([Flatten()]), ArgumentError, "with weights"),
        (lambda: tl.InfiniteWidthNetwork(["relu"]), ArgumentError, "Activation"),
        (
            lambda: tl.InfiniteWidthNetwork([Dense(), Residual([RELU]), Dense()]),
            ArgumentError,
            "weights of its own",
        ),
        (lambda: tl.InfiniteWidthNetwork([Dense(), Product([RELU], [RELU])]), ArgumentError, "independent"),
        (lambda: tl.InfiniteWidthNetwork([Product([Dense()], [Dense()]), RELU]), ArgumentError, "linear layer"),
        (lambda: Convolution(0), ArgumentError, "size"),
        (lambda: Convolution(3, stride=0), ArgumentError, "stride"),
        (lambda: Convolution(3, padding="circular"), UnknownNameError, "padding"),
        (lambda: AveragePool(2, stride=True), ArgumentError, "stride"),
        (lambda: Dense(fan_in=0), ArgumentError, "fan_in"),
    ],
)
def test_a_network_that_makes_no_sense_is_refused(build, error, words):
    with pytest.raises(error, match=words):
        build()


IMAGES = [Convolution(3), RELU, Flatten(), Dense()]


@pytest.mark.parametrize(
    ("layers", "rows", "error", "words"),
    [
        ([Dense()], ([[1.0, float("nan")]],), NotFiniteError, "x1"),
        ([Dense()], ([1.0, 2.0],), ShapeError, "x1"),
        ([Dense()], ([[]],), DataError, "empty"),
        ([Dense()], (["a"],), ArgumentError, "x1"),
        ([Dense()], ([[1.0, 2.0]], [[1.0]]), ShapeError, "x2"),
        ([Dense()], ([[1.0]], [[float("inf")]]), NotFiniteError, "x2"),
        ([Dense()], ([[1e200]],), NotFiniteError, "too large"),
        ([Dense()], (np.full((1, 1), 1e25, np.float32),), NotFiniteError, "dtype=torch.float64"),
        ([Dense()], (np.ones((2, 3, 4, 4)),), ShapeError, "Flatten"),
        (IMAGES, (np.ones((2, 3, 4)),), ShapeError, "height"),
        ([Convolution(3), RELU], (np.ones((2, 3, 4, 4)),), ShapeError, "readout"),
        ([Convolution(9, padding="valid"), Flatten(), Dense()], (np.ones((2, 3, 4, 4)),), ShapeError, "window"),
        (IMAGES, (np.ones((2, 3, 4, 4)), np.ones((2, 3, 5, 5))), ShapeError, "x2"),
        (
            [Residual([Convolution(3, stride=2)]), Flatten(), Dense()],
            (np.ones((1, 1, 4, 4)),),
            ShapeError,
            "leaves",
        ),
    ],
)
def test_rows_that_do_not_fit_are_refused(layers, rows, error, words):
    with pytest.raises(error, match=words):
        tl.InfiniteWidthNetwork(layers).ntk(*rows)


def test_a_kernel_beyond_its_memory_or_of_another_dtype_is_refused():
    mlp = tl.InfiniteWidthMLP(1)
    with pytest.raises(NumericalError, match="allowed"):
        mlp.ntk(np.ones((3000, 2)), memory="8 MiB")
    with pytest.raises(ArgumentError, match="dtype"):
        mlp.ntk([[1.0]], dtype=torch.float16)
