"""Whatever a worker does, it connects to the configured hosts and to nothing else."""

import importlib
import pkgutil
import socket
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from celery.exceptions import Retry
from django.conf import settings
from django.utils import timezone

import sharing.tasks
from sharing.celery import app
from sharing.models import Actor, Connection, Purpose
from sharing.services import passwords, syncing
from sharing.tasks import sweep
from tests import factories
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

#: What must really have been done, on rows; the others are run on an id that is none.
DONE = {
    "sharing.reconcile_grant",
    "sharing.run_check",
    "sharing.test_connection",
    "sharing.run_sync",
    "sharing.identify",
    "sharing.refresh_findings",
    "sharing.send_notice",
}


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, int]]:
    """Every address that something in this process looked up or connected to."""
    found: set[tuple[str, int]] = set()
    looked_up = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        found.add((str(host), int(port or 0)))
        return looked_up(host, port, *args, **kwargs)

    class Socket(socket.socket):
        def connect(self, address: Any) -> None:
            found.add((str(address[0]), int(address[1])))
            super().connect(address)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket, "socket", Socket)
    return found


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was queued, in the order in which a worker took it up."""
    found: list[tuple[str, str]] = []

    def soon(task: Any, pk: Any, **_: Any) -> None:
        found.append((task.name, str(pk)))

    for module in pkgutil.iter_modules(sharing.tasks.__path__):
        loaded = importlib.import_module(f"sharing.tasks.{module.name}")
        if hasattr(loaded, "soon"):
            monkeypatch.setattr(loaded, "soon", soon)
    return found


def work(queued: list[tuple[str, str]]) -> set[str]:
    """One worker, until nothing is queued any more; the tasks that it ran."""
    done: set[str] = set()
    taken: set[tuple[str, str]] = set()
    while queued:
        name, pk = queued.pop(0)
        if (name, pk) in taken:
            continue
        taken.add((name, pk))
        with suppress(Retry):
            app.tasks[name](pk)
        done.add(name)
    return done


def test_a_worker_connects_to_the_configured_hosts_alone(
    sandbox: "Sandbox", reached: set[tuple[str, int]], run: list[tuple[str, str]]
) -> None:
    estate = Estate(sandbox)
    admin = Actor.of(factories.person("admin"))
    Connection.objects.filter(purpose__in=(Purpose.MANAGER, Purpose.CHECKER)).update(test_wanted_at=timezone.now())
    syncing.request(account=estate.owner, region="eu-west-1", by=admin)
    estate.share(estate.policy("hello_world"))
    passwords.ask("ann@example.com")
    sweep()
    run.extend(("sharing.test_connection", str(pk)) for pk in Connection.objects.values_list("pk", flat=True))
    done = work(run)
    assert done >= DONE, DONE - done
    for name in sorted(name for name in app.tasks if name.startswith("sharing.") and name not in done):
        app.tasks[name](str(uuid.uuid4()) if name not in {"sharing.sweep"} else "1")
    endpoint, broker = urlsplit(sandbox.url), urlsplit(settings.REDIS_URL)
    allowed = {(endpoint.hostname, endpoint.port), (broker.hostname, broker.port)}
    assert reached - allowed == set()
    assert (endpoint.hostname, endpoint.port) in reached
