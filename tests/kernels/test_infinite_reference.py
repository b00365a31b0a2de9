"""The field's reference library, and the definitions by Monte Carlo and dense quadrature.

`oracles/infinite_width_reference.npz` holds float64 values computed with neural-tangents 0.6.5, analytic and in NTK
parametrization, under the keys `<net>.<nngp|ntk>.<xx|xx2>`, of inputs `x`, `x2`, and `images`, `images2` (channels
last).
"""

from pathlib import Path

import numpy as np
import pytest
import torch

import tangentlab as tl
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

REFERENCE = dict(np.load(Path(__file__).parents[1] / "oracles" / "infinite_width_reference.npz"))
RELU = Activation("relu")
NETWORKS = {
    **{
        f"fc_{name}_{depth}": tl.InfiniteWidthMLP(depth, name, 1.4, 0.2, 1.0, 0.1)
        for name in ("relu", "erf", "gelu")
        for depth in (1, 3)
    },
    "fc_res": tl.InfiniteWidthNetwork([Dense(1.4), Residual([RELU, Dense(1.2)]), RELU, Dense()]),
    "fc_prod": tl.InfiniteWidthNetwork([Product([Dense(), RELU], [Dense(), RELU]), Dense()]),
    "conv_flat": tl.InfiniteWidthNetwork(
        [Convolution(3, 1.4, 0.1), RELU, Convolution(3, 1.4, 0.1, stride=2), RELU, Flatten(), Dense()]
    ),
    "conv_gap": tl.InfiniteWidthNetwork(
        [Convolution(3, 1.4), RELU, AveragePool(2), Convolution(3, 1.4), RELU, GlobalAveragePool(), Dense()]
    ),
}
BY_SERIES = {"erf": torch.erf, "gelu": torch.nn.GELU(), "relu": torch.relu}


def rows(name):
    if name.startswith("conv"):
        return [REFERENCE[key].transpose(0, 3, 1, 2) for key in ("images", "images2")]
    return [REFERENCE["x"], REFERENCE["x2"]]


def compare(network, name, kind, *, rtol):
    x, x2 = rows(name)
    own = getattr(network, kind)(x).numpy()
    cross = getattr(network, kind)(x, x2).numpy()
    np.testing.assert_allclose(cross, REFERENCE[f"{name}.{kind}.xx2"], rtol=rtol)
    expected = REFERENCE[f"{name}.{kind}.xx"]
    apart = ~np.eye(len(own), dtype=bool)
    np.testing.assert_allclose(own[apart], expected[apart], rtol=rtol)
    # at correlation 1 the slope of relu's dual is arccos(1 − rounding), of the order of the root of rounding in the
    # reference; ours is exact there (see test_a_row_with_itself_is_exact)
    kinked = kind == "ntk" and "relu" in name + " relu" * (name in ("fc_res", "fc_prod", "conv_flat", "conv_gap"))
    np.testing.assert_allclose(own.diagonal(), expected.diagonal(), rtol=5e-8 if kinked else rtol)


@pytest.mark.parametrize("kind", ["nngp", "ntk"])
@pytest.mark.parametrize("name", NETWORKS)
def test_kernel_is_that_of_the_reference_library(name, kind):
    compare(NETWORKS[name], name, kind, rtol=1e-12)


@pytest.mark.parametrize("kind", ["nngp", "ntk"])
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("name", BY_SERIES)
def test_hermite_series_reaches_rounding(name, depth, kind):
    """Those of erf and gelu fall below 1e-15; that of relu is cut, where no two of these rows are almost parallel."""
    compare(
        tl.InfiniteWidthMLP(depth, BY_SERIES[name], 1.4, 0.2, 1.0, 0.1), f"fc_{name}_{depth}", kind, rtol=1e-12
    )


def test_a_row_with_itself_is_exact():
    """Half the units of a ReLU layer are active, so a row's own NTK is known without any integral."""
    x = torch.tensor(REFERENCE["x"])
    q = 1.96 * x.square().mean(1) + 0.04
    ntk = tl.InfiniteWidthMLP(1, "relu", 1.4, 0.2, 1.0, 0.1).ntk(x).diagonal()
    torch.testing.assert_close(ntk, q / 2 + 0.01 + q / 2, rtol=1e-14, atol=0)


@pytest.mark.parametrize("t", ["0.0", "1.0", "10.0", "100.0", "inf"])
def test_ensemble_is_that_of_the_reference_library(t):
    """Its loss is half the mean square over all entries of y, so that its time t is t/c of ours."""
    network, x, x2, y = NETWORKS["fc_relu_1"], REFERENCE["x"], REFERENCE["x2"], REFERENCE["y"]
    ensemble = tl.EnsembleFlow().fit(network.ntk(x), y, nngp=network.nngp(x))
    theta, time = network.ntk(x2, x), float(t) / y.shape[1]
    mean = ensemble.predict(theta, time)
    covariance = ensemble.covariance(theta, time, nngp_test=network.nngp(x2, x), nngp_rows=network.nngp(x2))
    # the reference's diagonal of Θ is off by 4e-9 (see above), the condition of Θ is 10
    np.testing.assert_allclose(mean, REFERENCE[f"flow.mean.{t}"], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(covariance, REFERENCE[f"flow.cov.{t}"], rtol=1e-7, atol=1e-9)
