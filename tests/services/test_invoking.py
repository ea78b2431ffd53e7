"""Test invoke against the sandbox: who may call as whom, one call and never a second, and what is kept for how long."""

import json
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.db import connections
from django.utils import timezone

from sharing.aws import invoking as aws_invoking
from sharing.models import (
    Actor,
    Connection,
    ConnectionState,
    Event,
    Grant,
    GrantState,
    Invocation,
    InvocationState,
    Policy,
    Purpose,
    Role,
)
from sharing.policy.arn import FunctionArn
from sharing.services import connecting, invoking
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.invoking import running, sweeping
from tests import factories
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db

ACME, GLOBEX = "111122223333", "222233334444"
SYNC, EVENT = "RequestResponse", "Event"
CANARY = "canary-payload-4Vd8Qk2ZtR6y"


@pytest.fixture
def estate(sandbox: "Sandbox") -> Estate:
    return Estate(sandbox)


@pytest.fixture
def hello(estate: Estate) -> Policy:
    return estate.policy("hello_world")


@pytest.fixture
def own(estate: Estate) -> Connection:
    """The owner's invoker role."""
    return invoker_of(estate, "Platform")


def invoker_of(estate: Estate, name: str, **fields: Any) -> Connection:
    known = estate.sandbox.account(name)
    return factories.connection(
        estate.accounts[name],
        Purpose.INVOKER,
        role_arn=known.invoker_role_arn,
        external_id=known.invoker_external_id,
        verbs={"invoke": True},
        **fields,
    )


class Consumer:
    """Somebody who acts for Acme, which has an invoker role, and with which one function is shared."""

    def __init__(self, estate: Estate, name: str = "label-uploads", qualifier: str = "live") -> None:
        self.person = factories.person(Role.CONSUMER)
        self.by = Actor.of(self.person)
        self.membership = factories.membership(self.person, estate.accounts["Acme Retail"])
        self.door = invoker_of(estate, "Acme Retail")
        self.policy = estate.policy(name, qualifier)
        estate.policy(name)  # grants are made on the function's own first
        self.grant = factories.grant(self.policy.function, ACME)
        Grant.objects.filter(pk=self.grant.pk).update(policy=self.policy)


@pytest.fixture
def consumer(estate: Estate) -> Consumer:
    return Consumer(estate)


def asked(policy: Policy, door: Connection, by: Actor, payload: str = "{}", kind: str = SYNC, **more: Any) -> Invocation:
    return invoking.ask(policy, through=door, kind=kind, payload=payload, by=by, **more)


def called(one: Invocation) -> Invocation:
    outcome = invoking.run(one.pk)
    assert outcome is not None
    assert outcome.again_in is None
    return outcome.invocation


def runs(estate: Estate) -> list[str]:
    """Functions that really ran, as the sandbox's journal has them."""
    return [run.function_arn.rpartition(":")[2] for run in estate.sandbox.journal.invocations]


# What comes back


def test_an_owner_gets_answer_log_version_and_duration(estate: Estate, hello: Policy, own: Connection) -> None:
    one = called(asked(hello, own, estate.by))
    assert (one.state, one.status_code, one.answer, one.function_error) == (InvocationState.DONE, 200, '"Hello world."', "")
    assert "REPORT RequestId" in one.log_tail
    assert (one.executed_version, one.log_absent, one.answer_cut) == ("$LATEST", "", False)
    assert one.duration_ms is not None
    (run,) = estate.sandbox.journal.invocations
    assert (run.request_id, run.caller_account) == (one.request_id, estate.owner.number)
    assert f"assumed-role/fnshare-invoker/fnshare-invoke-{one.pk.hex}" in run.caller_arn


def test_the_alias_is_called_with_the_payload_as_typed(estate: Estate, own: Connection) -> None:
    live = estate.policy("label-uploads", "live")
    one = called(asked(live, own, estate.by, '{"n": 1.10,\r\n "t": "ü"}'))
    assert json.loads(one.answer) == {"function": "label-uploads", "received": {"n": 1.1, "t": "ü"}}
    assert one.executed_version == "3"
    assert one.payload_size == len('{"n": 1.10,\n "t": "ü"}'.encode())


