"""`run NAME` and `claims` as a script uses them: what lies in the JSON, and what is said where no record decides."""

import json
import shlex
import shutil

import pytest

from tangentlab.cli import main
from tangentlab.report import CLAIMS

ASKED = {"id", "statement", "statistic", "low", "high", "threshold", "verdict", "command"}
OWN = "--network mlp:width=8 --data digits --samples 40 --set test_samples=20 -j 1"


@pytest.fixture(scope="module")
def exact(tmp_path_factory):
    """The run of an experiment at another size than its own."""
    path = tmp_path_factory.mktemp("runs") / "exact"
    with pytest.raises(SystemExit) as end:
        main(["run", "exact", "--scale", "small", *shlex.split(OWN), "--out", str(path)])
    assert not end.value.code
    return path


def test_json_holds_every_claim_as_plain_values_that_give_its_verdict(run, exact):
    code, out, err = run("claims", exact, "--format", "json")
    rows = json.loads(out)
    assert (code, err) == (0, "")
    assert [row["id"] for row in rows] == [claim.id for claim in CLAIMS]
    assert all(set(row) >= ASKED for row in rows)
    assert all(type(row["threshold"]) is float and row["relation"] in (">=", "<=") for row in rows)
    (decided,) = [row for row in rows if row["statistic"] is not None]
    assert (decided["id"], decided["relation"], decided["verdict"]) == ("CA9", "<=", "holds")
    assert decided["low"] == decided["statistic"] == decided["high"] <= decided["threshold"]
    others = [row for row in rows if row is not decided]
    assert {row["verdict"] for row in others} == {"cannot tell"}
    assert all(row["command"] == f"tangentlab run {row['study']} --scale small" for row in others)


def test_without_a_folder_all_claims_are_open(run):
    code, out, _ = run("claims", "--format", "json")
    assert code == 0
    assert {(row["verdict"], row["statistic"]) for row in json.loads(out)} == {("cannot tell", None)}


def test_a_table_shows_the_side_of_the_threshold(run, exact):
    code, out, _ = run("claims", exact)
    assert code == 0
    assert "1 holds, 0 falls, 0 cannot tell" in out
    (line,) = [line for line in out.splitlines() if line.startswith("CA9")]
    assert "≤ 0.0001" in line
    assert "≤ 0.0001" in run("claims", exact, "--format", "markdown")[1]


def test_claims_without_records_stand_apart_with_the_command_that_makes_some(run, exact):
    code, out, _ = run("claims", exact)
    assert code == 0
    below = out.split("cannot tell\n", 1)[1].splitlines()
    told = {line.split("  ")[-1].strip(): line.split("  ")[0].split(", ") for line in below[1:]}
    assert sorted(id for ids in told.values() for id in ids) == sorted(
        claim.id for claim in CLAIMS if claim.id != "CA9"
    )
    for claim in CLAIMS:
        assert claim.id == "CA9" or claim.id in told[f"tangentlab run {claim.study} --scale small"]


def test_a_comparison_among_the_folders_is_named(run, exact, tmp_path):
    tiny = "--network mlp:width=4 --task random:2 --samples 20 --test-samples 20 --epochs 1 --seeds 1 -j 1"
    assert run("compare", *shlex.split(tiny), "--out", tmp_path / "grid")[0] == 0
    code, out, err = run("claims", tmp_path / "grid", exact)
    assert code == 0
    assert "holds a comparison, which decides no claim" in err
    assert err.count("warning") == 1
    assert "1 holds" in out


def test_folders_that_are_no_runs_are_refused(run, exact, tmp_path):
    for bad, told in ((tmp_path, "is not a store"), (tmp_path / "nowhere", "does not exist")):
        code, out, err = run("claims", bad, "--format", "json")
        assert (code, out) == (1, "")
        assert told in err
        assert "tangentlab run" in err
    shutil.copytree(exact, tmp_path / "damaged")
    record = next((tmp_path / "damaged" / "records").iterdir())
    record.write_text(record.read_text().replace("violations", "violation5"))
    assert run("claims", tmp_path / "damaged")[0] == 4


def test_an_experiment_and_a_scale_that_are_none_are_refused(run, tmp_path):
    for arguments, told in (
        (["run", "spectra"], "spectrum"),
        (["run", "exact", "--scale", "tiny"], "small"),
        (["run", "exact", "--set", "samplez=3"], "samples"),
        (["run", "exact", "--set", "samples=-5"], "`samples` must be a whole number"),
        (["run", "exact", "--network", "mlpp"], "Did you mean 'mlp'?"),
    ):
        code, _, err = run(*arguments, "--out", tmp_path / "run")
        assert code == 1
        assert told in err
        assert not (tmp_path / "run").exists()
