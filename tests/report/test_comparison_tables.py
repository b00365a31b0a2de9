from tangentlab.report import Comparison, reach_verdict
from tangentlab.report.comparison_tables import (
    accuracy_table,
    crossing_table,
    findings_table,
    gap_table,
    overall_table,
    ranking_table,
)
from tangentlab.report.failure_table import failure_table


def tables(records):
    verdict, comparison = reach_verdict(records), Comparison.of(records)
    return {
        table.key: table
        for table in (
            overall_table(verdict),
            findings_table(verdict, comparison),
            crossing_table(verdict),
            ranking_table(verdict),
            accuracy_table(comparison),
            gap_table(comparison),
            failure_table(comparison.failed),
        )
    }


def test_merged_cells_fill_every_row_exactly(records):
    for table in tables(records).values():
        filled = 0
        for row in table.rows:
            filled += sum(cell.rows for cell in row)
        assert filled == len(table.rows) * len(table.columns)


def test_the_findings_table_repeats_the_findings(records):
    table = tables(records)["findings-table"]
    assert len(table.rows) == 18
    texts = [cell.text for cell in table.rows[0]]
    assert texts[:3] == ["fake-lenet", "fake-group", "100"]
    outcomes = [next(c.text for c in row if c.style.startswith("outcome")) for row in table.rows]
    assert [text.split(" ", 1)[1] for text in outcomes] == [f.outcome for f in reach_verdict(records).findings]


def test_too_few_seeds_are_said_beside_cannot_tell(make):
    for row in tables(make(seeds=2))["findings-table"].rows:
        assert [c.detail for c in row if c.style.startswith("outcome")] == [", too few seeds"]


def test_failures_show_message_remedy_and_log(records):
    table = tables(records)["failure-table"]
    assert len(table.rows) == 3
    assert table.rows[0][4].text == "The loss became not finite at step 12."
    assert table.rows[0][4].detail == "Lower --learning-rate."
    assert table.rows[0][5].text.startswith("logs/")


def test_rankings_are_tabled_only_where_there_are_enough_tasks(make):
    assert tables(make())["ranking-table"].rows == ()
    assert len(tables(make(tasks=tuple("abcd")))["ranking-table"].rows) == 12


def test_a_single_size_has_no_table_of_crossings(make):
    assert tables(make(sizes=(100,)))["crossing-table"].rows == ()


def test_accuracies_are_in_percent_with_half_the_interval(make):
    row = tables(make(seeds=1))["accuracy-table"].rows[0]
    assert [cell.detail for cell in row[3:]] == [""] * 5
    row = tables(make(seeds=3))["accuracy-table"].rows[0]
    assert all(cell.detail.startswith("± ") for cell in row[3:])
