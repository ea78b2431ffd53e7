"""Against another AWS, with other accounts, names and regions: nothing but environment variables, commands and pages.

Started by hand as the README says: migrate, one worker for every queue, beat, web. The sandbox is only an endpoint here.
"""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from sharing.running import ports, programs
from sharing.running.install import CHECKOUT
from tests.faults.agreement import agree
from tests.faults.person import Person
from tests.faults.stage import Stage
from tests.live import LiveDemo, wait_for
from tests.postgresql import create

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]

PASSWORD = "a-password-of-the-second-seed"


class ByHand(LiveDemo):
    """The product's programs, started one by one in one environment."""

    def __init__(self, folder: Path, database_url: str) -> None:
        super().__init__(folder, story="other", told=False, database_url=database_url)
        self._started: list[subprocess.Popen[bytes]] = []
        self._environ: dict[str, str] = {}

    def start(self, seconds: float = 60) -> Self:
        self.home.mkdir(parents=True)
        (self.home / "logs").mkdir()
        accounts, aws, valkey = self.home / "accounts.json", ports.free(), ports.free()
        told = ["--story", "other", "--accounts", os.fspath(accounts), "--control-key", self._key]
        self._run("sandbox", {**os.environ}, "-m", "sharing.sandbox", "--port", str(aws), *told)
        binary = programs.valkey(self.home / "unused").command[0]
        options = ["--port", str(valkey), "--bind", "127.0.0.1", "--save", "", "--dir", os.fspath(self.home)]
        self._run("valkey", {**os.environ}, *options, program=binary)
        wait_for(accounts.exists, "the sandbox", seconds)
        wait_for(lambda: ports.answers(valkey), "Valkey", seconds)
        known = json.loads(accounts.read_text())
        dashboard = next(account for account in known if account["kind"] == "dashboard")
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "DJANGO_SETTINGS_MODULE": "sharing.settings",
            "SECRET_KEY": secrets.token_urlsafe(60),
            "ALLOWED_HOSTS": "localhost",
            "PUBLIC_URL": f"http://localhost:{self.port}",
            "DATABASE_URL": self.database_url or f"sqlite:////{self.home / 'second.sqlite3'}",
            "REDIS_URL": f"redis://127.0.0.1:{valkey}/0",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws}",
            "AWS_ACCESS_KEY_ID": dashboard["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": dashboard["secret_access_key"],
            "AWS_DEFAULT_REGION": "eu-central-1",
        }
        self.described = {
            "url": f"http://localhost:{self.port}",
            "aws": {"endpoint_url": f"http://127.0.0.1:{aws}", "region": "eu-central-1"},
            "accounts": known,
            "logins": [{"email": "desk@example.net", "password": PASSWORD, "role": "owner"}],
        }
        migrated = self.command("migrate", "-v0")
        assert migrated.returncode == 0, migrated
        self._run("worker", self._environ, "-m", "celery", "-A", "sharing", "worker")
        beat = ["beat", "--pidfile=", "--schedule", os.fspath(self.home / "schedule")]
        self._run("beat", self._environ, "-m", "celery", "-A", "sharing", *beat)
        self._run("web", self._environ, "-m", "sharing.running.web", "--bind", f"127.0.0.1:{self.port}")
        wait_for(lambda: ports.answers(self.port), "the web process", seconds)
        return self

    def _run(self, name: str, environ: dict[str, str], *arguments: str, program: str = sys.executable) -> None:
        with (self.home / "logs" / f"{name}.log").open("wb") as log:
            command = [program, *arguments]
            started = subprocess.Popen(command, cwd=CHECKOUT, env=environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self._started.append(started)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 40) -> int:
        for process in reversed(self._started):
            process.send_signal(number)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        return 0

    @property
    def environ(self) -> dict[str, str]:
        return self._environ


