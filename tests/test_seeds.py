import random

import numpy as np
import pytest
import torch

from tangentlab._seeds import derive, generator, numpy_generator, seeded_randomness


def draw():
    return torch.rand(1).item(), random.random(), float(np.random.rand())


def test_a_seed_repeats_every_generator_and_another_moves_them():
    drawn = []
    for seed in (0, 0, 1):
        with seeded_randomness(seed):
            drawn.append(draw())
    assert drawn[0] == drawn[1]
    assert all(a != b for a, b in zip(drawn[1], drawn[2]))


def test_the_global_generators_are_as_before_even_after_an_error():
    before = torch.random.get_rng_state(), random.getstate(), np.random.get_state()
    with pytest.raises(TypeError), seeded_randomness(0):
        torch.rand(int(1e3 * sum(draw())), dtype=str)  # draws three times, then fails
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert before[1] == random.getstate()
    np.testing.assert_equal(before[2], np.random.get_state())


def test_streams_of_one_seed_differ_by_purpose_and_by_nothing_else():
    assert derive(3, "a") == derive(3, "a") != derive(3, "b")
    assert derive(3, "a", 1) != derive(3, "a1")
    assert 0 <= derive(-5, "a") < 2**63
    assert torch.rand(1, generator=generator(1, "x")) == torch.rand(1, generator=generator(1, "x"))
    assert numpy_generator(1, "x").random() == numpy_generator(1, "x").random()
