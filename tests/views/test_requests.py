"""The pages of requests for access: asking, one's own, and the owners' answer; who finds what, and who does not."""

import html
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from sharing.models import AccessRequest, Account, Actor, Event, Function, Grant, GrantState, RequestState, Role, User
from sharing.services import memberships, requesting
from tests import factories
from tests.services.kept import allow, counted, kept
from tests.services.kept import owner as kept_owner
from tests.views.counting import queries

pytestmark = pytest.mark.django_db

ACME = "111122223333"
HOSTILE = "<script>alert(1)</script> http://evil.example " + "x" * 400


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
def consumer(client: Client, jo: User) -> Client:
    client.force_login(jo)
    return client


@pytest.fixture
def owner(ann: User) -> Client:
    client = Client()
    client.force_login(ann)
    return client


def as_(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def filled(asked_for: str, **more: str) -> dict[str, str]:
    return {
        "form_token": uuid.uuid4().hex,
        "account": ACME,
        "asked_for": asked_for,
        "action": "lambda:InvokeFunction",
        "until": "30d",
        "reason": "OPS-1",
        **more,
    }


def asked(person: User, account: Account, function: Function, **given: Any) -> AccessRequest:
    wanted = {"action": "lambda:InvokeFunction", "reason": "OPS-1", "ends_at": timezone.now() + timedelta(days=30), **given}
    wish = requesting.ask(by=Actor.of(person), account=account, asked_for=function.arn, **wanted)
    requesting.take_up(wish.pk)
    return AccessRequest.objects.get(pk=wish.pk)


def active(function: Function, **fields: Any) -> Grant:
    return factories.grant(function, ACME, ends_at=timezone.now() + timedelta(days=5), **fields)


def said(page: Any) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.content.decode())))


def without_what_was_typed(page: Any, *typed: str) -> str:
    """The page without what differs from request to request: tokens, ids, moments, and what the person wrote."""
    changing = r'\b[A-Za-z0-9]{64}\b|(name="form_token" value|datetime|title)="[^"]*"'
    text = re.sub(changing, "", page.content.decode())
    for one in typed:
        text = text.replace(html.escape(one), "").replace(one, "")
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", text)


# The consumer's side


@pytest.mark.parametrize(
    "other",
    [
        "arn:aws:lambda:us-east-1:444455556666:function:no-such-thing",
        "arn:aws:lambda:us-east-1:444455556666:function:label-uploads:none",
        "arn:aws:lambda:us-east-1:999900001111:function:label-uploads",
    ],
)
def test_a_function_that_does_not_exist_is_answered_like_any_other(
    consumer: Client, function: Function, ann: User, other: str
) -> None:
    answers = []
    for arn in (function.arn, other):
        posted = consumer.post("/shared/ask/", filled(arn))
        wish = AccessRequest.objects.get()
        requesting.take_up(wish.pk)
        page = consumer.get(posted["Location"])
        answers.append((posted.status_code, posted["Location"], without_what_was_typed(page, arn)))
        AccessRequest.objects.all().delete() if not wish.notices.exists() else _forget(wish)
    assert answers[0] == answers[1]
    assert "Asked. The function's owners are told" in html.unescape(answers[0][2])


def _forget(wish: AccessRequest) -> None:
    wish.notices.all().delete()
    wish.delete()


def test_bad_input_is_answered_with_the_form(consumer: Client, function: Function) -> None:
    for wrong in (
        {"asked_for": "label-uploads"},
        {"asked_for": "\x00"},
        {"asked_for": "a" * 5000},
        {"action": "lambda:*"},
        {"principal": "arn:aws:iam::999988887777:role/x"},
        {"principal": "\x00"},
        {"reason": ""},
        {"until": "date", "until_date": "99999999-99-99"},
        {"until": "forever"},
        {"account": "999988887777"},
        {"account": "1" * 400},
        {"form_token": "x" * 65},
    ):
        page = consumer.post("/shared/ask/", {**filled(function.arn), **wrong})
        assert page.status_code == 422, wrong
        assert "Nothing was asked" in said(page)
    assert not AccessRequest.objects.exists()


