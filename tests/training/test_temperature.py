import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError, NotFiniteError
from tangentlab.training.temperature import RANGE, inverse_temperature


def drawn(s, *, n=4000, c=3, seed=0):
    """Outputs, and labels drawn from softmax(s · outputs)."""
    g = torch.Generator().manual_seed(seed)
    f = torch.randn(n, c, generator=g, dtype=torch.float64)
    return f, torch.multinomial(torch.softmax(s * f, 1), 1, generator=g)[:, 0]


@pytest.mark.parametrize("s", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("c", [2, 5])
def test_the_temperature_that_drew_the_labels_is_found(s, c):
    # the standard error of log s is about 1/√n, below 0.05 here
    assert np.log(inverse_temperature(*drawn(s, c=c))) == pytest.approx(np.log(s), abs=0.15)


def test_it_is_the_likeliest_on_a_grid():
    f, y = drawn(2.0, n=60)
    counts = torch.bincount(y)
    own = (counts[y] + 1) / (counts[y] + 2)
    grid = np.geomspace(*RANGE, 2000)

    def likelihood(s):
        p = torch.softmax(s * f, 1)
        right = p[torch.arange(60), y]
        others = (p.log().sum(1) - right.log()) * (1 - own) / 2
        return float((own * right.log() + others).mean())

    best = grid[np.argmax([likelihood(s) for s in grid])]
    assert inverse_temperature(f, y) == pytest.approx(best, rel=5e-3)  # the grid's step


def test_outputs_that_say_nothing_get_no_confidence():
    g = torch.Generator().manual_seed(0)
    f, y = torch.randn(2000, 2, generator=g), torch.randint(2, (2000,), generator=g)
    assert inverse_temperature(f, y) < 0.2


def test_outputs_that_are_always_wrong_get_the_least():
    f = torch.eye(2).repeat(20, 1)
    assert inverse_temperature(f, torch.tensor([1, 0]).repeat(20)) == pytest.approx(RANGE[0], rel=1e-2)


@pytest.mark.parametrize(
    ("f", "y", "error"),
    [
        (torch.zeros(3, 1), torch.zeros(3), ArgumentError),
        (torch.zeros(3), torch.zeros(3), ArgumentError),
        (torch.zeros(3, 2), torch.zeros(2), ArgumentError),
        (torch.full((3, 2), float("nan")), torch.zeros(3), NotFiniteError),
    ],
)
def test_what_has_no_temperature_is_refused(f, y, error):
    with pytest.raises(error, match="`f`"):
        inverse_temperature(f, y)
