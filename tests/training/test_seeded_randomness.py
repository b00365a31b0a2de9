import random

import numpy as np
import pytest
import torch

from tangentlab.training.seeded_randomness import seeded_randomness

CPU = torch.device("cpu")


def draw():
    return torch.rand(1).item(), random.random(), float(np.random.rand())


def test_a_seed_repeats_every_generator_and_another_moves_them():
    drawn = []
    for seed in (0, 0, 1):
        with seeded_randomness(seed, device=CPU):
            drawn.append(draw())
    assert drawn[0] == drawn[1]
    assert all(a != b for a, b in zip(drawn[1], drawn[2]))


def test_the_global_generators_are_as_before_even_after_an_error():
    before = torch.random.get_rng_state(), random.getstate(), np.random.get_state()
    with pytest.raises(TypeError), seeded_randomness(0, device=CPU):
        torch.rand(int(1e3 * sum(draw())), dtype=str)  # draws three times, then fails
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert before[1] == random.getstate()
    np.testing.assert_equal(before[2], np.random.get_state())
