"""What groups add to many shares: a group's name stands for its members, and members change with what they get and lose."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import replace

from django.db.models import QuerySet
from django.utils import timezone

from sharing.models import Actor, Bulk, BulkItem, BulkItemState, BulkState, Group, GroupMember, GroupShare, Judgement
from sharing.models.bulk import WRITTEN
from sharing.models.grant import LIVE
from sharing.services import organizations
from sharing.services.errors import Refusal
from sharing.services.history import record
from sharing.services.naming import account_names

from .lines import Line, check_count

#: So many accounts one group may hold.
MOST = 1_000
#: What may stand before a group's name where an account has the same.
PREFIX = "group:"
#: What a line of a group can be without keeping the others from being the group's share.
_SHARED = (*WRITTEN, Judgement.ALREADY, Judgement.DUPLICATE)


def group_named(text: str) -> Group | None:
    """The group of that name, if no account is called so; `group:` before it means the group in any case."""
    return _by_name().get(_folded(text))


def expanded(lines: Sequence[Line]) -> list[Line]:
    """Each line for a group becomes one for each of its members. Raises Refusal when those are too many."""
    groups = _by_name()
    if not groups:
        return list(lines)
    members: dict[object, list[str]] = {}
    found: list[Line] = []
    for line in lines:
        group = groups.get(_folded(line.who))
        if group is None:
            found.append(line)
        else:
            if group.pk not in members:
                members[group.pk] = list(group.members.values_list("number", flat=True))
            if not members[group.pk]:
                found.append(replace(line, wrong=f"{group.name} has no members.", next="Add accounts to the group first."))
            found += [replace(line, who=number, group=group.pk) for number in members[group.pk]]
        check_count(len(found))
    return [replace(line, number=number) for number, line in enumerate(found, start=1)]


def confirmed(bulk: Bulk, *, by: Actor) -> None:
    """Inside the transaction of a confirmation: the group's members change, and what was shared with groups is kept.

    Raises Refusal (`stale`) when a group, or what is shared with it, is not what the preview was made of.
    """
    if bulk.group is not None:
        _change_members(bulk, bulk.group, by)
        return
    _keep_shares(bulk)


def require_as_read(group: Group, *, joins: Sequence[str] = (), leaves: Sequence[str] = ()) -> None:
    """Of a group that follows a unit: who joins is in it, who leaves is known not to be. Raises Refusal (`stale`)."""
    if group.unit is None:
        return
    organization = group.unit.organization
    placed = organizations.placed([organization], units=[group.unit], besides=leaves)[organization.pk]
    if placed.why_not:
        said = f"{group.name} follows unit {group.unit}, and who is in that is not known now. {placed.why_not}"
        raise Refusal(said, next=placed.following, field="who", code="stale")
    inside = placed.inside(group.unit, nested=group.nested)
    if strangers := sorted(set(joins) - inside):
        said = f"{group.name} follows unit {group.unit}, in which {strangers[0]} is not."
        raise Refusal(
            said, next="Move the account in AWS, or have the group follow the unit no more.", field="who", code="stale"
        )
    if staying := sorted(set(leaves) - placed.elsewhere(group.unit, leaves, nested=group.nested)):
        said = f"{group.name} follows unit {group.unit}, and {staying[0]} is not known to have left it."
        raise Refusal(said, next="Have the group follow the unit no more, then remove the account.", code="stale")


def require_room(there: Collection[str], more: Collection[str]) -> None:
    """Raises Refusal when a group of these accounts cannot take in so many more."""
    if len(there) + len(more) > MOST:
        raise Refusal(f"A group holds at most {MOST:,} accounts.", next="Make another group.", field="who")


def ended(bulk: Bulk) -> None:
    """Taken back: whoever joins a group gets nothing of it any more."""
    GroupShare.objects.filter(items__bulk=bulk, ended_at=None).update(ended_at=timezone.now())


def look_again(bulk: Bulk) -> None:
    """A preview of what is taken back: what is over by now is left out."""
    over = bulk.items.exclude(grant__state__in=LIVE)
    over.update(state=BulkItemState.SKIPPED, verdict=Judgement.INVALID, says="It is over already.")


def owning(group: Group) -> QuerySet[BulkItem]:
    """The items by which shares with this group own a live grant."""
    owned = BulkItem.objects.filter(share__group=group, bulk__wanted="present", grant__state__in=LIVE)
    return owned.exclude(state=BulkItemState.SKIPPED)


def grants_of(group: Group) -> dict[object, list[BulkItem]]:
    """The same by share, each with its grant and function."""
    found: dict[object, list[BulkItem]] = {}
    for item in owning(group).select_related("grant", "place__policy__function__account"):
        found.setdefault(item.share_id, []).append(item)
    return found


def _keep_shares(bulk: Bulk) -> None:
    """One GroupShare for each function, group, action and end date."""
    shares: dict[tuple[object, ...], GroupShare] = {}
    numbers: dict[uuid.UUID, set[str]] = {}
    items = list(bulk.items.exclude(group=None).select_related("place"))
    for item in items:
        if item.group_id is None:
            continue
        numbers.setdefault(item.group_id, set()).add(item.who)
        if item.place is None or item.verdict not in _SHARED:
            continue
        key = (item.group_id, item.place.policy_id, item.action, item.ends_at)
        if key not in shares:
            shares[key] = GroupShare(
                group_id=item.group_id,
                policy_id=item.place.policy_id,
                action=item.action,
                ends_at=item.ends_at,
                reason=item.reason,
            )
        item.share = shares[key]
    list(Group.objects.select_for_update().filter(pk__in=numbers).order_by("pk"))  # nobody joins or leaves meanwhile
    for pk, seen in numbers.items():
        members = set(GroupMember.objects.filter(group=pk, group__deleted_at=None).values_list("number", flat=True))
        if members != seen:
            raise _changed()
    GroupShare.objects.bulk_create(shares.values(), batch_size=500)
    BulkItem.objects.bulk_update(items, ["share"], batch_size=500)


def _change_members(bulk: Bulk, group: Group, by: Actor) -> None:
    loaded = Group.objects.select_for_update(of=("self",)).select_related("unit__organization__connection")
    group = loaded.get(pk=group.pk)
    now = timezone.now()
    if group.deleted_at is not None:
        raise _changed()
    if not bulk.ends_group:
        require_as_read(group, joins=bulk.joins, leaves=bulk.leaves)
    there = set(group.members.values_list("number", flat=True))
    went = [number for number in bulk.leaves if number in there]
    came: list[str] = []
    if bulk.ends_group and there - set(bulk.leaves):
        raise _changed()  # who joined since would keep what it got
    if bulk.joins:
        seen = set(bulk.items.values_list("share", flat=True))
        if set(GroupShare.objects.filter(group=group).open(now).values_list("pk", flat=True)) != seen:
            raise _changed()
        came = [number for number in bulk.joins if number not in there]
        require_room(there, came)
        GroupMember.objects.bulk_create(GroupMember(group=group, number=number) for number in came)
    if bulk.leaves:
        _call_off(group, bulk.leaves)
        owned = {item.grant_id for items in grants_of(group).values() for item in items if item.who in bulk.leaves}
        if not owned <= set(bulk.items.values_list("grant", flat=True)):
            raise _changed()
        group.members.filter(number__in=bulk.leaves).delete()
    if bulk.ends_group:
        Group.objects.filter(pk=group.pk).update(deleted_at=now)
        GroupShare.objects.filter(group=group, ended_at=None).update(ended_at=now)
    if not (came or went or bulk.ends_group):
        raise _changed()  # another preview of the same was confirmed
    names = account_names()
    people = ", ".join(names.get(number, number) for number in (came or went)[:20])
    verb = "group.deleted" if bulk.ends_group else "group.joined" if bulk.joins else "group.left"
    words = "is deleted" if bulk.ends_group else f"{'has new' if bulk.joins else 'lost'} members: {people}"
    record(verb, f"The group {group.name} {words}.", by=by, reason=bulk.reason, detail={"group": str(group.pk)})


def _call_off(group: Group, numbers: list[str]) -> None:
    """What no worker has begun yet of shares with the group is not made for those who leave it."""
    begun = Bulk.objects.exclude(state=BulkState.DRAFT)
    waiting = BulkItem.objects.filter(bulk__in=begun, share__in=group.shares.all(), who__in=numbers)
    waiting.filter(state=BulkItemState.WAITING, grant=None).update(
        state=BulkItemState.CANCELLED, failure="It left the group before its turn came."
    )


def _by_name() -> dict[str, Group]:
    taken = {name.strip().casefold() for name in account_names().values()}
    found: dict[str, Group] = {}
    for group in Group.objects.filter(deleted_at=None):
        found[f"{PREFIX}{group.name.casefold()}"] = group
        if group.name.casefold() not in taken:
            found[group.name.casefold()] = group
    return found


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _changed() -> Refusal:
    return Refusal("The group, or what is shared with it, has changed since.", next="Begin again.", code="stale")


__all__ = [
    "MOST",
    "PREFIX",
    "confirmed",
    "ended",
    "expanded",
    "grants_of",
    "group_named",
    "look_again",
    "owning",
    "require_as_read",
    "require_room",
]
