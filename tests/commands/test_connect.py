"""`manage.py connect`: rows first, a worker tests, and every ending has its exit code."""

import json
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connection as database

from sharing.aws.errors import Unavailable
from sharing.models import Account, Connection, ConnectionState, Event, Sync
from sharing.services import connecting, syncing
from tests import factories
from tests.commands.running import run as shell

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

OWNER = "444455556666"
ROLE = f"arn:aws:iam::{OWNER}:role/fnshare-manager"


@contextmanager
def worker() -> Iterator[None]:
    """Somebody who does what workers do, while a command waits. Needs transaction=True."""
    done = threading.Event()

    def work() -> None:
        try:
            while not done.is_set():
                for pk in Connection.objects.filter(test_wanted_at__isnull=False).values_list("pk", flat=True):
                    try:
                        connecting.run_test(pk)
                    except Unavailable:
                        time.sleep(0.1)
                for pk in Sync.objects.open().values_list("pk", flat=True):
                    syncing.run(pk)
                time.sleep(0.05)
        finally:
            database.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(30)


def test_without_roles_external_ids_and_templates_are_printed() -> None:
    ran = shell("connect", OWNER, "--name", "Platform")
    assert ran.code == 0
    for connection in Connection.objects.all():
        assert connection.external_id in ran.out
        assert connection.state == ConnectionState.AWAITED
    assert Connection.objects.count() == 2
    assert "aws iam create-role --role-name fnshare-manager" in ran.out
    assert "aws iam create-role --role-name fnshare-checker" in ran.out
    assert '"AWSTemplateFormatVersion"' in ran.out
    assert f"--checker-role-arn arn:aws:iam::{OWNER}:role/fnshare-checker" in ran.out
    assert ran.out.index("CloudFormation, read stage") < ran.out.index("CloudFormation, share stage")


def test_the_next_command_can_be_pasted_whatever_the_account_is_called() -> None:
    ran = shell("connect", OWNER, "--name", "Ann's $HOME")
    (line,) = (line for line in ran.out.splitlines() if "--role-arn" in line and "checker" not in line)
    words = shlex.split(line)
    assert words[:3] == ["manage.py", "connect", OWNER]
    assert words[words.index("--name") + 1] == "Ann's $HOME"


def test_without_roles_json_carries_the_templates() -> None:
    ran = shell("connect", OWNER, "--name", "Platform", "--json", "--wait")
    assert ran.code == 0
    items = {item["purpose"]: item for item in ran.data["items"]}
    assert items["manager"]["role_arn"] == ROLE
    assert json.loads(items["manager"]["cloudformation"])["Resources"]["Role"]
    assert "AddPermission" not in items["manager"]["cloudformation"]
    assert "AddPermission" in items["manager"]["cloudformation_share"]
    assert items["checker"]["external_id"] != items["manager"]["external_id"]


def test_an_organisations_role_is_prepared_and_then_given(sandbox: "Sandbox") -> None:
    ran = shell("connect", OWNER, "--name", "Platform", "--organization")
    assert ran.code == 0
    connection = Connection.objects.get()
    assert connection.purpose == "organization"
    assert "organizations:ListAccounts" in ran.out
    assert f"--organization-role-arn arn:aws:iam::{OWNER}:role/fnshare-organization --wait" in ran.out
    [item] = shell("connect", OWNER, "--name", "Platform", "--organization", "--json").items
    assert "aws_iam_role_policy" in item["terraform"]
    known = sandbox.account("Platform")
    words = ["--organization-role-arn", known.organization_role_arn]
    words += ["--organization-external-id", known.organization_external_id]
    assert shell("connect", OWNER, "--name", "Platform", *words).code == 0
    tested = connecting.run_test(connection.pk)
    assert tested is not None
    assert tested.state == ConnectionState.CONNECTED


def test_a_second_call_gives_the_role_that_was_made() -> None:
    shell("connect", OWNER, "--name", "Platform")
    external_id = Connection.objects.get(purpose="manager").external_id
    ran = shell("connect", OWNER, "--name", "Platform", "--role-arn", ROLE, "--json")
    assert ran.code == 0
    [item] = ran.data["items"]
    assert (item["state"], item["external_id"]) == ("testing", external_id)
    assert Connection.objects.get(purpose="checker").state == ConnectionState.AWAITED


