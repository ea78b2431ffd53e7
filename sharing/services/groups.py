"""Groups of consumers: made, named, and changed through a preview of what members get and lose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from sharing.models import (
    Account,
    Actor,
    Bulk,
    BulkItem,
    BulkItemState,
    BulkPlace,
    Group,
    GroupMember,
    GroupShare,
    Judgement,
    OrganizationUnit,
    Wanted,
)
from sharing.policy import WhoError, parse_who
from sharing.services.bulk import grouping
from sharing.services.bulk.deciding import draft
from sharing.services.bulk.lines import Line
from sharing.services.errors import NotPermitted, Refusal
from sharing.services.history import record
from sharing.services.naming import account_names, numbers_by_name


@dataclass(frozen=True)
class Shared:
    """What is shared with a group, and how many of its members hold a live grant of it."""

    share: GroupShare
    holding: int


def groups() -> QuerySet[Group]:
    """Every group that was not deleted, with the number of its `size`."""
    found = Group.objects.filter(deleted_at=None).annotate(size=Count("members"))
    return found.select_related("unit").order_by("name", "pk")


def make(name: str, *, by: Actor, note: str = "", unit: OrganizationUnit | None = None, nested: bool = False) -> Group:
    """An empty group. unit: its accounts (nested: and those of the units beneath it) are offered as members.

    Raises NotPermitted, Refusal.
    """
    _require(by)
    _require_sight_of(unit, by)
    name = " ".join(name.split())
    if ":" in name or _is_somebody(name):
        raise Refusal(
            f"“{name[:80]}” means somebody else already.", next="Choose a name that is no account, id or service.", field="name"
        )
    group = Group(name=name, note=note.strip(), created_by=by.person, created_as=by.label[:300])
    group.unit, group.nested = unit, unit is not None and nested
    follows = f" It follows unit {unit} of organisation {unit.organization.organization_id}." if unit else ""
    try:
        with transaction.atomic():
            group.full_clean()
            group.save(force_insert=True)
            detail = {"group": str(group.pk), **({"unit": unit.unit_id, "nested": group.nested} if unit else {})}
            record("group.made", f"The group {name} was made.{follows}", by=by, detail=detail)
    except ValidationError as problem:
        raise Refusal(" ".join(problem.messages), next="Choose another name.", field="name") from None
    except IntegrityError:
        raise Refusal("Another group has this name.", next="Choose another name.", field="name") from None
    return group


def shared_with(group: Group, *, by: Actor) -> list[Shared]:
    """What is shared with it now, on functions in the actor's scope."""
    owned = dict(grouping.owning(group).order_by().values_list("share").annotate(many=Count("pk")))
    shares = group.shares.open(timezone.now()).visible_to(by).select_related("policy__function__account")
    return [Shared(one, owned.get(one.pk, 0)) for one in shares]


def join(group: Group, texts: Sequence[str], *, by: Actor, form_token: str | None = None) -> Bulk:
    """A preview of what these accounts get as members: one line for each and each share with the group.

    Nobody is a member before it is confirmed. Raises Refusal.
    """
    _require_all_of(group, by)
    _require_sight_of(group.unit, by)
    there = set(group.members.values_list("number", flat=True))
    numbers = [number for number in dict.fromkeys(_numbers(texts)) if number not in there]
    if not numbers:
        raise Refusal("No new account is named.", next="Write account ids or names, one a line.", field="who")
    grouping.require_as_read(group, joins=numbers)
    grouping.require_room(there, numbers)
    shares = list(group.shares.open(timezone.now()).select_related("policy__function"))
    pairs = [(share, number) for share in shares for number in numbers]
    lines = [
        Line(at, share.policy.arn, number, share.action, share.ends_at, share.reason, share=share.pk)
        for at, (share, number) in enumerate(pairs, start=1)
    ]
    title = f"{len(numbers):,} account{'' if len(numbers) == 1 else 's'} into the group {group.name}"
    reason = f"Member of {group.name}"
    return draft(lines, title=title, reason=reason, by=by, form_token=form_token, group=group, joins=numbers)


