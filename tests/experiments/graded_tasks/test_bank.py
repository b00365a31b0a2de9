"""Banks of tasks: scores are those of the definitions, and files give back what was written to any reader."""

import csv
import json

import numpy as np
import pytest
import torch
from torch import nn

import tangentlab as tl
from tangentlab._errors import ArgumentError, DamagedRecordError, StoreError
from tangentlab.experiments.learning.targets import codes


class Own(nn.Module):
    """A module that no catalogue has."""

    def __init__(self, outputs=1):
        super().__init__()
        self.first, self.last = nn.Linear(6, 15), nn.Linear(15, outputs)

    def forward(self, x):
        return self.last(torch.sin(2 * self.first(x.flatten(1))))


@pytest.fixture(scope="module")
def rows():
    return torch.randn(90, 1, 2, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def model():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Own()


def test_scores_are_those_of_the_probes_on_the_train_rows(model, rows):
    bank = tl.eigenfunction_bank(tl.NeuralTangentKernel(model), rows, [1, 4, 9], train=60, rows=50)
    K = tl.ntk(model, rows[:50], outputs=0)
    for one, index in zip(bank, (1, 4, 9)):
        y = codes(one.task.y_train[:50])
        assert one.scores["index"] == index and one.task.name == f"eigenfunction:{index}"
        assert one.scores["alignment"] == pytest.approx(tl.alignment(K, y).trace_normalized, rel=1e-4)
        assert one.scores["norm_difficulty"] == pytest.approx(tl.complexity(K, y).normalized, rel=1e-3)
        assert one.scores["balance_train"] == pytest.approx(float(one.task.y_train.mean()))
    again = tl.eigenfunction_task(tl.NeuralTangentKernel(model), rows, 4, train=60)
    assert torch.equal(again.y_test, bank[1].task.y_test)


def test_higher_indices_are_harder_by_the_scores_and_for_a_learner(rows):
    net = tl.build_network("mlp:activation=gelu", (1, 2, 3), outputs=1, seed=0)
    bank = tl.eigenfunction_bank(net, rows, [1, 3, 10, 40], train=60)
    scores = {name: [one.scores[name] for one in bank] for name in ("eigenvalue", "difficulty", "norm_difficulty")}
    assert scores["eigenvalue"] == sorted(scores["eigenvalue"], reverse=True)
    assert scores["difficulty"] == sorted(scores["difficulty"])
    assert scores["norm_difficulty"][0] < scores["norm_difficulty"][-1]


@pytest.mark.filterwarnings("ignore:.*rows in one class")
def test_full_kernels_and_products_have_banks_too(rows):
    kernel = tl.NeuralTangentKernel(Own(3))
    full = tl.eigenfunction_bank(kernel, rows, [2], train=60)[0]
    K = kernel(rows[:60])
    assert full.scores["alignment"] == pytest.approx(
        tl.alignment(K, codes(full.task.y_train)).trace_normalized, rel=1e-4
    )
    products = tl.eigenfunction_bank(kernel.operator(rows), rows, [2], train=60)[0]
    assert torch.equal(products.task.y_train, full.task.y_train) and products.scores["alignment"] is None


def test_sets_along_directions_are_scored_by_the_kernel_on_them(model):
    bank = tl.anisotropy_bank(model, (1, 2, 3), [0, 3], samples=80, test_samples=20, sigma=0.5)
    values, vectors = tl.anisotropy_directions(model, (1, 2, 3))
    for one, index in zip(bank, (0, 3)):
        assert one.scores["eigenvalue"] == pytest.approx(float(values[index]), rel=1e-5)
        assert torch.allclose(one.arrays["direction"], vectors[index], atol=1e-5)
        K = tl.ntk(model, one.task.x_train, outputs=0)
        assert one.scores["alignment"] == pytest.approx(tl.alignment(K, codes(one.task.y_train)).trace_normalized)


@pytest.mark.filterwarnings("ignore:.*rows in one class")
@pytest.mark.parametrize("kind", ["eigenfunction", "several outputs", "anisotropy", "named"])
def test_tasks_come_back_from_files_as_they_went(tmp_path, model, rows, kind):
    if kind == "eigenfunction":
        bank = tl.eigenfunction_bank(model, rows.double(), [1, 5], train=[*range(30, 90)])
    elif kind == "several outputs":
        bank = tl.eigenfunction_bank(tl.NeuralTangentKernel(Own(3)), rows, [1, 5], train=60)
    elif kind == "anisotropy":
        bank = tl.anisotropy_bank(model, (1, 2, 3), [0, 3], samples=30, test_samples=20)
    else:
        bank = [tl.tasks.group(tl.load("digits"), "0-4", samples=50, test_samples=30)]
    folder = tl.export_tasks(bank, tmp_path / "bank", about={"who": "me"})
    back = tl.read_tasks(folder)
    assert len(back) == len(bank)
    for one, other in zip(bank, back):
        task = one if kind == "named" else one.task
        for name in ("x_train", "y_train", "x_test", "y_test"):
            mine, theirs = getattr(task, name), getattr(other.task, name)
            assert torch.equal(mine, theirs) and mine.dtype == theirs.dtype
        assert other.task.identity == task.identity and other.task.classes == task.classes
        if kind != "named":
            assert other.scores == one.scores and other.arrays.keys() == one.arrays.keys()


def test_any_reader_finds_plain_arrays_and_a_table(tmp_path, model, rows):
    bank = tl.eigenfunction_bank(model, rows, [1, 5, 20], train=60)
    folder = tl.export_tasks(bank, tmp_path / "bank")
    table = list(csv.DictReader((folder / "tasks.csv").read_text().splitlines()))
    assert [row["index"] for row in table] == ["1", "5", "20"]
    assert float(table[1]["norm_difficulty"]) == bank[1].scores["norm_difficulty"]
    inputs = np.load(folder / table[0]["inputs"], allow_pickle=False)
    assert inputs["x_train"].shape == (60, 1, 2, 3)
    for row, one in zip(table, bank):
        labels = np.load(folder / row["file"], allow_pickle=False)
        assert np.array_equal(labels["labels_train"], one.task.y_train[:, 0].numpy())
        assert labels["labels_test"].dtype == np.int64
    assert json.loads((folder / "tasks.json").read_text())["tasks"][0]["identity"]["eigenvalue"]
    assert not list(folder.glob("*.partial")) and not list(folder.glob(".*"))


def test_rows_can_be_left_out_and_given_again(tmp_path, model, rows):
    bank = tl.eigenfunction_bank(model, rows, [1, 5], train=60)
    folder = tl.export_tasks(bank, tmp_path / "bank", inputs=False)
    assert not (folder / "inputs.npz").exists()
    with pytest.raises(StoreError, match="labels without rows.*x="):
        tl.read_tasks(folder)
    back = tl.read_tasks(folder, x=(rows[:60], rows[60:]))
    assert torch.equal(back[1].task.y_test, bank[1].task.y_test)


def test_names_that_differ_only_in_signs_get_files_of_their_own(tmp_path):
    parity = tl.tasks.parity(2, dimension=4, samples=8, test_samples=4)
    folder = tl.export_tasks([parity, parity, parity], tmp_path / "bank")
    assert len({row["file"] for row in csv.DictReader((folder / "tasks.csv").read_text().splitlines())}) == 3


def test_what_was_changed_or_is_missing_is_told(tmp_path, model, rows):
    folder = tl.export_tasks(tl.eigenfunction_bank(model, rows, [1], train=60), tmp_path / "bank")
    with pytest.raises(StoreError, match="holds tasks already"):
        tl.export_tasks([tl.tasks.parity(samples=10, test_samples=10)], folder)
    file = folder / "eigenfunction-1.npz"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(DamagedRecordError, match="checksum"):
        tl.read_tasks(folder)
    file.unlink()
    with pytest.raises(StoreError):
        tl.read_tasks(folder)
    (folder / "tasks.json").write_text("{}")
    with pytest.raises(DamagedRecordError):
        tl.read_tasks(folder)
    with pytest.raises(StoreError, match="does not exist"):
        tl.read_tasks(tmp_path / "none")


@pytest.mark.parametrize("indices", [[], [-1], [1.5], ["a"], [True], 3])
def test_bad_indices_are_refused_in_words(model, rows, indices):
    with pytest.raises(ArgumentError, match="`indices`"):
        tl.eigenfunction_bank(model, rows, indices, train=60)
    with pytest.raises(ArgumentError, match="`indices`"):
        tl.anisotropy_bank(model, (1, 2, 3), indices)


def test_indices_may_be_an_array_and_end_with_the_inputs(model, rows):
    bank = tl.eigenfunction_bank(model, rows, np.arange(1, 5, 3), train=60)
    assert [one.scores["index"] for one in bank] == [1, 4]
    with pytest.raises(ArgumentError, match=r"`indices` must be below \d+, the eigenfunctions"):
        tl.eigenfunction_bank(model, rows, [1, 10_000], train=60)
    with pytest.raises(ArgumentError, match="`indices` must be below 6"):
        tl.anisotropy_bank(model, (1, 2, 3), [6])


def test_nothing_to_export_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="at least one task"):
        tl.export_tasks([], tmp_path / "bank")
