"""Trouble with AWS while real workers settle real clicks: refusals, lost answers, other tools, slow spreading."""

from typing import Any

import pytest

from tests.faults.agreement import agree
from tests.faults.stage import Json, Stage
from tests.live import wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]


def hold(stage: Stage, operation: str, name: str, region: str = "") -> None:
    stage.demo.controls.fault(operation, "before", "hold", target=stage.arn(name, region))


@pytest.mark.parametrize("operation", ["AssumeRole", "GetPolicy", "AddPermission"])
@pytest.mark.parametrize(
    "trouble",
    [
        {"when": "before", "effect": "drop"},
        {"when": "after", "effect": "drop"},
        {"when": "before", "effect": "error", "code": "ServiceException", "status": 500},
        {"when": "after", "effect": "error", "code": "ServiceException", "status": 500},
        {"effect": "error", "code": "TooManyRequestsException", "status": 429},
    ],
    ids=["lost before", "lost after", "500 before", "500 after", "429 with Retry-After"],
)
def test_a_grant_outlasts_trouble_that_passes(stage: Stage, operation: str, trouble: Json) -> None:
    """More of it than one run of a worker puts up with (a write is tried once, a read three times, throttles four), so that
    the row has to wait and come back."""
    name, number = "photo-intake", stage.consumers[0]["id"]
    target = stage.owner["manager_role_arn"] if operation == "AssumeRole" else stage.arn(name)
    times = 1 if operation == "AddPermission" and trouble.get("status") != 429 else 4
    stage.demo.controls.fault(operation, target=target, times=times, **trouble)
    grant = stage.share(name, number)
    row = stage.settled(grant, "active", "allowed")
    assert row["failure"] == ""
    assert stage.demo.controls.fired() == times
    stage.demo.controls.calm()
    stage.revoke(grant)
    stage.settled(grant, "revoked", "denied")
    agree(stage)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("effect", ["drop", "error"])
def test_a_revoke_outlasts_trouble_that_passes(stage: Stage, when: str, effect: str) -> None:
    grant = stage.share("order-events", stage.consumers[1]["id"])
    stage.settled(grant, "active", "allowed")
    more: dict[str, Any] = {"code": "ServiceException", "status": 500} if effect == "error" else {}
    stage.demo.controls.fault("RemovePermission", when, effect, target=stage.arn("order-events"), times=2, **more)
    stage.revoke(grant)
    row = stage.settled(grant, "revoked", "denied")
    assert row["failure"] == ""
    assert stage.demo.controls.fired() == (2 if when == "before" else 1), "what AWS did is not asked for again"
    agree(stage)


def test_a_manager_role_that_may_not_grant_says_so_and_what_to_do(stage: Stage) -> None:
    stage.demo.controls.fault(
        "AddPermission", "before", "error", code="AccessDeniedException", status=403, target=stage.arn("hello_world")
    )
    grant = stage.share("hello_world", stage.consumers[2]["id"])
    row = stage.settled(grant, "failed")
    assert "The role may not do" in row["failure"]
    assert "Add the permission to the role" in row["failure_next"]
    page = stage.person().get(f"/grants/{grant}/")
    assert row["failure"] in page.words
    assert row["failure_next"] in page.words
    agree(stage)


def test_a_manager_role_that_may_not_remove_leaves_it_active_and_says_so(stage: Stage) -> None:
    grant = stage.share("hello_world", stage.consumers[2]["id"])
    stage.settled(grant, "active", "allowed")
    code = {"code": "AccessDeniedException", "status": 403}
    stage.demo.controls.fault("RemovePermission", "before", "error", target=stage.arn("hello_world"), **code)
    stage.revoke(grant)
    row = stage.until(grant, lambda row: bool(row["failure"]), "a refusal")
    assert row["state"] == "active"
    assert "is still shared" in row["failure"]
    agree(stage)
    stage.revoke(grant)
    stage.settled(grant, "revoked", "denied")
    agree(stage)


def test_a_role_that_lets_nobody_in_any_more_is_said_and_goes_on_once_it_does(stage: Stage) -> None:
    """The click is not lost over a trust policy that somebody breaks for a while."""
    manager = {"target": stage.owner["manager_role_arn"], "code": "AccessDenied", "status": 403, "times": 99}
    grant = stage.share("nightly-report", stage.consumers[0]["id"])
    stage.settled(grant, "active", "allowed")
    for name in ("worker-clicks", "worker"):  # no session is remembered
        stage.kill(name)
    stage.come_up()
    stage.demo.controls.fault("AssumeRole", "before", "error", **manager)
    stage.revoke(grant)
    row = stage.until(grant, lambda row: bool(row["failure"]), "a refusal")
    assert "AWS did not let fnshare assume the role." in row["failure"]
    assert row["state"] == "active"
    stage.demo.controls.calm()
    stage.revoke(grant)
    stage.settled(grant, "revoked", "denied")
    agree(stage)


