"""The words of mail about invitations: exactly what was previewed, and nothing that somebody typed does more than be read."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from sharing.models import Actor, Invitation, Notice, NoticeState, Policy, Proof, Role, User
from sharing.services import inviting, mailing
from sharing.services.inviting import Offer
from sharing.services.quoting import one_line, paragraphs, without_marks
from tests import factories

pytestmark = pytest.mark.django_db

EMAIL = "dev@acme.example"
NUMBER = "222233334444"


def offered(name: str = "hello_world") -> Policy:
    connection = factories.connection()
    return factories.function(name, connection.account).policies.get()


def invited(by: User | None = None, **fields: Any) -> Invitation:
    by = by or factories.person(Role.OWNER, email="robin@example.com", name="Robin Vega")
    fields.setdefault("offers", [Offer(offered())])
    return inviting.invite(EMAIL, by=Actor.of(by), **fields)


def sent(invitation: Invitation, kind: str = "invitation") -> Any:
    """The mail of that kind, as it left."""
    mail.outbox.clear()
    mailing.send(invitation.notices.filter(kind=kind).latest("created_at").pk)
    (message,) = mail.outbox
    return message


def html_of(message: Any) -> str:
    ((html, kind),) = message.alternatives
    assert kind == "text/html"
    return str(html)


def test_the_mail_says_who_to_what_until_when_what_to_do_and_that_looking_is_free() -> None:
    ends = timezone.now() + timedelta(days=30)
    invitation = invited(offers=[Offer(offered(), ends_at=ends)], note="As agreed.", meant=NUMBER)
    message = sent(invitation)
    assert message.to == [EMAIL]
    assert message.subject == "[fnshare] Robin Vega invites you to invoke hello_world on AWS Lambda"
    for text in (message.body, html_of(message)):
        for words in (
            "Robin Vega", "robin@example.com", "invoke hello_world", "us-east-1", f"{ends:%b %Y}", "As agreed.",
            "2222 3333 4444", "Looking commits you to nothing", f"The link works until {invitation.expires_at.day} ",
        ):  # fmt: skip
            assert words in text, words
    assert not re.search(r"\n{4}", message.body)


def test_the_preview_shows_exactly_what_leaves_but_for_the_token() -> None:
    by = factories.person(Role.OWNER, name="Robin")
    policy = offered()
    given: dict[str, Any] = {"offers": [Offer(policy)], "by": Actor.of(by), "note": "One\n\n\n> two", "meant": ""}
    with time_machine.travel(timezone.now(), tick=False):
        draft = inviting.draft(EMAIL, **given)
        assert draft.letter is not None
        subject, text, _html = mailing.written(draft.letter)
        message = sent(inviting.invite(EMAIL, **given))
    assert message.subject == subject
    assert re.sub(r"/invitation/[\w-]{43}/", "/invitation/…/", message.body) == text


def test_each_mail_has_a_link_of_its_own_that_is_kept_as_a_digest_only() -> None:
    invitation = invited()
    first = sent(invitation)
    (token,) = re.findall(r"/invitation/([\w-]{43})/", first.body)
    assert token in html_of(first)
    assert inviting.find(token) == invitation
    invitation.refresh_from_db()
    assert invitation.sent_at is not None
    for row in (invitation, *Notice.objects.all()):
        assert token not in str(vars(row))
    with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=False):
        inviting.resend(invitation, by=Actor.at_shell("root"))
        assert inviting.find(token) is None, "the old link is void at once, before the new mail leaves"
        (newer,) = re.findall(r"/invitation/([\w-]{43})/", sent(invitation).body)
    assert inviting.find(newer) == invitation


def test_what_is_over_before_the_mail_leaves_is_not_sent() -> None:
    invitation = invited()
    inviting.cancel(invitation, by=Actor.at_shell("root"))
    notice = invitation.notices.get()
    assert not mailing.send(notice.pk)
    notice.refresh_from_db()
    assert notice.state == NoticeState.DROPPED
    assert mail.outbox == []
    late = invited(factories.person(Role.OWNER), offers=[Offer(offered("other"))])
    with time_machine.travel(timezone.now() + timedelta(days=8), tick=False):
        assert not mailing.send(late.notices.get().pk)
    late.refresh_from_db()
    assert late.token_digest is None


NOTE = (
    "Click <a href='https://evil.example'>here</a> or https://evil.example/x \u202egnp.exe\u202c \x1b[31mred\x07 {{ 7|add:7 }}"
)


def test_a_hostile_note_is_quoted_as_text_and_makes_no_link() -> None:
    message = sent(invited(note=f"{NOTE}\r\n-- \r\nSubject: other\r\n\r\n\r\n\r\nlast"))
    html = html_of(message)
    assert re.findall(r'<a href="([^"]+)"', html) == re.findall(r"http://localhost:8000/invitation/[\w-]+/", message.body)
    assert "&lt;a href=" in html
    for text in (message.body, html):
        assert "{{ 7|add:7 }}" in text
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", text)
    quoted = [line for line in message.body.splitlines() if line.startswith(">")]
    assert quoted[0].startswith("> Click <a href")
    assert quoted[-1] == "> last"
    assert "> Subject: other" in quoted


def test_hostile_names_reach_no_header() -> None:
    by = factories.person(Role.OWNER, email="mallory@example.com", name="AWS\r\nBcc: all@example.com\u202e<b>" + "x" * 60)
    message = sent(invited(by, offers=[Offer(offered("f" * 64))]))
    assert "\n" not in message.subject
    assert len(message.subject) <= 200
    raw = message.message().as_bytes()
    headers = raw.partition(b"\n\n")[0]
    assert b"\nBcc:" not in headers
    assert b"\nbcc:" not in headers.lower()
    assert "mallory@example.com" in message.body, "the address says who it really is"
    assert "<b>" not in html_of(message)


@pytest.mark.parametrize(
    "email", ["a@b", "a b@acme.example", "x@acme.example\nBcc: y@acme.example", "ü@acme.example", "x@аcme.com"]
)
def test_what_is_no_plain_address_is_refused(email: str) -> None:
    draft = inviting.draft(email, offers=[Offer(offered())], by=Actor.at_shell("root"))
    assert [problem.field for problem in draft.problems] == ["email"]


def test_marks_that_hide_or_turn_text_go_and_writing_stays() -> None:
    assert without_marks("a\u202eb\u200bc\x00\x1b\ufeff\U000e0041") == "abc"
    assert without_marks("ab\u200cها 👩\u200d💻\té") == "ab\u200cها 👩\u200d💻 é"
    assert paragraphs("one \r\n\r\n\r\n\u2028two\n") == ["one", "", "two"]
    assert one_line("a\r\nBcc: b", 5) == "a Bc…"


def accepted(invitation: Invitation) -> Invitation:
    person = factories.person(Role.CONSUMER, email=EMAIL)
    return inviting.accept(invitation, person=person, account=factories.account(number=NUMBER), proof=Proof.ROLE)


def test_whoever_invited_is_told_that_it_was_accepted_for_the_named_account() -> None:
    invitation = accepted(invited(meant=NUMBER))
    message = sent(invitation, "invitation-accepted")
    assert message.to == ["robin@example.com"]
    assert "for account 2222 3333 4444" in message.body
    assert "Accepted is not yet active" in message.body
    assert f"/consumers/invitations/{invitation.pk}/" in html_of(message)


def test_whoever_invited_is_asked_to_confirm_an_account_that_was_not_named() -> None:
    invitation = accepted(invited())
    message = sent(invitation, "invitation-to-confirm")
    assert "Is that whom you meant? Nothing is shared" in message.body
    assert "2222 3333 4444" in message.body


def test_a_question_that_was_answered_meanwhile_is_not_asked() -> None:
    invitation = accepted(invited())
    assert invitation.account is not None
    inviting.confirm(invitation, account=invitation.account, by=Actor.at_shell("root"))
    notice = invitation.notices.get(kind="invitation-to-confirm")
    assert not mailing.send(notice.pk)
    notice.refresh_from_db()
    assert notice.state == NoticeState.DROPPED


def test_whoever_invited_hears_of_a_no_with_its_words_quoted() -> None:
    invitation = inviting.decline(invited(), reason="Not ours. https://evil.example")
    message = sent(invitation, "invitation-declined")
    assert "> Not ours." in message.body
    assert "evil.example" not in "".join(re.findall(r"<a [^>]*>", html_of(message)))


def test_whoever_invited_hears_that_nobody_answered() -> None:
    invitation = invited()
    with time_machine.travel(timezone.now() + timedelta(days=8), tick=False):
        assert inviting.expire(timezone.now()) == 1
        assert inviting.expire(timezone.now()) == 0
        message = sent(invitation, "invitation-expired")
    assert "did not answer" in message.body


@pytest.mark.parametrize("lost", ["scope", "active"])
def test_who_may_not_see_the_invitation_any_more_is_told_nothing(lost: str) -> None:
    policy = offered()
    by = factories.person(Role.OWNER, email="robin@example.com", accounts=[policy.function.account])
    invitation = inviting.decline(invited(by, offers=[Offer(policy)]))
    if lost == "scope":
        by.accounts.set([])
    else:
        by.is_active = False
        by.save()
    assert not mailing.send(invitation.notices.get(kind="invitation-declined").pk)
    assert mail.outbox == []