def test_a_function_that_throws_is_an_answer_with_the_functions_own_error(estate: Estate, own: Connection) -> None:
    one = called(asked(estate.policy("deploy-hook"), own, estate.by))
    assert (one.state, one.status_code, one.function_error) == (InvocationState.DONE, 200, "Unhandled")
    assert json.loads(one.answer)["errorType"] == "RuntimeError"


def test_a_function_that_aws_ends_for_time_is_the_functions_own_error_too(estate: Estate, own: Connection) -> None:
    function = estate.sandbox.function(estate.policy("nightly-report").arn)
    assert function is not None
    function.latest.timeout = 0
    one = called(asked(estate.policy("nightly-report"), own, estate.by))
    assert one.function_error == "Unhandled"
    assert "Task timed out after" in one.answer


def test_an_event_is_handed_over_and_nothing_else_is_known(estate: Estate, hello: Policy, own: Connection) -> None:
    one = called(asked(hello, own, estate.by, kind=EVENT))
    assert (one.state, one.status_code, one.answer, one.log_tail) == (InvocationState.DONE, 202, "", "")
    assert "no log of it yet" in one.log_absent
    assert [run.invocation_type for run in estate.sandbox.journal.invocations] == [EVENT]


def test_a_consumer_calls_as_their_own_account_and_gets_no_log_and_why(estate: Estate, consumer: Consumer) -> None:
    assert invoking.consumer_doors(consumer.policy, by=consumer.by) == [consumer.door]
    one = called(asked(consumer.policy, consumer.door, consumer.by, '{"n": 1}'))
    assert (one.state, one.failure) == (InvocationState.DONE, "")
    assert one.log_tail == ""
    assert "the function's own account only" in one.log_absent
    (run,) = estate.sandbox.journal.invocations
    assert run.caller_account == ACME
    (call,) = estate.sandbox.journal.of("Invoke")
    assert call.parameters_summary["LogType"] == "None"


def test_a_long_answer_is_cut_and_says_how_long_it_was(estate: Estate, own: Connection) -> None:
    function = estate.sandbox.function(estate.policy("tax-rates").arn)
    assert function is not None
    function.answer = "é" * 50_000
    one = called(asked(estate.policy("tax-rates"), own, estate.by))
    assert one.answer_cut
    assert len(one.answer.encode()) <= 64 * 1024 + 2
    assert one.answer_size == len(json.dumps(function.answer))


def test_text_that_no_database_keeps_is_made_visible(estate: Estate, own: Connection) -> None:
    assert aws_invoking._text(b"a\x00\xff") == "a\N{SYMBOL FOR NULL}\N{REPLACEMENT CHARACTER}"


# Who may, as whom


def test_without_an_invoker_role_there_is_no_door(estate: Estate, hello: Policy) -> None:
    assert invoking.owner_door(hello.function, by=estate.by) is None
    assert not invoking.is_on(hello.function)


@pytest.mark.parametrize("purpose", [Purpose.MANAGER, Purpose.CHECKER])
def test_manager_and_checker_roles_never_invoke(estate: Estate, hello: Policy, own: Connection, purpose: str) -> None:
    name = "Platform" if purpose == Purpose.MANAGER else "Acme Retail"
    other = estate.connection(name, purpose)
    with pytest.raises(NotFound):
        asked(hello, other, estate.by)
    # Whatever wrote such a row: the worker cannot even open the door with it.
    one = asked(hello, own, estate.by)
    Invocation.objects.filter(pk=one.pk).update(connection=other)
    assert called(one).state == InvocationState.REFUSED
    assert runs(estate) == []


