"""Groups that follow a unit: who came and went is offered with what follows, and written once somebody confirms."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sharing.models import (
    Account,
    Actor,
    Bulk,
    BulkState,
    Event,
    Group,
    Organization,
    OrganizationMember,
    OrganizationUnit,
    Role,
)
from sharing.services import bulk as bulks
from sharing.services import following, groups
from sharing.services.bulk import Line
from sharing.services.errors import NotPermitted, Refusal
from tests import factories
from tests.services.kept import ACME, GLOBEX, INITECH, owner

pytestmark = pytest.mark.django_db

OUTER, INNER, OTHER = "ou-ab12-11111111", "ou-ab12-22222222", "ou-ab12-33333333"


@pytest.fixture
def platform() -> Account:
    return owner()


@pytest.fixture
def ann() -> Actor:
    return Actor.of(factories.person(Role.OWNER, email="ann@example.com"))


@pytest.fixture
def organization() -> Organization:
    """Acme is in the outer unit, Globex in the one beneath it, Initech in another."""
    made = factories.organization()
    outer = factories.unit(made, OUTER, ACME, name="Shops")
    factories.unit(made, INNER, GLOBEX, name="Online", under=outer)
    factories.unit(made, OTHER, INITECH, name="Labs")
    return made


@pytest.fixture
def group(organization: Organization, ann: Actor) -> Group:
    """It follows the outer unit and what is beneath it; nobody is in it yet."""
    return groups.make("Every shop", by=ann, unit=organization.units.get(unit_id=OUTER), nested=True)


def confirm(bulk: Bulk, by: Actor) -> Bulk:
    return bulks.confirm(bulk, by=by, judged_at=bulk.judged_at)


def numbers(group: Group) -> set[str]:
    return set(group.members.values_list("number", flat=True))


def move(number: str, unit_id: str) -> None:
    """As if it had been read so: to another unit, or "" to where nobody saw it."""
    unit = OrganizationUnit.objects.get(unit_id=unit_id) if unit_id else None
    OrganizationMember.objects.filter(number=number).update(unit=unit)


def told(group: Group, by: Actor) -> following.Following:
    found = following.following(Group.objects.get(pk=group.pk), by=by)
    assert found is not None
    return found


def share(function: str, by: Actor) -> Bulk:
    """Share it with the group; every item is as if a worker had made its grant."""
    bulk = bulks.draft([Line(1, function, "every shop", reason="They need it")], title="x", reason="x", by=by)
    confirm(bulk, by)
    for item in bulk.items.select_related("place__policy__function"):
        assert item.place is not None
        item.grant, item.state = factories.grant(item.place.policy.function, item.who), "made"
        item.save()
    return bulk


def test_accounts_of_the_unit_are_offered_and_nobody_is_a_member_before_that_is_confirmed(
    platform: Account, group: Group, ann: Actor
) -> None:
    assert (told(group, ann).joined, told(group, ann).left, numbers(group)) == ((ACME, GLOBEX), (), set())
    bulk = following.follow(group, joins=True, by=ann, form_token="form")
    assert following.follow(group, joins=True, by=ann, form_token="form") == bulk
    assert numbers(group) == set()
    confirm(bulk, ann)
    assert numbers(group) == {ACME, GLOBEX}
    assert not told(group, ann).differs
    made = Event.objects.get(verb="group.made")
    assert made.text.endswith("It follows unit Shops of organisation o-k3s8w1q9zt.")
    assert (made.detail["unit"], made.detail["nested"]) == (OUTER, True)


def test_who_joins_later_would_get_what_is_shared_and_who_left_would_lose_it(
    platform: Account, group: Group, ann: Actor
) -> None:
    for name in ("hello", "tax"):
        factories.function(name, platform)
    confirm(following.follow(group, joins=True, by=ann), ann)
    for name in ("hello", "tax"):
        share(name, ann)
    move(INITECH, INNER)
    move(ACME, OTHER)
    found = told(group, ann)
    assert (found.joined, found.gains) == ((INITECH,), 2)
    assert (found.left, following.losses(group, found)) == ((ACME,), 2)
    assert numbers(group) == {ACME, GLOBEX}, "nothing follows by itself"
    joining, leaving = (following.follow(group, joins=joins, by=ann) for joins in (True, False))
    assert {item.who for item in joining.items.all()} == {INITECH}
    assert [(item.who, item.verdict) for item in leaving.items.all()] == [(ACME, "ok")] * 2
    confirm(joining, ann)
    confirm(leaving, ann)
    assert numbers(group) == {GLOBEX, INITECH}


def test_without_the_units_beneath_it_only_its_own_accounts_count(organization: Organization, ann: Actor) -> None:
    flat = groups.make("Shops alone", by=ann, unit=organization.units.get(unit_id=OUTER))
    whole = groups.make("All of us", by=ann, unit=organization.units.get(unit_id="r-ab12"), nested=True)
    assert told(flat, ann).joined == (ACME,)
    assert told(whole, ann).joined == tuple(sorted((ACME, GLOBEX, INITECH)))


def test_an_account_that_left_the_organisation_left_the_unit_and_one_not_seen_anywhere_did_not(
    group: Group, ann: Actor
) -> None:
    confirm(following.follow(group, joins=True, by=ann), ann)
    OrganizationMember.objects.filter(number=ACME).update(left_at=timezone.now())
    move(GLOBEX, "")
    found = told(group, ann)
    assert (found.left, found.unplaced, found.joined) == ((ACME,), 1, ())
    with pytest.raises(Refusal, match="not known to have left"):
        groups.leave(Group.objects.get(pk=group.pk), [GLOBEX], by=ann)


def test_suspended_accounts_are_not_offered_and_not_taken_out(group: Group, ann: Actor) -> None:
    OrganizationMember.objects.filter(number=GLOBEX).update(status="SUSPENDED")
    found = told(group, ann)
    assert (found.joined, found.idle) == ((ACME,), 1)
    confirm(following.follow(group, joins=True, by=ann), ann)
    OrganizationMember.objects.filter(number=ACME).update(status="SUSPENDED")
    assert told(group, ann).left == ()


STALE: dict[str, dict[str, Any]] = {
    "never read": {"units_read_at": None},
    "old": {"units_read_at": datetime(2026, 1, 1, tzinfo=UTC)},
    "failing": {"units_failure": "The role may not do organizations:ListRoots."},
    "its members failing": {"failure": "AWS did not answer in time."},
}


@pytest.mark.parametrize("why", STALE)
def test_an_unread_unit_is_not_an_empty_one(group: Group, ann: Actor, why: str) -> None:
    confirm(following.follow(group, joins=True, by=ann), ann)
    move(ACME, OTHER)
    drafted = following.follow(group, joins=False, by=ann)
    Organization.objects.update(**STALE[why])
    found = told(group, ann)
    assert found.why_not
    assert (found.joined, found.left, found.gains) == ((), (), 0)
    held = Group.objects.get(pk=group.pk)
    attempts: list[Callable[[], Bulk]] = [
        lambda: following.follow(held, joins=False, by=ann),
        lambda: groups.leave(held, [ACME], by=ann),
        lambda: groups.join(held, [INITECH], by=ann),
        lambda: confirm(drafted, ann),
    ]
    for attempt in attempts:
        with pytest.raises(Refusal, match="not known now"):
            attempt()
    assert numbers(group) == {ACME, GLOBEX}
    drafted.refresh_from_db()
    assert drafted.state == BulkState.DRAFT


def test_a_preview_of_who_is_back_or_gone_by_now_is_not_confirmed(group: Group, ann: Actor) -> None:
    joining = following.follow(group, joins=True, by=ann)
    move(GLOBEX, OTHER)
    with pytest.raises(Refusal, match=f"{GLOBEX} is not"):
        confirm(joining, ann)
    move(GLOBEX, INNER)
    confirm(joining, ann)
    move(ACME, OTHER)
    leaving = following.follow(group, joins=False, by=ann)
    move(ACME, OUTER)
    with pytest.raises(Refusal, match=f"{ACME} is not known to have left"):
        confirm(leaving, ann)
    assert numbers(group) == {ACME, GLOBEX}


def test_by_hand_nobody_is_added_who_is_not_in_the_unit(group: Group, ann: Actor) -> None:
    with pytest.raises(Refusal, match=f"in which {INITECH} is not") as refused:
        groups.join(group, [INITECH], by=ann)
    assert refused.value.field == "who"
    assert groups.join(group, [ACME], by=ann).joins == [ACME], "some of them may be"


def test_what_follows_no_more_is_changed_by_hand(group: Group, ann: Actor) -> None:
    confirm(following.follow(group, joins=True, by=ann), ann)
    free = following.unfollow(group, by=ann)
    assert following.unfollow(group, by=ann).unit is None
    assert Event.objects.filter(verb="group.unfollowed").count() == 1
    assert following.following(free, by=ann) is None
    with pytest.raises(Refusal, match="follows no unit"):
        following.follow(free, joins=True, by=ann)
    confirm(groups.join(free, [INITECH], by=ann), ann)
    confirm(groups.leave(free, [ACME], by=ann), ann)
    assert numbers(group) == {GLOBEX, INITECH}


def test_a_group_is_deleted_with_what_it_gave_whatever_is_known_of_its_unit(group: Group, ann: Actor) -> None:
    confirm(following.follow(group, joins=True, by=ann), ann)
    Organization.objects.update(units_failure="AWS did not answer in time.")
    confirm(groups.leave(Group.objects.get(pk=group.pk), [], by=ann, ends_group=True), ann)
    assert Group.objects.get(pk=group.pk).deleted_at is not None


def test_units_are_for_people_who_see_every_account(organization: Organization, group: Group, ann: Actor) -> None:
    half = Actor.of(factories.person(Role.OWNER, accounts=[owner("Other")]))
    auditor = Actor.of(factories.person(Role.AUDITOR))
    assert following.following(group, by=half) is None
    assert following.following(group, by=auditor) is not None, "auditors look"
    for by in (half, auditor):
        with pytest.raises(NotPermitted):
            groups.make("Another", by=by, unit=organization.units.get(unit_id=OUTER))
        with pytest.raises(NotPermitted):
            following.follow(group, joins=True, by=by)
        with pytest.raises(NotPermitted):
            following.unfollow(group, by=by)
        for number in (ACME, INITECH):  # who is in it, and who is not, is answered alike
            with pytest.raises(NotPermitted):
                groups.join(group, [number], by=by)
    assert not OrganizationUnit.objects.visible_to(half).exists()


def test_many_groups_cost_what_one_does(organization: Organization, ann: Actor) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            following.followings(Group.objects.all(), by=ann)
        return len(captured)

    unit = organization.units.get(unit_id=OUTER)
    groups.make("One", by=ann, unit=unit)
    few = cost()
    for number in range(10):
        groups.make(f"Group {number}", by=ann, unit=unit)
    assert cost() == few
