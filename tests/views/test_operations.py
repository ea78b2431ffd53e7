"""Probes and numbers: what machines are told, and that they are told no more."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sharing.models import CallCount, GrantState, Notice, Pulse, PulseKind, Sync
from sharing.services.operating import numbers, readiness
from tests import factories
from tests.views.counting import queries

TOKEN = "a-token-for-the-tests-0123456789"


@pytest.fixture(autouse=True)
def _ask_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    readiness.readiness.forget()
    numbers.numbers.forget()
    yield
    readiness.readiness.forget()
    numbers.numbers.forget()


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that answers, with two clicks waiting."""

    class Answering:
        def __enter__(self) -> "Answering":
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def ping(self) -> bool:
            return True

        def llen(self, name: str) -> int:
            return 2 if name == "clicks" else 0

    monkeypatch.setattr(readiness, "broker", Answering)
    monkeypatch.setattr(numbers, "broker", Answering)


def alive(ago: float = 3.0, *, queues: str = "clicks,checks,sync,mail", beat: float | None = 4.0) -> None:
    now = timezone.now()
    Pulse.objects.create(name="worker@here", kind=PulseKind.WORKER, queues=queues, at=now - timedelta(seconds=ago))
    if beat is not None:
        Pulse.objects.create(name="beat@here", kind=PulseKind.BEAT, at=now - timedelta(seconds=beat))


def asked(client: Client) -> tuple[int, dict[str, Any]]:
    answer = client.get("/readyz")
    return answer.status_code, json.loads(answer.content)


def test_alive_means_that_the_process_answers_whatever_else_is_broken(client: Client) -> None:
    """Not marked for the database: a query would fail the test."""
    answer = client.get("/healthz", headers={"host": "10.1.2.3:8000"})
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies


@pytest.mark.django_db
@pytest.mark.usefixtures("broker")
def test_ready_names_every_part_with_its_state(client: Client) -> None:
    alive()
    status, said = asked(client)
    assert status == 200
    assert said["ready"] is True
    assert {name: said[name]["state"] for name in ("database", "broker", "worker", "beat")} == dict.fromkeys(
        ("database", "broker", "worker", "beat"), "ok"
    )
    assert 3 <= said["worker"]["age_seconds"] < 10
    assert 4 <= said["beat"]["age_seconds"] < 11


@pytest.mark.django_db
@pytest.mark.usefixtures("broker")
@pytest.mark.parametrize(
    ("told", "part", "state"),
    [
        ({"ago": 46.0}, "worker", "silent"),
        ({"queues": "clicks,checks,mail"}, "worker", "incomplete"),
        ({"beat": None}, "beat", "none"),
        ({"beat": 61.0}, "beat", "silent"),
    ],
)
def test_what_is_silent_or_missing_is_named_and_not_ready(client: Client, told: dict[str, Any], part: str, state: str) -> None:
    alive(**told)
    status, said = asked(client)
    assert status == 503
    assert said["ready"] is False
    assert [name for name in ("database", "broker", "worker", "beat") if not said[name]["ready"]] == [part]
    assert said[part]["state"] == state


@pytest.mark.django_db
def test_a_broker_that_is_away_is_said_without_its_address(client: Client) -> None:
    alive()
    status, said = asked(client)
    assert status == 503
    assert said["broker"] == {"ready": False, "state": "away"}


@pytest.mark.usefixtures("broker")
def test_a_database_that_is_away_is_an_answer_and_not_a_500(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OperationalError("connection to server at 10.0.0.7, user fnshare failed: password hunter2")

    monkeypatch.setattr(connection, "cursor", away)
    answer = client.get("/readyz")
    said = json.loads(answer.content)
    assert answer.status_code == 503
    assert said["database"] == {"ready": False, "state": "away"}
    assert said["worker"]["state"] == said["beat"]["state"] == "unknown"
    assert b"hunter2" not in answer.content


@pytest.mark.django_db
@pytest.mark.usefixtures("broker")
def test_many_probes_within_a_second_ask_the_database_once(client: Client) -> None:
    alive()
    assert queries(client, "/readyz") == 2
    assert queries(client, "/readyz") == 0


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_are_only_asked(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


def test_without_a_token_there_are_no_numbers(client: Client) -> None:
    assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe4\xf6"])
def test_numbers_are_for_the_bearer_of_the_token(client: Client, settings: Any, header: str) -> None:
    settings.METRICS_TOKEN = TOKEN
    answer = client.get("/metrics", headers={"authorization": header} if header else {})
    assert answer.status_code == 401
    assert b"fnshare_" not in answer.content


def page(client: Client, settings: Any) -> str:
    settings.METRICS_TOKEN = TOKEN
    answer = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.mark.django_db
@pytest.mark.usefixtures("broker")
def test_the_numbers_tell_what_an_alarm_is_made_from(client: Client, settings: Any) -> None:
    alive()
    hour_ago = timezone.now() - timedelta(hours=1)
    on = factories.shareable()
    factories.grant(on, state=GrantState.STUCK, unsettled_since=hour_ago)
    factories.grant(on, ends_at=hour_ago)
    Sync.objects.create(account=on.account, region="us-east-1", state="done", finished_at=hour_ago, requested_as="x")
    Notice.objects.create(kind="lease", to="ann@example.com", created_at=hour_ago)
    CallCount.objects.create(account=on.account.number, region="us-east-1", calls=12, throttled=3, failed=1)
    said = page(client, settings)
    place = f'{{account="{on.account.number}",region="us-east-1"}}'
    for line in (
        'fnshare_ready{part="worker"} 1.0',
        'fnshare_queue_messages{queue="clicks"} 2.0',
        'fnshare_grants{state="stuck"} 1.0',
        'fnshare_grants{state="pending"} 0.0',
        "fnshare_leases_overdue 1.0",
        'fnshare_notices{state="queued"} 1.0',
        "fnshare_sync_never_read 0.0",
        f"fnshare_aws_calls_total{place} 12.0",
        f"fnshare_aws_throttled_total{place} 3.0",
        f"fnshare_aws_failed_total{place} 1.0",
    ):
        assert f"{line}\n" in said, line
    ages = ("grants_oldest_unsettled", "sync_oldest", "notices_oldest_queued")
    for age in ages:
        (value,) = [line.split()[1] for line in said.splitlines() if line.startswith(f"fnshare_{age}_seconds ")]
        assert 3600 <= float(value) < 3700, age


@pytest.mark.django_db
def test_what_cannot_be_asked_is_left_out_and_never_zero(client: Client, settings: Any) -> None:
    """The broker is away here."""
    said = page(client, settings)
    assert 'fnshare_ready{part="broker"} 0.0' in said
    assert "fnshare_queue_messages" not in said
    assert "fnshare_sweep_age_seconds" not in said


@pytest.mark.django_db
@pytest.mark.usefixtures("broker")
def test_the_numbers_of_a_larger_estate_cost_as_many_queries(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN

    def cost() -> int:
        readiness.readiness.forget()
        numbers.numbers.forget()
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
        return len(captured)

    alive()
    first = cost()
    for number in range(5):
        on = factories.shareable(f"function-{number}", f"44445555000{number}")
        factories.grant(on, state=GrantState.PENDING)
        CallCount.objects.create(account=on.account.number, region="us-east-1", calls=1)
    assert cost() == first
