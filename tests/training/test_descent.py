import dataclasses
import json

import numpy as np
import pytest

from tangentlab._errors import ArgumentError, UnknownNameError
from tangentlab.training.descent import Descent


def test_the_defaults_are_the_common_protocol():
    d = Descent()
    assert (d.loss, d.learning_rate, d.momentum, d.batch_size, d.epochs, d.schedule) == (
        "bce",
        0.05,
        0.9,
        128,
        100,
        "linear",
    )


def test_steps_drop_the_incomplete_batch_and_keep_at_least_one():
    d = Descent(batch_size=10, epochs=3)
    assert [d.steps(rows=rows) for rows in (9, 10, 19, 20, 25)] == [3, 3, 3, 6, 6]


def test_learning_rates_are_the_rate_times_the_schedule():
    assert Descent(learning_rate=2.0).learning_rates(4) == [2.0, 1.5, 1.0, 0.5]


def test_a_descent_survives_json():
    d = Descent(loss="mse", learning_rate=0.1 + 0.2, nesterov=True, seed=7)
    assert Descent(**json.loads(json.dumps(d.to_dict()))) == d


def test_numbers_of_numpy_become_plain_ones():
    d = Descent(epochs=np.int64(3), learning_rate=np.float32(0.5), batch_size=np.int32(4), weight_decay=1)
    assert [type(v) for v in (d.epochs, d.learning_rate, d.batch_size, d.weight_decay)] == [int, float, int, float]


def test_a_descent_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Descent().epochs = 3  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("learning_rate", 0.0),
        ("learning_rate", -1.0),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("learning_rate", "0.1"),
        ("learning_rate", None),
        ("momentum", 1.0),
        ("momentum", -0.1),
        ("weight_decay", -1e-3),
        ("batch_size", 0),
        ("batch_size", 2.0),
        ("batch_size", True),
        ("epochs", 0),
        ("epochs", "3"),
        ("seed", 0.5),
        ("seed", None),
        ("nesterov", 1),
    ],
)
def test_a_field_that_makes_no_descent_is_refused_by_name(field, value):
    with pytest.raises(ArgumentError, match=rf"^`{field}` must be .* got .*\. Try "):
        Descent(**{field: value})


@pytest.mark.parametrize(("field", "near"), [("loss", "bce"), ("optimizer", "sgd"), ("schedule", "linear")])
def test_unknown_names_are_refused_with_the_choices(field, near):
    with pytest.raises(UnknownNameError, match=rf"`{field}` must be one of .*{near}"):
        Descent(**{field: near + "x"})


@pytest.mark.parametrize("options", [{"momentum": 0.0}, {"optimizer": "adam"}])
def test_nesterov_is_for_sgd_with_momentum(options):
    with pytest.raises(ArgumentError, match="`nesterov` must be False unless"):
        Descent(nesterov=True, **options)
