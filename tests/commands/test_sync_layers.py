"""`manage.py sync-layers`: opens or joins, waits, and says how it ended."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.utils import timezone

from sharing.models import Connection, Sync, SyncKind
from sharing.services import layers
from tests import factories
from tests.commands.running import run as shell
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]


@contextmanager
def worker() -> Iterator[None]:
    """A worker in a thread: reads the layers that are due until the block ends."""
    ending = threading.Event()

    def work() -> None:
        while not ending.is_set():
            for sync in layers.due(timezone.now()):
                layers.run(sync.pk)
            for pk in Sync.objects.open().filter(kind=SyncKind.LAYERS, lease_until=None).values_list("pk", flat=True):
                layers.run(pk)
            ending.wait(0.05)
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def test_one_read_per_account_and_region_is_accepted_worker_or_not() -> None:
    factories.connection(factories.account("Platform", "444455556666"), regions=["us-east-1", "eu-west-1"])
    ran = shell("sync-layers", "--json")
    assert ran.code == 0
    assert [(item["region"], item["state"]) for item in ran.items] == [("eu-west-1", "queued"), ("us-east-1", "queued")]
    again = shell("sync-layers", "--account", "4444-5555-6666", "--region", "us-east-1", "--json")
    assert again.items[0]["id"] == ran.items[1]["id"]
    assert Sync.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_waiting_ends_with_what_was_read(sandbox: "Sandbox") -> None:
    Estate(sandbox)
    with worker():
        ran = shell("sync-layers", "--wait", "--timeout", "60", "--json")
    assert ran.code == 0
    found = [(item["region"], item["state"], item["versions"], item["done"], item["public"]) for item in ran.items]
    assert found == [("eu-west-1", "done", 2, 2, 0), ("us-east-1", "done", 7, 7, 1)]


@pytest.mark.django_db(transaction=True)
def test_a_failed_read_ends_with_its_reason(sandbox: "Sandbox") -> None:
    estate = Estate(sandbox)
    sandbox.put_role_policy(estate.owner.number, "fnshare-manager", "Layers", None)
    with worker():
        ran = shell("sync-layers", "--wait", "--timeout", "60", "--region", "us-east-1", "--json")
    assert ran.code == 1
    assert "lambda:ListLayers" in ran.error["message"]


def test_nothing_to_read_is_a_refusal_with_what_to_do() -> None:
    ran = shell("sync-layers", "--json")
    assert (ran.code, ran.error["code"]) == (1, "not-connected")
    factories.connection(factories.account("Platform", "444455556666"))
    Connection.objects.update(verbs={"layers": False})
    ran = shell("sync-layers", "--json")
    assert (ran.code, ran.error["code"]) == (1, "not-permitted-in-aws")
    assert shell("sync-layers", "--account", "99", "--json").code == 2
    assert shell("sync-layers", "--account", "999999999999", "--json").error["code"] == "not-found"
