import pytest

from tangentlab._errors import ArgumentError
from tangentlab.records import expect_name


@pytest.mark.parametrize("name", ["a", "3f9a", "A-b_c.d", "x" * 64, "-", "comet"])
def test_plain_names_pass_unchanged(name):
    assert expect_name("fingerprint", name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "/etc",
        "a/b",
        "a\\b",
        ".hidden",
        "x" * 65,
        "a b",
        "a\n",
        "a\0",
        "é",
        "CON",
        "nul.json",
        7,
    ],
)
def test_names_that_could_leave_the_folder_or_confuse_a_system_are_refused(name):
    with pytest.raises(ArgumentError, match="fingerprint"):
        expect_name("fingerprint", name)
