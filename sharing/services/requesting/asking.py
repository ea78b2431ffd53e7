"""Asking: one row, whatever is asked for. Nothing is looked up here, so that nothing tells what exists."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import (
    AccessRequest,
    Account,
    Actor,
    Grant,
    GrantState,
    Membership,
    RequestKind,
    RequestState,
    User,
    Wanted,
)
from sharing.policy.actions import ACTIONS
from sharing.policy.arn import ArnError, FunctionArn
from sharing.policy.principal import PrincipalKind
from sharing.policy.who import WhoError, parse_who
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.granting.deciding import check_end, checked_reason
from sharing.services.granting.wording import until
from sharing.services.history import record
from sharing.services.leasing.people import OF_ONE_ACCOUNT
from sharing.services.proofs import requests_paused

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: What one account may have waiting, and how often one person may ask.
OPEN_AT_MOST = 20
A_MINUTE = 5
#: Characters of a function's ARN that are kept.
LONGEST = 300
#: States of a grant that the account's people know of: AWS held it once.
_KNOWN = (
    GrantState.ACTIVE,
    GrantState.REVOKING,
    GrantState.STUCK,
    GrantState.SUSPENDED,
    GrantState.REVOKED,
    GrantState.EXPIRED,
    GrantState.VANISHED,
)


def ask(
    *,
    by: Actor,
    account: Account,
    asked_for: str,
    action: str,
    reason: str,
    ends_at: datetime | None,
    principal: str = "",
    kind: str = RequestKind.NEW,
    about: Grant | None = None,
    form_token: str | None = None,
) -> AccessRequest:
    """Keep the wish; a worker finds out what it means and tells the owners. The same `form_token` twice: the same wish.

    For an account that the person acts for, or one in their scope. `asked_for`: a function's ARN, which need not exist.
    `principal`: a role or user of the account, blank for the account. Raises Refusal (`too-many`, `paused`...), NotFound.
    """
    person = _asker(by, account)
    if about is not None and about.principal_account != account.number:
        raise NotFound("That grant")
    if form_token and (sent := AccessRequest.objects.filter(form_token=form_token, person=person).first()):
        return sent
    now = timezone.now()
    check_end(ends_at, everyone=False, now=now)
    if kind == RequestKind.LONGER:
        _check_longer(about, ends_at)
    row = AccessRequest(
        kind=kind,
        person=person,
        account=account,
        asked_for=_checked_arn(asked_for),
        about=about,
        action=_checked_action(action),
        principal=checked_principal(principal, account),
        ends_at=ends_at,
        reason=checked_reason(readable(reason)),
        form_token=form_token,
        created_at=now,
    )
    try:
        with transaction.atomic():
            User.objects.select_for_update().get(pk=person.pk)
            Account.objects.select_for_update().get(pk=account.pk)
            _check_room(person, account, now)
            row.save(force_insert=True)
            text = f"{person.email} asks for {account}: {row.action} on {row.asked_for}, {until(ends_at)}."
            record("request.made", text, by=by, account=account, reason=row.reason, detail={"request": str(row.pk)})
    except IntegrityError:
        sent = AccessRequest.objects.filter(form_token=form_token, person=person).first()
        if sent is None:
            raise Refusal("This form was sent already.", next="Reload the page to ask anew.", code="stale") from None
        return sent
    return row


def withdraw(request: AccessRequest, *, by: Actor) -> AccessRequest:
    """The asker does not want it any more. Raises NotFound for somebody else's, Refusal (`stale`) when it was decided."""
    if by.person is None or request.person_id != by.person.pk or not by.active:
        raise NotFound("That request")
    with transaction.atomic():
        now = timezone.now()
        mine = AccessRequest.objects.open().filter(pk=request.pk)
        if not mine.update(state=RequestState.WITHDRAWN, decided_at=now):
            raise Refusal("It is not open any more.", next="Reload the page and read the answer.", code="stale")
        record(
            "request.withdrawn",
            f"{by.label} does not ask for {request.action} on {request.asked_for} any more.",
            by=by,
            account=request.account,
            detail={"request": str(request.pk)},
        )
    request.refresh_from_db()
    return request


