"""Sets along one direction: separable there by the margin, Gaussian noise elsewhere."""

import json

import numpy as np
import pytest
import torch

import tangentlab as tl
from tangentlab._errors import ArgumentError, NotFiniteError, ShapeError
from tangentlab.tasks import anisotropy


def direction(seed=0, shape=(2, 3, 4)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def parts(task, v):
    rows = torch.cat([task.x_train, task.x_test]).flatten(1).double()
    unit = (v / v.norm()).flatten().double()
    along = rows @ unit
    return along, rows - along[:, None] * unit, torch.cat([task.y_train, task.y_test]).flatten()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_direction_separates_by_the_margin_and_the_rest_is_noise(dtype):
    v = direction().to(dtype)
    task = anisotropy(v, epsilon=0.6, sigma=2.0, samples=4000, test_samples=1000)
    along, rest, y = parts(task, v)
    assert task.x_train.dtype == task.y_train.dtype == dtype and task.shape == (2, 3, 4)
    assert torch.allclose(along, 0.3 * (2 * y.double() - 1), atol=1e-5)  # float32 rows of size 2
    assert y[:4000].mean() == 0.5
    # 5000 rows in 23 directions: a standard error of 1.4 % a direction, 0.3 % of the mean
    assert float(rest.square().sum(1).mean()) == pytest.approx(23 * 4.0, rel=0.02)
    covariance = rest.T @ rest / 5000 / 4.0
    unit = (v / v.norm()).flatten().double()
    assert torch.allclose(covariance, torch.eye(24).double() - torch.outer(unit, unit), atol=0.1)
    assert abs(np.corrcoef(rest @ direction(3).flatten(), y)[0, 1]) < 0.05


def test_length_and_place_of_the_direction_do_not_matter():
    v = direction()
    one, other = anisotropy(v, samples=10, test_samples=5), anisotropy(7 * v, samples=10, test_samples=5)
    assert torch.allclose(one.x_train, other.x_train) and torch.equal(one.y_test, other.y_test)


def test_the_seed_decides_rows_are_nested_and_directions_share_their_noise():
    v, w = direction(0), direction(1)
    long, short = anisotropy(v, samples=40, test_samples=20), anisotropy(v, samples=15, test_samples=7)
    assert torch.equal(long.x_train[:15], short.x_train) and torch.equal(long.y_test[:7], short.y_test)
    assert not torch.equal(long.x_train, anisotropy(v, samples=40, test_samples=20, seed=1).x_train)
    assert not torch.equal(long.x_train[:20], long.x_test)
    other = anisotropy(w, samples=40, test_samples=20)
    basis = torch.linalg.qr(torch.stack([v.flatten(), w.flatten()], 1)).Q
    outside = torch.eye(24).double() - basis @ basis.T
    assert torch.allclose(long.x_train.flatten(1) @ outside, other.x_train.flatten(1) @ outside)
    assert torch.equal(long.y_train, other.y_train)


def test_identity_is_json_and_tells_directions_apart():
    one, other = anisotropy(direction(0), index=4), anisotropy(direction(1), index=4)
    assert json.loads(json.dumps(one.identity)) == one.identity and one.name == "anisotropy:4"
    assert one.identity != other.identity


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"direction": torch.zeros(3)}, ArgumentError, "zeros"),
        ({"direction": torch.ones(1)}, ShapeError, "two numbers"),
        ({"direction": torch.tensor(1.0)}, ShapeError, "`direction`"),
        ({"direction": torch.tensor([1.0, float("nan")])}, NotFiniteError, "direction"),
        ({"direction": "north"}, ArgumentError, "`direction`"),
        ({"epsilon": 0}, ArgumentError, "`epsilon`"),
        ({"sigma": float("inf")}, ArgumentError, "`sigma`"),
        ({"samples": 0}, ArgumentError, "`samples`"),
        ({"test_samples": 2.5}, ArgumentError, "`test_samples`"),
    ],
)
def test_bad_input_is_refused_in_words(change, error, match):
    given = {"direction": direction(), "samples": 10, **change}
    with pytest.raises(error, match=match):
        anisotropy(given.pop("direction"), **given)


def test_tasks_by_name_are_those_of_the_network():
    sizes = {"samples": 30, "test_samples": 10, "seed": 3}
    task = tl.tasks.make_task("anisotropy:2,width=6,sigma=0.5", tl.load("digits"), **sizes)
    assert task.name == "anisotropy:2,network=mlp,activation=gelu,width=6,sigma=0.5"
    model = tl.build_network("mlp:activation=gelu,width=6", (1, 8, 8), outputs=1, seed=3)
    _, vectors = tl.anisotropy_directions(model, (1, 8, 8), 3)
    expected = anisotropy(vectors[2], sigma=0.5, **sizes)
    assert torch.allclose(task.x_train, expected.x_train, atol=1e-5) and torch.equal(task.y_test, expected.y_test)
    again = tl.tasks.make_task(task.name, tl.load("digits"), **sizes)
    assert again.identity == task.identity


@pytest.mark.parametrize(
    ("spec", "match"),
    [
        ("anisotropy:x", "an index"),
        ("anisotropy:100", "index"),
        ("anisotropy:1,sigma=big", "sigma"),
        ("anisotropy:1,epsilon=-1", "epsilon"),
        ("anisotropy:1,activation=relu", "kink"),
    ],
)
def test_misspelt_names_are_refused_in_words(spec, match):
    with pytest.raises(tl.TangentlabError, match=match):
        tl.tasks.make_task(spec, tl.load("digits"), samples=30, test_samples=20)