@pytest.fixture(scope="module")
def second(running_sandbox: "Sandbox", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    running_sandbox.reset("other")
    seed = {
        function.qualified(qualifier): running_sandbox.policy(function.qualified(qualifier))
        for function in running_sandbox.estate.everything()
        for qualifier in ("", *function.aliases, *function.versions)
    }
    server = os.environ["DATABASE_URL"]
    database = create(server, f"second_{secrets.token_hex(4)}") if server.startswith("postgres") else ""
    with ByHand(tmp_path_factory.mktemp("second"), database) as demo, Stage(demo, seed) as stage:
        yield stage


def said(stage: Stage, *words: str, code: int = 0) -> dict[str, Any]:
    """What a command prints with --json: one object and nothing else, and an exit status that fits it."""
    done = stage.demo.command(*words, "--json")
    assert done.returncode == code, done
    answer: dict[str, Any] = json.loads(done.stdout)
    assert set(answer) == {"ok", "items", "error"}
    assert answer["ok"] is (answer["error"] is None) is (code == 0)
    if answer["error"] is not None:
        assert set(answer["error"]) == {"code", "message", "next"}
        assert answer["error"]["code"]
        assert answer["error"]["message"]
    return answer


def items(stage: Stage, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = said(stage, *words)["items"]
    return found


GRANT = {"id", "function_arn", "qualifier", "sid", "principal", "action", "state", "until", "check", "reason", "failure"}


def test_from_connecting_to_denied(second: Stage) -> None:
    """One test, since each step is the ground of the next."""
    stage = second
    owner, (northwind, contoso, fabrikam) = stage.owner, stage.consumers
    # Nobody connected: templates first.
    (awaited, _) = items(stage, "connect", owner["id"], "--name", owner["name"])
    assert awaited["state"] == "awaited"
    assert re.fullmatch(r"\S{20,}", awaited["external_id"])
    assert awaited["external_id"] in awaited["cloudformation"]
    assert awaited["external_id"] in awaited["commands"]
    regions = [word for region in owner["regions"] for word in ("--region", region)]
    roles = ["--role-arn", owner["manager_role_arn"], "--external-id", owner["external_id"], *regions]
    (manager,) = items(stage, "connect", owner["id"], "--name", owner["name"], *roles, "--wait")
    assert manager["state"] == "connected"
    assert manager["verbs"]["share"] is True
    assert sorted(manager["regions"]) == sorted(owner["regions"])
    for account in (northwind, contoso, fabrikam):
        checker = ["--checker-role-arn", account["checker_role_arn"], "--checker-external-id", account["external_id"]]
        (connected,) = items(stage, "connect", account["id"], "--name", account["name"], *checker, "--wait")
        assert connected["state"] == "connected", connected
    # Read.
    synced = items(stage, "sync", "--account", owner["id"], "--pace-share", "1", "--wait")
    assert {sync["region"]: sync["state"] for sync in synced} == dict.fromkeys(owner["regions"], "done")
    assert sum(sync["functions"] for sync in synced) == 9
    clip = stage.arn("transcode-clip:prod")
    assert _let_in(stage, clip) == {northwind["id"]}
    (before,) = items(stage, "check-access", clip, "--as", contoso["id"], "--wait")
    assert before["check"]["verdict"] == "denied"
    # Share, proved.
    reason = ["--reason", "They cut trailers"]
    (granted,) = items(stage, "share", clip, "--with", contoso["name"], *reason, "--until", "+90d", "--wait")
    assert set(granted) == GRANT
    assert granted["function_arn"] == clip.removesuffix(":prod")
    assert granted["qualifier"] == "prod"
    assert granted["principal"] == contoso["id"]
    assert granted["state"] == "active"
    assert granted["check"]["verdict"] == "allowed"
    assert granted["check"]["principal"] == contoso["checker_role_arn"]
    assert granted["sid"] in [statement["Sid"] for statement in stage.stored(clip)]
    assert _let_in(stage, clip) == {northwind["id"], contoso["id"]}
    (again,) = items(stage, "share", clip, "--with", contoso["id"], *reason, "--until", "+90d", "--wait")
    assert again["id"] == granted["id"]
    (after,) = items(stage, "check-access", clip, "--as", contoso["checker_role_arn"], "--wait")
    assert after["check"]["verdict"] == "allowed"
    agree(stage)
    # Take back, denied.
    (revoked,) = items(stage, "revoke", clip, "--from", contoso["id"], "--reason", "They are done", "--wait")
    assert revoked["id"] == granted["id"]
    assert revoked["state"] == "revoked"
    assert revoked["check"]["verdict"] == "denied"
    assert _let_in(stage, clip) == {northwind["id"]}
    (after,) = items(stage, "check-access", clip, "--as", contoso["id"], "--wait")
    assert after["check"]["verdict"] == "denied"
    agree(stage)


def _let_in(stage: Stage, arn: str) -> set[str]:
    """Accounts that who-can-invoke names for this alias."""
    (item,) = items(stage, "who-can-invoke", arn)
    assert item["unread"] == []
    return {way["account"] for way in item["who"]}


def test_other_kinds_of_principals_and_ends(second: Stage) -> None:
    stage = second
    northwind, contoso, fabrikam = stage.consumers
    reason = ["--reason", "A second seed"]
    align, crop = stage.arn("subtitle-align"), stage.arn("poster-crop")
    (role,) = items(stage, "share", align, "--with", f"arn:aws:iam::{contoso['id']}:role/media/editor", *reason, "--wait")
    assert (role["state"], role["check"]["verdict"]) == ("active", "not-tried")
    assert contoso["checker_role_arn"] in role["check"]["detail"]
    (member,) = items(stage, "share", align, "--with", "o-v7m2p4x9qd", *reason, "--wait")
    assert (member["state"], member["check"]["verdict"]) == ("active", "allowed")
    bucket = ["--source-arn", "arn:aws:s3:::fabrikam-trailers", "--source-account", fabrikam["id"]]
    (service,) = items(stage, "share", align, "--with", "s3.amazonaws.com", *bucket, *reason, "--wait")
    assert (service["state"], service["check"]["verdict"]) == ("active", "not-tried")
    (waits,) = said(stage, "share", align, "--with", "everyone", "--until", "+1d", *reason, "--wait", code=3)["items"]
    assert waits["state"] == "requested"
    unknown = said(stage, "share", crop, "--with", f"arn:aws:iam::{contoso['id']}:role/no-such", *reason, "--wait", code=1)
    assert "no-such" in unknown["error"]["message"]
    assert unknown["items"][0]["state"] == "failed"
    typo = said(stage, "share", crop, "--with", "s3.amazon.com", *reason, code=1)
    assert "s3.amazonaws.com" in typo["error"]["message"] + typo["error"]["next"]
    assert said(stage, "share", crop, "--with", northwind["id"], code=2)["error"]["code"] == "usage"
    (withdrawn,) = items(stage, "revoke", align, "--sid", waits["sid"], "--wait")
    assert withdrawn["state"] == "failed"
    # What was made elsewhere is taken back by the same command, and its check proves it.
    clip = stage.arn("transcode-clip:prod")
    (adopted,) = items(stage, "revoke", clip, "--from", northwind["id"], "--wait")
    assert (adopted["state"], adopted["check"]["verdict"], adopted["sid"]) == ("revoked", "denied", "northwind")
    for grant in (role, member, service):
        (gone,) = items(stage, "revoke", align, "--sid", grant["sid"], "--wait")
        assert gone["state"] == "revoked"
    assert stage.stored(align) == []
    agree(stage)


def test_a_role_that_does_not_fit_is_refused_with_what_to_do(second: Stage) -> None:
    stage = second
    owner, stranger = stage.owner, next(account for account in stage.accounts if account["kind"] == "stranger")
    wrong = ["--checker-role-arn", f"arn:aws:iam::{stranger['id']}:role/function-prober", "--checker-external-id", "x" * 20]
    refused = said(stage, "connect", stranger["id"], "--name", stranger["name"], *wrong, "--wait", code=1)
    assert refused["items"][0]["state"] == "refused"
    reused = ["--checker-role-arn", f"arn:aws:iam::{stranger['id']}:role/any", "--checker-external-id", owner["external_id"]]
    said(stage, "connect", stranger["id"], "--name", stranger["name"], *reused, code=1)


def test_pages_do_the_same_job(second: Stage) -> None:
    stage = second
    made = stage.demo.command("add-person", "desk@example.net", "--role", "owner", "--json")
    assert made.returncode == 0, made
    link = re.search(r"/password/reset/key/[^\s\"]+", made.stdout)
    assert link is not None, made.stdout
    person = Person(stage.demo)
    page = person.get(person.get(link[0]).location)
    assert person.send(page.forms[0], password1=PASSWORD, password2=PASSWORD).status == 302
    fabrikam = stage.consumers[2]
    for region in stage.owner["regions"]:
        form = stage.person().preview(stage.function("transcode-clip", region), fabrikam["name"])
        assert stage.person().confirm(form).status == 302
        grant = stage.by_form(form)
        stage.settled(grant, "active", "allowed")
        stage.revoke(grant)
        stage.settled(grant, "revoked", "denied")
    agree(stage)