def test_without_wait_it_is_accepted_and_kept_worker_or_not() -> None:
    """Nothing listens at the broker's address in these tests."""
    began = time.monotonic()
    ran = shell("connect", OWNER, "--name", "P", "--role-arn", ROLE, "--external-id", "an-existing-external-id")
    assert ran.code == 0
    assert time.monotonic() - began < 5
    kept = Connection.objects.get()
    assert kept.test_wanted_at is not None
    assert kept.external_id == "an-existing-external-id"
    assert Event.objects.filter(verb="connection.registered", actor__startswith="operator ").exists()


@pytest.mark.django_db(transaction=True)
def test_connected_with_warnings_is_exit_0(sandbox: "Sandbox") -> None:
    owner = sandbox.account(OWNER)
    consumer = sandbox.account("Acme Retail")
    with worker():
        ran = shell(
            "connect", OWNER, "--name", "Platform", "--role-arn", owner.manager_role_arn, "--external-id", owner.external_id,
            "--region", "us-east-1", "--region", "eu-west-1", "--wait", "--timeout", "60", "--json",
        )  # fmt: skip
        other = shell(
            "connect", consumer.id, "--name", "Acme", "--checker-role-arn", consumer.checker_role_arn,
            "--checker-external-id", consumer.external_id, "--wait", "--timeout", "60",
        )  # fmt: skip
    assert ran.code == 0, ran
    [item] = ran.data["items"]
    assert (item["state"], item["regions"]) == ("connected", ["us-east-1", "eu-west-1"])
    assert item["verbs"]["share"] is True
    assert any(row["outcome"] == "missing" for row in item["report"])
    assert other.code == 0
    assert "Checker role of Acme (111122223333): connected" in other.out


@pytest.mark.django_db(transaction=True)
def test_a_refused_role_is_exit_1_and_says_why(sandbox: "Sandbox") -> None:
    with worker():
        ran = shell("connect", OWNER, "--name", "P", "--role-arn", ROLE, "--wait", "--timeout", "60", "--json")
    assert ran.code == 1
    error = ran.data["error"]
    assert "does not let fnshare in" in error["message"]
    assert error["next"]
    assert ran.data["items"][0]["state"] == "refused"


def test_out_of_time_is_exit_1_and_nothing_is_lost() -> None:
    ran = shell("connect", OWNER, "--name", "P", "--role-arn", ROLE, "--wait", "--timeout", "0.3", "--json")
    assert ran.code == 1
    assert ran.data["error"]["code"] == "timeout"
    assert Connection.objects.get().test_wanted_at is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["44445555666", "--name", "P"], "has 11 digits"),
        (["4444555566667", "--name", "P"], "has 13 digits"),
        (["platform", "--name", "P"], "is not an AWS account id"),
        ([OWNER], "--name"),
        ([OWNER, "--name", "P", "--external-id", "an-external-id"], "needs its role's ARN"),
        ([OWNER, "--name", "P", "--timeout", "soon"], "not a number of seconds"),
        ([OWNER, "--name", "P", "--frobnicate"], "frobnicate"),
        ([OWNER, "--name", "P", "--by", "nobody@example.com"], "Nobody here has"),
    ],
)
def test_wrong_usage_is_exit_2_with_a_sentence_or_json(words: list[str], said: str) -> None:
    plain, machine = shell("connect", *words), shell("connect", *words, "--json")
    assert (plain.code, machine.code) == (2, 2)
    assert said in plain.err
    assert not plain.out
    assert said in machine.data["error"]["message"]
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--role-arn", "arn:aws:iam::111122223333:role/r"], "belongs to account 111122223333"),
        (["--role-arn", "arn:aws-cn:iam::444455556666:role/r", "--region", "us-east-1"], "not a region of partition aws-cn"),
        (["--region", "us-east1"], "Did you mean us-east-1"),
        (["--role-arn", ROLE, "--external-id", "a b"], "AWS accepts no such ExternalId"),
    ],
)
def test_what_is_refused_is_exit_1_and_leaves_nothing_behind(words: list[str], said: str) -> None:
    ran = shell("connect", OWNER, "--name", "P", *words, "--json")
    assert ran.code == 1
    assert said in ran.data["error"]["message"]
    assert ran.data["error"]["next"]
    assert not Account.objects.exists()


