"""Invitations: what is offered becomes a grant only after the account was proved, and confirmed where none was named."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from sharing.models import (
    Actor,
    Grant,
    Invitation,
    InvitationState,
    Membership,
    Notice,
    Policy,
    Proof,
    Role,
)
from sharing.services import inviting
from sharing.services.errors import NotFound, NotPermitted, Refusal
from tests import factories

pytestmark = pytest.mark.django_db

EMAIL = "dev@acme.example"
NUMBER = "222233334444"


def offered() -> Policy:
    """A function that can be shared."""
    connection = factories.connection()
    return factories.grant(factories.function(of=connection.account), to="999988887777").policy


def invited(policy: Policy, meant: str = NUMBER, **fields: object) -> Invitation:
    owner = Actor.of(factories.person(Role.OWNER))
    return inviting.invite(EMAIL, offers=[inviting.Offer(policy)], by=owner, meant=meant, **fields)  # type: ignore[arg-type]


def accepted(invitation: Invitation, number: str = NUMBER, proof: Proof = Proof.ROLE, organization: str = "") -> Invitation:
    person = factories.person(Role.CONSUMER, email=EMAIL)
    account = factories.account(number=number)
    return inviting.accept(invitation, person=person, account=account, proof=proof, organization=organization)


def test_accepting_for_the_named_account_makes_the_grants_once() -> None:
    invitation = accepted(invited(offered()))
    assert not invitation.awaits_confirmation
    for _ in range(2):
        (grant,) = inviting.make_grants(invitation.pk)
        assert (grant.principal, grant.state) == (NUMBER, "pending")
    assert Grant.objects.filter(principal=NUMBER).count() == 1
    assert Membership.objects.current().get().account.number == NUMBER
    assert not inviting.due()


def test_where_no_account_was_named_nothing_is_granted_before_an_owner_confirms_it() -> None:
    invitation = accepted(invited(offered(), meant=""))
    assert invitation.awaits_confirmation
    assert inviting.make_grants(invitation.pk) == []
    owner = Actor.of(factories.person(Role.OWNER))
    assert invitation.account is not None
    with pytest.raises(Refusal, match="any more"):
        inviting.confirm(invitation, account=factories.account(), by=owner)
    inviting.confirm(invitation, account=invitation.account, by=owner)
    assert [one.pk for one in inviting.due()] == [invitation.pk]
    (grant,) = inviting.make_grants(invitation.pk)
    assert grant.requested_by == owner.person


def test_a_member_of_an_organisation_proved_by_membership_alone_waits_for_the_owner_and_sees_nothing_yet() -> None:
    invitation = accepted(invited(offered(), meant="o-a1b2c3d4e5"), proof=Proof.ORGANIZATION, organization="o-a1b2c3d4e5")
    assert invitation.awaits_confirmation
    assert not Membership.objects.exists()


def test_another_account_another_address_and_another_organisation_are_refused() -> None:
    policy = offered()
    named = invited(policy)
    with pytest.raises(Refusal) as other:
        accepted(named, number="111122223333")
    assert other.value.code == "wrong-account"
    stranger = factories.person(Role.CONSUMER, email="else@acme.example")
    with pytest.raises(Refusal) as wrong:
        inviting.accept(named, person=stranger, account=factories.account(number=NUMBER), proof=Proof.ROLE)
    assert wrong.value.code == "wrong-person"
    assert not Membership.objects.exists()


def test_an_address_is_not_invited_twice_to_the_same() -> None:
    policy = offered()
    first = invited(policy, form_token="one")
    assert invited(policy, form_token="one").pk == first.pk
    with pytest.raises(Refusal, match="already"):
        invited(policy, form_token="two")


@pytest.mark.parametrize("end", ["cancel", "decline", "expire"])
def test_what_is_over_cannot_be_accepted(end: str) -> None:
    invitation = invited(offered())
    if end == "cancel":
        inviting.cancel(invitation, by=Actor.of(factories.person(Role.ADMIN)))
    elif end == "decline":
        inviting.decline(invitation, reason="not ours")
    else:
        with time_machine.travel(timezone.now() + timedelta(days=8), tick=False):
            assert inviting.expire(timezone.now()) == 1
    with pytest.raises(Refusal) as over:
        accepted(invitation)
    assert over.value.code == "stale"
    assert not Grant.objects.filter(principal=NUMBER).exists()


def test_a_new_link_kills_the_old_one_and_only_a_digest_is_kept() -> None:
    invitation = invited(offered())
    first = inviting.renew(invitation)
    assert inviting.find(first) == invitation
    second = inviting.renew(invitation)
    assert inviting.find(first) is None
    assert inviting.find(second) == invitation
    invitation.refresh_from_db()
    assert second not in str(vars(invitation))
    with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=False):
        inviting.resend(invitation, by=Actor.of(factories.person(Role.ADMIN)))
    assert inviting.find(second) is None


def test_only_who_may_share_every_function_of_it_invites_sends_again_cancels_and_confirms() -> None:
    policy = offered()
    invitation = invited(policy)
    auditor = Actor.of(factories.person(Role.AUDITOR))
    stranger = Actor.of(factories.person(Role.OWNER, accounts=[factories.account()]))
    for refused, kind in ((auditor, NotPermitted), (stranger, NotFound)):
        with pytest.raises(kind):
            inviting.invite("x@acme.example", offers=[inviting.Offer(policy)], by=refused)
        with pytest.raises(kind):
            inviting.cancel(invitation, by=refused)
        with pytest.raises(kind):
            inviting.resend(invitation, by=refused)
    assert not Invitation.objects.visible_to(stranger).exists()
    assert Invitation.objects.visible_to(auditor).exists()


def test_an_item_that_cannot_become_a_grant_any_more_keeps_why() -> None:
    policy = offered()
    invitation = accepted(invited(policy))
    policy.function.vanished_at = timezone.now()
    policy.function.save()
    assert inviting.make_grants(invitation.pk) == []
    item = invitation.items.get()
    assert "any more" in item.failure
    assert not inviting.due()


def test_a_dangerous_action_still_waits_for_a_second_person() -> None:
    policy = offered()
    owner = Actor.of(factories.person(Role.OWNER))
    offers = [inviting.Offer(policy, action="lambda:UpdateFunctionCode", ends_at=timezone.now() + timedelta(days=5))]
    invitation = accepted(inviting.invite(EMAIL, offers=offers, by=owner, meant=NUMBER))
    (grant,) = inviting.make_grants(invitation.pk)
    assert grant.state == "requested"
    assert invitation.state == InvitationState.ACCEPTED


def test_sending_again_thinks_the_offer_through_again_and_never_leaves_two_mails_waiting() -> None:
    policy = offered()
    admin = Actor.of(factories.person(Role.ADMIN))
    ends = timezone.now() + timedelta(days=1)
    lapsing = inviting.invite(EMAIL, offers=[inviting.Offer(policy, ends_at=ends)], by=admin)
    lasting = inviting.invite("other@acme.example", offers=[inviting.Offer(policy)], by=admin)
    with pytest.raises(Refusal, match="less than a minute"):
        inviting.resend(lasting, by=admin)
    with time_machine.travel(timezone.now() + timedelta(days=9), tick=False):
        inviting.expire(timezone.now())
        with pytest.raises(Refusal, match="in the past") as refused:
            inviting.resend(lapsing, by=admin)
        assert "Cancel" in refused.value.next
        resent = inviting.resend(lasting, by=admin)
        assert (resent.state, resent.ended_at) == (InvitationState.PENDING, None)
        assert list(lasting.notices.order_by("created_at").values_list("kind", "state")) == [
            ("invitation", "dropped"),
            ("invitation-expired", "queued"),
            ("invitation", "queued"),
        ]


def test_an_expired_invitation_is_not_sent_again_beside_a_newer_one_for_the_same() -> None:
    policy = offered()
    old = invited(policy)
    with time_machine.travel(timezone.now() + timedelta(days=8), tick=False):
        inviting.expire(timezone.now())
        invited(policy)
        with pytest.raises(Refusal, match="already"):
            inviting.resend(old, by=Actor.at_shell("root"))


def test_a_form_sent_again_with_other_contents_is_no_double_click() -> None:
    policy = offered()
    invited(policy, form_token="one")
    with pytest.raises(Refusal) as changed:
        invited(policy, meant="", form_token="one")
    assert changed.value.code == "stale"
    assert Invitation.objects.count() == 1


def test_a_person_makes_at_most_thirty_invitations_an_hour() -> None:
    policy = offered()
    owner = Actor.of(factories.person(Role.OWNER))
    started = timezone.now()
    for number in range(30):
        inviting.invite(f"dev{number}@acme.example", offers=[inviting.Offer(policy)], by=owner)
    with pytest.raises(Refusal, match="within an hour") as refused:
        inviting.invite("one-more@acme.example", offers=[inviting.Offer(policy)], by=owner)
    assert refused.value.code == "too-many"
    assert "minutes" in refused.value.next
    other = Actor.of(factories.person(Role.OWNER))
    inviting.invite("one-more@acme.example", offers=[inviting.Offer(policy)], by=other)
    with time_machine.travel(started + timedelta(minutes=61), tick=False):
        inviting.invite("two-more@acme.example", offers=[inviting.Offer(policy)], by=owner)


def test_an_address_gets_at_most_five_mails_a_day_whoever_sends_them() -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False) as clock:
        invitation = invited(offered())
        for _ in range(4):
            Notice.objects.update(state="sent")
            clock.shift(timedelta(minutes=2))
            inviting.resend(invitation, by=Actor.of(factories.person(Role.ADMIN)))
        Notice.objects.update(state="sent")
        clock.shift(timedelta(minutes=2))
        with pytest.raises(Refusal, match="within a day") as refused:
            inviting.resend(invitation, by=Actor.of(factories.person(Role.ADMIN)))
        assert (refused.value.code, refused.value.field) == ("too-many", "email")
        with pytest.raises(Refusal, match="within a day"):
            invited(offered())
        clock.shift(timedelta(hours=24))
        invited(offered())


def test_whom_it_is_for_is_understood_by_name_digits_or_organisation_and_nothing_wider() -> None:
    factories.account("Acme Retail", NUMBER)
    by = Actor.at_shell("root")
    offers = [inviting.Offer(offered())]
    for text, number, organization in (
        ("acme retail", NUMBER, ""),
        ("2222 3333 4444", NUMBER, ""),
        ("o-a1b2c3d4e5", "", "o-a1b2c3d4e5"),
        (" ", "", ""),
    ):
        draft = inviting.draft(EMAIL, offers=offers, by=by, meant=text)
        assert (draft.number, draft.organization, draft.first_problem) == (number, organization, None)
    for text in ("everyone", "*", "s3.amazonaws.com", f"arn:aws:iam::{NUMBER}:role/x", "12345", "nobody we know"):
        assert inviting.draft(EMAIL, offers=offers, by=by, meant=text).first_problem is not None, text


def test_the_preview_says_for_whom_what_is_dangerous_what_they_have_and_what_is_left() -> None:
    policy = offered()
    by = Actor.at_shell("root")
    manage = inviting.Offer(policy, "lambda:UpdateFunctionCode", timezone.now() + timedelta(days=5))
    draft = inviting.draft(EMAIL, offers=[inviting.Offer(policy), manage], by=by)
    first, second = draft.thoughts
    assert first.sentence.startswith("Every role of the account that they prove, as far as its own administrators allow, may")
    assert "000000000000" not in first.sentence + str(first.plan.already)
    assert second.plan.second_person
    assert second.size_after > second.plan.size_after, "both statements have to fit"
    named = inviting.draft(EMAIL, offers=[inviting.Offer(policy)], by=by, meant=NUMBER).thoughts[0]
    assert "that they prove" not in named.sentence


def test_offers_that_fit_alone_but_not_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = offered()
    offers = [inviting.Offer(policy), inviting.Offer(policy, "lambda:GetFunction")]
    Policy.objects.filter(pk=policy.pk).update(size=20_480 - 350)
    policy.refresh_from_db()
    by = Actor.at_shell("root")
    assert inviting.draft(EMAIL, offers=offers[:1], by=by).first_problem is None
    problem = inviting.draft(EMAIL, offers=offers, by=by).first_problem
    assert problem is not None
    assert problem.code == "full"


def test_the_same_offer_twice_and_more_than_fifty_are_refused() -> None:
    policy = offered()
    by = Actor.at_shell("root")
    twice = inviting.draft(EMAIL, offers=[inviting.Offer(policy)] * 2, by=by)
    assert "already" in str(twice.first_problem)
    many = [inviting.Offer(factories.function(of=policy.function.account).policies.get()) for _ in range(51)]
    assert "at most 50" in str(inviting.draft(EMAIL, offers=many, by=by).first_problem)
    assert "Nothing is offered" in str(inviting.draft(EMAIL, offers=[], by=by).first_problem)


def test_an_inviter_who_lost_the_right_shares_nothing_any_more_and_the_item_says_so() -> None:
    policy = offered()
    owner = factories.person(Role.OWNER, email="ann@example.com")
    invitation = inviting.invite(EMAIL, offers=[inviting.Offer(policy)], by=Actor.of(owner), meant=NUMBER)
    invitation = accepted(invitation)
    owner.is_active = False
    owner.save()
    assert inviting.make_grants(invitation.pk) == []
    item = invitation.items.get()
    assert "ann@example.com may not share" in item.failure
    assert item.failure_next


def test_what_waits_for_somebody_is_found_in_scope_and_lists_match_what_people_type() -> None:
    policy = offered()
    to_confirm = accepted(invited(policy, meant=""))
    unsent = inviting.invite("gone@acme.example", offers=[inviting.Offer(policy)], by=Actor.at_shell("root"))
    Notice.objects.filter(invitation=unsent).update(state="failed", failure="550 no such user")
    admin = Actor.of(factories.person(Role.ADMIN))
    found = inviting.attention(by=admin)
    assert (list(found.to_confirm), list(found.unsent), found.more) == ([to_confirm], [unsent], 0)
    assert not inviting.attention(by=Actor.of(factories.person(Role.OWNER, accounts=[factories.account()])))
    for standing in inviting.Standing:
        expected = {inviting.Standing.TO_CONFIRM: [to_confirm], inviting.Standing.UNSENT: [unsent]}.get(standing, [])
        if standing is inviting.Standing.WAITING:
            expected = [unsent]
        assert list(inviting.invitations(by=admin, standing=standing)) == expected, standing
    for text in (policy.function.name, "gone@", "GONE root"):
        assert unsent in inviting.invitations(by=admin, text=text)
    assert list(inviting.invitations(by=admin, text="2222 3333")) == [to_confirm]
    assert not inviting.invitations(by=admin, text="nothing")


def test_a_pending_invitation_past_its_day_counts_as_expired_before_the_sweep_was_there() -> None:
    invitation = invited(offered())
    with time_machine.travel(timezone.now() + timedelta(days=8), tick=False):
        assert inviting.standing_of(invitation, timezone.now()) is inviting.Standing.EXPIRED
        admin = Actor.of(factories.person(Role.ADMIN))
        assert list(inviting.invitations(by=admin, standing=inviting.Standing.EXPIRED)) == [invitation]
        assert not inviting.invitations(by=admin, standing=inviting.Standing.WAITING)


def test_history_tells_one_click_about_many_functions_once() -> None:
    first = offered()
    second = factories.function(of=first.function.account).policies.get()
    owner = Actor.of(factories.person(Role.OWNER))
    invitation = inviting.invite(EMAIL, offers=[inviting.Offer(first), inviting.Offer(second)], by=owner)
    inviting.cancel(invitation, by=owner, reason="too  early")
    told = inviting.story_of(invitation, by=owner)
    assert [(one.event.verb, one.more) for one in told] == [("invitation.cancelled", 1), ("invitation.made", 1)]
    assert told[0].event.reason == "too early"


def test_who_sends_it_again_for_somebody_who_left_is_the_one_who_invites() -> None:
    policy = offered()
    ann = factories.person(Role.OWNER, email="ann@example.com")
    ben = factories.person(Role.OWNER, email="ben@example.com")
    invitation = inviting.invite(EMAIL, offers=[inviting.Offer(policy)], by=Actor.of(ann), meant=NUMBER)
    with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=False):
        assert inviting.resend(invitation, by=Actor.of(ben)).created_by == ann
    ann.is_active = False
    ann.save()
    with time_machine.travel(timezone.now() + timedelta(minutes=4), tick=False):
        assert inviting.resend(invitation, by=Actor.of(ben)).created_by == ben
    (grant,) = inviting.make_grants(accepted(invitation).pk)
    assert grant.requested_by == ben


def test_an_organisation_whose_members_nobody_knows_is_warned_about_and_an_accounts_name_is_told() -> None:
    offers = [inviting.Offer(offered())]
    by = Actor.at_shell("root")
    (warning,) = inviting.draft(EMAIL, offers=offers, by=by, meant="o-a1b2c3d4e5").warnings
    assert "nobody can accept" in warning.message
    factories.organization(NUMBER, organization_id="o-a1b2c3d4e5")
    assert inviting.draft(EMAIL, offers=offers, by=by, meant="o-a1b2c3d4e5").warnings == ()
    assert inviting.draft(EMAIL, offers=offers, by=by, meant=NUMBER).account is None
    account = factories.account("Acme Retail", NUMBER)
    assert inviting.draft(EMAIL, offers=offers, by=by, meant=NUMBER).account == account


def at_once(*calls: Callable[[], object]) -> list[object]:
    """What each of these gives back, or its refusal, started at the same moment in a thread of its own."""
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        gate.wait()
        try:
            return call()
        except Refusal as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.mark.django_db(transaction=True)
def test_a_double_click_at_the_very_same_moment_makes_one_invitation_and_refuses_nobody() -> None:
    policy = offered()
    owner = Actor.of(factories.person(Role.OWNER))

    def click() -> Invitation:
        return inviting.invite(EMAIL, offers=[inviting.Offer(policy)], by=owner, form_token="one")

    assert set(at_once(click, click, click)) == {Invitation.objects.get()}
    assert Notice.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_people_who_invite_the_same_address_to_the_same_at_once_send_one_invitation() -> None:
    policy = offered()
    people = [Actor.of(factories.person(Role.OWNER)) for _ in range(2)]
    answers = at_once(*(lambda by=by: inviting.invite(EMAIL, offers=[inviting.Offer(policy)], by=by) for by in people))
    assert sorted(type(answer).__name__ for answer in answers) == ["Invitation", "Refusal"]
    assert Invitation.objects.count() == 1