def test_auditors_strangers_and_shells_do_not_invoke(estate: Estate, hello: Policy, own: Connection) -> None:
    for by in (
        Actor.of(factories.person(Role.AUDITOR)),
        Actor.at_shell("root"),
        Actor.system(),
        Actor.of(factories.person(Role.ADMIN, is_active=False)),
    ):
        with pytest.raises(NotPermitted):
            asked(hello, own, by)
    for by in (Actor.of(factories.person(Role.OWNER, accounts=[])), Actor.of(factories.person(Role.CONSUMER))):
        with pytest.raises(NotFound):
            asked(hello, own, by)
    assert not Invocation.objects.exists()


def test_an_auditor_who_acts_for_a_consumer_does_not_invoke_either(estate: Estate, consumer: Consumer) -> None:
    auditor = factories.person(Role.AUDITOR)
    factories.membership(auditor, estate.accounts["Acme Retail"])
    by = Actor.of(auditor)
    assert not invoking.shared_with(by).exists()
    with pytest.raises(NotPermitted):
        asked(consumer.policy, consumer.door, by)


@pytest.mark.parametrize(
    "change",
    [
        {"state": GrantState.PENDING},
        {"state": GrantState.REVOKING},
        {"state": GrantState.REQUESTED},
        {"wanted": "absent"},
        {"action": "lambda:GetFunction"},
        {"principal_account": GLOBEX, "principal": GLOBEX},
        {"principal_kind": "role", "principal": f"arn:aws:iam::{ACME}:role/apps/order-processor"},
        {"ends_at": timezone.now() - timedelta(seconds=1)},
    ],
)
def test_a_consumer_needs_a_live_grant_of_exactly_this(consumer: Consumer, change: dict[str, Any]) -> None:
    Grant.objects.filter(pk=consumer.grant.pk).update(**change)
    assert not invoking.shared_with(consumer.by).exists()
    with pytest.raises(NotFound):
        asked(consumer.policy, consumer.door, consumer.by)


def test_another_alias_of_a_shared_function_is_not_shared(estate: Estate, consumer: Consumer) -> None:
    with pytest.raises(NotFound):
        asked(estate.policy("label-uploads"), consumer.door, consumer.by)


def test_who_left_the_account_has_no_door_any_more(consumer: Consumer) -> None:
    one = asked(consumer.policy, consumer.door, consumer.by)
    consumer.membership.ended_at = timezone.now()
    consumer.membership.save()
    with pytest.raises(NotFound):
        asked(consumer.policy, consumer.door, consumer.by)
    assert not invoking.for_consumer(consumer.by, timezone.now()).exists()
    one = called(one)
    assert (one.state, one.failure_code) == (InvocationState.REFUSED, "not-permitted")


def test_a_paused_invoker_is_not_used_also_for_what_was_asked_before(estate: Estate, hello: Policy, own: Connection) -> None:
    one = asked(hello, own, estate.by)
    Connection.objects.filter(pk=own.pk).update(state=ConnectionState.PAUSED)
    assert invoking.owner_door(hello.function, by=estate.by) is None
    assert called(one).state == InvocationState.REFUSED
    assert runs(estate) == []


def test_a_role_that_is_limited_calls_nothing_else(estate: Estate, hello: Policy) -> None:
    door = invoker_of(estate, "Platform", limited_to=[f"arn:aws:lambda:*:{estate.owner.number}:function:tax-*"])
    with pytest.raises(Refusal, match="limited to"):
        asked(hello, door, estate.by)
    assert called(asked(estate.policy("tax-rates", "live"), door, estate.by)).state == InvocationState.DONE


# What may be sent


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ('{"a": 1,\n  b: 2}', "Line 2, column 3"),
        ("{'a': 1}", "Line 1, column 2"),
        ("NaN", "NaN is no JSON number"),
        ("[1, -Infinity]", "-Infinity is no JSON number"),
        ("[" * 100_000, "nested too deeply"),
        ('"a\x00b"', "Line 1"),
        ('"' + "x" * 256 * 1024 + '"', "262,146 bytes"),
        (f'{{"secret": {CANARY}}}', "Line 1"),
    ],
)
def test_what_is_no_json_or_too_large_is_refused_where_it_is_wrong(
    estate: Estate, hello: Policy, own: Connection, payload: str, words: str
) -> None:
    with pytest.raises(Refusal) as refused:
        asked(hello, own, estate.by, payload)
    assert words in refused.value.message
    assert refused.value.field == "payload"
    assert CANARY not in refused.value.message
    assert not Invocation.objects.exists()