def leave(group: Group, numbers: Sequence[str], *, by: Actor, ends_group: bool = False) -> Bulk:
    """A preview of what these members lose: every grant that a share with the group made for them.

    They are members until it is confirmed. `ends_group`: all of them, and the group with them. Raises Refusal.
    """
    _require_all_of(group, by)
    there = list(group.members.values_list("number", flat=True))
    leaving = there if ends_group else [number for number in dict.fromkeys(numbers) if number in there]
    if not leaving and not ends_group:
        raise Refusal("It is no member.", next="Reload the page.", code="stale")
    if not ends_group:
        _require_sight_of(group.unit, by)
        grouping.require_as_read(group, leaves=leaving)
    names = account_names(leaving[:3])
    who = "All members" if ends_group else ", ".join(names.get(number, number) for number in leaving[:3])
    owned = [item for items in grouping.grants_of(group).values() for item in items if item.who in leaving]
    where = {own.place.policy.function.account_id for own in owned if own.place}  # also of shares that ended
    if Account.objects.visible_to(by).filter(pk__in=where).count() < len(where):
        raise _not_all_in_scope()
    bulk = Bulk(
        wanted=Wanted.ABSENT,
        title=f"{who} out of the group {group.name}"[:200],
        reason=f"No member of {group.name} any more",
        revoke_reason=f"No member of {group.name} any more",
        requested_by=by.person,
        requested_as=by.label[:300],
        operator=by.operator[:100],
        revoked_by=by.person,
        revoked_operator=by.operator[:100],
        group=group,
        leaves=leaving,
        ends_group=ends_group,
        judged_at=timezone.now(),
    )
    places: dict[object, BulkPlace] = {}
    items = []
    for number, own in enumerate(owned, start=1):
        if own.place is None or own.grant is None:
            continue
        policy = own.place.policy
        if policy.pk not in places:
            places[policy.pk] = BulkPlace(bulk=bulk, policy=policy, number=len(places) + 1)
        items.append(
            BulkItem(
                bulk=bulk,
                number=number,
                place=places[policy.pk],
                function=policy.arn[:400],
                who=own.who,
                who_label=own.who_label,
                action=own.action,
                ends_at=own.grant.ends_at,
                reason=bulk.reason,
                verdict=Judgement.OK,
                state=BulkItemState.WAITING,
                grant=own.grant,
            )
        )
    with transaction.atomic():
        bulk.save(force_insert=True)
        BulkPlace.objects.bulk_create(places.values(), batch_size=500)
        BulkItem.objects.bulk_create(items, batch_size=500)
    return bulk


def dissolve(group: Group, *, by: Actor) -> Group:
    """Delete the group and leave what its members got: each share goes on by itself."""
    _require_all_of(group, by)
    now = timezone.now()
    with transaction.atomic():
        if Group.objects.filter(pk=group.pk, deleted_at=None).update(deleted_at=now):
            GroupShare.objects.filter(group=group, ended_at=None).update(ended_at=now)
            text = f"The group {group.name} was deleted; what its members got stays with them."
            record("group.deleted", text, by=by, detail={"group": str(group.pk)})
    return group


def called(found: Sequence[GroupMember]) -> list[tuple[GroupMember, str]]:
    """These members with their accounts' names, "" where none is known."""
    names = account_names(one.number for one in found)
    return [(one, names.get(one.number, "")) for one in found]


def _numbers(texts: Sequence[str]) -> list[str]:
    names = numbers_by_name()
    found = []
    for text in texts:
        if not text.strip():
            continue
        try:
            who = parse_who(text.replace("\x00", ""), names=names)
        except WhoError as problem:
            raise Refusal(str(problem), next="", field="who") from None
        if who.kind.value != "account":
            raise Refusal(f"{who} is no account.", next="A group holds accounts: write their ids or names.", field="who")
        found.append(who.value)
    return found


def _is_somebody(name: str) -> bool:
    try:
        parse_who(name, names=numbers_by_name())
    except WhoError:
        return False
    return True


def _require(by: Actor) -> None:
    if not by.may_change():
        raise NotPermitted("Auditors look, they do not change anything.", next="Ask an owner or an admin of fnshare.")


def _require_sight_of(unit: OrganizationUnit | None, by: Actor) -> None:
    """What is refused, and what is not, tells who is in a unit."""
    if unit is not None and not by.sees_every_account:
        raise NotPermitted("Which accounts are in a unit is shown to people who see every account.")


def _require_all_of(group: Group, by: Actor) -> None:
    """Members get all that is shared with the group, so whoever changes them must see all of it."""
    _require(by)
    shares = group.shares.open(timezone.now())
    if shares.count() != shares.visible_to(by).count():
        raise _not_all_in_scope()


def _not_all_in_scope() -> NotPermitted:
    return NotPermitted("This group is changed by somebody whose scope has all that is shared with it.")
