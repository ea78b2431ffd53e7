"""Invitations: what is offered becomes a grant only after the account was proved, and confirmed where none was named."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from sharing.models import Actor, Grant, Invitation, InvitationState, Membership, Policy, Proof, Role
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
