"""Asking for a check: a row that a worker answers, or that is answered at once when nobody can be tried."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from sharing.models import Actor, Check, CheckState, Grant, GrantState, Occasion, Policy, Verdict
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.resting import resting

from .answering import keep_untried
from .trials import Trial, lets_in, trial_as, trial_of_grant

#: IAM is eventually consistent: for so long after a change a contrary answer proves nothing (aws-facts 1.6, figure unverified).
PROPAGATION = timedelta(seconds=75)
#: Without an expectation, only trouble on the way (throttling, no answer) is tried again, for so long.
_TROUBLE = timedelta(seconds=30)
#: So many scheduled checks are made by one sweep: after a long downtime they do not all come at once.
_BATCH = 200
_ENDED = (GrantState.REVOKED, GrantState.EXPIRED, GrantState.SUSPENDED)


def request(*, by: Actor, occasion: str, grant: Grant | None = None, policy: Policy | None = None, as_: str = "") -> Check:
    """Ask for a check of a grant, or of a function, alias or version `as_` an account or role.

    Joins the open check of the same grant, except after a grant or revoke, whose own question replaces it. Where nobody can
    be tried the check is done at once, "not-tried", with the reason. Raises NotFound, NotPermitted, Refusal (unknown `as_`).
    """
    place = grant.policy if grant else policy
    if place is None:
        raise Refusal("There is nothing to check.", next="Name a grant or a function.")
    _require(by, place)
    return put(place, by=by, occasion=occasion, grant=grant, as_=as_)


def put(
    place: Policy,
    *,
    by: Actor,
    occasion: str,
    grant: Grant | None = None,
    as_: str = "",
    unprovable: str = "",
    expects: str = "",
) -> Check:
    """As `request`, for a service that has asked by its own rules whether the actor may (the other side asks about itself).

    `unprovable`: why nobody can try, when the caller knows better; the check is done at once then. `expects`: the verdict
    that would be good news, where the caller knows it better than the policy tells (through an organisation).
    """
    asked = None if unprovable else trial_of_grant(grant) if grant else trial_as(place, as_)
    trial = asked or Trial(reason=unprovable, ever=False)
    with transaction.atomic(savepoint=False):
        if grant is not None:
            if occasion in (Occasion.GRANT, Occasion.REVOKE):
                _supersede(grant)
            elif open_ := Check.objects.open().filter(grant=grant).first():
                return open_
        check = _row(place, grant, as_, occasion, trial, by, expects)
        if not trial.connections:
            keep_untried(check, detail=trial.reason, ever=trial.ever)
            return check
        try:
            with transaction.atomic():
                check.save(force_insert=True)
        except IntegrityError:
            return Check.objects.open().get(grant=grant)
    return check


def due(now: datetime) -> list[Check]:
    """Checks that wait for a worker, the weekly ones made first: one each, however many weeks nothing ran.

    In quiet hours no weekly one is made. What is asked again after a revoke is not the schedule's.
    """
    states = _ENDED if resting(now) else (GrantState.ACTIVE, *_ENDED)
    for grant in (
        Grant.objects.filter(state__in=states, check_due_at__lte=now)
        .select_related("policy__function__account", "policy__current")
        .order_by("check_due_at")[:_BATCH]
    ):
        with transaction.atomic():
            # A later date first: another sweep at the same moment finds nothing to do.
            if Grant.objects.filter(pk=grant.pk, check_due_at=grant.check_due_at).update(check_due_at=now + timedelta(days=7)):
                occasion = Occasion.REVOKE if grant.state in _ENDED else Occasion.SCHEDULE
                request(grant=grant, occasion=occasion, by=Actor.system())
    its_time = Q(next_try_at=None) | Q(next_try_at__lte=now)
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    return list(Check.objects.open().filter(its_time & free).order_by("created_at"))


def renew_others(grant: Grant) -> None:
    """After a revoke: ended grants on the same policy that were still let in are due again; it may have been by this one."""
    others = Grant.objects.filter(policy=grant.policy, state__in=_ENDED, verdict=Verdict.ALLOWED).exclude(pk=grant.pk)
    others.update(check_due_at=timezone.now())


def _require(by: Actor, policy: Policy) -> None:
    if not by.sees(policy.function.account_id):
        raise NotFound("That function")
    if not by.may_change():
        raise NotPermitted("Auditors do not start checks: a DryRun is a call to AWS as the consumer's role.")


def _row(policy: Policy, grant: Grant | None, as_: str, occasion: str, trial: Trial, by: Actor, expects: str) -> Check:
    now = timezone.now()
    expected, since = _expectation(policy, grant, occasion, trial, now)
    expected = expects if expects and expected else expected
    return Check(
        policy=policy,
        grant=grant,
        connection=trial.connections[0] if trial.connections else None,
        occasion=occasion,
        expected=expected,
        asked_as=as_ or (grant.principal[:600] if grant else ""),
        requested_by=by.person,
        requested_as=by.label[:300],
        created_at=now,
        give_up_at=max(since + PROPAGATION, now + _TROUBLE) if expected else now + _TROUBLE,
    )


def _expectation(policy: Policy, grant: Grant | None, occasion: str, trial: Trial, now: datetime) -> tuple[str, datetime]:
    """What would be good news, and since when: only while the last change may still be on its way."""
    if occasion == Occasion.GRANT:
        return Verdict.ALLOWED, now
    if occasion == Occasion.REVOKE:
        return Verdict.DENIED, now
    changed = policy.current.first_seen_at if policy.current else None
    if grant is not None and grant.settled_at is not None:
        changed = max(changed, grant.settled_at) if changed else grant.settled_at
    if changed is None or now - changed >= PROPAGATION or not trial.connections:
        return "", now
    holds = any(lets_in(policy, connection.role_arn) for connection in trial.connections)
    return (Verdict.ALLOWED if holds else Verdict.DENIED), changed


def _supersede(grant: Grant) -> None:
    """The question an open check asks is no longer the one: what is wanted changed."""
    Check.objects.open().filter(grant=grant).update(
        state=CheckState.DONE,
        verdict=Verdict.NOT_TRIED,
        detail="Not answered: the grant was decided anew meanwhile.",
        done_at=timezone.now(),
    )
