"""The network of finite width, drawn in NTK parametrization, approaches its kernels of infinite width as 1/√width."""

import numpy as np
import pytest
import torch
from scipy import stats

import tangentlab as tl
from tangentlab._errors import ArgumentError
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


def normal(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def relative_errors(network, x, *, widths, seeds):
    """‖Θ_width − Θ‖ / ‖Θ‖ for each seed and width."""
    limit = network.ntk(x)
    found = np.empty((seeds, len(widths)))
    for j, width in enumerate(widths):
        for seed in range(seeds):
            model = network.finite(tuple(x.shape[1:]), width=width, seed=seed).double()
            found[seed, j] = float((tl.ntk(model, x, outputs=0) - limit).norm() / limit.norm())
    return found


def slope_interval(errors, widths, *, level=0.99):
    """An interval over seeds for the slope of log error against log width."""
    slopes = np.polyfit(np.log(widths), np.log(errors).T, 1)[0]
    half = stats.t.ppf((1 + level) / 2, len(slopes) - 1) * slopes.std(ddof=1) / len(slopes) ** 0.5
    return slopes.mean() - half, slopes.mean() + half


def assert_root_of_width(network, x, *, widths, seeds):
    errors = relative_errors(network, x, widths=widths, seeds=seeds)
    low, high = slope_interval(errors, widths)
    assert low < -0.5 < high, (low, high)
    assert high < -0.2, (low, high)  # the interval tells it from no convergence at all
    assert errors[:, -1].mean() < 0.5 * errors[:, 0].mean()


@pytest.mark.parametrize("activation", ["relu", "erf", "gelu"])
def test_empirical_kernel_approaches_the_limit_as_one_over_root_width(activation):
    mlp = tl.InfiniteWidthMLP(2, activation, 1.4, 0.2, 1.0, 0.1)
    assert_root_of_width(mlp, normal(6, 10), widths=[32, 512], seeds=16)


def test_composed_networks_approach_their_limit():
    layers = [Dense(1.4), Residual([RELU, Dense(1.2)]), Product([Dense(), RELU], [Dense(), RELU]), Dense()]
    assert_root_of_width(tl.InfiniteWidthNetwork(layers), normal(5, 10), widths=[32, 512], seeds=16)


@pytest.mark.slow
@pytest.mark.parametrize("end", [Flatten(), GlobalAveragePool()], ids=["flatten", "global pool"])
def test_convolutional_kernel_approaches_the_limit(end):
    layers = [Convolution(3, 1.4, 0.1), RELU, AveragePool(2), Convolution(3, 1.4, stride=2), RELU, end, Dense()]
    assert_root_of_width(tl.InfiniteWidthNetwork(layers), normal(4, 2, 8, 8), widths=[16, 256], seeds=16)


def test_mean_over_draws_is_the_limit_at_any_width():
    """With one hidden layer the expected kernels are those of infinite width at every width: 600 draws of width 20."""
    mlp, x, draws = tl.InfiniteWidthMLP(1, "gelu", 1.4, 0.2, 1.0, 0.1), normal(3, 4), 600
    outputs, tangents = [], []
    for seed in range(draws):
        model = mlp.finite((4,), width=20, seed=seed).double()
        rows = []
        for f in model(x)[:, 0]:
            grads = torch.autograd.grad(f, list(model.parameters()), retain_graph=True)
            rows.append(torch.cat([g.flatten() for g in grads]))
        outputs.append(model(x)[:, 0].detach())
        tangents.append(torch.stack(rows) @ torch.stack(rows).T)
    f, theta = torch.stack(outputs), torch.stack(tangents)
    nngp, ntk = mlp.kernels(x)
    for samples, expected in ((f[:, :, None] * f[:, None, :], nngp), (theta, ntk)):
        z = (samples.mean(0) - expected) / (samples.std(0) / draws**0.5)
        assert float(z.abs().max()) < 4  # 12 correlated normals


def test_draws_depend_on_the_seed_alone_and_have_the_sizes_asked_for():
    network = tl.InfiniteWidthNetwork(
        [Convolution(3, bias_std=0.5, stride=2), RELU, Residual([Convolution(3)]), Flatten(), Dense()]
    )
    state = torch.get_rng_state()
    one, same, other = (network.finite((3, 7, 7), width=5, outputs=4, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    x = normal(2, 3, 7, 7).float()
    assert torch.equal(one(x), same(x)) and not torch.equal(one(x), other(x))
    assert one(x).shape == (2, 4)
    assert [tuple(p.shape) for p in one.parameters()] == [(5, 3, 3, 3), (5,), (5, 5, 3, 3), (4, 80)]


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([Dense(), Residual([Dense()])], "readout"),
        ([Dense(fan_in=3), Dense()], "fan_in"),
        ([Product([Dense()], [Flatten()]), Dense()], "width"),
    ],
)
def test_a_draw_that_is_not_determined_is_refused(layers, words):
    with pytest.raises(ArgumentError, match=words):
        tl.InfiniteWidthNetwork(layers).finite((3,), width=8)
