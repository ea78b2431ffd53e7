"""Functions and policies read over real HTTP from the sandbox: paged, cut to the allow-list, tried again where that is safe."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from sharing.aws import pace as pacing
from sharing.aws import session
from sharing.aws.calling import reading_only
from sharing.aws.errors import Refused, Throttled, Unavailable
from sharing.aws.functions import Functions
from sharing.aws.pace import Pace
from sharing.aws.session import RoleRef
from sharing.policy import FunctionArn
from sharing.sandbox.story.demo import CANARY

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

EAST = "us-east-1"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "RATE", 1000.0)
    monkeypatch.setattr(pacing, "_BURST", 100.0)
    monkeypatch.setattr("sharing.aws.calling._PAUSES", (0.01, 0.01))


@pytest.fixture
def role(sandbox: "Sandbox") -> RoleRef:
    owner = next(account for account in sandbox.accounts if account.kind == "owner")
    return RoleRef("aws", owner.id, owner.manager_role_arn, owner.external_id)


@pytest.fixture
def functions(role: RoleRef) -> Functions:
    return Functions(role, EAST, pace=Pace(), purpose="click", timeout=2.0)


def arn(role: RoleRef, name: str) -> FunctionArn:
    return FunctionArn("aws", EAST, role.account, name)


def test_pages_hold_fifty_and_lead_to_the_next(functions: Functions, sandbox: "Sandbox") -> None:
    sandbox.add_many_functions(120)
    before = len(sandbox.journal.of("ListFunctions"))
    pages = [functions.page()]
    while pages[-1].next_marker:
        pages.append(functions.page(pages[-1].next_marker))
    assert [len(page.functions) for page in pages] == [50, 50, 47]
    assert len({one.arn for page in pages for one in page.functions}) == 147
    assert len(sandbox.journal.of("ListFunctions")) - before == 3


def test_what_is_listed_has_no_environment(functions: Functions) -> None:
    page = functions.page()
    assert {one.name for one in page.functions} >= {"hello_world", "payment-capture"}
    assert CANARY not in repr(page)
    assert set(vars(page.functions[0])) == {"name", "arn", "description", "runtime", "last_modified", "role"}
    assert page.functions[0].role.startswith("arn:aws:iam::")


def test_no_policy_is_none_and_a_missing_function_too(functions: Functions) -> None:
    """Both are 404 in AWS; `exists` tells them apart."""
    assert functions.policy("session-cleanup") is None
    assert functions.policy("never-was") is None
    assert functions.exists("session-cleanup")
    assert not functions.exists("never-was")


def test_each_qualifier_has_a_policy_of_its_own(functions: Functions) -> None:
    policy = functions.policy("label-uploads", "live")
    assert policy is not None
    assert json.loads(policy.document)["Statement"]
    assert policy.revision_id
    assert functions.exists("label-uploads", "live")
    assert not functions.exists("label-uploads", "nightly")


def test_aliases_versions_tags_and_urls(functions: Functions, role: RoleRef) -> None:
    assert [(alias.name, alias.version) for alias in functions.aliases("label-uploads")] == [("live", "3")]
    assert functions.versions("label-uploads") == ["1", "2", "3"]
    assert functions.tags(str(arn(role, "label-uploads"))) == {"team": "catalogue"}
    assert functions.url_configs("checkout-webhook") == {"": "NONE"}
    assert functions.url_configs("partner-callback") == {"live": "AWS_IAM"}
    assert functions.url_configs("label-uploads") == {}


def test_adding_and_removing_a_statement(role: RoleRef, sandbox: "Sandbox") -> None:
    target = arn(role, "session-cleanup")
    functions = Functions(role, EAST, pace=Pace(), purpose="click", limited_to=target, session_name="fnshare-test-write")
    parameters = {
        "FunctionName": target.name,
        "StatementId": "one",
        "Action": "lambda:InvokeFunction",
        "Principal": "111122223333",
    }
    written = functions.add_permission(parameters, None)
    assert json.loads(written.statement)["Sid"] == "one"
    assert written.request_id
    held = functions.policy(target.name)
    assert held is not None
    functions.remove_permission(target.name, "one", revision_id=held.revision_id)
    assert functions.policy(target.name) is None
    caller = sandbox.journal.of("AddPermission")[-1].caller_arn
    assert caller.endswith("/fnshare-test-write")


def test_a_narrowed_session_reaches_its_function_only(role: RoleRef) -> None:
    functions = Functions(role, EAST, pace=Pace(), purpose="click", limited_to=arn(role, "hello_world"))
    functions.policy("hello_world")
    with pytest.raises(Refused) as refused:
        functions.policy("label-uploads")
    assert refused.value.is_access_denied
    with pytest.raises(Refused):
        functions.page()


def test_a_reading_session_cannot_write(functions: Functions) -> None:
    """Whatever the role may do: the session policy of a sync is read-only."""
    with pytest.raises(Refused) as refused:
        functions.add_permission(
            {"FunctionName": "hello_world", "StatementId": "x", "Action": "lambda:InvokeFunction", "Principal": "*"}, None
        )
    assert refused.value.is_access_denied


@pytest.mark.parametrize(("code", "status"), [("TooManyRequestsException", 429), ("ServiceException", 500)])
def test_a_read_is_tried_again(
    functions: Functions, sandbox: "Sandbox", code: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharing.aws.calling.time.sleep", lambda _: None)
    sandbox.faults.add("GetPolicy", code=code, status=status, times=2)
    assert functions.policy("label-uploads", "live") is not None


def test_a_read_gives_up_in_the_end(functions: Functions, sandbox: "Sandbox") -> None:
    sandbox.faults.add("GetPolicy", code="ServiceException", status=500, times=50)
    before = len(sandbox.journal.of("GetPolicy"))
    with pytest.raises(Unavailable) as unavailable:
        functions.policy("label-uploads", "live")
    assert not unavailable.value.maybe_done
    assert len(sandbox.journal.of("GetPolicy")) - before == 3


def test_a_dropped_connection_is_tried_again(functions: Functions, sandbox: "Sandbox") -> None:
    sandbox.faults.add("ListAliases", effect="drop", times=1)
    assert functions.aliases("label-uploads")


def test_a_write_is_never_repeated_after_it_may_have_been_done(role: RoleRef, sandbox: "Sandbox") -> None:
    target = arn(role, "session-cleanup")
    functions = Functions(role, EAST, pace=Pace(), purpose="click", limited_to=target, timeout=2.0)
    sandbox.faults.add("AddPermission", when="after", code="ServiceException", status=500, times=1)
    parameters = {
        "FunctionName": target.name,
        "StatementId": "one",
        "Action": "lambda:InvokeFunction",
        "Principal": "111122223333",
    }
    with pytest.raises(Unavailable) as unavailable:
        functions.add_permission(parameters, None)
    assert unavailable.value.maybe_done
    assert len(sandbox.journal.of("AddPermission")) == 1
    assert functions.policy(target.name) is not None  # it was done


def test_a_write_that_was_throttled_is_tried_again(role: RoleRef, sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> None:
    """429 says that AWS did not act."""
    monkeypatch.setattr("sharing.aws.calling.time.sleep", lambda _: None)
    target = arn(role, "session-cleanup")
    functions = Functions(role, EAST, pace=Pace(), purpose="click", limited_to=target)
    sandbox.faults.add("AddPermission", times=2)
    parameters = {
        "FunctionName": target.name,
        "StatementId": "one",
        "Action": "lambda:InvokeFunction",
        "Principal": "111122223333",
    }
    assert functions.add_permission(parameters, None).statement


def test_throttling_that_stays_is_said(functions: Functions, sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.aws.calling.time.sleep", lambda _: None)
    sandbox.faults.add("ListAliases", times=50)
    with pytest.raises(Throttled):
        functions.aliases("label-uploads")


def test_a_call_that_hangs_ends_by_its_timeout(role: RoleRef, sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.aws.calling._PAUSES", ())
    functions = Functions(role, EAST, pace=Pace(), purpose="click", timeout=0.5)
    sandbox.faults.add("GetPolicy", effect="hold", times=1)
    with pytest.raises(Unavailable) as unavailable:
        functions.policy("hello_world")
    assert unavailable.value.code == "Timeout"
    sandbox.faults.clear()


def test_a_session_that_aws_forgot_is_renewed_once(functions: Functions, sandbox: "Sandbox") -> None:
    """The local AWS was started again, or the session was revoked: one more AssumeRole, no error."""
    functions.page()
    sandbox.faults.add("GetPolicy", code="ExpiredTokenException", status=403, times=1)
    before = len(sandbox.journal.of("AssumeRole"))
    assert functions.policy("label-uploads", "live") is not None
    assert len(sandbox.journal.of("AssumeRole")) - before == 1


def test_a_role_that_does_not_let_us_in_is_a_refusal(role: RoleRef) -> None:
    wrong = RoleRef(role.partition, role.account, role.role_arn, "not-the-external-id")
    with pytest.raises(Refused) as refused:
        Functions(wrong, EAST, pace=Pace(), purpose="click").page()
    assert refused.value.operation == "AssumeRole"


def test_sessions_and_clients_are_used_again(functions: Functions, role: RoleRef, sandbox: "Sandbox") -> None:
    functions.page()
    Functions(role, EAST, pace=Pace()).policy("hello_world")
    assert len(sandbox.journal.of("AssumeRole")) == 1
    session.forget()
    functions.page()
    assert len(sandbox.journal.of("AssumeRole")) == 2


def test_cancelled_calls_are_not_made(role: RoleRef, sandbox: "Sandbox") -> None:
    functions = Functions(role, EAST, pace=Pace(), cancelled=lambda: True)
    with pytest.raises(Unavailable) as cancelled:
        functions.page()
    assert cancelled.value.code == "Cancelled"
    assert not sandbox.journal.of("ListFunctions")


def test_an_answer_that_is_none_is_not_an_empty_list(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy's page with status 200, a body cut short: nothing may vanish from the inventory for it."""
    monkeypatch.setattr(functions, "call", lambda *_args, **_kwargs: {"message": f"<html>{CANARY}</html>"})
    for read in (
        functions.page,
        lambda: functions.aliases("f"),
        lambda: functions.policy("f"),
        lambda: functions.tags("a"),
        lambda: functions.url_configs("f"),
    ):
        with pytest.raises(Unavailable) as unavailable:
            read()
        assert unavailable.value.code == "MalformedAnswer"
        assert CANARY not in str(vars(unavailable.value))


