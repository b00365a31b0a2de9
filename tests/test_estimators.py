import pickle
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, make_classification
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from tangentlab import Descent, Network, TangentClassifier, TangentRegressor, linearize, ntk, train
from tangentlab._errors import ArgumentError, NetworkError, ShapeError, UnknownNameError


@parametrize_with_checks(
    [
        TangentClassifier(),
        TangentClassifier(fit_by="descent"),
        TangentClassifier("mlp:width=16", outputs="full", centred=True, random_state=3),
        TangentRegressor(),
        TangentRegressor(fit_by="descent"),
        TangentRegressor("mlp:width=16", outputs="full", ridge=0.1),
    ]
)
def test_scikit_learn_finds_nothing_to_complain_of(estimator, check):
    check(estimator)


def module(*, d=4, c=1, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(d, 9), nn.Tanh(), nn.Linear(9, c)).double()


def rows(n=40, d=4, *, classes=2, seed=0):
    g = np.random.default_rng(seed)
    return g.normal(size=(n, d)), g.integers(classes, size=n)


def values(network, x):
    with torch.no_grad():
        return network(torch.tensor(x)).numpy()


def test_regression_is_the_kernel_ridge_of_scikit_learn_around_the_network():
    (X, _), (Z, _) = rows(), rows(12, seed=1)
    y, network = np.sin(X[:, 0]), module()
    K, K_test = (ntk(network, torch.tensor(Z), torch.tensor(X), outputs=0).numpy() for Z in (X, Z))
    oracle = KernelRidge(kernel="precomputed", alpha=0.3).fit(K, y - values(network, X)[:, 0])
    fit = TangentRegressor(network, ridge=0.3).fit(X, y)
    np.testing.assert_allclose(
        fit.predict(Z), oracle.predict(K_test) + values(network, Z)[:, 0], rtol=1e-8, atol=1e-10
    )
    centred = KernelRidge(kernel="precomputed", alpha=0.3).fit(K, y)
    fit = TangentRegressor(network, ridge=0.3, centred=True).fit(X, y)
    np.testing.assert_allclose(fit.predict(Z), centred.predict(K_test), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("classes", "c", "loss"), [(2, 1, "bce"), (2, 2, "cross_entropy"), (3, 3, "cross_entropy")]
)
def test_descent_with_the_full_kernel_trains_the_linearization(classes, c, loss):
    (X, y), (Z, _) = rows(classes=classes), rows(7, seed=1)
    network, descent = module(c=c), Descent(loss=loss, learning_rate=0.1, batch_size=16, epochs=10)
    trained = train(linearize(network), torch.tensor(X), torch.tensor(y), descent).module
    f = values(trained, Z)
    fit = TangentClassifier(network, fit_by="descent", outputs="full", descent=Descent(**descent.to_dict())).fit(
        X, y
    )
    logits = f if c > 1 else np.hstack([np.zeros_like(f), f])
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(fit.predict_proba(Z), p, rtol=1e-9)
    assert fit.predict(Z).tolist() == p.argmax(1).tolist()
    expected = logits[:, 1] - logits[:, 0] if classes == 2 else logits
    np.testing.assert_allclose(fit.decision_function(Z), expected, rtol=1e-9)
    assert fit.descent_ == descent


def test_a_descent_takes_the_loss_of_what_is_learned():
    X, y = rows()
    fit = TangentRegressor(module(), fit_by="descent", descent=Descent(epochs=2)).fit(X, y)
    assert fit.descent_.loss == "mse"


def test_the_default_descent_is_stable_on_rows_of_any_scale():
    X, y = rows()
    for scale in (1e-3, 1.0, 1e3):
        fit = TangentRegressor(fit_by="descent").fit(scale * X, y)
        assert np.isfinite(fit.predict(scale * X)).all()


def test_digits_are_told_apart_with_probabilities_worth_their_name():
    X, y = load_digits(return_X_y=True)
    X, Z, y, z = train_test_split(X / 16, y, train_size=300, test_size=500, random_state=0, stratify=y)
    fit = TangentClassifier(random_state=0).fit(X, y)
    assert fit.score(Z, z) > 0.9
    p = fit.predict_proba(Z)
    plain = np.exp(fit.decision_function(Z))
    assert log_loss(z, p) < 0.6 * log_loss(z, plain / plain.sum(1, keepdims=True))
    assert abs(p.max(1).mean() - fit.score(Z, z)) < 0.1  # confidence is about accuracy


def test_rows_become_images_of_the_shape_given():
    X, y = load_digits(n_class=2, return_X_y=True)
    fit = TangentClassifier("lenet", input_shape=(1, 8, 8), random_state=0).fit(X[:40] / 16, y[:40])
    assert fit.score(X[40:140] / 16, y[40:140]) > 0.85
    with pytest.raises(ShapeError, match="`input_shape` must be a shape with as many entries"):
        TangentClassifier("lenet", input_shape=(1, 9, 9)).fit(X[:40], y[:40])


def test_a_builder_is_asked_for_the_outputs_it_needs():
    asked = []

    def build(input_shape, outputs):
        asked.append((input_shape, outputs))
        return module(d=input_shape[0], c=outputs)

    X, y = rows(classes=2)
    TangentClassifier(build).fit(X, y)
    TangentClassifier(build).fit(X, np.arange(40) % 3)
    TangentRegressor(build).fit(X, X[:, :2])
    assert asked == [((4,), 1), ((4,), 3), ((4,), 2)]


