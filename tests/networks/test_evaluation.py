"""The conditions of one evaluation come and go."""

import random
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tangentlab.networks.evaluation import (
    differentiable_arithmetic,
    outside_inference_mode,
    preserved_random_state,
    random_states,
)

CPU = torch.device("cpu")


def flags():
    cuda = torch.backends.cuda
    return (
        torch.backends.mha.get_fastpath_enabled(),
        cuda.flash_sdp_enabled(),
        cuda.mem_efficient_sdp_enabled(),
        cuda.math_sdp_enabled(),
        tuple(torch._C._get_sdp_priority_order()),
    )


def test_flags_change_inside_and_come_back_even_after_an_error():
    before = flags()

    @differentiable_arithmetic()
    def fail():
        assert flags() != before
        assert not torch.backends.cuda.flash_sdp_enabled()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert flags() == before


def test_what_the_user_switched_off_stays_off():
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with differentiable_arithmetic():
            pass
        assert not torch.backends.mha.get_fastpath_enabled()
    finally:
        torch.backends.mha.set_fastpath_enabled(True)


def test_attention_has_a_forward_derivative_inside():
    q = torch.randn(1, 2, 3, 4)

    def attend(q):
        return F.scaled_dot_product_attention(q, q, q)

    with differentiable_arithmetic():
        _, tangent = torch.func.jvp(attend, (q,), (torch.ones_like(q),))
    assert tangent.isfinite().all()


def test_compiled_functions_run_eagerly_inside():
    calls = []

    def backend(graph, inputs):
        calls.append(graph)
        return graph.forward

    compiled = torch.compile(lambda x: x.sin() + 1, backend=backend)
    assert "torch._dynamo" in sys.modules
    with differentiable_arithmetic():
        compiled(torch.ones(2))
    assert not calls
    compiled(torch.ones(2))
    assert calls


def test_every_global_generator_comes_back_even_after_an_error():
    before = random_states()

    @preserved_random_state(CPU)
    def fail():
        torch.rand(3), np.random.rand(3), random.random()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert random_states() == before


@pytest.mark.parametrize("draw", [lambda: torch.rand(1), lambda: np.random.rand(), random.random])
def test_a_draw_from_any_generator_is_seen(draw):
    with preserved_random_state(CPU):
        before = random_states()
        draw()
        assert random_states() != before


def test_gradients_are_possible_in_inference_mode_and_grad_mode_stays_the_callers():
    with torch.inference_mode(), outside_inference_mode():
        assert not torch.is_grad_enabled()
        with torch.enable_grad():
            assert torch.ones(1, requires_grad=True).exp().requires_grad
    with outside_inference_mode():
        assert torch.is_grad_enabled()
    with torch.no_grad(), outside_inference_mode():
        assert not torch.is_grad_enabled()