def test_another_tools_statement_written_in_between_is_kept(stage: Stage) -> None:
    """The revision that was read is not the one AWS has any more: look again, lose nothing."""
    arn = stage.arn("resize-images")
    hold(stage, "AddPermission", "resize-images")
    grant = stage.share("resize-images", "555555555701")
    stage.wait_until_held()
    _add(stage, "resize-images", "made-in-between", "555555555702")
    stage.demo.controls.release()
    row = stage.settled(grant, "active")
    sids = [statement["Sid"] for statement in stage.stored(arn)]
    assert sids.count(row["sid"]) == 1
    assert sids.count("made-in-between") == 1
    told = [event for event in stage.inside.ask("verbs", arn=arn) if event["verb"] == "policy.changed"]
    assert len(told) == 1, told
    # And the same while it is taken away again.
    hold(stage, "RemovePermission", "resize-images")
    stage.revoke(grant)
    stage.wait_until_held()
    stage.lambda_().remove_permission(FunctionName="resize-images", StatementId="made-in-between")
    stage.demo.controls.release()
    stage.settled(grant, "revoked")
    agree(stage)


def test_another_tools_first_statement_written_in_between_is_kept(stage: Stage) -> None:
    """Without a policy there is no revision to send: only the re-read shows what else was written."""
    assert stage.stored(stage.arn("session-cleanup")) == []
    hold(stage, "AddPermission", "session-cleanup")
    grant = stage.share("session-cleanup", "555555555703")
    stage.wait_until_held()
    _add(stage, "session-cleanup", "first", "555555555704")
    stage.demo.controls.release()
    row = stage.settled(grant, "active")
    assert sorted(statement["Sid"] for statement in stage.stored(stage.arn("session-cleanup"))) == sorted(["first", row["sid"]])
    stage.lambda_().remove_permission(FunctionName="session-cleanup", StatementId="first")
    stage.revoke(grant)
    stage.settled(grant, "revoked")
    agree(stage)


def test_our_statement_changed_by_another_tool_is_never_removed_unseen(stage: Stage) -> None:
    arn = stage.arn("photo-intake")
    grant = stage.share("photo-intake", "555555555705")
    sid = stage.settled(grant, "active")["sid"]
    hold(stage, "GetPolicy", "photo-intake")
    stage.revoke(grant)
    stage.wait_until_held()
    stage.lambda_().remove_permission(FunctionName="photo-intake", StatementId=sid)
    _add(stage, "photo-intake", sid, "555555555706")
    stage.demo.controls.release()
    row = stage.until(grant, lambda row: bool(row["failure"]), "a refusal")
    assert row["state"] == "active"
    assert "Another tool changed the statement" in row["failure"]
    assert [statement["Principal"] for statement in stage.stored(arn) if statement["Sid"] == sid] == [
        {"AWS": "arn:aws:iam::555555555706:root"}
    ]
    stage.revoke(grant)  # the page showed both, and the person says so
    stage.settled(grant, "revoked")
    agree(stage)


def test_a_function_deleted_in_between_fails_the_grant_with_a_sentence(stage: Stage) -> None:
    region, name = "eu-west-1", "newsletter-render"
    hold(stage, "AddPermission", name, region)
    function = stage.function(name, region)
    ann = stage.person()
    form = ann.preview(function, stage.consumers[0]["id"])
    assert ann.confirm(form).status == 302
    stage.wait_until_held()
    stage.lambda_(region=region).delete_function(FunctionName=name)
    stage.demo.controls.release()
    row = stage.settled(stage.by_form(form), "failed")
    assert "does not exist in AWS any more" in row["failure"]
    assert row["failure_next"]
    agree(stage)


def test_a_function_deleted_while_a_share_is_taken_back_is_taken_back(stage: Stage) -> None:
    region, name = "eu-west-1", "vat-check"
    ann = stage.person()
    form = ann.preview(stage.function(name, region), stage.consumers[0]["id"])
    assert ann.confirm(form).status == 302
    grant = stage.by_form(form)
    stage.settled(grant, "active", "allowed")
    hold(stage, "RemovePermission", name, region)
    stage.revoke(grant)
    stage.wait_until_held()
    stage.lambda_(region=region).delete_function(FunctionName=name)
    stage.demo.controls.release()
    stage.until(grant, lambda row: not row["unsettled"], "an end")
    assert stage.grant(grant)["state"] == "revoked"
    stage.until(grant, lambda row: all(check["state"] == "done" for check in row["checks"]), "the end of its check")
    agree(stage)


