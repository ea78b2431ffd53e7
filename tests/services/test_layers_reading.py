"""Reading layers: what is called, what is kept, what stays unread, and how a read goes on after trouble."""

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from sharing.models import (
    Actor,
    Connection,
    ConnectionState,
    Event,
    LayerPolicyVersion,
    LayerVersion,
    Reading,
    Sync,
    SyncKind,
    SyncState,
)
from sharing.services import layers, syncing
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.syncing import running
from tests import factories
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

EAST, WEST = "us-east-1", "eu-west-1"


@pytest.fixture
def estate(sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> Estate:
    monkeypatch.setattr("sharing.aws.calling._PAUSES", (0.01, 0.01))
    return Estate(sandbox)


def arn(estate: Estate, name: str, number: int = 1, region: str = EAST) -> str:
    return f"arn:aws:lambda:{region}:{estate.owner.number}:layer:{name}:{number}"


def read(estate: Estate, region: str = EAST) -> Sync:
    """One read of a region's layers, to its end."""
    [sync] = layers.request(account=estate.owner, region=region, by=estate.by)
    while layers.run(sync.pk):
        pass
    sync.refresh_from_db()
    return sync


def version(estate: Estate, name: str, number: int = 1, region: str = EAST) -> LayerVersion:
    return LayerVersion.objects.get(arn=arn(estate, name, number, region))


def test_a_read_makes_one_call_a_page_a_layer_and_a_version_and_no_other(estate: Estate) -> None:
    estate.sandbox.journal.clear()
    sync = read(estate)
    called = Counter(call.operation for call in estate.sandbox.journal if call.service == "lambda")
    assert called == {"ListLayers": 1, "ListLayerVersions": 4, "GetLayerVersionPolicy": 7}
    assert (sync.state, sync.done, sync.total, sync.unread, sync.calls) == (SyncState.DONE, 7, 7, 0, 12)


def test_a_sync_of_functions_never_touches_layers(estate: Estate) -> None:
    [sync] = syncing.request(account=estate.owner, region=EAST, by=estate.by)
    while syncing.run(sync.pk):
        pass
    assert not [call for call in estate.sandbox.journal if "Layer" in call.operation]
    assert syncing.due(timezone.now() + timedelta(days=1)) != []
    assert not Sync.objects.filter(kind=SyncKind.LAYERS).exists()


def test_each_version_keeps_its_facts_and_whom_its_policy_lets_in(estate: Estate) -> None:
    read(estate)
    read(estate, WEST)
    assert LayerVersion.objects.count() == 9
    one = version(estate, "observability", 3)
    assert (one.description, one.license, one.runtimes) == ("Tracing and logs, with metrics", "", ["java21"])
    assert (one.public, one.external, one.reading) == ("no", "yes", Reading.PRESENT)
    assert set(one.exposures.values_list("kind", "principal")) == {
        ("organization", "o-k3s8w1q9zt"),
        ("account", "333344445555"),
    }
    assert version(estate, "geo-data").public == "yes"
    unshared = version(estate, "payment-rules")
    assert (unshared.reading, unshared.public, unshared.external) == (Reading.NONE, "no", "no")
    assert unshared.current is not None


def test_a_quiet_read_writes_nothing_but_its_own_row(estate: Estate) -> None:
    read(estate)
    before = {one.pk: one.read_at for one in LayerVersion.objects.all()}
    sync = read(estate)
    assert sync.changed == 0
    assert {one.pk: one.read_at for one in LayerVersion.objects.all()} == before
    last = layers.last_read_of(version(estate, "geo-data"))
    assert last is not None
    assert last == sync.started_at


def test_a_change_is_a_new_content_between_two_reads_and_an_event(estate: Estate) -> None:
    read(estate)
    second = read(estate)
    document = estate.sandbox.layer_policy(arn(estate, "geo-data"))
    assert document is not None
    estate.sandbox.put_layer_policy(arn(estate, "geo-data"), None)
    sync = read(estate)
    one = version(estate, "geo-data")
    assert (one.public, one.reading, sync.changed) == ("no", Reading.NONE, 1)
    newest, oldest = one.contents.all()
    assert oldest.last_seen_without is None
    assert newest.last_seen_without == second.started_at
    assert second.started_at is not None
    assert newest.first_seen_at > second.started_at
    event = Event.objects.get(verb="layer.policy-changed")
    assert (event.layer, event.account, event.sid) == (one, estate.owner, "everyone")
    assert "“everyone”" in event.text


def test_versions_and_layers_that_are_gone_are_marked(estate: Estate) -> None:
    read(estate)
    estate.sandbox.delete_layer_version(arn(estate, "observability", 2))
    estate.sandbox.delete_layer_version(arn(estate, "geo-data"))
    read(estate)
    gone = LayerVersion.objects.exclude(vanished_at=None)
    assert {one.label for one in gone} == {"observability:2", "geo-data:1"}
    assert Event.objects.filter(verb="layer.vanished").count() == 2
    assert "keep it" in Event.objects.filter(verb="layer.vanished").first().text  # type: ignore[union-attr]
    assert gone[0].current is not None  # what it let in stays readable


def test_a_policy_that_cannot_be_read_stays_as_it_was_and_is_unread(estate: Estate) -> None:
    read(estate)
    estate.sandbox.faults.add("GetLayerVersionPolicy", target=":geo-data:", code="AccessDeniedException", status=403)
    sync = read(estate)
    assert (sync.state, sync.unread) == (SyncState.PARTIAL, 1)
    one = version(estate, "geo-data")
    assert (one.reading, one.public) == (Reading.UNREAD, "yes")
    assert one.is_unread
    assert "AccessDeniedException" in one.unread_reason
    read(estate)
    assert not version(estate, "geo-data").is_unread


def test_a_failed_read_leaves_everything_as_it_was_marked_unread(estate: Estate) -> None:
    read(estate)
    estate.sandbox.put_role_policy(estate.owner.number, "fnshare-manager", "Layers", None)
    sync = read(estate)
    assert sync.state == SyncState.FAILED
    assert "lambda:ListLayers" in sync.failure
    shown = LayerVersion.objects.filter(region=EAST)
    assert {one.reading for one in shown} == {Reading.UNREAD}
    assert {one.unread_reason for one in shown} == {sync.failure}
    assert version(estate, "geo-data").public == "yes"


def test_one_layer_that_cannot_be_listed_spoils_no_other(estate: Estate) -> None:
    read(estate)
    estate.sandbox.faults.add("ListLayerVersions", target=":geo-data", times=9, code="ServiceException", status=500)
    sync = read(estate)
    assert (sync.state, sync.unread) == (SyncState.PARTIAL, 1)
    assert version(estate, "geo-data").is_unread
    assert not version(estate, "observability", 3).is_unread
    assert version(estate, "geo-data").vanished_at is None


def test_throttling_is_waited_out(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.aws.calling.time.sleep", lambda _: None)
    estate.sandbox.faults.add("GetLayerVersionPolicy", times=3)
    assert read(estate).state == SyncState.DONE


def test_an_outage_pauses_the_read_and_marks_nothing_gone(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.aws.calling._PAUSES", ())
    read(estate)
    fault = estate.sandbox.faults.add("GetLayerVersionPolicy", times=99, code="ServiceException", status=500)
    sync = read(estate)
    assert sync.state == SyncState.RUNNING
    assert sync.failure.startswith("Waiting:")
    assert fault.fired == 5
    estate.sandbox.faults.clear()
    assert sync not in layers.due(timezone.now())
    assert sync in layers.due(timezone.now() + timedelta(minutes=1))
    assert LayerVersion.objects.exclude(unread_since=None).count() == 4
    finished = read(estate)  # asking for it ends the pause, and begins again where AWS fell silent
    assert (finished.pk, finished.state, finished.done) == (sync.pk, SyncState.DONE, 7)
    assert not LayerVersion.objects.exclude(vanished_at=None, unread_since=None).exists()


class Killed(BaseException):
    """What a test raises where a worker process would die: nothing in the product catches it."""


def test_a_killed_read_goes_on_at_the_next_version(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    [sync] = layers.request(account=estate.owner, region=EAST, by=estate.by)
    kept = running.Run._save
    ticks = 0

    def dies(run: running.Run, until: object = None) -> None:
        nonlocal ticks
        ticks += 1
        kept(run)
        if ticks == 4:
            raise Killed

    monkeypatch.setattr(running, "_TICK", 0.0)
    monkeypatch.setattr(running.Run, "_save", dies)
    with pytest.raises(Killed):
        layers.run(sync.pk)
    monkeypatch.undo()
    before = len(estate.sandbox.journal.of("GetLayerVersionPolicy"))
    Sync.objects.filter(pk=sync.pk).update(lease_until=timezone.now())
    while layers.run(sync.pk):
        pass
    sync.refresh_from_db()
    assert sync.state == SyncState.DONE
    assert sync.done == 7
    assert 7 <= len(estate.sandbox.journal.of("GetLayerVersionPolicy")) <= 8
    assert before >= 1


def test_many_versions_are_read_over_several_slices(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(60):
        estate.sandbox.add_layer_version(estate.owner.number, EAST, "many")
    monkeypatch.setattr(running, "SLICE", 0.0)
    monkeypatch.setattr(running, "_TICK", 0.0)
    monkeypatch.setattr("sharing.services.layers.reading.waited", lambda _run, future: future.result())
    [sync] = layers.request(account=estate.owner, region=EAST, by=estate.by)
    slices = 1
    while layers.run(sync.pk):
        slices += 1
        assert slices < 100
    sync.refresh_from_db()
    assert (sync.state, sync.done, sync.total) == (SyncState.DONE, 67, 67)
    assert slices > 10
    assert len(estate.sandbox.journal.of("GetLayerVersionPolicy")) == 67


def test_entries_of_another_place_are_no_answer(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    from sharing.aws.layers import Layers, ListedVersion, VersionPage

    foreign = ListedVersion(1, "arn:aws:lambda:us-east-1:999999999999:layer:geo-data:1", "", "", "", (), ())
    monkeypatch.setattr(Layers, "versions", lambda *_: VersionPage([foreign], ""))
    read(estate)
    assert not LayerVersion.objects.exists()


def test_a_document_nobody_understands_is_kept_and_depends(estate: Estate) -> None:
    estate.sandbox.put_layer_policy(arn(estate, "geo-data"), {"Statement": [{"Sid": "\x00", "Effect": 7}]})
    read(estate)
    one = version(estate, "geo-data")
    assert (one.public, one.external) == ("depends", "depends")


def test_the_schedule_opens_one_read_a_place_and_day(estate: Estate) -> None:
    now = timezone.now()
    opened = layers.due(now)
    assert {(sync.region, sync.kind) for sync in opened} == {(EAST, SyncKind.LAYERS), (WEST, SyncKind.LAYERS)}
    assert layers.due(now) == opened
    for sync in opened:
        layers.run(sync.pk)
    assert layers.due(now + timedelta(hours=23)) == []
    assert len(layers.due(now + timedelta(hours=26))) == 2


def test_a_role_that_may_not_is_not_asked_by_the_schedule(estate: Estate) -> None:
    Connection.objects.filter(account=estate.owner).update(verbs={"read": True, "layers": False})
    assert layers.due(timezone.now()) == []
    with pytest.raises(Refusal, match="No connected role may read layers"):
        layers.request(by=estate.by)


def test_after_a_repair_that_was_tested_layers_are_read_at_once(estate: Estate) -> None:
    estate.sandbox.put_role_policy(estate.owner.number, "fnshare-manager", "Layers", None)
    assert read(estate).state == SyncState.FAILED
    soon = timezone.now() + timedelta(minutes=5)
    assert [sync.region for sync in layers.due(soon)] == [WEST]
    Connection.objects.filter(account=estate.owner).update(tested_at=timezone.now())
    assert {sync.region for sync in layers.due(soon)} == {EAST, WEST}


def test_a_paused_account_is_not_read_and_nothing_is_marked(estate: Estate) -> None:
    read(estate)
    [sync] = layers.request(account=estate.owner, region=EAST, by=estate.by)
    Connection.objects.filter(account=estate.owner).update(state=ConnectionState.PAUSED)
    assert not layers.run(sync.pk)
    sync.refresh_from_db()
    assert (sync.state, sync.failure_code) == (SyncState.FAILED, "paused")
    assert not LayerVersion.objects.exclude(unread_since=None).exists()
    assert layers.due(timezone.now() + timedelta(days=1)) == []


def test_asking_joins_an_open_read_and_heeds_rights_and_scope(estate: Estate) -> None:
    first = layers.request(account=estate.owner, by=estate.by)
    assert {sync.pk for sync in layers.request(by=estate.by)} == {sync.pk for sync in first}
    with pytest.raises(NotPermitted):
        layers.request(by=Actor.of(factories.person("auditor")))
    elsewhere = Actor.of(factories.person("owner", accounts=[estate.accounts["Globex"]]))
    with pytest.raises(NotFound):
        layers.request(account=estate.owner, by=elsewhere)
    with pytest.raises(Refusal):
        layers.request(by=elsewhere)


def test_a_read_older_than_the_one_kept_is_dropped(estate: Estate) -> None:
    from sharing.services.layers.storing import mark_unread, store_policy

    read(estate)
    one = version(estate, "geo-data")
    earlier = timezone.now() - timedelta(hours=1)
    assert not store_policy(one, None, read_at=earlier)
    assert not mark_unread(one, "too late", earlier)
    one.refresh_from_db()
    assert (one.public, one.unread_reason) == ("yes", "")
    assert LayerPolicyVersion.objects.filter(layer=one).count() == 1
