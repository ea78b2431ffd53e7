"""One consumer: what the account reaches and through what, its roles that are named, who acts for it, what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from sharing.models import Actor, Exposure, Grant, Invitation, Membership, Policy, Wiring, WiringState
from sharing.models.grant import LIVE
from sharing.policy import Principal, parse
from sharing.services import access, timelines
from sharing.services.access import Answer, Line, Subject
from sharing.services.timelines import AccountStory

from .gathering import OF_ACCOUNTS, Consumer

ROLES, HISTORY, INVITATIONS = 50, 6, 20


@dataclass(frozen=True)
class NamedRole:
    """A role, user or session that a statement names, and into how many functions it is let by name."""

    principal: str
    label: str
    functions: int


@dataclass(frozen=True)
class Told:
    """Everything the page of one consumer says, from what is in the actor's scope.

    `answer`: what it can invoke and what was not looked at, as every answer about access. `roles_more`: how many are left out.
    `wired`: sources of the account that are wired to functions, or on the way.
    """

    consumer: Consumer
    answer: Answer
    roles: Sequence[NamedRole]
    roles_more: int
    members: Sequence[Membership]
    invitations: Sequence[Invitation]
    story: AccountStory
    wired: int


def tell(consumer: Consumer, *, by: Actor) -> Told:
    """A constant number of queries. The caller has found the consumer in the actor's scope."""
    number = consumer.number
    label = consumer.account.name if consumer.account else f"account {number}"
    roles, roles_more = _roles(consumer, by)
    members = Membership.objects.current().filter(account__number=number).select_related("person", "invitation")
    return Told(
        consumer,
        access.ask_about(Subject("account", number, label, number, number), by=by),
        roles,
        roles_more,
        list(members.order_by("created_at")),
        invitations(number, by=by),
        timelines.of_account(number, by=by, size=HISTORY, account=consumer.account),
        Wiring.objects.visible_to(by).filter(source_account=number).exclude(state=WiringState.UNDONE).count(),
    )


def grants(number: str, *, by: Actor, over: bool = False) -> QuerySet[Grant]:
    """The grants made here for the account, its roles and users: those that are not over, or those that are, the next end
    or the newest first."""
    rows = Grant.objects.visible_to(by).filter(principal_account=number, principal_kind__in=OF_ACCOUNTS)
    if over:
        return rows.exclude(state__in=LIVE).order_by("-created_at", "pk")
    return rows.live().order_by("policy__function__name", "policy__qualifier", "created_at", "pk")


def others_named(line: Line) -> int:
    """How many others the widest of the statements behind this way names in the same list."""
    if line.version is None or not line.statements:
        return 0
    wanted = {one.index for one in line.statements}
    statements = (one for one in parse(line.version.document or None).statements if one.index in wanted)
    return max((len(one.principals) - 1 for one in statements), default=0)


def invitations(number: str, *, by: Actor) -> list[Invitation]:
    """The newest ones for the account, or by which it was proved."""
    wanted = Q(number=number) | Q(account__number=number)
    rows = Invitation.objects.visible_to(by).filter(wanted).annotate(offered=Count("items")).order_by("-created_at", "id")
    now = timezone.now()
    found = list(rows[:INVITATIONS])
    # Who may still answer comes first.
    return sorted(found, key=lambda one: not (one.state == "pending" and one.expires_at > now))


def _roles(consumer: Consumer, by: Actor) -> tuple[list[NamedRole], int]:
    """The first of them, and how many there are besides."""
    named = Exposure.objects.filter(account=consumer.number, kind="identity", policy__vanished_at=None)
    if not by.active or not by.sees_every_account:
        named = named.filter(policy__in=Policy.objects.visible_to(by))
    counts = named.order_by("principal").values_list("principal").annotate(Count("policy__function_id", distinct=True))
    found = list(counts[: ROLES + 1])
    more = named.aggregate(many=Count("principal", distinct=True))["many"] - ROLES if len(found) > ROLES else 0
    names = {consumer.number: consumer.account.name} if consumer.account else {}
    return [NamedRole(one, Principal.from_stored(one).label(names), functions) for one, functions in found[:ROLES]], more
