"""Bearing a risk: a reason, somebody who bears it, and a date at which it comes back. Only people decide it."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from sharing.models import Account, Actor, Finding, FindingState, Grant, User
from sharing.services.errors import NotFound, NotPermitted, Refusal

from .settling import give_back, tell

LONGEST = timedelta(days=366)
#: So many findings are accepted at one click.
AT_ONCE = 2000
GRANTED_BY_YOU = "You granted or approved this share yourself."


@dataclass(frozen=True)
class Accepted:
    """What a bulk acceptance did: how many are accepted, how many were left because the person granted them, how many
    are left for another click."""

    done: int
    own: int = 0
    left: int = 0


def accept(finding: Finding, *, reason: str, owner: User | None, until: datetime | None, by: Actor) -> Finding:
    """Accept the risk of one finding until a date (aware; at most a year ahead). `owner` bears it.

    Raises NotPermitted (auditors; who granted or approved the share that the finding is about), NotFound, Refusal.
    """
    done = accept_many([finding.pk], reason=reason, owner=owner, until=until, by=by)
    if done.own:
        raise NotPermitted(GRANTED_BY_YOU, next="Ask somebody else to decide whether the risk is borne.")
    if not done.done:
        raise Refusal("This finding is closed.", next="Nothing is left to accept.", code="conflict")
    finding.refresh_from_db()
    return finding


def accept_many(keys: Collection[uuid.UUID], *, reason: str, owner: User | None, until: datetime | None, by: Actor) -> Accepted:
    """Accept the risk of many findings at once, those that the person granted or approved left out.

    What is not in scope or closed is left out as well; raises NotFound if nothing is in scope.
    """
    _require(by)
    now = timezone.now()
    reason = _checked_reason(reason)
    until = _checked_end(until, now)
    found = list(
        Finding.objects.visible_to(by)
        .filter(pk__in=list(keys)[:AT_ONCE])
        .select_related("account", "function__account", "policy", "grant__policy__function__account")
    )
    if not found:
        raise NotFound("That finding", next="Reload the page: it may have been closed.")
    owner = _checked_owner(owner, found)
    own = granted_by(by, found)
    chosen = [one for one in found if one.state == FindingState.OPEN and one.pk not in own]
    with transaction.atomic():
        for one in chosen:
            taken = Finding.objects.filter(pk=one.pk, state=FindingState.OPEN, says=one.says).update(
                owner=owner,
                accepted_until=until,
                accepted_at=now,
                accepted_by=by.person,
                accepted_as=by.label[:300],
                accepted_reason=reason,
            )
            if taken:
                text = f"Risk accepted until {until:%Y-%m-%d}, borne by {owner}: {one.text}"
                tell(one, "finding.accepted", text, by=by, reason=reason, until=until.isoformat(), owner=owner.email)
    return Accepted(len(chosen), len(own), max(0, len(keys) - AT_ONCE))


def withdraw(finding: Finding, *, by: Actor, reason: str = "") -> None:
    """The risk is borne no longer, by decision. Twice is once. Raises NotPermitted, NotFound."""
    _require(by)
    _require_sight(by, finding)
    with transaction.atomic():
        held = Finding.objects.select_for_update().get(pk=finding.pk)
        if held.accepted_until is not None:
            held.account, held.function, held.policy, held.grant = (
                finding.account,
                finding.function,
                finding.policy,
                finding.grant,
            )
            give_back(held, f"{by.label} withdrew the acceptance.", by=by, reason=" ".join(reason.split()))


def assign(keys: Collection[uuid.UUID], owner: User | None, *, by: Actor) -> int:
    """Give findings an owner (None: nobody's). How many changed. Raises NotPermitted, NotFound, Refusal."""
    _require(by)
    found = list(
        Finding.objects.visible_to(by)
        .filter(pk__in=list(keys)[:AT_ONCE], state=FindingState.OPEN)
        .select_related("account", "function__account", "policy", "grant__policy__function__account")
    )
    if not found:
        raise NotFound("That finding", next="Reload the page: it may have been closed.")
    if owner is not None:
        owner = _checked_owner(owner, found)
    elif any(one.is_accepted for one in found):
        raise Refusal(
            "An accepted risk is borne by somebody.",
            next="Choose another owner, or withdraw it first.",
            field="owner",
        )
    changed = [one for one in found if one.owner_id != (owner.pk if owner else None)]
    with transaction.atomic():
        for one in changed:
            Finding.objects.filter(pk=one.pk).update(owner=owner)
            text = f"Finding given to {owner}: {one.text}" if owner else f"Finding given to nobody: {one.text}"
            tell(one, "finding.assigned", text, by=by, owner=owner.email if owner else "")
    return len(changed)


def may_bear(findings: Collection[Finding]) -> list[User]:
    """The people who may own these findings: active, with every account concerned in their scope. One query."""
    wanted = {one.account_id for one in findings}
    seen = Count("accounts", filter=Q(accounts__in=[pk for pk in wanted if pk is not None]), distinct=True)
    sees = Q(every_account=True) | (Q(seen=len(wanted)) if None not in wanted else Q(pk=None))
    return list(User.objects.filter(is_active=True).annotate(seen=seen).filter(sees).order_by("name", "email"))


def granted_by(by: Actor, findings: Collection[Finding]) -> set[uuid.UUID]:
    """Those of the findings whose statement or share this person asked for or approved: somebody else has to judge them."""
    if by.person is None:
        return set()
    own = Q(requested_by=by.person) | Q(approved_by=by.person)
    policies = {one.policy_id for one in findings if one.policy_id}
    grants = Grant.objects.filter(own, adopted=False, policy__in=policies)
    pairs, shares = set(), set()
    for pk, policy, sid in grants.values_list("pk", "policy", "sid"):
        pairs.add((policy, sid))
        shares.add(pk)
    return {one.pk for one in findings if one.grant_id in shares or (one.sid and (one.policy_id, one.sid) in pairs)}


def _require(by: Actor) -> None:
    if by.kind != "person" or by.person is None:
        raise NotPermitted("Accepting a risk is a person's decision.", next="Sign in and do it on the finding's page.")
    if not by.may_change():
        raise NotPermitted("Auditors look, they do not change anything.", next="Ask an owner or an admin of fnshare.")


def _require_sight(by: Actor, finding: Finding) -> None:
    if not Finding.objects.visible_to(by).filter(pk=finding.pk).exists():
        raise NotFound("That finding")


def _checked_reason(reason: str) -> str:
    reason = " ".join(reason.split())
    if not reason:
        raise Refusal("A reason is missing.", next="Say why the risk can be borne.", field="reason")
    if len(reason) > 500:
        raise Refusal(f"The reason has {len(reason)} characters; 500 are kept.", next="Shorten it.", field="reason")
    return reason


def _checked_end(until: datetime | None, now: datetime) -> datetime:
    if until is None:
        raise Refusal("A risk is accepted until a date.", next="Choose one, at most a year ahead.", field="until")
    if until <= now:
        raise Refusal("The date is in the past.", next="Choose a later one.", field="until")
    if until > now + LONGEST:
        raise Refusal("A risk is accepted for a year at most.", next="Choose an earlier date.", field="until")
    return until


def _checked_owner(owner: User | None, findings: Collection[Finding]) -> User:
    if owner is None:
        raise Refusal("Somebody has to bear the risk.", next="Choose a person.", field="owner")
    if not owner.is_active or not _sees_all(owner, findings):
        raise Refusal(f"{owner} cannot see every account that this is about.", next="Choose somebody who can.", field="owner")
    return owner


def _sees_all(person: User, findings: Collection[Finding]) -> bool:
    if person.every_account:
        return True
    wanted = {one.account_id for one in findings}
    return None not in wanted and wanted <= set(Account.objects.filter(people=person).values_list("pk", flat=True))