def test_a_double_click_is_one_wish(consumer: Client, function: Function) -> None:
    form = filled(function.arn)
    assert {consumer.post("/shared/ask/", form).status_code for _ in range(2)} == {302}
    assert AccessRequest.objects.count() == 1


def test_asking_too_often_is_said_on_the_form(consumer: Client, function: Function) -> None:
    for _ in range(5):
        consumer.post("/shared/ask/", filled(function.arn))
    page = consumer.post("/shared/ask/", filled(function.arn))
    assert page.status_code == 422
    assert "You asked 5 times within a minute. Wait a minute, then ask again." in said(page)


def test_a_later_end_is_asked_from_what_is_shared(consumer: Client, function: Function, acme: Account) -> None:
    grant = active(function)
    address = f"/shared/ask/?about={grant.pk}"
    page = consumer.get(address)
    assert "Account 1111 2222 3333 may invoke label-uploads until" in said(page)
    assert "Platform" not in said(page)
    assert grant.sid not in page.content.decode()
    posted = consumer.post(address, {"form_token": "t", "until": "90d", "reason": "Still needed"})
    assert posted.status_code == 302
    wish = AccessRequest.objects.get()
    assert (wish.kind, wish.about, wish.account, wish.asked_for) == ("longer", grant, acme, function.arn)
    too_short = consumer.post(address, {"form_token": "u", "until": "1d", "reason": "x"})
    assert too_short.status_code == 422
    assert "It already lasts" in said(too_short)


def test_more_is_asked_with_the_form_filled_in(consumer: Client, function: Function) -> None:
    grant = active(function)
    page = consumer.get(f"/shared/ask/?about={grant.pk}&kind=more").content.decode()
    assert f'value="{function.arn}"' in page
    consumer.post(f"/shared/ask/?about={grant.pk}&kind=more", filled(f"{function.arn}:live"))
    assert AccessRequest.objects.get().kind == "more"


@pytest.mark.parametrize("about", ["", "\x00", "\x00x", "7", "x" * 3000])
def test_an_address_that_was_tampered_with_is_no_error_of_ours(consumer: Client, about: str) -> None:
    said = about.strip("\x00")  # NUL is left out of every query
    assert consumer.get("/shared/ask/", {"about": about}).status_code == (404 if said else 200)


def test_nobody_asks_about_what_others_were_given(consumer: Client, function: Function) -> None:
    others = factories.grant(function, "999988887777", ends_at=timezone.now() + timedelta(days=5))
    waiting = active(function, state=GrantState.REQUESTED)
    answers = set()
    for key in (others.pk, waiting.pk, uuid.uuid4()):
        for answer in (
            consumer.get(f"/shared/ask/?about={key}"),
            consumer.post(f"/shared/ask/?about={key}", {"form_token": "t", "until": "90d", "reason": "x"}),
        ):
            answers.add((answer.status_code, without_what_was_typed(answer)))
    assert len(answers) == 1
    assert answers.pop()[0] == 404
    assert not AccessRequest.objects.exists()


def test_one_sees_and_withdraws_one_s_own_alone(consumer: Client, jo: User, acme: Account, function: Function) -> None:
    mine = asked(jo, acme, function)
    kim = factories.person(Role.CONSUMER)
    factories.membership(kim, acme)
    kims = asked(kim, acme, function, reason="Kim's own")
    assert "Kim's own" not in said(consumer.get("/shared/requests/"))
    answers = [consumer.post(f"/shared/requests/{key}/withdraw/") for key in (kims.pk, uuid.uuid4())]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert without_what_was_typed(answers[0]) == without_what_was_typed(answers[1])
    consumer.post(f"/shared/requests/{mine.pk}/withdraw/")
    states = dict(AccessRequest.objects.values_list("pk", "state"))
    assert states == {mine.pk: RequestState.WITHDRAWN, kims.pk: RequestState.OPEN}
    assert "not open any more" in said(consumer.post(f"/shared/requests/{mine.pk}/withdraw/", follow=True))


