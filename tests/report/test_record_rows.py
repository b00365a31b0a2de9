import csv
import io

from tangentlab.records import Record
from tangentlab.report import rows, to_csv

FIRST = "network,data,task,samples,seed,learner,train_loss,train_accuracy,test_loss,test_accuracy"


def test_there_is_one_row_for_each_cell_and_learner(records):
    found = rows(records)
    assert len(found) == 54 * 5
    assert len({(r["fingerprint"], r["learner"]) for r in found}) == len(found)
    first = next(r for r in records if r.fingerprint == found[0]["fingerprint"])
    assert found[0]["test_accuracy"] == first.readings["learners"]["network"]["test_accuracy"]
    assert (
        found[0]["init_alignment_trace_normalized"]
        == (first.readings["anchors"]["init"]["alignment"]["trace_normalized"])
    )


def test_rows_are_ordered_by_network_task_size_seed_and_learner(records):
    found = [(r["network"], r["task"], r["samples"], r["seed"]) for r in rows(reversed(records))]
    assert found == sorted(found)
    assert [r["learner"] for r in rows(records)[:5]] == [
        "network", "linear-init", "linear-end", "ridge-init", "ridge-end",
    ]  # fmt: skip


def test_the_csv_opens_with_the_ten_columns_and_reads_back(records):
    text = to_csv(records)
    assert text.splitlines()[0].startswith(FIRST + ",")
    back = list(csv.DictReader(io.StringIO(text)))
    assert len(back) == 270
    assert [float(r["test_accuracy"]) for r in back if r["status"] == "done"] == [
        r["test_accuracy"] for r in rows(records) if r["status"] == "done"
    ]


def test_failed_cells_are_in_the_csv_without_readings(records):
    failed = [r for r in csv.DictReader(io.StringIO(to_csv(records))) if r["status"] == "failed"]
    assert len(failed) == 15
    assert {r["test_accuracy"] for r in failed} == {""}


def test_names_with_commas_quotes_and_line_breaks_survive_the_csv(make):
    records = make(networks=('a,"b"\n</script>',), tasks=("=1+1",), sizes=(9,), seeds=1)
    back = list(csv.DictReader(io.StringIO(to_csv(records))))
    assert {(r["network"], r["task"]) for r in back} == {('a,"b"\n</script>', "=1+1")}


def test_a_record_with_next_to_nothing_in_it_still_has_a_row():
    (row,) = rows([Record(fingerprint="a", spec={})])
    assert (row["learner"], row["network"], row["test_accuracy"]) == ("network", None, None)
