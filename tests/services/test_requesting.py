"""Requests for access: what may be asked, that asking tells nothing, who decides, and what it becomes."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sharing.models import (
    AccessRequest,
    Account,
    Actor,
    Event,
    Function,
    Grant,
    GrantState,
    Notice,
    NoticeState,
    Purpose,
    RequestKind,
    RequestState,
    Role,
    User,
)
from sharing.services import granting, mailing, memberships, notices, requesting
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.requesting import asking
from tests import factories
from tests.services.test_granting_deciding import together

pytestmark = pytest.mark.django_db

ACME = "111122223333"
ROLE = f"arn:aws:iam::{ACME}:role/apps/order-processor"
INVOKE = "lambda:InvokeFunction"


@pytest.fixture
def acme() -> Account:
    return factories.account("Acme", ACME)


@pytest.fixture
def jo(acme: Account) -> User:
    return factories.acting("jo@acme.example", acme)


@pytest.fixture
def function() -> Function:
    return factories.shareable()


@pytest.fixture
def ann(function: Function) -> User:
    return factories.person(Role.OWNER, email="ann@example.com", accounts=[function.account])


@pytest.fixture
def ben(function: Function) -> User:
    return factories.person(Role.OWNER, email="ben@example.com", accounts=[function.account])


def ask(person: User, account: Account, asked_for: str, **given: Any) -> AccessRequest:
    given = {"action": INVOKE, "reason": "OPS-1", "ends_at": timezone.now() + timedelta(days=30), **given}
    return requesting.ask(by=Actor.of(person), account=account, asked_for=asked_for, **given)


def asked(person: User, account: Account, function: Function, **given: Any) -> AccessRequest:
    """Asked, and taken up by a worker."""
    wish = ask(person, account, function.arn, **given)
    requesting.take_up(wish.pk)
    return again(wish)


def again(wish: AccessRequest) -> AccessRequest:
    return AccessRequest.objects.get(pk=wish.pk)


def active(function: Function, *, days: float = 5, **fields: Any) -> Grant:
    return factories.grant(function, ACME, ends_at=timezone.now() + timedelta(days=days), **fields)


def approve(wish: AccessRequest, by: User, **more: Any) -> requesting.Decided:
    policy = requesting.policy_of(wish)
    assert policy is not None
    changed = {name: more.pop(name) for name in ("action", "principal", "ends_at") if name in more}
    plan = requesting.plan_of(wish, by=Actor.of(by), policy=policy, **{"ends_at": wish.ends_at, **changed})
    return requesting.approve(wish, by=Actor.of(by), plan=plan, **more)


def delivered() -> list[Any]:
    mail.outbox.clear()
    for notice in notices.due(timezone.now()):
        mailing.send(notice.pk)
    return list(mail.outbox)


# Asking


def test_a_wish_is_kept_and_the_owners_are_told_by_a_worker(jo: User, acme: Account, function: Function, ann: User) -> None:
    wish = ask(jo, acme, function.arn)
    assert (wish.state, wish.policy, Notice.objects.count()) == (RequestState.OPEN, None, 0)
    assert requesting.due(timezone.now()) == [wish]
    assert [notice.to for notice in requesting.take_up(wish.pk)] == [ann.email]
    assert requesting.take_up(wish.pk) == []
    assert requesting.due(timezone.now()) == []
    assert again(wish).policy == function.policies.get()
    assert list(Event.objects.values_list("verb", flat=True).order_by("sequence")) == ["request.made", "request.received"]


@pytest.mark.parametrize(
    "which",
    [
        "arn:aws:lambda:us-east-1:444455556666:function:label-uploads",
        "arn:aws:lambda:us-east-1:444455556666:function:no-such-thing",
        "arn:aws:lambda:us-east-1:444455556666:function:label-uploads:no-such-alias",
        "arn:aws:lambda:eu-west-1:999900001111:function:another-account-s",
        "arn:aws:lambda:us-east-1:444455556666:function:gone",
    ],
)
def test_asking_does_the_same_work_whether_it_exists_or_not(jo: User, acme: Account, function: Function, which: str) -> None:
    factories.function("gone", function.account, vanished_at=timezone.now())
    with CaptureQueriesContext(connection) as usual:
        ask(jo, acme, function.arn)
    with CaptureQueriesContext(connection) as captured:
        wish = ask(jo, acme, which)
    assert not any("sharing_function" in query["sql"] or "sharing_policy" in query["sql"] for query in captured)
    assert len(captured) == len(usual)
    requesting.take_up(wish.pk)
    known = which == function.arn
    assert (again(wish).policy is not None) == known
    assert again(wish).state == RequestState.OPEN


def test_a_form_sent_twice_is_one_wish(jo: User, acme: Account, function: Function) -> None:
    first = ask(jo, acme, function.arn, form_token="form")
    assert ask(jo, acme, function.arn, form_token="form") == first
    assert AccessRequest.objects.count() == 1


def test_somebody_else_s_form_token_gives_nothing_away(jo: User, acme: Account, function: Function) -> None:
    ask(jo, acme, function.arn, form_token="form")
    kim = factories.person(Role.CONSUMER)
    factories.membership(kim, acme)
    with pytest.raises(Refusal) as refusal:
        ask(kim, acme, function.arn, form_token="form")
    assert refusal.value.code == "stale"


def test_nobody_asks_for_an_account_that_is_not_theirs(jo: User, acme: Account, function: Function) -> None:
    with pytest.raises(NotFound):
        ask(jo, factories.account("Globex"), function.arn)
    memberships.end(jo.memberships.get(), by=Actor.of(jo))
    with pytest.raises(NotFound):
        ask(jo, acme, function.arn)
    assert not AccessRequest.objects.exists()


@pytest.mark.parametrize("by", [Actor.at_shell("root"), Actor.system()])
def test_only_somebody_who_signed_in_asks(acme: Account, by: Actor) -> None:
    with pytest.raises(NotPermitted):
        requesting.ask(by=by, account=acme, asked_for="x", action=INVOKE, reason="x", ends_at=None)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"asked_for": "label-uploads"}, "asked_for"),
        ({"asked_for": "arn:aws:s3:::bucket"}, "asked_for"),
        ({"action": "lambda:*"}, "action"),
        ({"reason": "   "}, "reason"),
        ({"principal": "arn:aws:iam::999988887777:role/other"}, "principal"),
        ({"principal": "everyone"}, "principal"),
        ({"principal": "s3.amazonaws.com"}, "principal"),
        ({"principal": "o-k3s8w1q9zt"}, "principal"),
        ({"ends_at": timezone.now() - timedelta(days=1)}, "ends_at"),
    ],
)
def test_what_cannot_be_meant_is_refused_on_its_field(
    jo: User, acme: Account, function: Function, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refusal) as refusal:
        ask(jo, acme, **{"asked_for": function.arn, **given})
    assert refusal.value.field == field
    assert not AccessRequest.objects.exists()


def test_there_is_an_end_to_asking(jo: User, acme: Account, function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(asking.A_MINUTE):
        ask(jo, acme, function.arn)
    with pytest.raises(Refusal, match="within a minute") as refusal:
        ask(jo, acme, function.arn)
    assert refusal.value.code == "too-many"
    AccessRequest.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    monkeypatch.setattr(asking, "OPEN_AT_MOST", 6)
    ask(jo, acme, function.arn)
    with pytest.raises(Refusal, match="6 requests for account 1111 2222 3333 wait"):
        ask(jo, acme, function.arn)
    requesting.withdraw(AccessRequest.objects.first(), by=Actor.of(jo))  # type: ignore[arg-type]
    ask(jo, acme, function.arn)


def test_an_account_whose_proof_fails_asks_nothing(jo: User, acme: Account, function: Function) -> None:
    checker = factories.connection(acme, Purpose.CHECKER)
    ask(jo, acme, function.arn)
    checker.proof_failed_since = timezone.now()
    checker.save()
    with pytest.raises(Refusal) as refusal:
        ask(jo, acme, function.arn)
    assert refusal.value.code == "paused"


def test_a_colleague_asks_for_an_account_in_their_scope(acme: Account, function: Function, ann: User) -> None:
    kim = factories.person(Role.AUDITOR, accounts=[acme, function.account])
    wish = asked(kim, acme, function)
    assert wish.policy is not None
    with pytest.raises(NotFound):
        ask(kim, factories.account(), function.arn)


def test_one_withdraws_one_s_own_and_only_while_it_is_open(jo: User, acme: Account, function: Function) -> None:
    wish = ask(jo, acme, function.arn)
    other = factories.person(Role.CONSUMER)
    factories.membership(other, acme)
    with pytest.raises(NotFound):
        requesting.withdraw(wish, by=Actor.of(other))
    assert requesting.withdraw(wish, by=Actor.of(jo)).state == RequestState.WITHDRAWN
    with pytest.raises(Refusal, match="not open any more"):
        requesting.withdraw(wish, by=Actor.of(jo))


def test_more_and_longer_are_asked_of_what_the_account_was_given(jo: User, acme: Account, function: Function) -> None:
    theirs = active(function)
    active(function, state=GrantState.REQUESTED)
    factories.grant(function, "999988887777")
    organisation = factories.grant(function, ACME)
    Grant.objects.filter(pk=organisation.pk).update(principal_kind="organization")
    assert list(requesting.grants_asked_about(Actor.of(jo))) == [theirs]
    assert not requesting.grants_asked_about(Actor.of(factories.person(Role.ADMIN))).exists()


def test_more_of_something_is_still_about_what_was_typed(jo: User, acme: Account, function: Function, ann: User) -> None:
    theirs = active(function)
    other = factories.function("other", function.account)
    wish = asked(jo, acme, other, kind=RequestKind.MORE, about=theirs)
    assert wish.policy == other.policies.get()
    with pytest.raises(NotFound):
        ask(jo, acme, function.arn, kind=RequestKind.MORE, about=factories.grant(function, "999988887777"))


def test_words_that_turn_or_hide_text_are_kept_without_that(jo: User, acme: Account, function: Function) -> None:
    wish = ask(jo, acme, function.arn, reason="pay\u202etxt.exe\u0007 \u200b now")
    assert wish.reason == "pay txt.exe now"


# Deciding


def test_an_approval_becomes_the_owner_s_grant(jo: User, acme: Account, function: Function, ann: User) -> None:
    wish = asked(jo, acme, function, principal=ROLE)
    decided = approve(wish, ann, answer="Have fun")
    grant = decided.grant
    assert grant is not None
    assert (grant.state, grant.requested_by, grant.principal, grant.ends_at) == (GrantState.PENDING, ann, ROLE, wish.ends_at)
    assert grant.reason == "Asked by jo@acme.example for Acme (111122223333): OPS-1"
    assert (again(wish).state, again(wish).grant, again(wish).changed) == (RequestState.APPROVED, grant, False)
    assert Event.objects.get(verb="request.approved").grant == grant


def test_what_the_owner_changed_is_what_is_granted_and_said(jo: User, acme: Account, function: Function, ann: User) -> None:
    sooner = timezone.now() + timedelta(days=3)
    wish = asked(jo, acme, function)
    decided = approve(wish, ann, principal=ROLE, ends_at=sooner)
    assert decided.grant is not None
    assert (decided.grant.principal, decided.grant.ends_at) == (ROLE, sooner)
    assert again(wish).changed


def test_a_request_is_no_way_to_share_with_others(jo: User, acme: Account, function: Function, ann: User) -> None:
    wish = asked(jo, acme, function)
    for who in ("everyone", "999988887777", "arn:aws:iam::999988887777:role/x", "o-k3s8w1q9zt"):
        with pytest.raises(Refusal):
            approve(wish, ann, principal=who)
    assert not Grant.objects.exists()
    assert again(wish).state == RequestState.OPEN


def test_dangerous_wishes_still_need_a_second_person(jo: User, acme: Account, function: Function, ann: User, ben: User) -> None:
    wish = asked(jo, acme, function, action="lambda:UpdateFunctionCode")
    grant = approve(wish, ann).grant
    assert grant is not None
    assert grant.state == GrantState.REQUESTED
    with pytest.raises(NotPermitted):
        granting.approve(grant, digest=granting.approval_digest(grant), by=Actor.of(ann))
    words = next(one for one in delivered() if one.to == [jo.email]).body
    assert "A second person has to approve it too" in words


def test_a_later_end_is_an_extension(jo: User, acme: Account, function: Function, ann: User) -> None:
    grant = active(function)
    later = timezone.now() + timedelta(days=60)
    wish = asked(jo, acme, function, kind=RequestKind.LONGER, about=grant, ends_at=later)
    decided = requesting.approve(wish, by=Actor.of(ann), ends_at=later)
    grant.refresh_from_db()
    assert (grant.ends_at, decided.grant, again(wish).changed) == (later, grant, False)
    assert Grant.objects.count() == 1
    assert Event.objects.filter(verb="grant.extended", person=ann).exists()


def test_a_later_end_that_is_no_later_is_refused(jo: User, acme: Account, function: Function) -> None:
    grant = active(function)
    with pytest.raises(Refusal, match="already lasts"):
        ask(jo, acme, function.arn, kind=RequestKind.LONGER, about=grant, ends_at=timezone.now() + timedelta(days=2))
    Grant.objects.update(state=GrantState.EXPIRED)
    grant.refresh_from_db()
    with pytest.raises(Refusal, match="no end date to move"):
        ask(jo, acme, function.arn, kind=RequestKind.LONGER, about=grant)


def test_a_lease_that_ended_meanwhile_leaves_the_wish_open(jo: User, acme: Account, function: Function, ann: User) -> None:
    grant = active(function)
    later = timezone.now() + timedelta(days=60)
    wish = asked(jo, acme, function, kind=RequestKind.LONGER, about=grant, ends_at=later)
    Grant.objects.update(state=GrantState.EXPIRED)
    with pytest.raises(Refusal, match="Only an active grant"):
        requesting.approve(again(wish), by=Actor.of(ann), ends_at=later)
    assert again(wish).state == RequestState.OPEN
    assert not Event.objects.filter(verb="request.approved").exists()


def test_an_equal_grant_is_shown_extended_or_doubled(jo: User, acme: Account, function: Function, ann: User) -> None:
    first = approve(asked(jo, acme, function), ann).grant
    assert first is not None
    Grant.objects.update(state=GrantState.ACTIVE)
    wish = asked(jo, acme, function, ends_at=timezone.now() + timedelta(days=99))
    with pytest.raises(Refusal) as refusal:
        approve(wish, ann)
    assert refusal.value.code == "equal"
    assert approve(again(wish), ann, how="extend").grant == first
    other = asked(jo, acme, function, ends_at=timezone.now() + timedelta(days=12))
    second = approve(other, ann, how="anyway").grant
    assert second not in (None, first)


def test_two_owners_at_once_one_wins_and_the_other_is_told(
    jo: User, acme: Account, function: Function, ann: User, ben: User
) -> None:
    wish = asked(jo, acme, function)
    approve(wish, ann)
    with pytest.raises(Refusal, match=r"ann@example.com has approved it already"):
        requesting.decline(wish, by=Actor.of(ben), answer="No")
    with pytest.raises(Refusal, match="already"):
        approve(wish, ben)
    assert Grant.objects.count() == 1


def test_withdrawn_meanwhile_is_told(jo: User, acme: Account, function: Function, ann: User) -> None:
    wish = asked(jo, acme, function)
    requesting.withdraw(wish, by=Actor.of(jo))
    with pytest.raises(Refusal, match="withdrawn in the meantime"):
        approve(wish, ann)
    assert not Grant.objects.exists()


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.CONSUMER, "far owner", "left"])
def test_who_may_not_change_the_function_decides_nothing(
    jo: User, acme: Account, function: Function, ann: User, role: str
) -> None:
    wish = asked(jo, acme, function)
    if role == "far owner":
        person = factories.person(Role.OWNER, accounts=[acme])
    else:
        person = factories.person(Role.ADMIN, is_active=False) if role == "left" else factories.person(role)
    policy = requesting.policy_of(wish)
    assert policy is not None
    plan = requesting.plan_of(wish, by=Actor.of(ann), policy=policy, ends_at=wish.ends_at)
    with pytest.raises((NotFound, NotPermitted)):
        requesting.approve(wish, by=Actor.of(person), plan=plan)
    with pytest.raises((NotFound, NotPermitted)):
        requesting.decline(wish, by=Actor.of(person), answer="No")
    assert again(wish).state == RequestState.OPEN
    assert not Grant.objects.exists()


def test_nobody_decides_their_own_wish(acme: Account, function: Function, ann: User) -> None:
    factories.membership(ann, acme)
    wish = asked(ann, acme, function)
    with pytest.raises(NotPermitted, match="their own"):
        approve(wish, ann)


@pytest.mark.parametrize("what", ["left", "deactivated", "unproved"])
def test_nothing_is_given_to_whom_nobody_acts_for_any_more(
    jo: User, acme: Account, function: Function, ann: User, what: str
) -> None:
    wish = asked(jo, acme, function)
    if what == "left":
        memberships.end(jo.memberships.get(), by=Actor.of(jo))
    elif what == "deactivated":
        User.objects.filter(pk=jo.pk).update(is_active=False)
    else:
        factories.connection(acme, Purpose.CHECKER, proof_failed_since=timezone.now())
    wish = AccessRequest.objects.get()
    with pytest.raises(Refusal) as refusal:
        approve(wish, ann)
    assert refusal.value.code == ("paused" if what == "unproved" else "gone")
    assert not Grant.objects.exists()
    assert requesting.decline(wish, by=Actor.of(ann), answer="No").request.state == RequestState.DECLINED


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_the_same_moment_are_one_decision(
    jo: User, acme: Account, function: Function, ann: User, ben: User
) -> None:
    wish = asked(jo, acme, function)
    results = together(
        lambda: approve(wish, ann), lambda: requesting.decline(wish, by=Actor.of(ben), answer="No"), lambda: approve(wish, ben)
    )
    won = [one for one in results if isinstance(one, requesting.Decided)]
    assert len(won) == 1
    assert all("already" in str(one) for one in results if one not in won), results
    assert Grant.objects.count() == (1 if won[0].grant else 0)
    assert Event.objects.filter(verb__in=("request.approved", "request.declined")).count() == 1


def test_an_unknown_function_is_declined_by_those_who_see_everything(jo: User, acme: Account, ann: User) -> None:
    wish = ask(jo, acme, "arn:aws:lambda:us-east-1:444455556666:function:nothing")
    requesting.take_up(wish.pk)
    admin = factories.person(Role.ADMIN)
    assert not AccessRequest.objects.visible_to(Actor.of(ann)).exists()
    assert AccessRequest.objects.visible_to(Actor.of(admin)).exists()
    with pytest.raises(NotFound):
        requesting.decline(wish, by=Actor.of(ann), answer="No")
    with pytest.raises(Refusal, match="No function with this ARN"):
        requesting.approve(wish, by=Actor.of(admin))
    with pytest.raises(Refusal, match="An answer is missing"):
        requesting.decline(wish, by=Actor.of(admin), answer="  ")
    assert requesting.decline(wish, by=Actor.of(admin), answer="Ask Kim").request.state == RequestState.DECLINED


# Mail


def test_an_owner_s_mail_leads_to_the_request(jo: User, acme: Account, function: Function, ann: User) -> None:
    wish = asked(jo, acme, function, reason="</a><script>alert(1)</script> http://evil.example\r\nBcc: all@example.com")
    (one,) = delivered()
    assert one.to == [ann.email]
    assert one.subject == "[fnshare] Acme asks for access: label-uploads"
    assert f"http://localhost:8000/consumers/requests/{wish.pk}/" in one.body
    html = str(one.alternatives[0].content)
    assert "<script" not in html
    assert "Bcc" not in "".join(one.message().keys())


@pytest.mark.parametrize("what", ["decided", "withdrawn", "out of scope"])
def test_an_owner_s_mail_that_is_late_is_not_sent(
    jo: User, acme: Account, function: Function, ann: User, ben: User, what: str
) -> None:
    wish = asked(jo, acme, function)
    if what == "decided":
        requesting.decline(wish, by=Actor.of(ben), answer="No")
        Notice.objects.filter(kind="request-decided").delete()
    elif what == "withdrawn":
        requesting.withdraw(wish, by=Actor.of(jo))
    else:
        ann.accounts.clear()
        ben.accounts.clear()
    assert delivered() == []
    assert set(Notice.objects.values_list("state", flat=True)) == {NoticeState.DROPPED}


def test_the_answer_reaches_the_asker_without_owners_words_to_each_other(
    jo: User, acme: Account, function: Function, ann: User
) -> None:
    grant = approve(asked(jo, acme, function), ann, answer="Only until the trial ends").grant
    assert grant is not None
    one = next(found for found in delivered() if found.to == [jo.email])
    words = f"{one.subject} {one.body} {one.alternatives[0].content}"
    assert "Approved: your request for label-uploads" in one.subject
    assert "Only until the trial ends" in words
    assert "/shared/requests/" in words
    for hidden in (grant.sid, "ann@example.com", "/grants/", "Platform"):
        assert hidden not in words, hidden
