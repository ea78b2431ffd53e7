"""`manage.py sync`: opens or joins, waits, and says how it ended."""

import time
from typing import TYPE_CHECKING

import pytest

from sharing.models import Connection, Sync
from tests import factories
from tests.commands.running import run as shell
from tests.commands.test_connect import worker
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]


def connected() -> Connection:
    account = factories.account("Platform", "444455556666")
    return factories.connection(account, regions=["us-east-1", "eu-west-1"])


def test_one_sync_per_account_and_region_is_accepted_worker_or_not() -> None:
    connected()
    began = time.monotonic()
    ran = shell("sync", "--json")
    assert ran.code == 0
    assert time.monotonic() - began < 5
    items = ran.data["items"]
    assert [(item["account"], item["region"], item["state"]) for item in items] == [
        ("444455556666", "eu-west-1", "queued"),
        ("444455556666", "us-east-1", "queued"),
    ]
    assert items[0]["requested_as"].startswith("operator ")


def test_asking_again_joins_and_applies_the_pace_share() -> None:
    connected()
    first = shell("sync", "--region", "us-east-1", "--json")
    again = shell("sync", "--account", "4444-5555-6666", "--region", "us-east-1", "--pace-share", "0.8", "--json")
    assert first.data["items"][0]["id"] == again.data["items"][0]["id"]
    assert again.data["items"][0]["pace_share"] == 0.8
    assert Sync.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_waiting_ends_with_what_was_read(sandbox: "Sandbox") -> None:
    Estate(sandbox)
    with worker():
        ran = shell("sync", "--wait", "--timeout", "100", "--pace-share", "1", "--json")
    assert ran.code == 0
    assert [(item["region"], item["state"], item["functions"], item["done"]) for item in ran.data["items"]] == [
        ("eu-west-1", "done", 6, 6),
        ("us-east-1", "done", 27, 27),
    ]
    assert ran.data["items"][0]["finished_at"].endswith("+00:00")


@pytest.mark.django_db(transaction=True)
def test_a_sync_that_aws_refuses_is_exit_1_with_the_reason(sandbox: "Sandbox") -> None:
    Estate(sandbox)
    sandbox.faults.add("ListFunctions", code="AccessDeniedException", status=403, message="no", times=1)
    with worker():
        ran = shell("sync", "--region", "eu-west-1", "--wait", "--timeout", "60", "--json")
    assert ran.code == 1
    assert ran.data["error"]["code"] == "AccessDeniedException"
    assert "Platform, eu-west-1: " in ran.data["error"]["message"]
    assert ran.data["items"][0]["state"] == "failed"


@pytest.mark.django_db(transaction=True)
def test_something_unread_is_done_and_counted(sandbox: "Sandbox") -> None:
    Estate(sandbox)
    sandbox.faults.add("GetPolicy", code="AccessDeniedException", status=403, message="no", times=1, target="vat-check")
    with worker():
        ran = shell("sync", "--region", "eu-west-1", "--wait", "--timeout", "60")
    assert ran.code == 0
    assert "6 functions read" in ran.out
    assert "1 unread" in ran.out


def test_out_of_time_is_exit_1() -> None:
    connected()
    ran = shell("sync", "--wait", "--timeout", "0.2", "--json")
    assert (ran.code, ran.data["error"]["code"]) == (1, "timeout")
    assert Sync.objects.open().count() == 2
    Sync.objects.update(failure="Waiting: AWS had an internal error.")
    assert "0 functions read. Waiting: AWS had an internal error." in shell("sync", "--wait", "--timeout", "0.2").out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--account", "12345"], 2, "has 5 digits"),
        (["--pace-share", "2"], 2, "not above 0 and at most 1"),
        (["--pace-share", "fast"], 2, "is not a number"),
        (["--region", "us-east-2"], 2, "Did you mean us-east-1"),
        (["--region", "ap-southeast-2"], 2, "These are: eu-west-1, us-east-1."),
        (["--account", "999999999999"], 1, "Account 999999999999 is not known here"),
        (["--account", "Platfrom"], 1, "Account Platfrom is not known here"),
    ],
)
def test_what_cannot_be_is_said(words: list[str], code: int, said: str) -> None:
    connected()
    ran = shell("sync", *words, "--json")
    assert ran.code == code
    assert said in ran.data["error"]["message"]
    assert not Sync.objects.exists()


def test_an_account_is_named_by_its_name_too() -> None:
    connected()
    factories.connection(factories.account("Payments", "555566667777"), regions=["us-east-1"])
    ran = shell("sync", "--account", "payments", "--json")
    assert [item["account"] for item in ran.data["items"]] == ["555566667777"]
    factories.account("PAYMENTS", "888899990000")
    both = shell("sync", "--account", "payments", "--json")
    assert (both.code, both.data["error"]["code"]) == (1, "ambiguous")
    assert "555566667777, 888899990000" in both.data["error"]["next"]


def test_with_nothing_connected_the_next_step_is_named() -> None:
    ran = shell("sync")
    assert ran.code == 1
    assert "No account is connected" in ran.err
    assert "manage.py connect" in ran.err


def test_help_names_the_items() -> None:
    ran = shell("sync", "--help")
    assert ran.code == 0