@pytest.mark.parametrize("payload", ["", "  \n", "1" * 5000, '"\\ud800"', "[]", "null"])
def test_odd_json_is_json(estate: Estate, hello: Policy, own: Connection, payload: str) -> None:
    assert asked(hello, own, estate.by, payload).state == InvocationState.QUEUED


def test_an_unknown_type_is_refused(estate: Estate, hello: Policy, own: Connection) -> None:
    for kind in ("DryRun", "", "event"):
        with pytest.raises(Refusal, match="waits for the answer"):
            asked(hello, own, estate.by, kind=kind)


def test_ten_a_minute_and_no_more(estate: Estate, hello: Policy, own: Connection) -> None:
    for _ in range(10):
        asked(hello, own, estate.by)
    with pytest.raises(Refusal, match="10 test invokes within a minute"):
        asked(hello, own, estate.by)
    asked(hello, own, Actor.of(estate.ben))
    Invocation.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    asked(hello, own, estate.by)


# One call and never a second


def test_the_same_form_twice_is_one_call(estate: Estate, hello: Policy, own: Connection) -> None:
    one = asked(hello, own, estate.by, form_token="t")
    assert asked(hello, own, estate.by, form_token="t") == one
    called(one)
    assert asked(hello, own, estate.by, form_token="t") == one
    Invocation.objects.update(wipe_at=None, payload="")
    assert asked(hello, own, estate.by, form_token="t") == one
    assert invoking.run(one.pk) is None
    assert runs(estate) == ["hello_world"]


