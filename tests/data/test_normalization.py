"""Normalization against NumPy."""

import numpy as np
import pytest
import torch

from tangentlab._errors import ShapeError
from tangentlab.data import Normalization

# float32 rows, statistics summed in float64: one rounding in the mean, the spread and the quotient each
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


def random(*shape):
    return np.random.default_rng(0).normal(3.0, 2.0, size=shape).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((50, 7), 0), ((20, 3, 5, 4), (0, 2, 3)), ((20, 2, 9), (0, 2)), ((9, 2, 3, 4, 5), (0, 2, 3, 4))],
)
def test_every_channel_or_feature_is_scaled_as_numpy_does(shape, axes):
    x, other = random(*shape), 5 * random(*shape) + 1
    wide = x.astype(np.float64)
    mean, std = wide.mean(axes, keepdims=True), wide.std(axes, keepdims=True)
    normalization = Normalization.of(torch.from_numpy(x))
    np.testing.assert_allclose(normalization(torch.from_numpy(x)).numpy(), (x - mean) / std, **TOLERANCE)
    np.testing.assert_allclose(normalization(torch.from_numpy(other)).numpy(), (other - mean) / std, **TOLERANCE)


def test_statistics_of_many_rows_far_from_zero_keep_their_precision():
    x = torch.full((100_000, 1), 1000.0)
    x[::2] += 1.0
    normalization = Normalization.of(x)
    assert float(normalization.mean) == 1000.5
    assert float(normalization.std) == 0.5


@pytest.mark.parametrize("value", [0.0, 0.1, -3.3e8])
def test_constant_features_are_centred_and_not_scaled(value):
    x = torch.full((30, 2), value)
    x[:, 1] = torch.arange(30)
    normalization = Normalization.of(x)
    assert float(normalization.std[0]) == 1.0
    assert bool(torch.isfinite(normalization(x)).all())
    assert float(normalization(x)[:, 0].abs().max()) == 0.0


def test_a_channel_that_is_constant_up_to_rounding_is_not_scaled_up():
    x = torch.full((17, 1, 7, 7), 0.1)  # its mean in float32 is not 0.1 exactly
    assert float(Normalization.of(x)(x).abs().max()) < 1e-7


def test_small_values_are_no_constants():
    x = 1e-12 * torch.tensor([[1.0], [3.0]])
    torch.testing.assert_close(Normalization.of(x)(x), torch.tensor([[-1.0], [1.0]]))


@pytest.mark.parametrize("size", [1e30, 3e38, 1e-30, 1e-38])
def test_features_whose_squares_are_no_float32_are_scaled_all_the_same(size):
    x = size * torch.tensor([[1.0], [-1.0]])
    torch.testing.assert_close(Normalization.of(x)(x), torch.tensor([[1.0], [-1.0]]))


def test_the_rows_given_are_not_changed():
    x = torch.from_numpy(random(10, 3))
    before = x.clone()
    Normalization.of(x)(x)
    assert torch.equal(x, before)


def test_rows_of_another_form_are_refused():
    normalization = Normalization.of(torch.zeros(5, 3, 4, 4))
    for shape in ((5, 2, 4, 4), (5, 3)):
        with pytest.raises(ShapeError, match="3 channels"):
            normalization(torch.zeros(shape))
