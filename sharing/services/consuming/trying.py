"""Check now: a DryRun as the person's own account, and the last answers about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from sharing.models import Account, Check, CheckState, Connection, Grant, GrantState, Occasion, Policy, Purpose, Role, Verdict
from sharing.policy.actions import INVOKE
from sharing.services import checking
from sharing.services.errors import NotPermitted, Refusal

from .reaching import Side
from .telling import Shared, Tried, Way, said

#: One check of a function, alias or version a minute, by whomever; and so many a minute by one person.
PAUSE = timedelta(minutes=1)
AT_ONCE = 20
_HISTORY = 10


@dataclass(frozen=True)
class Standing:
    """The last answers, newest first. `wait`: seconds until the next check may be asked for; 0: now."""

    answers: tuple[Tried, ...]
    wait: int

    @property
    def last(self) -> Tried | None:
        """The newest, answered or not."""
        return self.answers[0] if self.answers else None

    @property
    def waiting(self) -> Tried | None:
        """One that a worker still has to answer."""
        return next((one for one in self.answers if one.waiting), None)


def standing(side: Side, policy: Policy) -> Standing:
    """What is known of this policy's checks: one query."""
    checks = list(side.checks().filter(policy=policy).order_by("-created_at", "pk")[:_HISTORY])
    return Standing(tuple(said(check) for check in checks), _wait(checks))


def ask(side: Side, found: Shared, account: Account) -> Check:
    """Ask for a DryRun as that account of theirs. One that is open already is joined.

    Where nobody can be tried the check is done at once and says why. Raises NotPermitted for auditors, Refusal when
    nothing can be tried yet (`unsettled`) or it was tried a moment ago (`too-soon`).
    """
    me = side.me
    if me.role == Role.AUDITOR:
        raise NotPermitted("Auditors do not start checks: a DryRun is a call to AWS as the consumer's role.")
    policy = found.policy
    with transaction.atomic():
        Policy.objects.select_for_update().get(pk=policy.pk)
        checks = list(side.checks().filter(policy=policy).order_by("-created_at", "pk")[:_HISTORY])
        if open_ := next((check for check in checks if check.state != CheckState.DONE), None):
            return open_
        if wait := _wait(checks):
            raise Refusal("It was checked a moment ago.", next=f"Check again in {wait} s.", code="too-soon")
        lately = Check.objects.filter(requested_by=me.person, occasion=Occasion.CLICK, created_at__gt=timezone.now() - PAUSE)
        if lately.count() >= AT_ONCE:
            raise Refusal("You asked for many checks at once.", next="Wait a minute.", code="too-soon")
        ways = [way for way in found.ways if way.account.pk == account.pk]
        return _put(side, policy, ways, account)


def _put(side: Side, policy: Policy, ways: Sequence[Way], account: Account) -> Check:
    """The question that says most: of the whole account first, then of the very role that can be tried, then why not."""
    me, click, good = side.me, Occasion.CLICK, Verdict.ALLOWED
    held = [way for way in ways if way.told in ("", GrantState.ACTIVE, GrantState.STUCK)]
    if not held:
        raise Refusal("It is being changed right now.", next="It is checked by itself once AWS holds it.", code="unsettled")
    calls = [way for way in held if way.action == INVOKE and not way.by_url]
    checker = Connection.objects.usable().filter(purpose=Purpose.CHECKER, account=account).first()
    for way in calls:
        if way.is_account or (checker is not None and way.principal == checker.role_arn):
            grant = _own_grant(way)
            return checking.put(policy, by=me, occasion=click, grant=grant, as_="" if grant else account.number, expects=good)
    way = calls[0] if calls else held[0]
    if grant := _own_grant(way):
        return checking.put(policy, by=me, occasion=click, grant=grant)
    if calls:
        why = f"fnshare cannot act as {way.principal}"
        why += f"; in your account it can only act as {checker.role_arn}." if checker else ": your account gave it no role."
    else:
        why = "Only direct calls can be tried without running anything, and what is shared is none."
    return checking.put(policy, by=me, occasion=click, as_=account.number, unprovable=why)


def _own_grant(way: Way) -> Grant | None:
    """The grant behind it, if it is one to their account: of others the answer would be kept for everybody in them."""
    if way.how != "grant" or way.told != GrantState.ACTIVE or way.grant is None:
        return None
    return Grant.objects.select_related("policy__function__account", "policy__current").filter(pk=way.grant).first()


def _wait(checks: Sequence[Check]) -> int:
    now = timezone.now()
    last = next((check.created_at for check in checks if check.occasion == Occasion.CLICK), None)
    return max(0, round((last + PAUSE - now).total_seconds())) if last else 0
