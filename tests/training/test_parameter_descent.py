import pytest
import torch
from torch import nn

from tangentlab._errors import NotFiniteError
from tangentlab.training.descent import Descent
from tangentlab.training.history import History
from tangentlab.training.parameter_descent import ParameterDescent, anchor_of, distance_from


def run(start, options, *, steps=4):
    """Descend ½ w² from each start by one optimizer, all weights in one tensor."""
    w = nn.Parameter(torch.tensor(start, dtype=torch.float64))
    descent = Descent(learning_rate=0.1, batch_size=1, epochs=steps, **options)
    made = ParameterDescent.of({"w": w}, {"w": torch.ones_like(w)}, descent=descent, rows=1)
    for step in range(steps):
        made.take(step, w.square().sum() / 2)
    return w.detach()


@pytest.mark.parametrize(
    "options", [{}, {"nesterov": True}, {"weight_decay": 0.5}, {"optimizer": "adam", "weight_decay": 0.5}]
)
def test_a_descent_of_stacked_parameters_is_one_of_each(options):
    assert torch.equal(run([3.0, -1.0], options), torch.cat([run([3.0], options), run([-1.0], options)]))


def test_a_parameter_without_a_gradient_stays_where_it_is():
    moving = {"used": nn.Parameter(torch.ones(1)), "unused": nn.Parameter(torch.ones(1))}
    anchor = {name: torch.zeros(1) for name in moving}
    made = ParameterDescent.of(moving, anchor, descent=Descent(weight_decay=0.5, epochs=1), rows=1)
    made.take(0, moving["used"].sum())
    assert moving["used"].item() < 1 and moving["unused"].item() == 1


def test_the_anchor_is_the_modules_own_or_a_copy_of_where_it_is():
    module = nn.Linear(1, 1, bias=False)
    anchor = anchor_of(module, {"weight": module.weight})
    with torch.no_grad():
        module.weight.add_(1)
    assert anchor["weight"].item() == pytest.approx(module.weight.item() - 1, abs=1e-6)  # float32
    module.anchor = {"weight": torch.full((1, 1), 7.0)}
    assert anchor_of(module, {"weight": module.weight})["weight"].item() == 7


def test_parameters_that_left_the_finite_numbers_are_refused_with_the_last_step():
    with pytest.raises(NotFiniteError, match=r"not finite after step 1 of 2 \(learning rate 0.2\)"):
        distance_from(
            {"w": torch.tensor([float("inf")])}, {"w": torch.zeros(1)}, history=History((1, 1), (0.1, 0.2))
        )