def test_who_acts_for_no_account_asks_nothing(client: Client, function: Function, jo: User, acme: Account) -> None:
    memberships.end(jo.memberships.get(), by=Actor.of(jo))
    client.force_login(jo)
    assert "You act for no account" in said(client.get("/shared/ask/"))
    assert client.post("/shared/ask/", filled(function.arn)).status_code == 403
    assert not AccessRequest.objects.exists()


def test_the_owner_s_pages_do_not_exist_for_the_asker(consumer: Client, jo: User, acme: Account, function: Function) -> None:
    wish = asked(jo, acme, function)
    for address in ("", f"{wish.pk}/"):
        assert consumer.get(f"/consumers/requests/{address}").status_code == 404
    assert consumer.post(f"/consumers/requests/{wish.pk}/decide/", {"step": "grant"}).status_code == 404
    assert consumer.get(f"/functions/{function.pk}/ask/").status_code == 404


def test_the_asker_reads_the_answer_and_nothing_else(
    consumer: Client, owner: Client, jo: User, acme: Account, function: Function, ann: User
) -> None:
    wish = asked(jo, acme, function)
    seen = _seen(owner, wish)
    owner.post(
        f"/consumers/requests/{wish.pk}/decide/", {**_as_asked(wish), "seen": seen, "answer": "Welcome", "step": "grant"}
    )
    page = consumer.get("/shared/requests/")
    words = said(page)
    assert "Approved" in words
    assert "“Welcome”" in words
    assert "Not in AWS yet" in words
    grant = Grant.objects.get()
    for hidden in (grant.sid, str(grant.pk), "ann@example.com", "Asked by", "Platform"):
        assert hidden not in page.content.decode(), hidden


# The owner's side


def _as_asked(wish: AccessRequest) -> dict[str, str]:
    return {"action": wish.action, "qualifier": "", "principal": wish.principal, "until": "wish", "answer": ""}


def _seen(owner: Client, wish: AccessRequest, **changed: str) -> str:
    """The mark of the preview, of what was asked or of something else."""
    if changed:
        page = owner.post(f"/consumers/requests/{wish.pk}/decide/", {**_as_asked(wish), **changed, "step": "preview"})
    else:
        page = owner.get(f"/consumers/requests/{wish.pk}/")
    assert page.status_code == 200
    found = re.search(r'name="seen" value="([0-9a-f]+)"', page.content.decode())
    assert found
    return found[1]


def test_a_request_of_hundreds_is_found_by_function_account_or_who_asks(
    owner: Client, jo: User, acme: Account, function: Function
) -> None:
    asked(jo, acme, function)
    assert "Function, account or who asks" not in owner.get("/consumers/requests/").content.decode()
    for text in ("label-up", "acme", "1111 2222", "jo@"):
        assert "jo@acme.example" in owner.get("/consumers/requests/", {"q": text}).content.decode(), text
    assert "No request matches" in owner.get("/consumers/requests/?q=nobody").content.decode()
    assert "No request matches" in owner.get("/consumers/requests/?q=acme&show=decided").content.decode()


def test_the_page_shows_the_exact_statement_and_what_they_have(
    owner: Client, jo: User, acme: Account, function: Function
) -> None:
    grant = active(function)
    wish = asked(jo, acme, function, reason=HOSTILE[:450])
    page = owner.get(f"/consumers/requests/{wish.pk}/")
    words = said(page)
    assert "<script>alert" not in page.content.decode()
    assert '"Principal": { "AWS": "arn:aws:iam::111122223333:root" }' in words
    assert "Every role of Acme" in words
    assert "jo@acme.example" in words
    assert grant.pk is not None