def test_a_form_that_was_changed_after_it_was_sent_calls_nothing(estate: Estate, hello: Policy, own: Connection) -> None:
    asked(hello, own, estate.by, form_token="t")
    with pytest.raises(Refusal) as refused:
        asked(hello, own, estate.by, '{"other": true}', form_token="t")
    assert refused.value.code == "stale"
    with pytest.raises(Refusal):
        asked(hello, own, Actor.of(factories.person(Role.ADMIN)), form_token="t")
    assert Invocation.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_double_click_is_one_row_also_when_it_is_the_last_one_of_the_minute(
    estate: Estate, hello: Policy, own: Connection
) -> None:
    for _ in range(9):
        asked(hello, own, estate.by)
    found: list[Invocation] = []

    def click() -> None:
        try:
            found.append(asked(hello, own, estate.by, form_token="t"))
        finally:
            connections.close_all()

    clicks = [threading.Thread(target=click) for _ in range(3)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join(20)
    assert len(found) == 3
    assert len({one.pk for one in found}) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_make_one_call(estate: Estate, hello: Policy, own: Connection) -> None:
    one = asked(hello, own, estate.by)

    def work() -> None:
        try:
            invoking.run(one.pk)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    one.refresh_from_db()
    assert one.state == InvocationState.DONE
    assert runs(estate) == ["hello_world"]


def test_a_worker_killed_in_the_middle_leaves_unknown_and_no_second_call(
    estate: Estate, hello: Policy, own: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise SystemExit  # as a kill: after AWS acted, before anything is written

    monkeypatch.setattr(aws_invoking, "_answer", killed)
    one = asked(hello, own, estate.by)
    with pytest.raises(SystemExit):
        invoking.run(one.pk)
    monkeypatch.undo()
    one.refresh_from_db()
    assert one.state == InvocationState.RUNNING
    assert invoking.due(timezone.now()) == []
    assert invoking.run(one.pk) is None, "its message comes again"
    invoking.sweep(timezone.now() + timedelta(seconds=30))
    one.refresh_from_db()
    assert one.state == InvocationState.RUNNING
    invoking.sweep(timezone.now() + sweeping.RUNS_WITHIN + timedelta(seconds=1))
    one.refresh_from_db()
    assert (one.state, one.failure_code) == (InvocationState.UNKNOWN, "worker-lost")
    assert "may have run" in one.failure_next
    assert invoking.run(one.pk) is None
    assert invoking.due(timezone.now()) == []
    assert runs(estate) == ["hello_world"]
    assert Event.objects.filter(verb="invocation.ended").count() == 1


def test_a_worker_killed_before_the_call_leaves_it_to_the_next(
    estate: Estate, hello: Policy, own: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = asked(hello, own, estate.by)
    monkeypatch.setattr(running, "_take", lambda _: (_ for _ in ()).throw(SystemExit))
    with pytest.raises(SystemExit):
        invoking.run(one.pk)
    monkeypatch.undo()
    assert invoking.due(timezone.now()) == [one]
    assert called(one).state == InvocationState.DONE
    assert runs(estate) == ["hello_world"]


def test_a_lost_answer_is_unknown_and_not_asked_again(estate: Estate, hello: Policy, own: Connection) -> None:
    estate.sandbox.faults.add("Invoke", "after", "drop")
    one = called(asked(hello, own, estate.by))
    assert one.state == InvocationState.UNKNOWN
    assert "may have run" in one.failure_next
    assert runs(estate) == ["hello_world"]
    assert len(estate.sandbox.journal.of("Invoke")) == 1, "botocore tried again"


def test_a_function_that_takes_too_long_is_unknown(
    estate: Estate, hello: Policy, own: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_invoking, "ANSWER_WITHIN", 0.3)
    estate.sandbox.faults.add("Invoke", "after", "hold")
    one = called(asked(hello, own, estate.by))
    estate.sandbox.faults.release()
    assert (one.state, one.failure_code) == (InvocationState.UNKNOWN, "Timeout")
    assert runs(estate) == ["hello_world"]


@pytest.mark.parametrize(
    ("code", "status", "state"),
    [
        ("ServiceException", 500, InvocationState.UNKNOWN),
        ("", 502, InvocationState.UNKNOWN),
        ("EC2ThrottledException", 502, InvocationState.REFUSED),
        ("KMSDisabledException", 502, InvocationState.REFUSED),
        ("TooManyRequestsException", 429, InvocationState.REFUSED),
        ("AccessDeniedException", 403, InvocationState.REFUSED),
        ("ExpiredTokenException", 403, InvocationState.REFUSED),
        ("ResourceNotFoundException", 404, InvocationState.REFUSED),
        ("ResourceConflictException", 409, InvocationState.REFUSED),
        ("RequestTooLargeException", 413, InvocationState.REFUSED),
        ("SnapStartNotReadyException", 409, InvocationState.REFUSED),
    ],
)
def test_refused_says_that_nothing_ran_and_the_rest_is_unknown(
    estate: Estate, hello: Policy, own: Connection, code: str, status: int, state: str
) -> None:
    estate.sandbox.faults.add("Invoke", "before", "error", code, status)
    one = called(asked(hello, own, estate.by))
    assert one.state == state
    assert one.failure
    assert one.failure_next
    assert "tried again by itself" not in one.failure + one.failure_next
    assert len(estate.sandbox.journal.of("Invoke")) == 1, "it was tried again"


def test_a_denial_names_the_half_that_is_missing(estate: Estate, consumer: Consumer) -> None:
    estate.sandbox.put_policy(consumer.policy.arn, None)
    one = called(asked(consumer.policy, consumer.door, consumer.by))
    assert (one.state, one.failure_code) == (InvocationState.REFUSED, "AccessDeniedException")
    assert "its owner must share it" in one.failure_next
    assert runs(estate) == []


def test_a_role_that_cannot_be_entered_calls_nothing(estate: Estate, hello: Policy, own: Connection) -> None:
    estate.sandbox.delete_role(estate.owner.number, "fnshare-invoker")
    one = called(asked(hello, own, estate.by))
    assert one.state == InvocationState.REFUSED
    assert "assume the role" in one.failure
    assert estate.sandbox.journal.of("Invoke") == []


def test_one_that_cannot_enter_does_not_end_what_another_worker_took(
    estate: Estate, hello: Policy, own: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = asked(hello, own, estate.by)

    def enters_late(*_: Any, **__: Any) -> None:
        Invocation.objects.filter(pk=one.pk).update(state=InvocationState.RUNNING, started_at=timezone.now())
        raise aws_invoking.NotRun("no")

    monkeypatch.setattr(running, "Invoker", enters_late)
    assert called(one).state == InvocationState.RUNNING


def test_what_no_worker_took_in_time_is_not_called(estate: Estate, hello: Policy, own: Connection) -> None:
    one = asked(hello, own, estate.by)
    Invocation.objects.update(created_at=timezone.now() - timedelta(minutes=6))
    one = called(one)
    assert (one.state, one.failure_code) == (InvocationState.REFUSED, "not-taken")
    assert runs(estate) == []


def test_only_so_many_run_at_once(estate: Estate, hello: Policy, own: Connection) -> None:
    for _ in range(2):
        asked(hello, own, estate.by)
    Invocation.objects.update(state=InvocationState.RUNNING, started_at=timezone.now())
    outcome = invoking.run(asked(hello, own, estate.by).pk)
    assert outcome is not None
    assert outcome.again_in
    assert runs(estate) == []


def test_only_so_many_run_at_once_also_when_many_threads_enter_at_the_same_time(
    estate: Estate, hello: Policy, own: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [asked(hello, own, estate.by).pk for _ in range(2)]
    one = asked(hello, own, estate.by)

    def enters(*args: Any, **kwargs: Any) -> aws_invoking.Invoker:
        entered = aws_invoking.Invoker(*args, **kwargs)
        Invocation.objects.filter(pk__in=others).update(state=InvocationState.RUNNING, started_at=timezone.now())
        return entered

    monkeypatch.setattr(running, "Invoker", enters)
    outcome = invoking.run(one.pk)
    assert outcome is not None
    assert outcome.again_in
    assert runs(estate) == []
    one.refresh_from_db()
    assert (one.state, one.started_at) == (InvocationState.QUEUED, None)
    Invocation.objects.filter(pk__in=others).update(state=InvocationState.DONE)
    others.clear()
    assert called(one).state == InvocationState.DONE


def test_an_answer_that_comes_after_it_was_given_up_is_still_the_answer(estate: Estate, hello: Policy, own: Connection) -> None:
    one = asked(hello, own, estate.by)
    Invocation.objects.filter(pk=one.pk).update(state=InvocationState.UNKNOWN)
    said = aws_invoking.Answer(200, "", '"late"', 6, False, None, "1", "r", 5)
    assert running._answered(one, said, home=True).state == InvocationState.DONE


# The session


def test_the_session_can_call_this_one_function_and_nothing_else(estate: Estate, hello: Policy, own: Connection) -> None:
    invoker = aws_invoking.Invoker(connecting.invoker_role(own), hello.arn, session_name="fnshare-invoke-1")
    call = estate.sandbox.journal.of("AssumeRole")[-1]
    assert call.parameters_summary["DurationSeconds"] == "900"
    invoker._arn = FunctionArn.parse(estate.policy("tax-rates").arn)
    with pytest.raises(aws_invoking.NotRun):
        invoker.invoke("RequestResponse", b"{}", log_tail=False)
    assert runs(estate) == []


# What is kept, for how long, for whom


def test_fifteen_minutes_then_nobody_sees_it_and_the_sweep_empties_it(estate: Estate, hello: Policy, own: Connection) -> None:
    one = called(asked(hello, own, estate.by, f'"{CANARY}"'))
    now = timezone.now()
    shown = invoking.for_owner(estate.by, now).get(pk=one.pk)
    assert (shown.shown_payload, shown.shown_answer, bool(shown.shown_log)) == (f'"{CANARY}"', '"Hello world."', True)
    later = now + timedelta(minutes=15, seconds=1)
    gone = invoking.for_owner(estate.by, later).get(pk=one.pk)
    assert (gone.in_time, gone.shown_payload, gone.shown_answer, gone.shown_log) == (False, "", "", "")
    invoking.sweep(now + timedelta(minutes=14))
    one.refresh_from_db()
    assert one.payload
    invoking.sweep(later)
    one.refresh_from_db()
    assert (one.payload, one.answer, one.log_tail, one.wipe_at) == ("", "", "", None)
    assert (one.state, one.payload_size) == (InvocationState.DONE, len(CANARY) + 2)


def test_an_answer_that_comes_after_its_time_is_not_kept(estate: Estate, hello: Policy, own: Connection) -> None:
    one = asked(hello, own, estate.by)
    Invocation.objects.update(wipe_at=timezone.now() - timedelta(seconds=1))
    one.refresh_from_db()
    one = called(one)
    assert (one.state, one.answer, one.log_tail) == (InvocationState.DONE, "", "")


def test_nobody_else_is_shown_one_admins_included(estate: Estate, hello: Policy, own: Connection, consumer: Consumer) -> None:
    mine = asked(hello, own, estate.by)
    theirs = asked(consumer.policy, consumer.door, consumer.by)
    now = timezone.now()
    for role in Role:
        other = factories.person(role)
        factories.membership(other, estate.accounts["Acme Retail"])
        assert not invoking.for_owner(Actor.of(other), now).exists()
        assert not invoking.for_consumer(Actor.of(other), now).exists()
    assert list(invoking.for_owner(estate.by, now)) == [mine]
    assert list(invoking.for_consumer(consumer.by, now)) == [theirs]
    assert not invoking.for_owner(consumer.by, now).exists()
    assert not invoking.for_owner(Actor.at_shell("root"), now).exists()


def test_payload_answer_and_log_are_nowhere_else(
    estate: Estate, own: Connection, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A canary goes out and comes back in every way a call can end; then every table and everything logged is searched."""
    caplog.set_level("DEBUG", logger="sharing")
    echo = estate.policy("tax-rates")
    function = estate.sandbox.function(estate.policy("stock-levels").arn)
    assert function is not None
    function.answer = {"secret": CANARY}
    called(asked(echo, own, estate.by, f'{{"secret": "{CANARY}"}}'))
    called(asked(estate.policy("stock-levels"), own, estate.by))
    for when, effect, code, status in (
        ("before", "error", "InvalidRequestContentException", 400),
        ("before", "error", "SomethingElseException", 400),
        ("before", "error", "ServiceException", 500),
        ("after", "drop", "", 0),
    ):
        said = f"Could not parse request body into json: Unrecognized token '{CANARY}'"
        estate.sandbox.faults.add("Invoke", when, effect, code, status, said)  # type: ignore[arg-type]
        called(asked(echo, own, estate.by, f'"{CANARY}"'))
    assert Invocation.objects.filter(payload__contains=CANARY).count() == 5
    assert Invocation.objects.filter(answer__contains=CANARY).count() == 2
    assert Event.objects.filter(verb="invocation.ended").count() == 6
    kept = {"payload", "answer", "log_tail"}
    for model in apps.get_models(include_auto_created=True):
        for row in model._default_manager.values():
            found = {name for name, value in row.items() if CANARY in str(value)}
            assert found <= (kept if model is Invocation else set()), (model, found)
    assert CANARY not in caplog.text
    told = capfd.readouterr()
    assert CANARY not in told.out + told.err
    invoking.sweep(timezone.now() + timedelta(minutes=16))
    assert CANARY not in str(list(Invocation.objects.values()))


def test_the_history_says_who_called_what_how_and_how_it_ended(estate: Estate, hello: Policy, own: Connection) -> None:
    called(asked(hello, own, estate.by))
    first, last = Event.objects.filter(verb__startswith="invocation.").order_by("sequence")
    assert (first.verb, last.verb) == ("invocation.asked", "invocation.ended")
    for event in (first, last):
        assert (event.person, event.function, event.detail["kind"]) == (estate.ann, hello.function, SYNC)
        assert event.detail["bytes"] == 2
    assert "answered" in last.text
    assert last.request_id
