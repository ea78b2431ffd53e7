"""Who acts for an account: begun once, ended by the person themselves or an admin, and seen by nobody else."""

import pytest

from sharing.models import Actor, Event, Membership, Role
from sharing.services import memberships
from sharing.services.errors import NotFound, NotPermitted
from tests import factories

pytestmark = pytest.mark.django_db


def test_it_is_begun_once_and_both_ends_are_in_the_history() -> None:
    jo, account = factories.person(Role.CONSUMER), factories.account()
    by = Actor.of(jo)
    begun = memberships.begin(jo, account, by=by)
    assert memberships.begin(jo, account, by=by) == begun
    assert list(Membership.objects.of(by)) == [begun]
    memberships.end(begun, by=by)
    assert not Membership.objects.of(by).exists()
    with pytest.raises(NotFound):
        memberships.end(begun, by=by)
    assert list(Event.objects.order_by("sequence").values_list("verb", flat=True)) == ["membership.begun", "membership.ended"]
    assert memberships.begin(jo, account, by=by) != begun


def test_only_an_admin_or_the_person_themselves_ends_it() -> None:
    membership = factories.membership()
    for role in (Role.OWNER, Role.AUDITOR, Role.CONSUMER):
        with pytest.raises(NotPermitted):
            memberships.end(membership, by=Actor.of(factories.person(role)))
    memberships.end(membership, by=Actor.of(factories.person(Role.ADMIN)))


def test_nobody_acts_for_an_account_on_a_claim() -> None:
    membership = factories.membership()
    assert not Membership.objects.of(Actor.at_shell("root", membership.person)).exists()
    membership.person.is_active = False
    assert not Membership.objects.of(Actor.of(membership.person)).exists()