def test_from_the_mail_link_after_signing_in(jo: User, acme: Account, function: Function, ann: User) -> None:
    wish = asked(jo, acme, function)
    visitor = Client()
    address = f"/consumers/requests/{wish.pk}/"
    asked_in = visitor.get(address)
    assert asked_in["Location"] == f"/login/?next={address}"
    form = visitor.get(asked_in["Location"]).content.decode()
    assert f'value="{address}"' in form
    signed_in = visitor.post(
        "/login/",
        {"login": ann.email, "password": factories.PASSWORD, "next": address},
        headers={"referer": "http://testserver/"},
    )
    assert signed_in["Location"] == address
    assert "Acme asks for access" in said(visitor.get(address))


def test_approve_as_asked(owner: Client, jo: User, acme: Account, function: Function, ann: User) -> None:
    wish = asked(jo, acme, function)
    posted = owner.post(
        f"/consumers/requests/{wish.pk}/decide/", {**_as_asked(wish), "seen": _seen(owner, wish), "step": "grant"}, follow=True
    )
    assert "Approved." in said(posted)
    grant = Grant.objects.get()
    assert (grant.requested_by, grant.ends_at, grant.state) == (ann, wish.ends_at, GrantState.PENDING)


def test_what_was_not_shown_is_not_approved(owner: Client, jo: User, acme: Account, function: Function) -> None:
    wish = asked(jo, acme, function)
    seen = _seen(owner, wish)
    form = {**_as_asked(wish), "action": "lambda:GetFunction", "seen": seen, "step": "grant"}
    page = owner.post(f"/consumers/requests/{wish.pk}/decide/", form)
    assert page.status_code == 422
    assert "not what was shown" in said(page)
    assert not Grant.objects.exists()
    seen = _seen(owner, wish, action="lambda:GetFunction")
    assert owner.post(f"/consumers/requests/{wish.pk}/decide/", {**form, "seen": seen}).status_code == 302
    assert Grant.objects.get().action == "lambda:GetFunction"
    assert AccessRequest.objects.get().changed


def test_decline_needs_an_answer_and_no_valid_change(owner: Client, jo: User, acme: Account, function: Function) -> None:
    wish = asked(jo, acme, function)
    form = {**_as_asked(wish), "step": "decline", "action": "nonsense", "until": "date"}
    page = owner.post(f"/consumers/requests/{wish.pk}/decide/", form)
    assert page.status_code == 422
    assert "An answer is missing" in said(page)
    posted = owner.post(f"/consumers/requests/{wish.pk}/decide/", {**form, "answer": "Use the alias"}, follow=True)
    assert "Declined" in said(posted)
    assert "Use the alias" in said(posted)


def test_who_comes_second_is_told(owner: Client, jo: User, acme: Account, function: Function, ann: User) -> None:
    wish = asked(jo, acme, function)
    form = {**_as_asked(wish), "seen": _seen(owner, wish), "step": "grant"}
    ben = as_(factories.person(Role.OWNER, email="ben@example.com", accounts=[function.account]))
    assert owner.post(f"/consumers/requests/{wish.pk}/decide/", form).status_code == 302
    late = ben.post(f"/consumers/requests/{wish.pk}/decide/", {**form, "step": "decline", "answer": "No"})
    assert late.status_code == 409
    assert "ann@example.com has approved it already" in said(late)
    assert AccessRequest.objects.get().state == RequestState.APPROVED


def test_withdrawn_while_the_page_was_open(owner: Client, jo: User, acme: Account, function: Function) -> None:
    wish = asked(jo, acme, function)
    form = {**_as_asked(wish), "seen": _seen(owner, wish), "step": "grant"}
    requesting.withdraw(wish, by=Actor.of(jo))
    late = owner.post(f"/consumers/requests/{wish.pk}/decide/", form)
    assert late.status_code == 409
    assert "It was withdrawn in the meantime" in said(late)


def test_a_later_end_is_approved_with_one_click(owner: Client, jo: User, acme: Account, function: Function) -> None:
    grant = active(function)
    later = timezone.now() + timedelta(days=60)
    wish = asked(jo, acme, function, kind="longer", about=grant, ends_at=later)
    assert "asks for more time" in said(owner.get(f"/consumers/requests/{wish.pk}/"))
    assert "jo@acme.example asks for a later end." in said(owner.get(f"/grants/{grant.pk}/"))
    posted = owner.post(f"/consumers/requests/{wish.pk}/decide/", {"until": "wish", "answer": "", "step": "grant"})
    assert posted.status_code == 302
    grant.refresh_from_db()
    assert grant.ends_at == later


