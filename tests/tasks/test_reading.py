"""Tasks for reading: thin, safe to run twice, and rows wait when the broker is away."""

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery import Celery
from django.utils import timezone

from sharing.celery import app as celery_app
from sharing.models import (
    Actor,
    Connection,
    ConnectionState,
    Event,
    Installation,
    Organization,
    Seal,
    Sync,
    SyncKind,
    SyncState,
)
from sharing.services import connecting, syncing
from sharing.tasks import organizations, read_organization, reading, sweeping
from tests import factories
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

Sent = list[tuple[str, str, str]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What would be queued: task, id, queue."""
    found: Sent = []

    def soon(task: Any, pk: Any, *, queue: str = "clicks", **_: Any) -> None:
        found.append((task.name, str(pk), queue))

    for module in (reading, sweeping, organizations):
        monkeypatch.setattr(module, "soon", soon)
    return found


def test_a_connected_account_is_read_at_once(sandbox: "Sandbox", sent: Sent) -> None:
    admin = Actor.of(factories.person("admin"))
    owner = next(account for account in sandbox.accounts if account.kind == "owner")
    connection = connecting.prepare(number=owner.id, name="P", purpose="manager", by=admin, regions=["eu-west-1"])
    connecting.register(connection, role_arn=owner.manager_role_arn, external_id=owner.external_id, by=admin)
    reading.test_connection(str(connection.pk))
    connection.refresh_from_db()
    assert connection.state == ConnectionState.CONNECTED
    sync, of_layers = Sync.objects.get(kind=SyncKind.SWEEP), Sync.objects.get(kind=SyncKind.LAYERS)
    assert sent == [("sharing.run_sync", str(sync.pk), "sync"), ("sharing.read_layers", str(of_layers.pk), "sync")]
    reading.test_connection(str(connection.pk))
    assert len(sent) == 2


def test_a_test_without_answer_is_no_error_of_the_task(sandbox: "Sandbox", sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.aws.session.time.sleep", lambda _: None)
    connection = factories.connection(state=ConnectionState.TESTING, test_wanted_at=timezone.now())
    sandbox.faults.add("AssumeRole", code="ServiceUnavailable", status=503, times=3)
    reading.test_connection(str(connection.pk))
    connection.refresh_from_db()
    assert connection.test_wanted_at is not None
    assert not sent


def test_an_unfinished_sync_is_queued_behind_what_waits(
    sandbox: "Sandbox", sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate = Estate(sandbox)
    monkeypatch.setattr("sharing.services.syncing.running._TICK", 0.0)
    monkeypatch.setattr("sharing.services.syncing.running._AT_LEAST", 0.0)
    monkeypatch.setattr(reading, "clicks_wait", lambda *_: True)
    [sync] = syncing.request(account=estate.owner, region="us-east-1", by=estate.by)
    reading.run_sync(str(sync.pk))
    assert sent == [("sharing.run_sync", str(sync.pk), "sync")]
    monkeypatch.setattr(reading, "clicks_wait", lambda *_: False)
    reading.run_sync(str(sync.pk))
    sync.refresh_from_db()
    assert sync.state == SyncState.DONE
    assert len(sent) == 1
    reading.run_sync(str(sync.pk))
    assert len(sent) == 1


def test_with_the_broker_away_nothing_waits() -> None:
    assert reading.clicks_wait() is False


def test_a_click_in_the_queue_is_seen(valkey: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = Celery(broker=valkey)
    app.conf.task_queues = celery_app.conf.task_queues
    monkeypatch.setattr(reading, "current_app", app)
    assert reading.clicks_wait() is False
    app.send_task("sharing.run_sync", ("x",), queue="sync")
    assert reading.clicks_wait() is False
    app.send_task("sharing.reconcile_grant", ("x",), queue="clicks")
    assert reading.clicks_wait() is True
    app.control.purge()
    app.close()


def test_the_worker_identifies_itself(sandbox: "Sandbox") -> None:
    reading.identify("1")
    assert Installation.objects.get().worker_account == "777788889999"


def test_the_sweep_queues_what_is_due(sandbox: "Sandbox", sent: Sent) -> None:
    estate = Estate(sandbox)
    connection = factories.connection(state=ConnectionState.TESTING, test_wanted_at=timezone.now() - timedelta(minutes=2))
    sweeping.sweep()
    tasks = {(name, queue) for name, _, queue in sent}
    assert ("sharing.identify", "clicks") in tasks
    assert ("sharing.test_connection", str(connection.pk), "clicks") in sent
    for task, kind in (("sharing.run_sync", SyncKind.SWEEP), ("sharing.read_layers", SyncKind.LAYERS)):
        opened = {str(pk) for pk in Sync.objects.filter(account=estate.owner, kind=kind).values_list("pk", flat=True)}
        assert {pk for name, pk, queue in sent if (name, queue) == (task, "sync")} == opened
        assert len(opened) == 2
    assert Connection.objects.get(pk=connection.pk).state == ConnectionState.TESTING


def test_one_functions_read_goes_with_the_clicks(sandbox: "Sandbox") -> None:
    estate = Estate(sandbox)
    function = estate.policy("hello_world").function
    assert reading.queue_of(syncing.request_function(function, by=estate.by)) == "clicks"
    [sweep] = syncing.request(account=estate.owner, region="us-east-1", by=estate.by)
    assert reading.queue_of(sweep) == "sync"


def test_the_sweep_seals_history(sent: Sent) -> None:
    old = Event.objects.create(verb="test.written", text="Long ago", actor="fnshare", at=timezone.now() - timedelta(hours=1))
    sweeping.sweep()
    seal = Seal.objects.get()
    assert seal.last == old.sequence


def test_an_organisation_is_read_once_its_role_stands_and_whenever_it_is_due(sandbox: "Sandbox", sent: Sent) -> None:
    admin = Actor.of(factories.person("admin"))
    owner = next(account for account in sandbox.accounts if account.organization_role_arn)
    connection = connecting.prepare(number=owner.id, name="P", purpose="organization", by=admin)
    role, external_id = owner.organization_role_arn, owner.organization_external_id
    connecting.register(connection, role_arn=role, external_id=external_id, by=admin)
    reading.test_connection(str(connection.pk))
    organization = Organization.objects.get()
    assert sent == [("sharing.read_organization", str(organization.pk), "sync")]
    sweeping.sweep()
    assert ("sharing.read_organization", str(organization.pk), "sync") in sent[1:]
    sent.clear()
    read_organization(str(organization.pk))
    organization.refresh_from_db()
    assert organization.read_at is not None
    units = ("sharing.read_units", str(organization.pk), "sync")
    assert units in sent, "its units come after its members"
    sent.clear()
    sweeping.sweep()
    assert "sharing.read_organization" not in {name for name, _, _ in sent}
    assert units in sent, "that message may have been lost"
    organizations.read_units(str(organization.pk))
    organization.refresh_from_db()
    assert organization.units_read_at is not None
    sent.clear()
    sweeping.sweep()
    assert units not in sent


def test_a_worker_that_stops_hands_its_syncs_on(sandbox: "Sandbox", sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    estate = Estate(sandbox)
    monkeypatch.setattr("sharing.services.syncing.running._TICK", 0.0)
    monkeypatch.setattr("sharing.services.syncing.running._AT_LEAST", 0.0)
    monkeypatch.setattr(reading, "_stopping", threading.Event())
    [sync] = syncing.request(account=estate.owner, region="us-east-1", by=estate.by)
    reading._note_the_end()
    reading.run_sync(str(sync.pk))
    assert sent == [("sharing.run_sync", str(sync.pk), "sync")]
    sync.refresh_from_db()
    assert sync.state == SyncState.RUNNING
    assert sync.lease_until is not None
    assert sync.lease_until <= timezone.now()