def test_the_canary_is_in_no_error_of_a_call_that_carries_it(functions: Functions, sandbox: "Sandbox") -> None:
    sandbox.faults.add("ListFunctions", code="ServiceException", status=500, message=f"payment-capture: {CANARY}", times=3)
    with pytest.raises(Unavailable) as unavailable:
        functions.page()
    shown = f"{unavailable.value!r} {vars(unavailable.value)} {unavailable.value.__cause__}"
    assert CANARY not in shown


def test_one_client_signs_each_call_as_the_session_it_is_made_in(sandbox: "Sandbox", role: RoleRef) -> None:
    names = ("one", "two", "three")
    made = {
        name: session.client("lambda", "us-east-1", role, session_name=name, policy=reading_only(), seconds=session.NARROW)
        for name in names
    }
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda name: made[name].list_functions(), names * 6))
    callers = Counter(call.caller_arn.rpartition("/")[2] for call in sandbox.journal.of("ListFunctions"))
    assert callers == dict.fromkeys(names, 6)
    assert len([key for key in session._clients if key[1] == "lambda"]) == 1


def test_a_shared_client_calls_for_nobody_but_a_session(sandbox: "Sandbox", role: RoleRef) -> None:
    """Not with the worker's own credentials, which the environment has, and not as whoever called before."""
    session.client("lambda", "us-east-1", role, session_name="test").list_functions()
    sandbox.journal.clear()
    with pytest.raises(LookupError):
        session._shared_client("lambda", "us-east-1", 20.0).list_functions()
    assert not list(sandbox.journal)