def test_garbage_in_the_answer_is_no_error_of_ours(owner: Client, jo: User, acme: Account, function: Function) -> None:
    wish = asked(jo, acme, function)
    for wrong in ({"action": "\x00"}, {"qualifier": "none"}, {"principal": "\x00"}, {"until": "wished"}, {"answer": "x" * 501}):
        page = owner.post(f"/consumers/requests/{wish.pk}/decide/", {**_as_asked(wish), **wrong, "step": "grant"})
        assert page.status_code == 422, wrong
    assert owner.post(f"/consumers/requests/{wish.pk}/decide/", {}).status_code == 422
    nonsense = owner.post(f"/consumers/requests/{wish.pk}/decide/", {**_as_asked(wish), "step": "nonsense"})
    assert nonsense.status_code == 200
    assert not Grant.objects.exists()


def test_what_is_out_of_scope_is_not_there(jo: User, acme: Account, function: Function) -> None:
    wish = asked(jo, acme, function)
    far = as_(factories.person(Role.OWNER, accounts=[acme]))
    assert str(wish.pk) not in far.get("/consumers/requests/").content.decode()
    assert far.get(f"/consumers/requests/{wish.pk}/").status_code == 404
    assert far.post(f"/consumers/requests/{wish.pk}/decide/", {"step": "decline", "answer": "No"}).status_code == 404


def test_an_auditor_looks_and_decides_nothing(jo: User, acme: Account, function: Function) -> None:
    wish = asked(jo, acme, function)
    auditor = as_(factories.person(Role.AUDITOR))
    page = auditor.get(f"/consumers/requests/{wish.pk}/")
    assert "Your role looks and changes nothing" in said(page)
    assert 'name="step"' not in page.content.decode()
    assert auditor.post(f"/consumers/requests/{wish.pk}/decide/", {"step": "decline", "answer": "x"}).status_code == 403


def test_an_auditor_asks_for_an_account_from_the_function_s_page(acme: Account, function: Function) -> None:
    kim = factories.person(Role.AUDITOR, email="kim@example.com")
    auditor = as_(kim)
    address = f"/functions/{function.pk}/ask/"
    assert address in auditor.get(f"/functions/{function.pk}/").content.decode()
    assert "Acme" in said(auditor.get(address))
    form = {name: value for name, value in filled("").items() if name != "asked_for"}
    posted = auditor.post(address, {**form, "qualifier": ""}, follow=True)
    assert function.arn in said(posted)
    wish = AccessRequest.objects.get()
    assert (wish.person, wish.account, wish.asked_for) == (kim, acme, function.arn)
    assert Event.objects.filter(verb="request.made", person=kim).exists()
    assert not Grant.objects.exists()
    assert auditor.post(address, {**form, "form_token": "z", "account": function.account.number}).status_code == 422


def test_a_request_for_an_unknown_function_says_so_to_owners(jo: User, acme: Account) -> None:
    wish = requesting.ask(
        by=Actor.of(jo),
        account=acme,
        asked_for="arn:aws:lambda:us-east-1:444455556666:function:nothing",
        action="lambda:InvokeFunction",
        reason="x",
        ends_at=None,
    )
    admin = as_(factories.person(Role.ADMIN))
    assert "An unknown function" in said(admin.get("/consumers/requests/"))
    page = admin.get(f"/consumers/requests/{wish.pk}/")
    assert "No function with this ARN is known here" in said(page)
    form = {"until": "wish", "answer": "There is none", "step": "grant"}
    assert admin.post(f"/consumers/requests/{wish.pk}/decide/", form).status_code == 422
    assert admin.post(f"/consumers/requests/{wish.pk}/decide/", {**form, "step": "decline"}).status_code == 302


