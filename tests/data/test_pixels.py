"""8-bit images of every layout."""

import numpy as np
import pytest
import torch

from tangentlab._errors import ShapeError
from tangentlab.data.pixels import unit_pixels


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((4, 6, 5), None), ((4, 3, 6, 5), (0, 1, 2, 3)), ((4, 6, 5, 3), (0, 3, 1, 2)), ((4, 6, 5, 1), (0, 3, 1, 2))],
)
def test_every_layout_ends_with_channels_first(shape, axes):
    raw = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    expected = raw[:, None] if axes is None else raw.transpose(axes)
    pixels = unit_pixels(torch.from_numpy(raw))
    assert pixels.is_contiguous()
    np.testing.assert_array_equal(pixels.numpy(), expected.astype(np.float32) / np.float32(255))


@pytest.mark.parametrize("shape", [(2, 5, 5, 7), (2, 1, 3, 4, 4)])
def test_layouts_without_channels_are_refused(shape):
    with pytest.raises(ShapeError, match="8-bit images"):
        unit_pixels(torch.zeros(shape, dtype=torch.uint8))