def test_half_of_what_was_given_being_wrong_keeps_nothing() -> None:
    ran = shell("connect", OWNER, "--name", "P", "--role-arn", ROLE, "--checker-role-arn", "nonsense")
    assert ran.code == 1
    assert not Account.objects.exists()


def test_by_is_recorded_as_claimed_and_has_that_persons_rights() -> None:
    admin, owner = factories.person("admin"), factories.person("owner")
    assert shell("connect", OWNER, "--name", "P", "--by", admin.email).code == 0
    event = Event.objects.filter(verb="connection.prepared").first()
    assert event is not None
    assert event.actor.startswith(f"{admin.email} (claimed by operator ")
    refused = shell("connect", OWNER, "--name", "P", "--by", owner.email, "--json")
    assert (refused.code, refused.data["error"]["code"]) == (1, "not-permitted")


def test_as_a_process_it_prints_json_and_nothing_else(tmp_path: Path) -> None:
    """No database yet: a sentence, no stack trace on standard output."""
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/x.sqlite3", "DJANGO_SETTINGS_MODULE": "sharing.settings"}

    def process(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "manage.py", "connect", OWNER, "--name", "P", "--json", *words]
        return subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, timeout=60, check=False)

    ran = process()
    assert ran.returncode == 1
    found = json.loads(ran.stdout)
    assert set(found) == {"ok", "items", "error"}
    assert found["ok"] is False
    assert set(found["error"]) == {"code", "message", "next"}
    assert found["error"]["code"] == "database"
    assert "no such table" in found["error"]["message"]
    assert "migrate" in found["error"]["next"]
    assert "Traceback" not in ran.stderr
    wrong = process("--nope")
    assert wrong.returncode == 2
    assert json.loads(wrong.stdout)["error"]["code"] == "usage"
    assert "Traceback" not in wrong.stderr
    settings["DATABASE_URL"] = "mysql://host/name"
    unconfigured = process()
    assert unconfigured.returncode == 1
    assert set(json.loads(unconfigured.stdout)) == {"ok", "items", "error"}
    assert json.loads(unconfigured.stdout)["error"]["code"] == "misconfigured"
    assert "DATABASE_URL" in json.loads(unconfigured.stdout)["error"]["message"]
    assert unconfigured.stderr.startswith("fnshare cannot start: DATABASE_URL")


def test_an_invoker_role_is_connected_only_when_it_is_given_and_for_an_account_that_has_something_to_call() -> None:
    invoker = f"arn:aws:iam::{OWNER}:role/fnshare-invoker"
    ran = shell("connect", OWNER, "--name", "Platform", "--invoker-role-arn", invoker)
    assert ran.code != 0
    assert "manager role or a checker role first" in ran.err
    assert not Connection.objects.exists()
    ran = shell("connect", OWNER, "--name", "Platform", "--role-arn", ROLE, "--invoker-role-arn", invoker)
    assert ran.code == 0
    assert set(Connection.objects.values_list("purpose", "role_arn")) == {("manager", ROLE), ("invoker", invoker)}


def test_a_source_role_is_prepared_for_named_sources_and_given_later() -> None:
    queue = f"arn:aws:sqs:us-east-1:{OWNER}:orders"
    ran = shell("connect", OWNER, "--name", "Platform", "--source", queue, "--source", "arn:aws:s3:::uploads")
    assert ran.code == 0
    assert "sqs:SetQueueAttributes" in ran.out
    assert "SendMessage" not in ran.out
    assert "--source-role-arn" in ran.out
    ran = shell("connect", OWNER, "--name", "Platform", "--source", queue, "--test-events", "--json")
    (item,) = ran.data["items"]
    assert (item["purpose"], item["limited_to"]) == ("source", [queue])
    assert "sqs:SendMessage" in item["commands"]
    role = f"arn:aws:iam::{OWNER}:role/fnshare-source"
    assert shell("connect", OWNER, "--name", "Platform", "--source-role-arn", role).code == 0
    one = Connection.objects.get()
    assert (one.role_arn, one.limited_to) == (role, [queue])
    ran = shell("connect", "111122223333", "--name", "Acme", "--source-role-arn", "arn:aws:iam::111122223333:role/x")
    assert ran.code != 0
    assert "none is named" in ran.err