def grants_asked_about(by: Actor) -> QuerySet[Grant, Grant]:
    """What a person who acts for accounts may ask more or longer of: what was shared with those accounts, and AWS held."""
    numbers = Membership.objects.of(by).values("account__number")
    return Grant.objects.filter(principal_account__in=numbers, principal_kind__in=OF_ONE_ACCOUNT, state__in=_KNOWN)


def acts_still(request: AccessRequest) -> bool:
    """Whether the asker may still ask for that account: nobody is answered for somebody they do not act for any more."""
    return _may_ask_for(Actor.of(request.person), request.account)


def checked_principal(text: str, account: Account) -> str:
    """A role or user of that very account as AWS writes it; "" for the account itself. Raises Refusal."""
    text = text.strip()
    if not text:
        return ""
    try:
        found = parse_who(text, partition=account.partition)
    except WhoError as error:
        raise Refusal(str(error), field="principal") from error
    if found.kind == PrincipalKind.ACCOUNT and found.account == account.number:
        return ""
    if found.kind not in (PrincipalKind.ROLE, PrincipalKind.USER) or found.account != account.number:
        raise Refusal(
            f"That is no role or user of account {account.spaced}.",
            next="Give the ARN of one, or leave it empty for the whole account.",
            field="principal",
        )
    return found.value


def readable(text: str) -> str:
    """The text without marks that hide it or turn its direction: it stands in mail and on pages beside our words."""
    return "".join(char if char.isprintable() else " " for char in text)


def _asker(by: Actor, account: Account) -> User:
    person = by.person
    if by.kind != "person" or person is None or not by.active:
        raise NotPermitted("Only somebody who signed in may ask.", next="Sign in to fnshare and ask there.")
    if not _may_ask_for(by, account):
        raise NotFound("That account")
    if why := requests_paused(account):
        raise Refusal(why, next="Ask again then.", code="paused")
    return person


def _may_ask_for(by: Actor, account: Account) -> bool:
    return by.active and (Membership.objects.of(by).filter(account=account).exists() or by.sees(account.pk))


def _check_room(person: User, account: Account, now: datetime) -> None:
    """Asked inside the transaction, with both rows locked."""
    lately = AccessRequest.objects.filter(person=person, created_at__gt=now - timedelta(minutes=1)).count()
    if lately >= A_MINUTE:
        raise Refusal(f"You asked {lately} times within a minute.", next="Wait a minute, then ask again.", code="too-many")
    if AccessRequest.objects.open().filter(account=account).count() >= OPEN_AT_MOST:
        raise Refusal(
            f"{OPEN_AT_MOST} requests for account {account.spaced} wait for an answer already.",
            next="Withdraw one that is not needed, or wait for the answers.",
            code="too-many",
        )


def _check_longer(about: Grant | None, ends_at: datetime | None) -> None:
    if about is None or about.state != GrantState.ACTIVE or about.wanted != Wanted.PRESENT or about.ends_at is None:
        raise Refusal("There is no end date to move.", next="Ask for access anew.", code="stale")
    if ends_at is not None and ends_at <= about.ends_at:
        raise Refusal(f"It already lasts {until(about.ends_at)}.", next="Choose a later end.", field="ends_at")


def _checked_arn(text: str) -> str:
    """The ARN as AWS writes it. Only its form is judged. Raises Refusal."""
    try:
        arn = FunctionArn.parse(text)
    except ArnError as error:
        raise Refusal(str(error), field="asked_for") from error
    return str(arn)[:LONGEST]


def _checked_action(action: str) -> str:
    if action not in ACTIONS:
        raise Refusal("That action cannot be granted.", next="Choose one of the list.", field="action")
    return action
