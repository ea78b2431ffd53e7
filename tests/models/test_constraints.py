"""Rules the database holds by itself, whoever writes."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Account, Actor, AppendOnly, Connection, Event, Function, Grant, GrantState, Policy, Role, Sync, User
from sharing.models.grant import LIVE, TRANSITIONS
from sharing.services.history import record
from tests import factories

pytestmark = pytest.mark.django_db


def test_history_is_never_changed_nor_deleted() -> None:
    event = record("person.added", "Somebody was added.", by=Actor.system())
    event.text = "Nobody was added."
    with pytest.raises(AppendOnly):
        event.save()
    with pytest.raises(AppendOnly):
        event.delete()
    with pytest.raises(AppendOnly):
        Event.objects.filter(pk=event.pk).update(text="Nobody was added.")
    with pytest.raises(AppendOnly):
        Event.objects.all().delete()
    assert Event.objects.get(pk=event.pk).text == "Somebody was added."


def test_sequence_numbers_grow() -> None:
    first, second = (record("person.added", "Added.", by=Actor.system()) for _ in range(2))
    assert second.sequence > first.sequence


def refused_by_the_database(row: Grant | Connection | Sync | Account | Policy | User) -> str:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        row.save(force_insert=True)
    return str(caught.value)


def test_two_live_grants_never_share_a_sid_on_one_policy_and_ended_ones_may() -> None:
    function = factories.function()
    factories.grant(function, sid="same", state=GrantState.REVOKED)
    live = factories.grant(function, sid="same")
    twin = Grant.objects.get(pk=live.pk)
    twin.pk = None
    twin.equality = "another"
    assert refused_by_the_database(twin)


def test_everyone_always_has_an_end_date() -> None:
    row = factories.grant(state=GrantState.REQUESTED)
    row.pk = None
    row.sid, row.principal_kind, row.principal = "everyone", "everyone", "*"
    assert refused_by_the_database(row)


def test_what_needs_a_second_person_is_never_past_requested_without_one() -> None:
    row = factories.grant(state=GrantState.REQUESTED, second_person="It lets everyone in.")
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.filter(pk=row.pk).update(state=GrantState.PENDING)
    Grant.objects.filter(pk=row.pk).update(state=GrantState.PENDING, approved_at=timezone.now())
    assert Grant.objects.get(pk=row.pk).state == GrantState.PENDING


def test_an_external_id_is_never_used_twice() -> None:
    first = factories.connection()
    again = Connection(account=factories.account(), purpose="manager", state="awaited", external_id=first.external_id)
    assert refused_by_the_database(again)


def test_one_sync_of_a_place_at_a_time() -> None:
    account = factories.account()
    Sync.objects.create(account=account, region="us-east-1", requested_as="x")
    assert refused_by_the_database(Sync(account=account, region="us-east-1", requested_as="x"))
    Sync.objects.create(account=account, region="eu-west-1", requested_as="x")


def test_e_mail_addresses_are_one_whatever_their_case() -> None:
    factories.person(email="ola@example.com")
    assert refused_by_the_database(User(email="OLA@example.com", role=Role.AUDITOR))


def test_every_state_says_where_it_may_go_and_only_ended_ones_go_nowhere() -> None:
    assert set(TRANSITIONS) == set(GrantState)
    assert not any(GrantState(state) in LIVE for state, following in TRANSITIONS.items() if not following)


def test_scope_hides_other_accounts_from_every_queryset() -> None:
    mine, other = factories.function(), factories.function()
    factories.grant(mine)
    factories.grant(other)
    actor = Actor.of(factories.person(Role.OWNER, accounts=[mine.account]))
    assert list(Account.objects.visible_to(actor)) == [mine.account]
    assert list(Function.objects.visible_to(actor)) == [mine]
    assert {policy.function_id for policy in Policy.objects.visible_to(actor)} == {mine.pk}
    assert {grant.policy.function_id for grant in Grant.objects.visible_to(actor)} == {mine.pk}


def test_a_person_who_was_deactivated_sees_nothing() -> None:
    factories.grant()
    person = factories.person(Role.ADMIN)
    person.is_active = False
    actor = Actor.of(person)
    for rows in (Account.objects, Function.objects, Policy.objects, Grant.objects, Event.objects, Sync.objects):
        assert not rows.visible_to(actor).exists()
