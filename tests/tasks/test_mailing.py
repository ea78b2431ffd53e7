"""The worker's entries for mail and accepted invitations: whatever a lost message left behind, the sweep hands over."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from sharing.models import Actor, Event, Grant, Notice, Proof, Role
from sharing.services import inviting
from sharing.tasks import make_grants, send_notice, sweep
from tests import factories

NUMBER = "222233334444"


@pytest.mark.django_db(transaction=True)
def test_the_sweep_hands_over_mail_grants_to_make_and_what_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr("sharing.tasks.sweeping.soon", lambda task, pk, **_: told.append((task.name, str(pk))))
    policy = factories.function(of=factories.connection().account).policies.get()
    robin = Actor.of(factories.person(Role.OWNER, email="robin@example.com"))
    invitation = inviting.invite("dev@acme.example", offers=[inviting.Offer(policy)], by=robin, meant=NUMBER)
    other = inviting.invite("late@acme.example", offers=[inviting.Offer(policy)], by=robin)
    sweep()
    assert {pk for name, pk in told if name == "sharing.send_notice"} == {str(one.pk) for one in Notice.objects.all()}
    for notice in Notice.objects.all():
        send_notice(str(notice.pk))
    assert len(mail.outbox) == 2
    person = factories.person(Role.CONSUMER, email="dev@acme.example")
    inviting.accept(invitation, person=person, account=factories.account(number=NUMBER), proof=Proof.ROLE)
    told.clear()
    sweep()
    assert ("sharing.make_grants", str(invitation.pk)) in told
    monkeypatch.setattr("sharing.tasks.sharing.soon", lambda *_, **__: None)
    make_grants(str(invitation.pk))
    assert Grant.objects.get().principal == NUMBER
    told.clear()
    with time_machine.travel(timezone.now() + timedelta(days=8), tick=False):
        sweep()
    expired = Notice.objects.get(kind="invitation-expired")
    assert expired.invitation == other
    assert ("sharing.send_notice", str(expired.pk)) in told
    assert ("sharing.make_grants", str(invitation.pk)) not in told


@pytest.mark.django_db
def test_tasks_for_rows_that_are_gone_do_nothing() -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    send_notice(nobody)
    make_grants(nobody)
    assert not Event.objects.exists()
    assert mail.outbox == []
