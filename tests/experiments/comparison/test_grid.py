import pytest
from torch import nn

from tangentlab._errors import DataError, NetworkError, ShapeError, UnknownNameError
from tangentlab.experiments import ComparisonSpec, Sources, plan, runnable, skipped_reasons

DIGITS = Sources("digits")


def spec(**fields):
    given = {
        "networks": "mlp:width=4",
        "tasks": "group:0-4",
        "samples": 20,
        "seeds": 1,
        "test_samples": 50,
    } | fields
    return ComparisonSpec.of(**given)


def test_the_grid_is_the_product_in_one_order_with_seeds_first():
    planned = plan(
        spec(networks=["mlp", "lenet"], tasks=["random:2", "group:0-4"], samples=[20, 40], seeds=3), DIGITS
    )
    assert len(planned) == 24
    assert [p.cell.seed for p in planned] == sorted(p.cell.seed for p in planned)
    assert len({p.cell.fingerprint for p in planned}) == 24


def test_the_same_spec_gives_the_same_fingerprints_in_another_process():
    import os
    import subprocess
    import sys

    import tangentlab

    code = (
        "from tangentlab.experiments import *\n"
        "s = ComparisonSpec.of(networks='mlp:width=4', tasks='group:0-4', samples=20, seeds=1, test_samples=50)\n"
        "print(plan(s, Sources('digits'))[0].cell.fingerprint)"
    )
    path = os.pathsep.join(
        [os.path.dirname(os.path.dirname(tangentlab.__file__)), os.environ.get("PYTHONPATH", "")]
    )
    env = os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": "7"}
    found = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == plan(spec(), DIGITS)[0].cell.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"samples": 21},
        {"test_samples": 51},
        {"ridge": 1e-4},
        {"epochs": 29},
        {"learning_rate": 0.04},
        {"dtype": "float64"},
        {"initialization": "torch"},
        {"kernel": "full"},
        {"end_statistics": "initial"},
        {"threads": 2},
        {"learners": ["network"]},
        {"networks": "mlp:width=5"},
        {"tasks": "group:0-3"},
        {"seeds": [1]},
    ],
)
def test_everything_that_decides_a_reading_is_in_the_fingerprint(change):
    (before,), (after,) = plan(spec(), DIGITS), plan(spec(**change), DIGITS)
    assert before.cell.fingerprint != after.cell.fingerprint


def test_other_data_under_the_same_name_are_other_cells():
    from tangentlab.data import Data

    def cell(x):
        rows, labels = [[float(i % x)] for i in range(60)], [i % 2 for i in range(60)]
        sources = Sources(Data.from_arrays(rows, labels, name="mine"))
        return plan(spec(tasks="classes", test_samples=10), sources)[0].cell

    assert cell(7).fingerprint == cell(7).fingerprint
    assert cell(7).fingerprint != cell(5).fingerprint


def test_an_edited_network_is_another_network(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    source = "import torch\ndef build(input_shape):\n    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(1))\n"
    (tmp_path / "edited_net.py").write_text(source)
    before = Sources("digits").network_identity("edited_net:build")
    (tmp_path / "edited_net.py").write_text(source + "# another thought\n")
    assert before
    assert Sources("digits").network_identity("edited_net:build") != before


def test_what_cannot_run_is_skipped_with_its_reason():
    planned = plan(
        spec(networks=["mlp:width=4", "lenet"], samples=[20, 4000], tasks=["group:0-4", "parity:2,6"]), DIGITS
    )
    reasons = {(p.cell.network, p.cell.task, p.cell.samples): p.skipped for p in planned}
    assert "1797 rows" in reasons["mlp:width=4", "group:0-4", 4000]
    assert "image" in reasons["lenet", "parity:2,6", 20]
    assert reasons["mlp:width=4", "parity:2,6", 20] == ""
    assert len(runnable(planned)) == sum(not reason for reason in reasons.values())
    assert sum(skipped_reasons(planned).values()) == sum(bool(reason) for reason in reasons.values())


def test_a_grid_of_which_nothing_can_run_is_refused_with_the_reason_itself():
    with pytest.raises(DataError, match="1797 rows"):
        runnable(plan(spec(samples=4000), DIGITS))
    with pytest.raises(ShapeError, match="image"):
        runnable(plan(spec(networks="lenet", tasks="parity:2,6"), DIGITS))
    with pytest.raises(DataError, match="None of the 2 cells can run"):
        runnable(plan(spec(networks="lenet", tasks=["parity:2,6", "group:0-4"], samples=4000), DIGITS))


@pytest.mark.parametrize("change", [{"networks": "lenett"}, {"tasks": "groups:0-4"}, {"networks": "mlp:widht=3"}])
def test_names_that_mean_nothing_are_refused_before_anything_runs(change):
    with pytest.raises(UnknownNameError, match="Did you mean"):
        plan(spec(**change), DIGITS)


def test_a_builder_that_fails_for_some_seed_is_left_to_its_cells(own_network):
    assert (
        len(runnable(plan(spec(networks=own_network("fails_for_one", "fails once"), seeds=[1, 0]), DIGITS))) == 2
    )


def test_a_builder_that_fails_for_every_seed_is_refused_beside_others_too(own_network):
    name = own_network("fails_for_all", "fails once")
    for networks in (name, ["mlp:width=4", name]):
        with pytest.raises(NetworkError, match="failed .*not with this seed"):
            plan(spec(networks=networks, seeds=[1]), DIGITS)


def test_other_outputs_than_a_task_asks_for_are_skipped_and_refused_where_no_task_fits():
    sources = Sources("digits", networks={"three": nn.Sequential(nn.Flatten(), nn.Linear(64, 3))})
    tasks = ["random:3", "group:0-4"]
    reasons = [each.skipped for each in plan(spec(networks="three", tasks=tasks), sources)]
    assert reasons[0] == "" and "'three' has 3 outputs, and its task asks for 1." in reasons[1]
    with pytest.raises(NetworkError, match="has 3 outputs"):
        plan(spec(networks=["mlp:width=4", "three"]), sources)
