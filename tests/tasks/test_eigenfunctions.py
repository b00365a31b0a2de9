"""Tasks of eigenfunctions, against NumPy's own decomposition."""

import json
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import tangentlab as tl
from tangentlab._errors import ArgumentError, DataError, NumericalError, ShapeError
from tangentlab.linalg import NumericalWarning
from tangentlab.tasks import Eigenfunctions, UnbalancedTaskWarning, eigenfunction_task


def kernel_of(n, d=7, *, seed=0):
    """A kernel of n random rows with a mean, so that its first eigenvector has one sign, and its rows."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(n, d))
    distance = ((x[:, None] - x[None]) ** 2).sum(-1)
    return np.exp(-distance / (2 * d)), x


def decomposed(K):
    """Eigenpairs by NumPy, largest first, the largest entry of each vector positive."""
    values, vectors = np.linalg.eigh(K)
    values, vectors = values[::-1], vectors[:, ::-1]
    signs = np.sign(vectors[np.abs(vectors).argmax(0), np.arange(len(K))])
    return values, vectors * signs


def labels_of(task):
    return torch.cat([task.y_train, task.y_test]).flatten().numpy()


class Own(nn.Module):
    """A module that no catalogue has."""

    def __init__(self, outputs=1):
        super().__init__()
        self.first = nn.Linear(7, 16)
        self.scale = nn.Parameter(torch.linspace(0.5, 1.5, 16))
        self.last = nn.Linear(16, outputs, bias=False)

    def forward(self, x):
        return self.last(torch.sin(self.first(x)) * self.scale)


def test_labels_are_the_signs_of_the_eigenvectors_of_all_rows():
    K, x = kernel_of(60)
    values, vectors = decomposed(K)
    for index in (1, 4, 11):
        task = tl.eigenfunction_task(K, x, index, train=40)
        assert np.array_equal(labels_of(task), vectors[:, index] > 0)
        assert np.array_equal(torch.cat([task.x_train, task.x_test]).numpy(), x)
        assert task.identity["eigenvalue"] == pytest.approx(values[index], rel=1e-5)  # kept to six digits
        assert task.loss == "bce" and task.identity["form"] == "transductive"
        assert json.loads(json.dumps(task.identity)) == task.identity


def test_the_inductive_form_sees_the_train_rows_only():
    K, x = kernel_of(60)
    kept = np.random.default_rng(1).permutation(60)[:40]
    held = np.setdiff1d(np.arange(60), kept)
    values, vectors = decomposed(K[np.ix_(kept, kept)])
    found = Eigenfunctions.of(K, x, 9, train=kept, inductive=True)
    extended = K[np.ix_(held, kept)] @ vectors[:, :9] / values[:9]
    assert np.allclose(found.functions[held].numpy(), extended, atol=1e-9)  # division by ℓ_8 ≈ 0.1 of float64 sums
    assert np.allclose(found.functions[kept].numpy(), vectors[:, :9], atol=1e-9)
    task = found.task(5)
    assert np.array_equal(task.y_train.flatten().numpy(), vectors[:, 5] > 0)
    assert np.array_equal(task.y_test.flatten().numpy(), extended[:, 5] > 0)
    other = K.copy()
    other[np.ix_(held, held)] += np.eye(20)  # what test rows have with each other is not looked at
    assert torch.equal(eigenfunction_task(other, x, 5, train=kept, inductive=True).y_test, task.y_test)


@pytest.mark.parametrize("inductive", [False, True])
def test_every_form_of_a_kernel_gives_the_same_tasks(inductive):
    x = torch.from_numpy(kernel_of(50)[1])
    model = Own().double()
    kernel = tl.NeuralTangentKernel(model)
    K = kernel(x)[:, :, 0, 0]
    forms = [model, kernel, kernel.gram(x), kernel.tiles(x, tile=16), kernel.operator(x), K, K.numpy(), kernel(x)]
    forms += [tl.Network(model), lambda x1, x2: kernel(x1, x2)[:, :, 0, 0]]
    options = {"train": [*range(30, 50), 3, 1, 2], "inductive": inductive}
    first, *others = [Eigenfunctions.of(form, x, 5, **options) for form in forms]
    for found in others:
        # five-digit gaps between these eigenvalues leave the vectors of the routes equal to about float64
        assert torch.allclose(found.functions, first.functions, atol=1e-7)
        assert torch.equal(found.task(3).y_test, first.task(3).y_test)
    assert all(found.trace == pytest.approx(first.trace) for found in others)


def test_many_rows_go_by_krylov_and_agree_with_numpy():
    draw = np.random.default_rng(0)
    n = 3100
    basis = np.linalg.qr(draw.normal(size=(n, 40)))[0]
    K = (basis * np.geomspace(100, 1, 40)) @ basis.T
    found = Eigenfunctions.of((K + K.T) / 2, draw.normal(size=(n, 2)), 30, train=2500)
    for index in (0, 7, 29):
        signs = basis[:, index] * np.sign(basis[np.abs(basis[:, index]).argmax(), index])
        # eigenvectors are found to about 1e-9, so that only entries near zero may change sign
        clear = np.abs(signs) > 1e-7
        assert np.array_equal(found.labels(index).numpy()[clear], (signs > 0)[clear])
    assert float(found.mixing.max()) < 1e-5


def test_float32_kernels_and_rows_give_float32_tasks_with_the_same_labels():
    K, x = kernel_of(80)
    exact = Eigenfunctions.of(K, x, 6, train=50)
    single = Eigenfunctions.of(K.astype(np.float32), x.astype(np.float32), 6, train=50)
    for index in range(1, 6):
        task = single.task(index)
        assert task.x_train.dtype == task.y_train.dtype == torch.float32
        clear = exact.functions[:, index].abs() > 1e-4  # float32 entries and relative gaps above 1e-2
        assert torch.equal(single.labels(index)[clear], exact.labels(index)[clear])


def test_a_full_kernel_has_functions_of_several_values_and_the_task_is_the_largest():
    x = torch.from_numpy(kernel_of(40)[1])
    kernel = tl.NeuralTangentKernel(Own(3).double())
    found = Eigenfunctions.of(kernel, x, 6, train=30)
    K = kernel(x).permute(0, 2, 1, 3).reshape(120, 120).numpy()
    _, vectors = decomposed(K)
    assert np.allclose(found.functions[..., 4].numpy(), vectors[:, 4].reshape(40, 3), atol=1e-8)
    task = found.task(4)
    assert task.loss == "cross_entropy" and task.outputs == 3
    assert np.array_equal(task.y_train.argmax(1).numpy(), vectors[:, 4].reshape(40, 3)[:30].argmax(1))
    inductive = Eigenfunctions.of(kernel, x, 6, train=30, inductive=True)
    values, small = decomposed(K[:90, :90])
    assert np.allclose(inductive.functions[30:, :, 4].flatten(), K[90:, :90] @ small[:, 4] / values[4], atol=1e-8)


def test_a_model_of_several_outputs_gives_its_mean_kernel():
    x = torch.from_numpy(kernel_of(40)[1])
    model = Own(3).double()
    mean = tl.NeuralTangentKernel(model, outputs="mean")(x)
    assert torch.equal(
        eigenfunction_task(model, x, 2, train=30).y_test, eigenfunction_task(mean, x, 2, train=30).y_test
    )


def test_readings_are_those_of_the_definitions():
    K, x = kernel_of(60)
    values, vectors = decomposed(K)
    read = Eigenfunctions.of(K, x, 9, train=45).readings(6)
    y = np.where(vectors[:, 6] > 0, 1.0, -1.0)
    assert read["mercer"] == pytest.approx(values[6] / 60)
    assert read["trace_share"] == pytest.approx(values[6] / np.trace(K))
    assert read["gap"] == pytest.approx(min(values[5] - values[6], values[6] - values[7]) / values[6])
    assert read["energy"] == pytest.approx((vectors[:, 6] @ y) ** 2 / 60)
    assert read["balance"]["test"][1] == pytest.approx((y[45:] > 0).mean())
    # the norm of φ_j = √n v_j under the kernel, without its scale, as `complexity` has it
    assert read["difficulty"] == pytest.approx(tl.complexity(K, np.sqrt(60) * vectors[:, 6]).normalized)


def test_a_function_of_one_sign_is_refused_and_one_of_few_rows_warned_about():
    K, x = kernel_of(60)
    with pytest.raises(DataError, match="Eigenfunction 0 has one sign on the 40 train rows.*higher index"):
        eigenfunction_task(K, x, 0, train=40)
    vectors = np.linalg.qr(np.random.default_rng(0).normal(size=(60, 60)))[0]
    vectors[:, 0] = np.where(np.arange(60) < 2, -1.0, 1.0) / np.sqrt(60)
    basis = np.linalg.qr(vectors)[0]
    with pytest.warns(UnbalancedTaskWarning, match="3.3% of its rows"):
        eigenfunction_task((basis * np.linspace(9, 1, 60)) @ basis.T, x, 0, train=40)


def test_centring_the_kernel_makes_the_first_function_usable():
    K, x = kernel_of(60)
    centred = K - K.mean(0) - K.mean(1, keepdims=True) + K.mean()
    assert 0.2 < float(eigenfunction_task(centred, x, 0, train=40).y_train.mean()) < 0.8


def test_equal_eigenvalues_are_warned_about():
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(30, 30)))[0]
    K = (basis * np.array([5.0, 3.0, 3.0, *np.linspace(2, 1, 27)])) @ basis.T
    found = Eigenfunctions.of(K, np.ones((30, 1)), 4, train=20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found.task(0), found.task(3)
    for index in (1, 2):
        with pytest.warns(NumericalWarning, match=f"Eigenvalue {index} is .* do not tell apart"):
            found.task(index)


def test_eigenvalues_that_are_rounding_are_refused():
    x = np.random.default_rng(0).normal(size=(30, 4))
    assert eigenfunction_task(x @ x.T, x, 3, train=20).outputs == 1
    with pytest.raises(NumericalError, match="has 4 eigenvalues above rounding.*indices below 4"):
        eigenfunction_task(x @ x.T, x, 4, train=20)
    for none in (np.zeros((5, 5)), -np.eye(5)):
        with pytest.raises(NumericalError, match="none of them is positive"):
            eigenfunction_task(none, x[:5], 0, train=3)


def test_an_index_beyond_what_is_decomposed_is_refused_by_that_name():
    K, x = kernel_of(10)
    with pytest.raises(ArgumentError, match="`index` must be from 0 to 5"):
        eigenfunction_task(K, x, 6, train=6, inductive=True)
    full = tl.NeuralTangentKernel(Own(3), outputs="full")
    with pytest.raises(ArgumentError, match="`index` must be from 0 to 29"):
        eigenfunction_task(full, x.astype(np.float32), 30, train=6)
    with pytest.raises(ArgumentError, match="`count` must be from 1 to 10"):
        Eigenfunctions.of(K, x, 11, train=6)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"index": -1}, ArgumentError, "`index` must be a whole number"),
        ({"index": 2.0}, ArgumentError, "`index`"),
        ({"index": True}, ArgumentError, "`index`"),
        ({"index": 10}, ArgumentError, "`index` must be from 0 to 9"),
        ({"train": 10}, ArgumentError, "`train` must be a number of leading rows from 1 to 9"),
        ({"train": 0}, ArgumentError, "`train`"),
        ({"train": [0, 0]}, ArgumentError, "a row twice"),
        ({"train": [0, 10]}, ArgumentError, "indices from 0 to 9"),
        ({"train": [True, False]}, ArgumentError, "a mask of the 10 rows"),
        ({"train": 0.5}, ArgumentError, "whole numbers"),
        ({"train": None}, ArgumentError, "`train`"),
        ({"train": slice(None)}, ArgumentError, "some of the rows, and not all"),
        ({"kernel": np.eye(9)}, ShapeError, "a kernel on the 10 rows of x"),
        ({"kernel": np.ones((10, 9))}, ShapeError, "a kernel on the 10 rows of x"),
        ({"kernel": np.ones((10, 10, 3))}, ShapeError, "Give the kernel of one output"),
        ({"kernel": np.full((10, 10), np.nan)}, ArithmeticError, "finite"),
        ({"kernel": np.triu(np.ones((10, 10)))}, ArithmeticError, "symmetric"),
        ({"kernel": "mlp"}, ArgumentError, "`kernel`"),
        ({"kernel": nn.Linear}, ArgumentError, r"its class Linear. Make one: Linear\(\.\.\.\)"),
        ({"kernel": lambda x: x}, ArgumentError, "one that fails: TypeError: .*Try it by hand"),
        ({"kernel": tl.InfiniteWidthMLP(1)}, ArgumentError, "Pass its method ntk or nngp"),
        ({"x": np.zeros((1, 2)), "kernel": np.eye(1)}, ArgumentError, "two rows"),
        ({"x": {"a": torch.zeros(10, 2)}}, ArgumentError, "one tensor"),
        ({"x": np.zeros((0, 2))}, ArgumentError, "at least one row"),
    ],
)
def test_bad_input_is_refused_in_words(change, error, match):
    K, x = kernel_of(10)
    given = {"kernel": K, "x": x, "index": 2, "train": 6, **change}
    expected = (error,) if error is not ArithmeticError else (NumericalError,)
    with pytest.raises(expected, match=match):
        eigenfunction_task(given["kernel"], given["x"], given["index"], train=given["train"])


def test_a_diagonal_kernel_is_refused_by_name():
    kernel = tl.NeuralTangentKernel(Own(3), outputs="diagonal")
    with pytest.raises(ArgumentError, match="one matrix for each output"):
        eigenfunction_task(kernel, torch.randn(10, 7), 1, train=5)


def test_rows_of_integers_get_real_targets():
    K, _ = kernel_of(20)
    task = eigenfunction_task(K, torch.arange(40).reshape(20, 2), 2, train=12)
    assert task.x_train.dtype == torch.int64 and task.y_train.dtype == torch.float32


def test_tasks_by_name_are_those_of_the_network_that_a_comparison_trains():
    results = tl.compare(
        "mlp:width=16,depth=1",
        "eigenfunction:4,network=mlp,width=16,depth=1",
        data="digits",
        samples=60,
        test_samples=40,
        seeds=1,
        descent={"epochs": 5},
        learners=["network", "ridge-init"],
    )
    assert not results.failed
    data = tl.load("digits")
    task = tl.tasks.make_task("eigenfunction:4,width=16,depth=1", data, samples=60, test_samples=40, seed=0)
    model = tl.build_network("mlp:width=16,depth=1", (1, 8, 8), outputs=1, seed=0)
    again = eigenfunction_task(model, torch.cat([task.x_train, task.x_test]), 4, train=60)
    assert torch.equal(again.y_test, task.y_test)


@pytest.mark.parametrize(
    ("spec", "match"),
    [
        ("eigenfunction:mlp", "an index, counted from 0"),
        ("eigenfunction:3,mlp", "options as name=value"),
        ("eigenfunction:3,form=both", "form=transductive or form=inductive"),
        ("eigenfunction:3,seed=x", "a whole number"),
        ("eigenfunction:3,network=mpl", "network"),
        ("eigenfunction:3,depht=1", "depht"),
    ],
)
def test_misspelt_names_are_refused_in_words(spec, match):
    with pytest.raises(ArgumentError, match=match):
        tl.tasks.make_task(spec, tl.load("digits"), samples=30, test_samples=20)


@pytest.mark.parametrize("scale", [2.0**990, 2.0**-990])
def test_how_far_eigenvectors_are_known_does_not_depend_on_the_scale_of_the_kernel(scale):
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(40, 40)))[0]
    K, x = (basis * np.geomspace(1, 0.01, 40)) @ basis.T, np.ones((40, 1))
    mixing = [Eigenfunctions.of(one, x, 4, train=20).mixing for one in (K, scale * K)]
    np.testing.assert_allclose(*mixing, rtol=0.5, atol=1e-10)  # sums of rounding, in another order or not
    assert float(mixing[1].max()) < 1e-6
