from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tangentlab._errors import ArgumentError, UnknownNameError
from tangentlab.kernels import NeuralTangentKernel, tangent_projection


def network(c: int = 2) -> nn.Module:
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, c)).double()


ROWS = torch.randn(6, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("kind", ["signs", "normal"])
@pytest.mark.parametrize("outputs", ["full", "trace", "mean", "sum", 1])
def test_inner_products_of_features_are_the_kernel_on_average(kind, outputs):
    kernel = NeuralTangentKernel(network(), outputs=outputs)
    exact = kernel.gram(ROWS).matrix
    found = [
        tangent_projection(kernel, ROWS, dimension=16, kind=kind, seed=seed, check=1).features
        for seed in range(150)
    ]
    products = torch.stack([F @ F.T for F in found])
    assert products.shape[1:] == exact.shape
    spread = products.std(0) / len(found) ** 0.5
    # 4 standard errors for up to 78 entries
    assert bool(((products.mean(0) - exact).abs() < 4.5 * spread + 1e-12 * exact.abs().max()).all())


@pytest.mark.parametrize("kind", ["signs", "normal"])
def test_the_error_measured_is_the_error_and_falls_as_one_over_the_root_of_the_dimension(kind):
    kernel, x = NeuralTangentKernel(network(1), outputs=0), torch.randn(40, 3, dtype=torch.float64)
    exact = kernel(x)
    size = exact.diagonal().sqrt()
    apart = ~torch.eye(40, dtype=torch.bool)
    for dimension in (25, 400):
        found = tangent_projection(kernel, x, dimension=dimension, kind=kind, check=40)
        F = found.features
        relative = ((F @ F.T - exact) / size / size[:, None])[apart]
        assert found.error == pytest.approx(float(relative.square().mean().sqrt()), rel=1e-9)
        assert found.features.shape == (40, dimension)
    errors = {
        r: np.mean([tangent_projection(kernel, x, dimension=r, kind=kind, seed=s).error ** 2 for s in range(20)])
        for r in (16, 256)
    }
    assert errors[16] / errors[256] == pytest.approx(16, rel=0.5)


def test_the_error_expected_is_met_by_normal_directions():
    kernel, x = NeuralTangentKernel(network(1), outputs=0), torch.randn(40, 3, dtype=torch.float64)
    found = [tangent_projection(kernel, x, dimension=64, kind="normal", seed=seed) for seed in range(40)]
    squares = np.array([f.error**2 for f in found])
    assert abs(squares.mean() - found[0].expected ** 2) < 4 * squares.std() / 40**0.5
    assert all(0 < f.standard_error < f.error for f in found)


def test_directions_depend_on_the_seed_and_neither_on_the_rows_nor_on_the_memory():
    model = network()
    whole = tangent_projection(model, ROWS, dimension=12, outputs="trace")
    assert whole.features.shape == (6, 24)
    part = tangent_projection(model, ROWS[:2], dimension=12, outputs="trace")
    torch.testing.assert_close(part.features, whole.features[:2], rtol=0, atol=1e-12)
    tight = tangent_projection(model, ROWS, dimension=12, outputs="trace", memory="1KiB")
    torch.testing.assert_close(tight.features, whole.features, rtol=0, atol=1e-12)
    assert not torch.equal(
        tangent_projection(model, ROWS, dimension=12, outputs="trace", seed=1).features, whole.features
    )


def test_the_global_random_state_is_left_alone():
    model, state = network(), torch.random.get_rng_state()
    tangent_projection(model, ROWS, dimension=4)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_single_row_has_features_and_no_error():
    found = tangent_projection(network(1), ROWS[:1], dimension=4, outputs=0)
    assert found.features.shape == (1, 4)
    assert np.isnan([found.error, found.standard_error, found.expected]).all()


def test_bad_arguments_are_refused():
    with pytest.raises(UnknownNameError):
        tangent_projection(network(), ROWS, kind="gaussian")
    with pytest.raises(ArgumentError, match="`dimension` must be a whole number of at least 1"):
        tangent_projection(network(), ROWS, dimension=0)
    with pytest.raises(ArgumentError, match="one matrix"):
        tangent_projection(network(), ROWS, outputs="diagonal")
