from tangentlab.records import Record
from tangentlab.report.settings import command_of, machines_of, settings_of


def test_every_value_that_a_setting_took_is_listed_once(records):
    found = dict(settings_of(records))
    assert found["samples"] == "100, 300, 1,000"
    assert found["seed"] == "0, 1, 2"
    assert found["descent.learning_rate"] == "0.05"
    assert found["learners"] == "network, linear-init, linear-end, ridge-init, ridge-end"
    assert found["classes"] == "fake a, fake b"


def test_long_lists_of_values_are_cut_and_counted():
    found = settings_of(
        [Record(fingerprint=f"a{k}", spec={"seed": k, "on": True, "off": None}) for k in range(100)]
    )
    assert dict(found)["seed"].endswith("10, 11 and 88 values more")
    assert dict(found)["on"] == "yes"
    assert "off" not in dict(found)


def test_names_with_commas_are_told_apart():
    (record,) = [Record(fingerprint="a", spec={}, readings={"classes": ["0, 1", "2"]})]
    assert settings_of([record]) == [("classes", "0, 1 | 2")]


def test_machines_that_differ_are_all_named():
    records = [Record(fingerprint=n, spec={}, versions={"torch": v}) for n, v in [("a", "2.6"), ("b", "2.13")]]
    assert machines_of(records) == [("torch", "2.6, 2.13")]


def test_the_command_is_the_spec_s_own_or_the_one_that_resumes():
    assert command_of({"command": ["tangentlab", "compare", "--out", "a b"]}, place="x") == (
        "tangentlab compare --out 'a b'"
    )
    assert command_of({"command": ""}, place="runs/x") == "tangentlab resume runs/x"
