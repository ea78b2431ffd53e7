"""Signs of life, what workers counted, and the id of a click on its way into a task and into the log of a call to AWS."""

import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from celery.signals import before_task_publish
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse
from django_structlog.celery.receivers import CeleryReceiver
from pytest_django import DjangoCaptureOnCommitCallbacks

from sharing.aws import noting
from sharing.models import CallCount, Grant, GrantState, Pulse, PulseKind
from sharing.services.operating import pulses as signs
from sharing.tasks import pulses, reconcile_grant
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    noting.take()
    structlog.contextvars.clear_contextvars()
    yield
    noting.take()
    structlog.contextvars.clear_contextvars()


def test_a_worker_says_that_it_lives_what_it_serves_and_takes_it_back_when_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.tasks.pulses.connection.close", lambda: None)  # the test's own connection
    heart = pulses._Heart("worker@here", ("sync", "clicks"))
    seen: list[str] = []

    def waited(_seconds: float) -> bool:
        seen.append(Pulse.objects.get(name="worker@here", kind=PulseKind.WORKER).queues)
        return len(seen) == 2

    monkeypatch.setattr(heart._over, "wait", waited)
    heart.run()
    assert seen == ["clicks,sync"] * 2
    assert not Pulse.objects.exists()


def test_a_worker_outlives_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def away(name: str, **_: object) -> None:
        tried.append(name)
        raise DatabaseError("away")

    monkeypatch.setattr("sharing.tasks.pulses.connection.close", lambda: None)
    monkeypatch.setattr(signs, "felt", away)
    monkeypatch.setattr(signs, "ended", away)
    heart = pulses._Heart("worker@here", ("clicks",))
    heart.stop()
    heart.run()
    beat = pulses._Beat()
    beat.felt()
    assert tried == ["worker@here", "worker@here", pulses._BEAT]
    assert beat.last == 0.0, "the next sweep tries again"


def test_beat_lives_while_its_sweeps_leave_for_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.tasks.pulses.close_old_connections", lambda: None)
    beat = pulses._Beat()
    beat.sent(sender="sharing.run_check")
    assert not Pulse.objects.exists()
    beat.sent(sender="sharing.sweep")
    first = Pulse.objects.get(kind=PulseKind.BEAT).at
    beat.sent(sender="sharing.sweep")
    assert Pulse.objects.get(kind=PulseKind.BEAT).at == first, "twice a second is not worth a write each"
    beat.last -= 6
    beat.sent(sender="sharing.sweep")
    assert Pulse.objects.get(kind=PulseKind.BEAT).at > first


def test_what_workers_counted_adds_up() -> None:
    place = ("111122223333", "us-east-1")
    calls = pulses._Calls()
    noting.give_back({place: noting.Noted(3, 1, 0)})
    calls.tell()
    noting.give_back({place: noting.Noted(4, 0, 2)})
    calls.tell()
    assert CallCount.objects.get().calls == 3, "each task of many would write the same row"
    calls.last -= 1
    calls.tell()
    calls.last -= 1
    calls.tell()
    row = CallCount.objects.get()
    assert (row.account, row.region, row.calls, row.throttled, row.failed) == (*place, 7, 1, 2)


def test_what_was_counted_in_the_last_second_is_told_with_the_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.tasks.pulses.connection.close", lambda: None)
    noting.give_back({("111122223333", "us-east-1"): noting.Noted(3, 1, 0)})
    heart = pulses._Heart("worker@here", ("clicks",))
    heart.stop()
    heart.run()
    assert CallCount.objects.get().calls == 3


def test_what_the_last_tasks_of_a_worker_counted_is_told_when_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulses._calls, "last", time.monotonic())
    noting.give_back({("111122223333", "us-east-1"): noting.Noted(3, 1, 0)})
    pulses._calls.tell()
    assert not CallCount.objects.exists()
    pulses._wait()
    assert CallCount.objects.get().calls == 3


def test_the_id_of_a_click_is_in_the_log_of_the_call_to_aws_that_it_led_to(
    sandbox: "Sandbox",
    client: Client,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    """Web process, message, worker and AWS, each as it really is but for the network between the first two."""
    estate = Estate(sandbox)
    grant = estate.shared(estate.policy("hello_world"))
    client.force_login(estate.ann)
    sent: list[dict[str, Any]] = []

    def published(sender: str = "", headers: Any = None, **_: Any) -> None:
        if sender == reconcile_grant.name:
            sent.append(headers)

    before_task_publish.connect(published)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            clicked = client.post(reverse("grant-revoke", args=[grant.pk]), {"reason": "done", "form_token": "a" * 32})
    finally:
        before_task_publish.disconnect(published)
    assert clicked.status_code == 302, clicked.content.decode()[:2000]
    asked = clicked["X-Request-ID"]
    assert Grant.objects.get(pk=grant.pk).state == GrantState.REVOKING
    (headers,) = sent

    caplog.clear()
    caplog.set_level(logging.INFO)
    request = SimpleNamespace(__django_structlog__=headers["__django_structlog__"])
    CeleryReceiver().receiver_task_prerun("a-task", SimpleNamespace(request=request, name=reconcile_grant.name))
    reconcile_grant(str(grant.pk))
    calls = [record.msg for record in caplog.records if isinstance(record.msg, dict) and record.msg.get("event") == "aws_call"]
    removed = next(call for call in calls if call["operation"] == "RemovePermission")
    grant.refresh_from_db()
    assert grant.state == GrantState.REVOKED
    assert removed["request_id"] == asked
    assert removed["aws_request_id"] == grant.request_id
    assert {call["request_id"] for call in calls} == {asked}
    assert removed["user_id"] == str(estate.ann.pk)


def test_a_request_has_an_id_of_its_own_whatever_the_caller_sends(client: Client) -> None:
    answer = client.get("/login/", headers={"x-request-id": "chosen-outside"})
    assert len(answer["X-Request-ID"]) == 36
    assert answer["X-Request-ID"] != client.get("/login/")["X-Request-ID"]


def test_silence_is_noticed_after_several_missed_beats() -> None:
    assert signs.GONE_AFTER > 3 * signs.EVERY
    assert timedelta(seconds=5) <= signs.EVERY
