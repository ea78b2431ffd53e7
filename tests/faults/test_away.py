"""Clicks while Valkey or every worker is away: the page answers, the row is kept, and it goes on by itself."""

import json
from collections.abc import Iterator

import pytest

from tests.faults.agreement import agree
from tests.faults.stage import WORKERS, Stage
from tests.live import wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]

#: Seconds within which a page answers although the broker does not.
PATIENCE = 3.0


@pytest.fixture
def without_valkey(stage: Stage) -> Iterator[Stage]:
    stage.end("valkey")
    yield stage
    if "valkey" in stage.ended:
        stage.begin("valkey")


@pytest.fixture
def without_workers(stage: Stage) -> Iterator[Stage]:
    for name in WORKERS:
        stage.end(name)
    yield stage
    for name in WORKERS:
        if name in stage.ended:
            stage.begin(name)


def test_a_click_while_valkey_is_down_is_kept_and_settles_when_it_is_back(without_valkey: Stage) -> None:
    stage = without_valkey
    ann = stage.person()
    form = ann.preview(stage.function("hello_world"), stage.consumers[0]["id"])
    answer = ann.confirm(form)
    assert answer.status == 302, answer.said
    assert answer.seconds < PATIENCE
    page = ann.get(answer.location.partition("#")[0])
    assert page.status == 200
    assert page.seconds < PATIENCE
    grant = stage.by_form(form)
    assert stage.grant(grant)["state"] == "pending"
    stage.begin("valkey")
    stage.settled(grant, "active", "allowed")
    agree(stage)


def test_every_page_of_a_click_answers_while_valkey_is_down(stage: Stage) -> None:
    ann = stage.person()
    grant = stage.share("photo-intake", stage.consumers[0]["id"])
    stage.settled(grant, "active", "allowed")
    function = stage.function("photo-intake")
    stage.end("valkey")
    try:
        answers = [ann.get(f"/functions/{function}/"), ann.get(f"/grants/{grant}/"), ann.get("/functions/"), ann.get("/")]
        check = f"/grants/{grant}/check/"
        answers.append(ann.send(answers[1].form(check)))
        answers.append(ann.revoke(grant))
    finally:
        stage.begin("valkey")
    assert [answer.status for answer in answers] == [200, 200, 200, 200, 302, 302], [answer.said for answer in answers]
    assert max(answer.seconds for answer in answers) < PATIENCE
    stage.settled(grant, "revoked", "denied")
    agree(stage)


def test_a_command_while_valkey_is_down_says_that_it_is_kept(without_valkey: Stage) -> None:
    stage = without_valkey
    number = stage.consumers[1]["id"]
    arn = stage.arn("photo-intake")
    said = stage.demo.asked("share", arn, "--with", number, "--reason", "Valkey is away")
    assert said["ok"], said
    (item,) = said["items"]
    assert item["state"] == "pending"
    stage.begin("valkey")
    stage.settled(item["id"], "active", "allowed")
    agree(stage)


def test_a_valkey_that_comes_back_empty_loses_no_click(stage: Stage) -> None:
    """Messages that workers had not taken yet die with it; the rows do not."""
    for name in WORKERS:
        stage.end(name)
    names = ("hello_world", "order-events", "nightly-report")
    grants = [stage.share(name, stage.consumers[2]["id"]) for name in names]
    stage.kill("valkey")
    stage.demo.wait_until_running("valkey")
    assert [grant["state"] for grant in stage.grants(grants)] == ["pending"] * 3, "no message had been taken"
    for name in WORKERS:
        stage.begin(name)
    ended = [stage.settled(grant, "active", "allowed") for grant in grants]
    assert all(grant["sid"] in {one["Sid"] for one in stage.stored(grant["arn"])} for grant in ended)
    agree(stage)


def test_a_click_while_no_worker_runs_waits_and_the_page_says_so(without_workers: Stage) -> None:
    stage = without_workers
    ann = stage.person()
    number = stage.consumers[1]["id"]
    form = ann.preview(stage.function("session-cleanup"), number)
    answer = ann.confirm(form)
    assert answer.status == 302, answer.said
    grant = stage.by_form(form)
    page = ann.get(answer.location.partition("#")[0])
    assert "Pending" in page.words
    stage.inside.ask("silence", seconds=120)
    page = ann.get(answer.location.partition("#")[0])
    assert "No worker seen for 2 min. Clicks are kept and wait for one." in page.words
    for name in WORKERS:
        stage.begin(name)
    stage.settled(grant, "active", "allowed")
    wait_for(lambda: "No worker seen" not in ann.get("/").words, "the end of the banner", 60)
    agree(stage)


def test_a_command_while_no_worker_runs_is_accepted_and_says_so_when_it_waited_in_vain(without_workers: Stage) -> None:
    stage = without_workers
    arn, number = stage.arn("session-cleanup"), stage.consumers[0]["id"]
    accepted = stage.demo.command("share", arn, "--with", number, "--reason", "Nobody works", "--json")
    assert accepted.returncode == 0, accepted
    waited = stage.demo.command("revoke", arn, "--from", number, "--wait", "--timeout", "1", "--json")
    assert waited.returncode == 1, waited
    assert json.loads(waited.stdout)["error"]["code"] == "timeout"
    (item,) = json.loads(waited.stdout)["items"]
    for name in WORKERS:
        stage.begin(name)
    stage.settled(item["id"], "revoked", "denied")
    agree(stage)


def test_workers_outlive_valkey_in_the_middle_of_a_call(stage: Stage) -> None:
    """The call that is under way ends in the same process, its message in a broker that is gone; later clicks follow it."""

    def lost(name: str) -> int:
        return stage.log(name).count("Connection to broker lost")

    before = {name: stage.demo.pid(name) for name in WORKERS}
    noticed = {name: lost(name) for name in WORKERS}
    number = stage.consumers[0]["id"]
    stage.demo.controls.fault("AddPermission", "after", "hold", target=stage.arn("alarm-router"))
    grant = stage.share("alarm-router", number)
    stage.wait_until_held()
    stage.kill("valkey")
    stage.demo.wait_until_running("valkey")
    wait_for(lambda: all(lost(name) > noticed[name] for name in WORKERS), "workers that notice", 30)
    stage.demo.controls.release()
    stage.settled(grant, "active", "allowed")
    # Every process of both workers gets work.
    others = [stage.share(name, number) for name in ("order-events", "nightly-report", "session-cleanup", "skill-answers")]
    for each in (grant, *others):
        stage.settled(each, "active", "allowed")
        stage.revoke(each)
    for each in (grant, *others):
        stage.settled(each, "revoked", "denied")
    assert {name: stage.demo.pid(name) for name in WORKERS} == before
    assert not [line for name in WORKERS for line in stage.log(name).splitlines() if "Unrecoverable" in line]
    agree(stage)
