"""A diagnosis of networks and arrays of one's own: lazy where nothing else is possible, rich where features are learnt."""

import numpy as np
import pytest
import torch
from torch import nn

from tangentlab._errors import ArgumentError, DataError, ShapeError
from tangentlab.data import load
from tangentlab.experiments import diagnose
from tangentlab.kernels import ntk
from tangentlab.networks import Network
from tangentlab.probes import alignment, kernel_distance
from tangentlab.tasks import make_task
from tangentlab.training import Descent, train


class Own(nn.Module):
    """A network that no catalogue has, float32, with a normalization."""

    def __init__(self, outputs=1):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(5, 40), nn.LayerNorm(40), nn.Linear(40, outputs)

    def forward(self, x):
        return self.last(torch.tanh(self.norm(self.first(x))))


def arrays(n=120, *, seed=0):
    x = np.random.default_rng(seed).standard_normal((n, 5)).astype(np.float32)
    return x, x[:, 0] * x[:, 1] + 0.3 * x[:, 2]


def test_a_linear_model_is_lazy_and_its_own_linearization():
    x, f = arrays()
    found = diagnose(nn.Linear(5, 1), x, f > 0, descent={"epochs": 5, "learning_rate": 0.1})
    assert found.regime == "lazy" and found.outcome == "cannot tell"
    assert found.readings["function_gap"] < 1e-4 and found.difference == 0
    assert "stays lazy" in found.headline and found.readings["kernel_distance"] < 1e-6


def test_its_readings_are_those_of_the_same_run_by_hand():
    x, f = arrays()
    module, y = Own(), (f > 0).astype(int)
    inputs, targets = torch.tensor(x), torch.tensor(y)[:, None].float()
    settings = {"epochs": 4, "learning_rate": 0.05, "batch_size": 16}
    found = diagnose(module, x, y, x_test=x[:30], y_test=y[:30], samples=120, descent=settings, seed=3)
    order = _rows_of(found, inputs, y)
    state = train(module, inputs[order], targets[order], Descent(loss="bce", momentum=0.9, seed=3, **settings))
    K, after = ntk(module, inputs[order], outputs=0), ntk(state.module, inputs[order], outputs=0)
    codes = 2 * targets[order].double() - 1
    assert found.readings["kernel_distance"] == pytest.approx(kernel_distance(K, after), rel=1e-3)
    assert found.readings["distance_travelled"] == pytest.approx(state.distance, rel=1e-5)
    for where, kernel in (("init", K), ("end", after)):
        told = found.readings["anchors"][where]["alignment"]
        assert told == pytest.approx(vars(alignment(kernel, codes)), rel=1e-3)
    wrong = ((Network(state.module)(inputs[:30]) > 0)[:, 0] != (torch.tensor(y[:30]) == 1)).double().mean()
    assert found.readings["learners"]["network"]["test_error"] == pytest.approx(float(wrong))


def _rows_of(found, inputs, y):
    """The order in which the rows were drawn, as `diagnose` draws them."""
    from tangentlab._seeds import generator
    from tangentlab.data import stratified_order

    return stratified_order(torch.tensor(y), generator=generator(3, "diagnose rows"))[: found.readings["rows"]]


def test_a_network_that_must_learn_features_is_rich_and_ahead():
    """Parity of three of ten signs: no kernel at initialization has it, the network gets it."""
    task = make_task("parity:3", load("digits"), samples=600, test_samples=400, seed=0)
    found = diagnose(
        "mlp:width=128",
        task.x_train[:, :10] if task.shape[0] >= 10 else task.x_train,
        task.y_train,
        x_test=task.x_test[:, :10],
        y_test=task.y_test,
        samples=600,
        descent={"epochs": 60, "learning_rate": 0.1},
    )
    assert found.regime == "rich" and found.outcome == "ahead" and "that pays" in found.headline
    start, end = (found.readings["anchors"][where]["alignment"]["trace_normalized"] for where in ("init", "end"))
    assert end > 2 * start


@pytest.mark.parametrize("kind", ["several classes", "values"])
def test_several_classes_and_values_are_told_too(kind, tmp_path):
    x, f = arrays()
    y = f if kind == "values" else np.digitize(f, [-0.4, 0.4])
    found = diagnose(Own(1 if kind == "values" else 3), x, y, descent={"epochs": 3, "learning_rate": 0.01})
    what = "unexplained variance" if kind == "values" else "test error"
    assert what in found.headline and found.readings["test_rows"] == 36
    page = found.report(tmp_path / "page.html").read_text()
    assert found.regime in page and "Foretold and reached" in page
    assert found.to_dict()["headline"] in found._repr_html_().replace("&#x27;", "'")


def test_adam_and_a_rate_too_large_are_told():
    x, f = arrays()
    fast = diagnose(Own(), x, f > 0, descent={"epochs": 2, "learning_rate": 3.0, "momentum": 0.0})
    assert fast.readings["learning_rates"]["linearization"] < 3.0 and "above the largest" in fast.warnings[0]
    adam = diagnose(Own(), x, f > 0, descent={"epochs": 2, "optimizer": "adam", "learning_rate": 0.01})
    assert adam.warnings == () and adam.readings["descent"]["optimizer"] == "adam"


def test_the_module_given_is_left_as_it_was():
    x, f = arrays()
    module = Own()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    diagnose(module, x, f > 0, descent={"epochs": 2})
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"x_test": np.zeros((3, 5), dtype=np.float32)}, ArgumentError, "x_test"),
        ({"samples": 119}, ArgumentError, "84"),
        ({"samples": 1}, ArgumentError, "from 4 to 84.*Try samples=84"),
        (
            {"x": np.eye(4, 5, dtype=np.float32), "y": [0, 1, 0, 1]},
            DataError,
            "4 rows are too few: 4 .* 2 or more",
        ),
        (
            {
                "x": np.eye(3, 5, dtype=np.float32),
                "y": [0, 1, 0],
                "x_test": np.eye(2, 5, dtype=np.float32),
                "y_test": [0, 1],
            },
            DataError,
            "3 rows are too few: 4 are needed to train on. Give more rows",
        ),
        ({"descent": {"epochs": 0}}, ArgumentError, "epochs"),
        ({"descent": {"epoch": 3}}, ArgumentError, "epoch"),
        ({"x_test": np.zeros((3, 5), dtype=np.float32), "y_test": [0, 1]}, ShapeError, "3 rows"),
        ({"x_test": np.zeros((2, 5), dtype=np.float32), "y_test": [0, 7]}, DataError, "'7'"),
        ({"model": Own(4)}, ArgumentError, "2 classes"),
    ],
)
def test_what_cannot_be_is_refused(change, error, words):
    x, f = arrays()
    given = {"model": Own(), "x": x, "y": (f > 0).astype(int)} | change
    with pytest.raises(error, match=words):
        diagnose(given.pop("model"), given.pop("x"), given.pop("y"), **given)
