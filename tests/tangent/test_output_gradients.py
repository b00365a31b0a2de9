"""Gradients gathered pass by pass are those of one pass for each combination, in the order asked for."""

import pytest
import torch
from torch import nn

from tangentlab.networks import Network
from tangentlab.tangent.capture import capture
from tangentlab.tangent.factors import Rows
from tangentlab.tangent.output_gradients import output_gradients

n, q = 3, 4


def chain():
    source = torch.Generator().manual_seed(0)
    first = torch.randn(n, 5, generator=source, dtype=torch.float64).requires_grad_(True)
    W = torch.randn(5, q, generator=source, dtype=torch.float64)
    return first, first.sin() @ W, W


@pytest.mark.parametrize("outputs_first", [False, True])
def test_gradients_of_every_combination_in_the_order_asked_for(outputs_first):
    z, f, W = chain()
    (G,) = output_gradients(f, [z], torch.eye(q, dtype=torch.float64), outputs_first=outputs_first)
    torch.testing.assert_close(G, z.detach().cos()[:, None] * W.T, rtol=1e-14, atol=1e-14)
    assert G.transpose(0, 1).is_contiguous() == outputs_first


def test_combinations_may_differ_from_row_to_row():
    z, f, W = chain()
    U = torch.randn(2, n, q, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (G,) = output_gradients(f, [z], U)
    expected = z.detach().cos()[:, None] * (U.transpose(0, 1) @ W.T)
    torch.testing.assert_close(G, expected, rtol=1e-14, atol=1e-14)


def test_an_output_that_f_does_not_depend_on_has_none():
    z, f, _ = chain()
    other = torch.ones(n, 2, dtype=torch.float64, requires_grad=True)
    found = output_gradients(f, [other, z], torch.eye(q, dtype=torch.float64))
    assert found[0] is None and found[1] is not None
    assert output_gradients(f.detach(), [other], torch.eye(q, dtype=torch.float64)) == [None]


def test_sums_are_taken_of_each_combination_alone():
    z, f, W = chain()
    shapes = []

    def total(G):
        shapes.append(G.shape)
        return {"total": Rows(G.sum(2, keepdim=True))}

    (found,) = output_gradients(f, [z], torch.eye(q, dtype=torch.float64), sums={0: total})
    assert shapes == [(n, 1, 5)] * q
    expected = (z.detach().cos()[:, None] * W.T).sum(2, keepdim=True)
    torch.testing.assert_close(found["total"].rows, expected, rtol=1e-14, atol=1e-14)


def test_scales_are_the_same_for_all_outputs_at_once_and_for_each():
    torch.manual_seed(0)
    layers = (
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.PReLU(4),
        nn.GroupNorm(2, 4),
        nn.Flatten(),
        nn.LayerNorm(16),
    )
    network = Network(nn.Sequential(*layers, nn.Linear(16, q)).double(), mode="eval")
    x = torch.randn(n, 1, 4, 4, dtype=torch.float64)
    whole = capture(network, x, torch.eye(q, dtype=torch.float64)).uses
    for k in range(q):
        alone = capture(network, x, torch.eye(q, dtype=torch.float64)[k : k + 1]).uses
        for name in ("1.weight", "1.bias", "2.weight", "3.weight", "3.bias", "5.weight", "5.bias"):
            found, expected = whole[name][0].rows[:, k], alone[name][0].rows[:, 0]
            torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-15)
