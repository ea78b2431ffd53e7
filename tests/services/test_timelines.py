"""Timelines of a statement, a function and an account: who did it where that is known, else between which two reads."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sharing.aws.functions import StoredPolicy
from sharing.models import Actor, Event, Function, Policy, PolicyVersion, Reading, Role, Sync, SyncKind, SyncState
from sharing.policy import parse
from sharing.policy.following import statement_key
from sharing.services import granting, history, syncing, timelines
from sharing.services.errors import NotFound
from tests import factories
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db

PLATFORM, ACME, GLOBEX, STRANGER = "444455556666", "111122223333", "222233334444", "999900001111"
BY = Actor.system()
T0 = timezone.now() - timedelta(days=10)


@pytest.fixture
def function() -> Function:
    made = factories.function("label-uploads", factories.account("Platform", PLATFORM))
    made.policies.update(read_at=None, reading=Reading.UNREAD)
    return made


def root(number: str = ACME) -> dict[str, str]:
    return {"AWS": f"arn:aws:iam::{number}:root"}


def statement(function: Function, sid: str | None, principal: Any, **more: Any) -> dict[str, Any]:
    made = {"Effect": "Allow", "Principal": principal, "Action": "lambda:InvokeFunction", "Resource": function.arn, **more}
    return {"Sid": sid, **made} if sid else made


def read(function: Function, day: float, *statements: dict[str, Any]) -> Policy:
    """What a read on that day found."""
    policy = function.policies.get(qualifier="")
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    stored = StoredPolicy(text, "r") if statements else None
    syncing.store_policy(policy, stored, read_at=T0 + timedelta(days=day))
    return policy


def swept(function: Function, day: float) -> None:
    """A sync that found nothing new."""
    at = T0 + timedelta(days=day)
    place = {"account": function.account, "region": function.region, "kind": SyncKind.SWEEP, "requested_as": "x"}
    Sync.objects.create(state=SyncState.DONE, started_at=at, finished_at=at, **place)


def story(policy: Policy, key: str) -> list[tuple[str, float | None, float]]:
    """The changes, oldest first: kind, and the days of the two reads."""
    found = [entry for entry in reversed(timelines.of_statement(policy, key, by=BY).entries) if entry.version]
    return [(entry.changes[0].kind, _day(entry.since), _day(entry.at)) for entry in found]  # type: ignore[misc]


def _day(at: Any) -> float | None:
    return round((at - T0).total_seconds() / 86400, 2) if at else None


def test_a_statement_is_told_from_read_to_read(function: Function) -> None:
    theirs, others = statement(function, "theirs", root()), statement(function, "others", root(GLOBEX))
    read(function, 0)
    swept(function, 1)
    read(function, 2, theirs)
    read(function, 3, theirs, others)
    read(function, 4, {**theirs, "Action": "lambda:GetFunction"}, others)
    policy = read(function, 5, others)
    assert story(policy, "theirs") == [("appeared", 1.0, 2.0), ("changed", 3.0, 4.0), ("disappeared", 4.0, 5.0)]
    assert story(policy, "others") == [("appeared", 2.0, 3.0)]
    found = timelines.of_statement(policy, "theirs", by=BY)
    assert found.now == ()
    assert [entry.at for entry in found.entries] == sorted((entry.at for entry in found.entries), reverse=True)
    changed = next(entry.changes[0] for entry in found.entries if entry.changes and entry.changes[0].kind == "changed")
    assert {(line.sign, line.text.strip()) for line in changed.lines if line.sign != " "} == {
        ("-", '"Action": "lambda:InvokeFunction",'),
        ("+", '"Action": "lambda:GetFunction",'),
    }
    assert not changed.by.known
    assert changed.by.text.startswith("Outside fnshare")


def test_what_was_there_at_the_first_read_came_nobody_knows_when(function: Function) -> None:
    policy = read(function, 0, statement(function, "theirs", root()))
    assert story(policy, "theirs") == [("first-read", None, 0.0)]
    change = timelines.of_statement(policy, "theirs", by=BY).entries[0].changes[0]
    assert (change.by.known, change.by.text) == (False, ""), "whether fnshare made it is not known either"


def test_another_spelling_is_no_change(function: Function) -> None:
    read(function, 0, statement(function, "theirs", root()))
    policy = read(function, 1, statement(function, "theirs", {"AWS": ACME}))
    assert len(story(policy, "theirs")) == 1


def test_a_statement_without_a_sid_is_followed_by_its_content(function: Function) -> None:
    bare = statement(function, None, root())
    read(function, 0)
    read(function, 1, bare)
    policy = read(function, 2, statement(function, None, root(GLOBEX)))
    key = statement_key(parse({"Statement": [bare]}).statements[0])
    assert [kind for kind, _, _ in story(policy, key)] == ["appeared", "disappeared"]


@pytest.mark.parametrize(
    ("sid", "tool"),
    [
        ("terraform-20260114103015123400000001", "Terraform"),
        ("images-prod-GlobexPermission-8H2M4VWZ0R6C", "stack images-prod"),
        ("fnshare-0123456789abcdef0123456789abcdef", "another installation"),
        ("hello", "do not tell"),
    ],
)
def test_the_origin_that_a_sid_tells_is_said(function: Function, sid: str, tool: str) -> None:
    read(function, 0)
    policy = read(function, 1, statement(function, sid, root()))
    assert tool in timelines.of_statement(policy, sid, by=BY).entries[0].changes[0].by.text


def test_out_of_scope_and_never_seen_are_the_same(function: Function) -> None:
    policy = read(function, 0, statement(function, "theirs", root()))
    stranger = Actor.of(factories.person(Role.OWNER, accounts=[factories.account()]))
    for key, by in (("theirs", stranger), ("no-such", BY), ("~0", BY)):
        with pytest.raises(NotFound) as caught:
            timelines.of_statement(policy, key, by=by)
        assert caught.value.message == "That statement is not known here."


def test_what_cannot_be_read_any_more_is_told_as_last_read(function: Function) -> None:
    policy = read(function, 0, statement(function, "theirs", root()))
    syncing.mark_unread(policy, "AWS refuses.", timezone.now())
    found = timelines.of_statement(policy, "theirs", by=BY)
    assert found.now
    assert "AWS refuses." in found.stale


@pytest.fixture
def estate(sandbox: "Sandbox") -> Estate:
    return Estate(sandbox)


def test_what_fnshare_did_is_told_with_who_why_and_the_request_of_aws(estate: Estate) -> None:
    policy = estate.read(estate.policy("hello_world"))
    grant = estate.shared(policy, ACME)
    granting.revoke(grant, by=Actor.of(estate.ben), reason="No longer needed")
    gone = granting.reconcile(grant.pk)
    assert gone is not None
    assert gone.grant.state == "revoked"
    policy.refresh_from_db()
    found = [entry for entry in timelines.of_statement(policy, grant.sid, by=estate.by).entries if entry.version]
    took, gave = (entry.changes[0] for entry in found)
    assert (gave.kind, gave.by.known, gave.by.text) == ("appeared", True, "Shared by ann@example.com.")
    assert gave.by.grant == grant
    assert gave.by.event is not None
    assert gave.by.event.request_id
    assert (took.kind, took.by.text) == ("disappeared", "Taken back by ben@example.com.")
    assert took.by.grant is not None
    assert took.by.grant.revoke_reason == "No longer needed"
    verbs = [entry.event.verb for entry in timelines.of_statement(policy, grant.sid, by=estate.by).entries if entry.event]
    assert "grant.active" not in verbs, "told with the change it made"
    assert "grant.revoke-asked" in verbs


def test_a_grants_statement_that_others_removed_is_not_laid_on_fnshare(estate: Estate) -> None:
    policy = estate.read(estate.policy("hello_world"))
    grant = estate.shared(policy, ACME)
    other = statement(policy.function, "other", root(GLOBEX))
    estate.sandbox.put_policy(policy.arn, {"Version": "2012-10-17", "Statement": [other]})
    estate.read(policy)
    gone = next(entry for entry in timelines.of_statement(policy, grant.sid, by=estate.by).entries if entry.version)
    assert (gone.changes[0].kind, gone.changes[0].by.known) == ("disappeared", False)


def test_two_lives_of_one_sid_each_have_their_own_grant(estate: Estate) -> None:
    policy = estate.read(estate.policy("hello_world"))
    grant = estate.shared(policy, ACME)
    granting.revoke(grant, by=estate.by)
    granting.reconcile(grant.pk)
    grant.refresh_from_db()
    again = estate.settle(granting.undo(grant, by=Actor.of(estate.ben), form_token="again"))
    assert again.sid == grant.sid
    policy.refresh_from_db()
    found = [entry.changes[0] for entry in timelines.of_statement(policy, grant.sid, by=estate.by).entries if entry.version]
    assert [(one.kind, one.by.grant) for one in found] == [("appeared", again), ("disappeared", grant), ("appeared", grant)]


def entries(function: Function, by: Actor = BY) -> list[timelines.Entry]:
    return timelines.function_entries(list(timelines.function_index(function, by=by)), by=by)


def test_a_functions_timeline_tells_events_and_what_reads_showed(function: Function) -> None:
    read(function, 0)
    read(function, 1, statement(function, "theirs", root()))
    history.record("check.done", "Tried.", by=BY, function=function)
    told = entries(function)
    assert [(entry.event.verb if entry.event else entry.changes[0].kind) for entry in told] == ["check.done", "appeared"]
    assert (_day(told[1].since), _day(told[1].at)) == (0.0, 1.0)
    # The same change was recorded as an event too, and is told once.
    assert Event.objects.filter(verb="policy.changed").count() == 1


def test_a_policy_written_anew_with_the_same_meaning_says_so(function: Function) -> None:
    one, other = statement(function, "a", root()), statement(function, "b", root(GLOBEX))
    read(function, 0, one, other)
    read(function, 1, other, one)
    assert "the same statements" in entries(function)[0].note


def test_a_functions_timeline_costs_the_same_however_long_it_is(function: Function) -> None:
    read(function, 0, statement(function, "s0", root()))
    read(function, 0.5, statement(function, "s1", root()))
    history.record("check.done", "Tried.", by=BY, function=function)

    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            entries(function)
        return len(captured)

    before = count()
    for number in range(2, 30):
        read(function, 1 + number / 10, statement(function, f"s{number}", root(GLOBEX)))
        history.record("check.done", "Tried.", by=BY, function=function)
    assert count() == before
    policy = function.policies.get(qualifier="")
    with CaptureQueriesContext(connection) as captured:
        timelines.of_statement(policy, "s3", by=BY)
    few = len(captured)
    read(function, 5, statement(function, "s3", root()))
    with CaptureQueriesContext(connection) as captured:
        timelines.of_statement(policy, "s3", by=BY)
    assert len(captured) == few


def kinds(number: str, by: Actor = BY, **asked: Any) -> list[str]:
    found = timelines.of_account(number, by=by, **asked)
    return [entry.event.verb if entry.event else entry.changes[0].kind for entry in found.entries]


def test_an_accounts_timeline_tells_what_names_it_and_what_was_decided_for_it(function: Function) -> None:
    acme = factories.account("Acme Retail", ACME)
    read(function, 0, statement(function, "others", root(GLOBEX)))
    read(function, 1, statement(function, "others", root(GLOBEX)), statement(function, "theirs", root()))
    source = {"StringEquals": {"AWS:SourceAccount": ACME}}
    bucket = statement(function, "bucket", {"Service": "s3.amazonaws.com"}, Condition=source)
    read(function, 2, statement(function, "theirs", root()), bucket)
    read(function, 3, bucket)
    grant = factories.grant(function, ACME)
    history.record("grant.active", "AWS holds it.", by=BY, grant=grant)
    history.record("account.named", "It has a name.", by=BY, account=acme)
    history.record("account.named", "Another.", by=BY, account=factories.account())
    found = timelines.of_account(ACME, by=BY)
    assert kinds(ACME) == ["account.named", "grant.active", "disappeared", "appeared", "appeared"]
    assert [change.name for entry in found.entries for change in entry.changes] == ["theirs", "bucket", "theirs"]
    assert (found.account, found.grants, found.functions, found.older) == (acme, 1, 1, None)


def test_a_stranger_has_a_timeline_too(function: Function) -> None:
    read(function, 0)
    read(function, 1, statement(function, "theirs", {"AWS": f"arn:aws:iam::{STRANGER}:role/x"}))
    found = timelines.of_account(STRANGER, by=BY)
    assert kinds(STRANGER) == ["appeared"]
    assert (found.account, found.functions) == (None, 1)
    assert kinds("000000000000") == []


def test_an_owner_is_not_named_by_the_arns_of_its_own_functions(function: Function) -> None:
    read(function, 0, statement(function, "theirs", root()))
    assert "first-read" not in kinds(PLATFORM)


def test_an_owner_is_named_by_its_own_roles_and_triggers(function: Function) -> None:
    read(function, 0, statement(function, "theirs", root()))
    topic = {"ArnLike": {"AWS:SourceArn": f"arn:aws:sns:us-east-1:{PLATFORM}:orders"}}
    read(function, 1, statement(function, "topic", {"Service": "sns.amazonaws.com"}, Condition=topic))
    read(function, 2, statement(function, "role", {"AWS": f"arn:aws:iam::{PLATFORM}:role/x"}))
    read(function, 3, statement(function, "whole", {"AWS": PLATFORM}))
    found = [change.name for entry in timelines.of_account(PLATFORM, by=BY).entries for change in entry.changes]
    assert found == ["whole", "role", "role", "topic", "topic"]


def test_the_policies_of_an_owner_that_do_not_name_it_are_not_looked_through(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharing.services.timelines.accounts._LOOKED", 3)
    for number in range(9):
        read(function, number, statement(function, f"s{number}", root()))
    assert timelines.of_account(PLATFORM, by=BY, since=T0, until=T0 + timedelta(days=5)).older is None


def test_what_is_out_of_scope_never_shows(function: Function) -> None:
    factories.account("Acme Retail", ACME)
    other = factories.account("Other")
    read(function, 0)
    read(function, 1, statement(function, "theirs", root()))
    grant = factories.grant(function, ACME)
    history.record("grant.active", "AWS holds it.", by=BY, grant=grant)
    stranger = Actor.of(factories.person(Role.AUDITOR, accounts=[other]))
    found = timelines.of_account(ACME, by=stranger)
    assert (found.entries, found.grants, found.functions) == ((), 0, 0)
    inactive = factories.person(Role.AUDITOR)
    inactive.is_active = False
    assert timelines.of_account(ACME, by=Actor.of(inactive)).entries == ()


def test_days_narrow_it_and_pages_tell_everything_once(function: Function) -> None:
    theirs = statement(function, "theirs", root())
    read(function, 0)
    for number in range(1, 13):
        read(function, number / 2, *([theirs] if number % 2 else []))
        history.record("account.seen", f"{number}", by=BY, account=function.account)
    acme = Actor.system()
    told: list[Any] = []
    before = None
    for _ in range(20):
        found = timelines.of_account(ACME, by=acme, before=before, size=5)
        told += [entry.version for entry in found.entries]
        before = found.older
        if before is None:
            break
    assert len(told) == len(set(told)) == 12
    since, until = T0 + timedelta(days=2), T0 + timedelta(days=3)
    assert [_day(entry.at) for entry in timelines.of_account(ACME, by=BY, since=since, until=until).entries] == [2.5, 2.0]


def test_many_lines_of_one_moment_are_told_together_and_the_pages_end(function: Function) -> None:
    at = T0 + timedelta(days=1)
    for number in range(8):
        Event.objects.create(verb="account.seen", text=f"{number}", actor="x", account=function.account, at=at)
    Event.objects.create(verb="account.seen", text="old", actor="x", account=function.account, at=T0)
    texts, before = [], None
    for _ in range(10):
        found = timelines.of_account(PLATFORM, by=BY, before=before, size=3)
        texts += [entry.event.text for entry in found.entries if entry.event]
        before = found.older
        if before is None:
            break
    assert before is None
    assert "old" in texts


def test_an_accounts_timeline_costs_the_same_however_much_there_is(function: Function) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            timelines.of_account(ACME, by=BY)
        return len(captured)

    read(function, 0)
    read(function, 1, statement(function, "theirs", root()))
    before = count()
    for number in range(40):
        another = factories.function(f"f{number}", function.account)
        another.policies.update(read_at=None)
        read(another, 1, statement(another, "theirs", root()))
        history.record("grant.active", "AWS holds it.", by=BY, grant=factories.grant(another, ACME))
    assert count() == before


def test_only_so_many_contents_are_looked_through_for_one_page(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.services.timelines.accounts._LOOKED", 3)
    theirs = statement(function, "theirs", root())
    read(function, 0)
    read(function, 1, theirs)
    for number in range(2, 9):
        read(function, number, theirs, statement(function, f"s{number}", root(GLOBEX)))
    assert PolicyVersion.objects.count() == 9
    found, before, pages = [], None, 0
    while pages < 20:
        page = timelines.of_account(ACME, by=BY, before=before)
        found += [change.kind for entry in page.entries for change in entry.changes]
        pages += 1
        before = page.older
        if before is None:
            break
    assert found == ["appeared"]
    assert 1 < pages < 9


def test_of_very_many_contents_the_newest_are_told(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.services.timelines.statements._VERSIONS", 3)
    theirs = statement(function, "theirs", root())
    read(function, 0)
    for number in range(1, 6):
        policy = read(function, number, theirs, statement(function, f"s{number}", root(GLOBEX)))
    policy = read(function, 6)
    assert story(policy, "theirs") == [("disappeared", 5.0, 6.0)]
