import numpy as np
import pytest
import torch

from tangentlab._errors import UnknownNameError
from tangentlab.training.schedule import SCHEDULES, one_cycle, schedule


def torch_rates(make, *, steps):
    """What a scheduler of torch gives a learning rate of 1, before each of the steps."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def test_linear_and_cosine_are_those_of_torch():
    T = 17
    linear = torch_rates(lambda o: torch.optim.lr_scheduler.PolynomialLR(o, total_iters=T, power=1), steps=T)
    cosine = torch_rates(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=T), steps=T)
    np.testing.assert_allclose(schedule("linear", T), linear, rtol=1e-12)
    np.testing.assert_allclose(schedule("cosine", T), cosine, rtol=1e-12)
    assert schedule("constant", T).tolist() == [1.0] * T


def test_one_cycle_rises_from_a_25th_to_one_and_falls_to_zero():
    s = schedule("one_cycle", 1000)
    assert s[0] == pytest.approx(0.04)
    assert s.argmax() == 300
    assert s[300] == pytest.approx(1.0)
    assert (np.diff(s[:301]) > 0).all()
    assert (np.diff(s[300:]) < 0).all()
    assert one_cycle(np.array([1.0]))[0] == pytest.approx(0.0, abs=1e-15)
    assert np.abs(np.diff(s)).max() < 0.01  # no jump where the halves meet


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_longer_descent_is_the_same_curve_drawn_slower(name):
    np.testing.assert_allclose(schedule(name, 40)[::4], schedule(name, 10), rtol=1e-12)
    assert len(schedule(name, 1)) == 1
    assert ((schedule(name, 100) > 0) & (schedule(name, 100) <= 1)).all()


def test_an_unknown_schedule_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'cosine'"):
        schedule("cosin", 3)