def test_lists_cost_the_same_at_any_size(owner: Client, consumer: Client, jo: User, acme: Account, function: Function) -> None:
    costs = []
    for size in (2, 15):
        for number in range(size):
            AccessRequest.objects.update(created_at=timezone.now() - timedelta(days=1))
            wish = asked(jo, acme, function, reason=f"{size} {number}")
            AccessRequest.objects.filter(pk=wish.pk).update(grant=active(function), state="approved", decided_at=timezone.now())
        costs.append((queries(owner, "/consumers/requests/?show=all"), queries(consumer, "/shared/requests/")))
    assert costs[0] == costs[1]


# What else shows them


def test_the_overview_counts_what_waits(owner: Client, jo: User, acme: Account, function: Function) -> None:
    assert "for access wait" not in said(owner.get("/"))
    asked(jo, acme, function)
    assert "1 request for access waits for an answer. Read it" in said(owner.get("/"))
    assert "for access wait" not in said(as_(factories.person(Role.OWNER, accounts=[acme])).get("/"))


def test_the_function_s_page_names_its_owners(owner: Client, function: Function, ann: User, settings: Any) -> None:
    assert "Owners: ann@example.com" in said(owner.get(f"/functions/{function.pk}/"))
    settings.OWNER_TAG = "owner"
    Function.objects.update(tags={"owner": "ann@example.com"})
    assert "Owners, by tag: ann@example.com" in said(owner.get(f"/functions/{function.pk}/"))


def test_a_grant_past_its_end_is_said_everywhere(owner: Client, function: Function) -> None:
    grant = active(function, failure="AWS denied lambda:RemovePermission.")
    Grant.objects.update(ends_at=timezone.now() - timedelta(hours=2))
    assert "Past its end, and access still stands." in said(owner.get(f"/grants/{grant.pk}/"))
    assert "Past its end, access still stands" in said(owner.get(f"/functions/{function.pk}/"))
    overview = said(owner.get("/"))
    assert "Past its end" in overview
    assert "Access still stands : it should have ended 2 h ago" in overview


def test_a_grant_that_ended_late_says_how_late(owner: Client, function: Function) -> None:
    now = timezone.now()
    grant = active(function, state=GrantState.EXPIRED, settled_at=now)
    Grant.objects.update(ends_at=now - timedelta(hours=3, minutes=12))
    words = said(owner.get(f"/grants/{grant.pk}/"))
    assert "Seen without it" in words
    assert "3 h 12 min after its end date: until then access may have stood" in words
    Grant.objects.update(ends_at=now - timedelta(seconds=30))
    words = said(owner.get(f"/grants/{grant.pk}/"))
    assert "Seen without it" in words
    assert "after its end date" not in words


def test_access_past_its_end_counts_as_access_on_every_page_and_export(client: Client) -> None:
    platform = kept_owner()
    function = factories.function("label-uploads", platform)
    kept(function, allow(ACME))
    factories.account("Acme", ACME)
    counted()
    past = {"ends_at": timezone.now() - timedelta(days=2), "failure": "AWS denied lambda:RemovePermission."}
    grant = factories.grant(function, ACME, state=GrantState.STUCK, wanted="absent", **past)
    Grant.objects.filter(pk=grant.pk).update(sid="s0")
    client.force_login(factories.person(Role.ADMIN))
    addresses = (
        "/access/?q=label-uploads",
        "/access/export/?q=label-uploads&format=csv",
        "/access/export/?q=label-uploads&format=json",
        "/access/matrix/",
        f"/functions/{function.pk}/",
    )
    assert [address for address in addresses if "Acme" not in _text(client.get(address))] == []
    Grant.objects.all().delete()
    kept(function)
    counted()
    assert [address for address in addresses if "Acme" in _text(client.get(address))] == [], "the pages name those with access"


def _text(page: Any) -> str:
    assert page.status_code == 200
    text = b"".join(page.streaming_content).decode() if page.streaming else page.content.decode()
    return re.sub(r"<datalist.*?</datalist>", "", text, flags=re.DOTALL)
