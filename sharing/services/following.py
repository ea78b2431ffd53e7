"""Groups that follow an organisational unit: what its accounts would get, or lose, as they come and go.

Lambda cannot grant to a unit, so that a group of its accounts stands for it. AWS says who is in the unit, a person says who
is in the group: nothing follows by itself. Joining and leaving are those of every group (services.groups).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from sharing.models import Actor, Bulk, Group, GroupMember, GroupShare, OrganizationUnit
from sharing.services import groups, organizations
from sharing.services.bulk import grouping
from sharing.services.errors import NotPermitted, Refusal
from sharing.services.history import record


@dataclass(frozen=True)
class Following:
    """How a group differs from the unit it follows, as last read.

    joined: active accounts in the unit that are no members yet; left: members that are known not to be in it any more;
    unplaced: members of whom it is not known; idle: accounts in it that can do nothing, so that they are not offered.
    gains: shares that would follow for those who joined, at most: the preview says of each whether it can be made. why_not: why
    nothing is known of the unit now, with what to do about it in `next`; "" while it is.
    """

    unit: OrganizationUnit
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    unplaced: int = 0
    idle: int = 0
    gains: int = 0
    why_not: str = ""
    next: str = ""

    @property
    def differs(self) -> bool:
        """Whether somebody should decide something."""
        return bool(self.joined or self.left)

    @property
    def joined_words(self) -> str:
        """How many joined."""
        return f"{len(self.joined):,} joined"

    @property
    def left_words(self) -> str:
        """How many left."""
        return f"{len(self.left):,} left"


def followings(found: Iterable[Group], *, by: Actor) -> dict[uuid.UUID, Following]:
    """Of those that follow a unit, by their pk; of none for who may not see organisations. Four queries, however many."""
    follow = {one.pk: one.unit_id for one in found if one.unit_id is not None}
    if not follow or not by.sees_every_account:
        return {}
    units = OrganizationUnit.objects.filter(pk__in=follow.values()).select_related("organization__connection")
    by_pk = {one.pk: one for one in units}
    followed = {one.organization_id: one.organization for one in by_pk.values()}
    joined = GroupMember.objects.filter(group__in=follow).order_by()
    placed = organizations.placed(followed.values(), units=by_pk.values(), besides=joined.values("number"))
    members: dict[uuid.UUID, set[str]] = {}
    for pk, number in joined.values_list("group", "number"):
        members.setdefault(pk, set()).add(number)
    shares = GroupShare.objects.filter(group__in=follow).open(timezone.now()).order_by()
    many = dict(shares.values_list("group").annotate(many=Count("pk")))
    told = {}
    for group in found:
        if group.unit_id is not None:
            unit = by_pk[group.unit_id]
            there = members.get(group.pk, set())
            told[group.pk] = _compared(group, unit, placed[unit.organization_id], there, many.get(group.pk, 0))
    return told


def following(group: Group, *, by: Actor) -> Following | None:
    """Of one group; None when it follows no unit, or the actor may not see organisations."""
    return followings([group], by=by).get(group.pk)


def differing(*, by: Actor) -> list[Group]:
    """Groups whose unit somebody joined or left: somebody should look at them. A constant number of queries."""
    follow = list(Group.objects.filter(deleted_at=None).exclude(unit=None).order_by("name", "pk"))
    found = followings(follow, by=by)
    return [one for one in follow if one.pk in found and found[one.pk].differs]


def losses(group: Group, found: Following) -> int:
    """How many shares that the group gave would be taken back from those who left."""
    return grouping.owning(group).filter(who__in=found.left).count() if found.left else 0


def follow(group: Group, *, joins: bool, by: Actor, form_token: str | None = None) -> Bulk:
    """The preview of what follows for all who joined the unit (`joins`), or for all who left it. Raises Refusal.

    Nobody is a member, or is none any more, before it is confirmed.
    """
    if group.unit_id is None:
        raise Refusal(f"{group.name} follows no unit.", next="Reload the page.", code="stale")
    found = following(group, by=by)
    if found is None:
        raise NotPermitted("Which accounts are in a unit is shown to people who see every account.")
    if found.why_not:
        raise Refusal(f"Who is in {found.unit} is not known now. {found.why_not}", next=found.next, code="stale")
    numbers = found.joined if joins else found.left
    if not numbers:
        raise Refusal(f"Nobody {'joined' if joins else 'left'} the unit any more.", next="Reload the page.", code="stale")
    if joins:
        return groups.join(group, numbers, by=by, form_token=form_token)
    return groups.leave(group, numbers, by=by)


def unfollow(group: Group, *, by: Actor) -> Group:
    """Its members stay as they are and are changed by hand from now on. Twice is once. Raises NotPermitted."""
    if not by.may_change() or not by.sees_every_account:
        raise NotPermitted("Units are followed, or not, by people who see every account.", next="Ask an admin of fnshare.")
    with transaction.atomic():
        held = Group.objects.select_for_update(of=("self",)).select_related("unit__organization").get(pk=group.pk)
        if held.unit is not None and held.deleted_at is None:
            text = f"The group {held.name} does not follow unit {held.unit} any more; its members stay."
            record("group.unfollowed", text, by=by, detail={"group": str(held.pk), "unit": held.unit.unit_id})
            held.unit, held.nested = None, False
            held.save(update_fields=["unit", "nested"])
    return held


def _compared(group: Group, unit: OrganizationUnit, placed: organizations.Placed, members: set[str], shares: int) -> Following:
    if placed.why_not:
        return Following(unit, why_not=placed.why_not, next=placed.following)
    inside = placed.inside(unit, nested=group.nested)
    left = placed.elsewhere(unit, members, nested=group.nested)
    joined = tuple(sorted((inside & placed.able) - members))
    idle = len(inside - placed.able - members)
    return Following(unit, joined, tuple(sorted(left)), len(members - inside - left), idle, len(joined) * shares)
