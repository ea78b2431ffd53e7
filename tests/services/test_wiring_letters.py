"""Mail to people of the source's account: a step of a wiring waits for them."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from sharing.models import Account, Actor, Event, Function, Membership, Notice, Role, User, Wiring, WiringStep
from sharing.models.wiring import StepState
from sharing.services import mailing, wiring
from sharing.services.wiring import settling
from tests import factories

pytestmark = pytest.mark.django_db

ACME = "111122223333"
WAITING = (("permission", "owner", True, "queued"), ("notification", "source", False, "blocked"))


@pytest.fixture
def acme() -> Account:
    return factories.account("Acme <b>Retail</b>", ACME)


@pytest.fixture
def mia(acme: Account) -> User:
    return factories.acting("mia@acme.example", acme)


@pytest.fixture
def function() -> Function:
    return factories.shareable("label-uploads")


def step(of: Wiring, key: str = "notification") -> WiringStep:
    return WiringStep.objects.select_related("wiring__function__account").get(wiring=of, key=key)


def handed_over(function: Function, **fields: Any) -> WiringStep:
    """The step of their side of a wiring whose permission was just seen."""
    made = factories.wiring(function, steps=WAITING, state="working", **fields)
    settling.seen(step(made, "permission"), "Seen.")
    assert step(made).state == StepState.ASKED
    return step(made)


def told() -> list[str]:
    return list(Notice.objects.filter(kind="wiring-step").order_by("to").values_list("to", flat=True))


def sent() -> mail.EmailMultiAlternatives:
    mail.outbox.clear()
    assert mailing.send(Notice.objects.get(kind="wiring-step").pk)
    (message,) = mail.outbox
    assert isinstance(message, mail.EmailMultiAlternatives)
    return message


@pytest.mark.usefixtures("mia")
def test_who_acts_for_the_account_and_may_say_that_it_is_done_is_told_once(function: Function, acme: Account) -> None:
    factories.acting("abe@acme.example", acme)
    factories.acting("gone@acme.example", acme)
    User.objects.filter(email="gone@acme.example").update(is_active=False)
    factories.membership(factories.person(Role.CONSUMER, email="left@acme.example"), acme, ended_at=timezone.now())
    factories.membership(factories.person(Role.AUDITOR, email="looks@acme.example"), acme)
    factories.acting("other@example.com", factories.account("Other", "222233334444"))
    factories.person(Role.OWNER, email="olga@example.com")
    handed = handed_over(function)
    assert told() == ["abe@acme.example", "mia@acme.example"]
    (event,) = Event.objects.filter(verb="wiring.step-asked")
    assert "Told 2 people of it by mail" in event.text
    assert "acme.example" not in event.text
    settling.seen(step(handed.wiring, "permission"), "Seen again.")
    settling.follow(Wiring.objects.get())
    assert len(told()) == 2


@pytest.mark.usefixtures("mia")
def test_the_mail_says_what_is_to_be_done_and_nothing_of_the_owners_side(function: Function) -> None:
    handed = handed_over(function, reason="Because of Globex", requested_as="olga@example.com", qualifier="")
    message = sent()
    html = str(message.alternatives[0][0])
    assert (message.to, "For you to do: S3 bucket acme-uploads" in message.subject) == (["mia@acme.example"], True)
    for words in (str(message.body), html):
        for shown in ("acme-uploads", function.arn, f"/shared/wirings/{handed.wiring_id}/", "1111 2222 3333"):
            assert shown in words, shown
        for hidden in ("Globex", "olga@", wiring.sid_of(handed.wiring_id), "AWS does not show it"):
            assert hidden not in words, hidden
    assert "Acme &lt;b&gt;Retail&lt;/b&gt;" in html


@pytest.mark.parametrize(
    "since", ["said", "seen", "taken over", "taken back", "left", "signed out for good", "an auditor now", "another's"]
)
def test_mail_about_what_waits_for_them_no_more_is_not_sent(function: Function, mia: User, since: str) -> None:
    handed = handed_over(function)
    steps, wirings = WiringStep.objects.filter(pk=handed.pk), Wiring.objects.filter(pk=handed.wiring_id)
    match since:
        case "said" | "seen":
            steps.update(state=since)
        case "taken over":
            steps.update(ours=True)
        case "taken back":
            wirings.update(abandoned_at=timezone.now())
        case "left":
            Membership.objects.update(ended_at=timezone.now())
        case "signed out for good":
            User.objects.filter(pk=mia.pk).update(is_active=False)
        case "an auditor now":
            User.objects.filter(pk=mia.pk).update(role=Role.AUDITOR)
        case _:
            wirings.update(source_account="222233334444")
    notice = Notice.objects.get()
    assert not mailing.send(notice.pk)
    notice.refresh_from_db()
    assert (notice.state, mail.outbox) == ("dropped", [])


def test_handed_over_anew_is_told_again_but_not_twice_a_day(function: Function, mia: User) -> None:
    owner = Actor.of(factories.person(Role.OWNER))
    noon = timezone.now().replace(hour=12)
    with time_machine.travel(noon, tick=True):
        handed = handed_over(function)
        for _ in range(2):
            WiringStep.objects.filter(pk=handed.pk).update(state="failed", failure_code=wiring.GONE)
            assert wiring.again(handed, by=owner).state == StepState.ASKED
        wiring.say_done(handed, by=owner)
        wiring.say_not_done(handed, by=owner)
        assert told() == [mia.email]
    with time_machine.travel(noon + timedelta(days=1), tick=True):
        WiringStep.objects.filter(pk=handed.pk).update(state="failed", failure_code=wiring.GONE)
        wiring.again(handed, by=owner)
        assert told() == [mia.email] * 2
    with time_machine.travel(noon + timedelta(days=2), tick=True):
        wiring.say_done(handed, by=Actor.of(mia))
        wiring.say_not_done(handed, by=Actor.of(mia))  # they know
        assert told() == [mia.email] * 2
        wiring.say_done(handed, by=Actor.of(mia))
        wiring.say_not_done(handed, by=owner)
        assert told() == [mia.email] * 3


@pytest.mark.usefixtures("mia")
def test_steps_of_the_owners_side_and_of_nobodys_account_are_told_to_nobody(function: Function) -> None:
    mine = (("permission", "owner", True, "queued"), ("execution-role", "owner", False, "blocked"))
    factories.membership(account_=function.account)
    made = factories.wiring(function, steps=mine, state="working")
    settling.seen(step(made, "permission"), "Seen.")
    assert step(made, "execution-role").state == StepState.ASKED
    made = factories.wiring(function, "arn:aws:s3:::other", of="", steps=WAITING, state="working")
    settling.seen(step(made, "permission"), "Seen.")
    assert (step(made).state, told()) == (StepState.ASKED, [])
    assert not Event.objects.filter(verb="wiring.step-asked").exists()


# Reminders


NOON = timezone.now().replace(hour=12, minute=0)


def on_day(number: int) -> time_machine.travel:
    return time_machine.travel(NOON + timedelta(days=number, minutes=1 if number else 0), tick=True)


def reminded() -> list[tuple[str, bool]]:
    """To whom on this day, and whether it is the last time."""
    return [(one.to, one.detail["last"]) for one in wiring.remind(timezone.now())]


def reminder() -> Notice:
    return Notice.objects.get(kind="wiring-step-waits")


def left(notice: Notice) -> mail.EmailMultiAlternatives:
    mail.outbox.clear()
    assert mailing.send(notice.pk)
    (message,) = mail.outbox
    assert isinstance(message, mail.EmailMultiAlternatives)
    return message


def test_who_has_to_do_a_step_is_reminded_after_three_days_and_a_last_time_after_ten(function: Function, mia: User) -> None:
    with on_day(0):
        handed_over(function)
    seen: dict[int, list[tuple[str, bool]]] = {}
    for day in (1, 2, 3, 3, 4, 9, 10, 10, 11, 40):
        with on_day(day):
            seen[day] = [*seen.get(day, []), *reminded()]
    assert {day: found for day, found in seen.items() if found} == {3: [(mia.email, False)], 10: [(mia.email, True)]}
    texts = list(Event.objects.filter(verb="wiring.step-reminded").values_list("text", flat=True))
    assert [("Reminded 1 person" in text, mia.email in text) for text in texts] == [(True, False)] * 2


@pytest.mark.usefixtures("mia")
def test_the_reminder_says_since_when_it_waits_and_when_it_is_the_last(function: Function) -> None:
    with on_day(0):
        handed = handed_over(function, reason="Because of Globex")
    for day, subject in ((3, "Still for you to do: S3 bucket acme-uploads"), (10, "Last reminder for you to do: S3 bucket")):
        with on_day(day):
            (notice,) = wiring.remind(timezone.now())
            message = left(notice)
        assert subject in message.subject
        for words in (str(message.body), str(message.alternatives[0][0])):
            assert f"/shared/wirings/{handed.wiring_id}/" in words
            assert f"{NOON.year}" in words
            assert "/settings/profile/" in words
            assert "Globex" not in words
            assert ("This was the last reminder" in words) is (day == 10)


def test_what_was_missed_while_nothing_ran_is_one_reminder(function: Function, mia: User) -> None:
    with on_day(0):
        handed_over(function)
    with on_day(12):
        assert reminded() == [(mia.email, True)]
        assert reminded() == []


@pytest.mark.parametrize(
    "since", ["said", "taken over", "taken back", "left", "an auditor now", "handed over anew", "wants no reminders"]
)
def test_no_reminder_leaves_about_what_waits_for_them_no_more(function: Function, mia: User, since: str) -> None:
    with on_day(0):
        handed = handed_over(function)
    steps, wirings = WiringStep.objects.filter(pk=handed.pk), Wiring.objects.filter(pk=handed.wiring_id)
    with on_day(3):
        wiring.remind(timezone.now())
        match since:
            case "said":
                steps.update(state=since)
            case "taken over":
                steps.update(ours=True)
            case "taken back":
                wirings.update(abandoned_at=timezone.now())
            case "left":
                Membership.objects.update(ended_at=timezone.now())
            case "an auditor now":
                User.objects.filter(pk=mia.pk).update(role=Role.AUDITOR)
            case "handed over anew":
                steps.update(asked_at=timezone.now(), remind_at=timezone.now() + timedelta(days=30))
            case _:
                User.objects.filter(pk=mia.pk).update(reminders=False)
        mail.outbox.clear()
        assert not mailing.send(reminder().pk)
        assert (reminder().state, mail.outbox) == ("dropped", [])
    with on_day(10):
        assert reminded() == []


def test_a_step_that_is_handed_over_anew_waits_anew(function: Function, mia: User) -> None:
    owner = Actor.of(factories.person(Role.OWNER))
    with on_day(0):
        handed = handed_over(function)
    with on_day(2):
        wiring.say_done(handed, by=Actor.of(mia))
    with on_day(4):
        assert reminded() == []
        wiring.say_not_done(handed, by=owner)
    with on_day(6):
        assert reminded() == []
    with on_day(8):
        assert reminded() == [(mia.email, False)]


def test_for_a_step_of_the_owners_own_side_whoever_asked_is_reminded_or_else_the_owners(function: Function) -> None:
    mine = (("permission", "owner", True, "queued"), ("execution-role", "owner", False, "blocked"))
    olga = factories.person(Role.OWNER, email="olga@example.com", accounts=[function.account])
    odd = factories.person(Role.OWNER, email="odd@example.com", accounts=[function.account])
    with on_day(0):
        made = factories.wiring(function, steps=mine, state="working", requested_by=odd)
        settling.seen(step(made, "permission"), "Seen.")
    with on_day(3):
        (notice,) = wiring.remind(timezone.now())
        message = left(notice)
        assert message.to == [odd.email]
        for words in (str(message.body), str(message.alternatives[0][0])):
            assert f"/mappings/wirings/{made.pk}/" in words
    User.objects.filter(pk=odd.pk).update(role=Role.AUDITOR)
    with on_day(10):
        (notice,) = wiring.remind(timezone.now())
        assert notice.to == olga.email
        User.objects.filter(pk=odd.pk).update(role=Role.OWNER)
        assert not mailing.send(notice.pk), "it is another's to do by now"


def test_who_switched_reminders_off_gets_none_and_others_do(function: Function, acme: Account, mia: User) -> None:
    abe = factories.acting("abe@acme.example", acme)
    User.objects.filter(pk=abe.pk).update(reminders=False)
    with on_day(0):
        handed_over(function)
    assert told() == [abe.email, mia.email], "that it is theirs to do is no reminder"
    with on_day(3):
        assert reminded() == [(mia.email, False)]
