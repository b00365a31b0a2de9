from tangentlab.records import Record
from tangentlab.report.network_and_task import by_network_and_task

ERROR = {"message": "There are no rows.", "remedy": "Add some.", "log": ""}


def record(name, *, network="mlp", task="t", **readings):
    return Record(fingerprint=name, spec={"network": network}, readings={"task": task, "points": []} | readings)


def test_records_keep_their_order_and_places_stand_in_that_of_their_names():
    found = [record("a", task="u"), record("b"), record("c", task="u"), record("d", network="lenet")]
    places = by_network_and_task(found, holding="points")
    assert list(places) == [("lenet", "t"), ("mlp", "t"), ("mlp", "u")]
    assert [each.fingerprint for each in places["mlp", "u"]] == ["a", "c"]


def test_what_failed_and_what_holds_something_else_is_left_out():
    failed = Record(
        fingerprint="f", status="failed", spec={"network": "mlp"}, readings={"points": []}, error=ERROR
    )
    other = Record(fingerprint="o", spec={"network": "mlp"}, readings={"task": "t", "readings": []})
    assert by_network_and_task([failed, other], holding="points") == {}