def test_a_policy_that_another_tool_filled_says_how_full_it_is(stage: Stage) -> None:
    arn, name = stage.arn("invoice-archive"), "invoice-archive"
    before = len(stage.stored(arn))
    client = stage.lambda_()
    filled: list[str] = []
    try:
        while len(filled) < 150:
            sid = f"filled-{len(filled):03d}-{'x' * 80}"
            _add(stage, name, sid, f"5555560{len(filled):05d}")
            filled.append(sid)
    except client.exceptions.PolicyLengthExceededException:
        assert len(filled) > 40
    grant = stage.share(name, "555555555707")
    row = stage.settled(grant, "failed")
    assert "full" in row["failure"]
    assert "20480" in row["failure"] or "20,480" in row["failure"]
    assert row["failure_next"]
    for sid in filled:
        client.remove_permission(FunctionName=name, StatementId=sid)
    agree(stage, stale={arn})
    stage.read_again(name)
    again = stage.share(name, "555555555707")  # there is room now
    stage.settled(again, "active")
    assert len(stage.stored(arn)) == before + 1
    stage.revoke(again)
    stage.settled(again, "revoked")
    agree(stage)


def test_public_access_that_aws_blocks_is_explained(stage: Stage) -> None:
    stage.demo.controls.switch(public_policy_blocked=True)
    ann, ben = stage.person(), stage.person("second owner")
    form = ann.preview(stage.function("alarm-router"), "everyone", until="1d", reason="A public demo")
    assert ann.confirm(form).status == 302
    grant = stage.by_form(form)
    assert stage.grant(grant)["state"] == "requested"
    path = f"/grants/{grant}/approve/"
    assert ben.send(ben.get(path).form(path), answer="approve").status == 302
    row = stage.settled(grant, "failed")
    assert "public" in row["failure"]
    assert row["failure_next"]
    agree(stage)


def test_parallel_writes_that_aws_would_lose_are_never_made(stage: Stage) -> None:
    arn = stage.arn("hello_world")
    before = {one["Sid"] for one in stage.stored(arn)}
    stage.demo.controls.switch(parallel_writes_lost=True)
    grants = [stage.share("hello_world", f"5555555558{number:02d}") for number in range(6)]
    made = {stage.settled(grant, "active")["sid"] for grant in grants}
    assert {one["Sid"] for one in stage.stored(arn)} == before | made
    agree(stage)
    for grant in grants:
        stage.revoke(grant)
    for grant in grants:
        stage.settled(grant, "revoked")
    assert {one["Sid"] for one in stage.stored(arn)} == before
    agree(stage)


def test_while_a_change_spreads_no_check_reads_contrary(stage: Stage) -> None:
    """Twenty seconds until AWS obeys: neither "denied" after a grant nor "allowed" after a revoke is ever shown on its way."""
    stage.demo.controls.forget_calls()
    stage.demo.controls.switch(propagation_delay=20.0)
    untouched = "quarterly-revenue-recognition-report-generator-for-all-countries"
    new = stage.share(untouched, stage.consumers[0]["id"])
    # A statement that has been there for long, so that it still lets them in for twenty seconds.
    removed = stage.demo.asked("revoke", stage.arn("catalogue-search"), "--sid", "acme-search")
    assert removed["ok"], removed
    old = str(removed["items"][0]["id"])
    wanted = {new: "allowed", old: "denied"}
    seen: dict[str, set[str]] = {new: set(), old: set()}
    pages: list[str] = []

    def both_are_answered() -> bool:
        for grant in wanted:
            row = stage.grant(grant)
            seen[grant] |= {check["verdict"] for check in row["checks"] if check["expected"] == wanted[grant]}
        pages.append(stage.person().get(f"/grants/{new}/").words)
        return all(wanted[grant] in seen[grant] for grant in wanted)

    wait_for(both_are_answered, "both verdicts", 80)
    assert seen == {new: {"", "allowed"}, old: {"", "denied"}}
    assert not [words for words in pages[:-1] if "Denied" in words]
    for name, answers in ((untouched, (403, 204)), ("catalogue-search", (204, 403))):
        tried = [call["status"] for call in stage.demo.controls.calls("Invoke") if call["target"] == stage.arn(name)]
        assert (tried[0], tried[-1]) == answers, "it was not tried while the change spread"
    agree(stage)


def _add(stage: Stage, name: str, sid: str, number: str) -> None:
    """What another tool does: straight to AWS."""
    stage.lambda_().add_permission(FunctionName=name, StatementId=sid, Action="lambda:InvokeFunction", Principal=number)