def test_random_state_draws_the_weights():
    X, y = rows()
    fits = [TangentRegressor("mlp:width=8", random_state=s).fit(X, y).predict(X) for s in (0, 0, 1, None, None)]
    assert np.array_equal(fits[0], fits[1])
    assert not np.array_equal(fits[1], fits[2])
    assert np.array_equal(fits[3], fits[4])
    state = np.random.RandomState(0)
    first, second = (TangentRegressor("mlp:width=8", random_state=state).fit(X, y).predict(X) for _ in range(2))
    assert not np.array_equal(first, second)


def test_a_given_module_is_anchored_where_it_stands_and_left_alone():
    X, y = rows()
    network = module()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    numpy_before = np.random.get_state()
    fit = TangentRegressor(network, ridge=1e9).fit(X, y)
    np.testing.assert_allclose(fit.predict(X), values(network, X)[:, 0], rtol=1e-4, atol=1e-6)
    fitted = fit.predict(X)
    nn.init.zeros_(network[0].weight)
    assert np.array_equal(fit.predict(X), fitted)
    assert network.training
    assert torch.equal(network[2].weight, before["2.weight"])
    np.testing.assert_equal(np.random.get_state(), numpy_before)


def test_a_network_chooses_parameters_and_output():
    X, y = rows()
    network = Network(module(), parameters=["2.*"])
    fit = TangentRegressor(network, ridge=0.1).fit(X, y)
    assert fit.kernel_.network.names == ("2.weight", "2.bias")


def test_several_targets_come_back_as_they_went_in():
    X, _ = rows()
    Y = np.stack([X[:, 0], X[:, 1] ** 2], 1)
    fit = TangentRegressor().fit(X, Y)
    assert fit.predict(X).shape == (40, 2)
    assert fit.score(X, Y) > 0.9
    assert TangentRegressor().fit(X, Y[:, :1]).predict(X).shape == (40, 1)


def test_a_float32_kernel_predicts_as_a_float64_one():
    X, y = rows()
    single, double = (TangentClassifier(dtype=dtype, ridge=0.1).fit(X, y) for dtype in ("float32", "float64"))
    assert single.kernel_.network.dtype == torch.float32
    assert single.predict_proba(X).dtype == np.float64
    np.testing.assert_allclose(single.predict_proba(X), double.predict_proba(X), atol=1e-3)


def test_prediction_in_parts_is_prediction_at_once(monkeypatch):
    X, y = rows()
    fit = TangentClassifier().fit(X, y)
    whole = fit.decision_function(X)
    monkeypatch.setattr("tangentlab.estimators.ROWS_AT_ONCE", 7)
    np.testing.assert_allclose(fit.decision_function(X), whole, rtol=1e-9)


def test_estimators_travel_by_pickle_clone_pipeline_and_grid_search():
    X, y = make_classification(n_samples=80, class_sep=3.0, random_state=0)
    fit = TangentClassifier(random_state=0).fit(X, y)
    assert np.array_equal(pickle.loads(pickle.dumps(fit)).predict_proba(X), fit.predict_proba(X))
    assert clone(fit).get_params()["random_state"] == 0
    pipe = make_pipeline(StandardScaler(), TangentClassifier(random_state=0))
    search = GridSearchCV(pipe, {"tangentclassifier__ridge": [1e-3, 1.0]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.8


class Normalized(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 1))


def test_a_module_in_train_mode_that_this_would_change_is_refused_until_told():
    X, y = rows()
    with torch.random.fork_rng():
        network = Normalized()
    with pytest.raises(NetworkError, match=r"train mode.*eval"):
        TangentClassifier(network).fit(X, y)
    assert TangentClassifier(network, mode="eval").fit(X, y).predict(X).shape == (40,)
    with torch.random.fork_rng():
        assert TangentClassifier(Normalized).fit(X, y).predict(X).shape == (
            40,
        )  # built here, so never in train mode


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"fit_by": "magic"}, UnknownNameError, "`fit_by` must be one of descent, regression"),
        ({"dtype": "float16"}, UnknownNameError, "`dtype`"),
        ({"descent": "fast"}, ArgumentError, "`descent` must be a Descent"),
        ({"module": 3}, ArgumentError, "`module` must be a module"),
        ({"module": "lenett"}, UnknownNameError, "Did you mean 'lenet'"),
        ({"module": module(c=3)}, ShapeError, "1 or 2 output.* for 2 classes, got one with 3"),
        ({"module": module(d=5)}, NetworkError, "failed on x"),
        ({"outputs": "all"}, UnknownNameError, "`outputs`"),
        ({"ridge": -1.0}, ArgumentError, "ridge"),
        ({"fit_by": "descent", "descent": Descent(optimizer="adam")}, ArgumentError, "leaves the span"),
    ],
)
def test_parameters_that_make_no_classifier_are_refused_at_fit(options, error, words):
    X, y = rows()
    with pytest.raises(error, match=words):
        TangentClassifier(**options).fit(X, y)


def test_one_class_is_refused_by_name():
    X, _ = rows()
    with pytest.raises(ValueError, match=r"one class, .*'a'.*in all rows"):
        TangentClassifier().fit(X, ["a"] * 40)


def test_nothing_is_warned_about_on_plain_data():
    X, y = rows()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TangentClassifier().fit(X, y).predict_proba(X)
        TangentRegressor(fit_by="descent").fit(X, y).predict(X)
