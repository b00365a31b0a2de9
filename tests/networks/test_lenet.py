"""LeNet."""

import pytest
import torch
from torch.nn import functional as F

from tangentlab._errors import ShapeError
from tangentlab.networks.lenet import lenet


@pytest.mark.parametrize(
    ("shape", "expected"), [((1, 28, 28), 107_021), ((3, 32, 32), 136_121), ((1, 8, 8), 20_621)]
)
def test_parameter_count_is_the_papers(shape, expected, generator):
    model = lenet(shape, 1, generator=generator)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected
    assert model(torch.zeros(2, *shape)).shape == (2, 1)


def test_output_is_the_written_out_forward(generator):
    model = lenet((2, 9, 7), 3, generator=generator, initialization="torch", activation="gelu").double()
    weights = {name: value.detach() for name, value in model.named_parameters()}
    x = torch.linspace(-2, 2, 2 * 2 * 9 * 7, dtype=torch.float64).reshape(2, 2, 9, 7)
    hidden = x
    for name in ("conv1", "conv2"):
        hidden = F.gelu(F.conv2d(hidden, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=2))
        down, across = hidden.shape[2] // 2, hidden.shape[3] // 2
        hidden = hidden[:, :, : 2 * down, : 2 * across].reshape(2, -1, down, 2, across, 2).mean((3, 5))
    hidden = hidden.flatten(1)
    for name in ("hidden1", "hidden2"):
        hidden = F.gelu(hidden @ weights[f"{name}.weight"].T + weights[f"{name}.bias"])
    expected = hidden @ weights["readout.weight"].T + weights["readout.bias"]
    torch.testing.assert_close(model(x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(784,), (28, 28), (1, 3, 28), (28, 28, 1)])
def test_inputs_that_are_no_images_of_four_pixels_are_refused(shape, generator):
    with pytest.raises(ShapeError, match="lenet"):
        lenet(shape, 1, generator=generator)
