import pytest
import torch

from tangentlab._errors import NotFiniteError
from tangentlab.training.history import CHECK_EVERY, Trace


def test_a_history_has_one_entry_a_step():
    trace = Trace.start([0.3, 0.2, 0.1], runs=1, device=torch.device("cpu"))
    for step in range(3):
        trace.write(step, torch.tensor(1.0 / (step + 1), dtype=torch.float64))
    [history] = trace.finish()
    assert history.steps == (0, 1, 2)
    assert history.loss == (1.0, 0.5, 1 / 3)
    assert history.learning_rate == (0.3, 0.2, 0.1)


def test_a_loss_that_is_not_finite_is_reported_at_its_own_step_before_the_end():
    trace = Trace.start([0.1] * 1000, runs=1, device=torch.device("cpu"))
    for step in range(CHECK_EVERY - 1):
        trace.write(step, torch.tensor(float("inf") if step == 7 else 0.0))
    with pytest.raises(NotFiniteError, match=r"its loss is inf at step 7 of 1000 \(learning rate 0.1\)"):
        trace.write(CHECK_EVERY - 1, torch.tensor(0.0))


def test_a_last_loss_that_is_not_finite_is_seen_at_the_end():
    trace = Trace.start([0.1] * 3, runs=1, device=torch.device("cpu"))
    trace.write(2, torch.tensor(float("nan")))
    with pytest.raises(NotFiniteError, match="step 2 of 3"):
        trace.finish()


def test_of_many_runs_each_has_its_own_losses_and_one_that_is_not_finite_stops_all():
    trace = Trace.start([0.1] * 2, runs=2, device=torch.device("cpu"))
    trace.write(0, torch.tensor([1.0, 2.0]))
    assert [history.loss for history in trace.finish()] == [(1.0, 0.0), (2.0, 0.0)]
    trace.write(1, torch.tensor([1.0, float("nan")]))
    with pytest.raises(NotFiniteError, match="its loss is nan at step 1 of 2"):
        trace.finish()
