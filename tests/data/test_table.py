"""CSV tables: header or none, any separator, and what is refused."""

import pytest

from tangentlab._errors import DataError, UnknownNameError
from tangentlab.data import read_table


@pytest.fixture
def table(tmp_path):
    def write(text, encoding="utf-8", **options):
        (tmp_path / "toy.csv").write_bytes(text.encode(encoding))
        return read_table(tmp_path / "toy.csv", **options)

    return write


@pytest.mark.parametrize(
    "text",
    [
        "a,b,kind\n1,2,x\n3,4,y\n",
        "1,2,x\n3,4,y\n",
        "a;b;kind\n1;2;x\n3;4;y",
        "a\tb\tkind\r\n1\t2\tx\r\n3\t4\ty\r\n",
        '\ufeffa,b,kind\n\n"1",2.0,"x"\n3,4e0,y\n\n',
    ],
    ids=["header", "no header", "semicolons", "tabs", "byte order mark, quotes, blank lines"],
)
def test_usual_forms_give_the_same_data(table, text):
    data = table(text)
    assert data.x.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert (data.y.tolist(), data.classes, data.name) == ([0, 1], ("x", "y"), "toy")


def test_a_named_column_holds_the_labels(table):
    data = table("kind,a\nx,1\ny,2\n", label="kind")
    assert (data.x.tolist(), data.classes) == ([[1.0], [2.0]], ("x", "y"))


def test_an_unknown_column_is_refused_with_the_columns(table):
    with pytest.raises(UnknownNameError, match=r"one of a, kind, got 'sort'.*columns of toy\.csv"):
        table("a,kind\n1,x\n", label="sort")


def test_integer_labels_are_ordered_as_numbers(table):
    assert table("1,10\n2,9\n3,10\n").classes == ("9", "10")


def test_a_header_of_numbers_is_known_by_its_label(table):
    data = table("0,1,label\n5,6,0\n7,8,1\n")
    assert (data.n, data.classes) == (2, ("0", "1"))


def test_class_names_are_kept_verbatim(table):
    hostile = "</script><img src=x onerror=alert(1)>"
    assert table(f'1,"{hostile}"\n2," b"\n').classes == (" b", hostile)


@pytest.mark.parametrize("cell", ["", "  ", "nan", "inf"])
def test_rows_with_an_empty_or_infinite_cell_are_refused(table, cell):
    with pytest.raises(DataError, match="1 row with NaN, infinity or an empty cell, the first is row 1"):
        table(f"a,b,kind\n1,2,x\n3,{cell},y\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a,b,kind\n", "a header and no rows"),
        ("1\n2\n", "a single column"),
        ("a,b\n1,x\n2\n", "1 cells on line 3 and 2 on its first"),
        ("a,b,kind\n1,2,x\n3,red,y\n", "'red' in 'b' on line 3"),
        ("1,2,x\n3,4,\n", "no label on line 2"),
        ("1,0.5\n2,0.7\n", "labels are classes"),
        ('a,b\n1,"x\n', "cannot be read as a table"),
    ],
)
def test_what_is_no_table_is_refused_with_the_place(table, text, reason):
    with pytest.raises(DataError, match=reason):
        table(text)


def test_text_of_another_encoding_is_refused(table):
    with pytest.raises(DataError, match="not UTF-8"):
        table("1,é\n", encoding="latin1")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_table(tmp_path / "nothing.csv")
