"""What an invited person says: which account is theirs, and which role shows it. Rows only; a worker looks for the role."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Account, Actor, Invitation, InvitationState, Proving, ProvingState, Role, User
from sharing.policy.arn import is_account_id, unspaced
from sharing.services.connecting.given import partition_for, role_arn_of
from sharing.services.errors import NotPermitted, Refusal
from sharing.services.history import record
from sharing.services.naming import spoken

ROLE_NAME = "fnshare-checker"
#: A worker looks for so long after somebody asked; the page's button asks again.
LOOKS_FOR = timedelta(hours=1)
#: A proof older than this is seen anew before anything is accepted on it.
GOOD_FOR = timedelta(hours=1)
MOST_A_DAY = 10
_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)


def name_account(invitation: Invitation, *, person: User, number: str, role: str = "") -> Proving:
    """Say which account it is (12 digits); a worker looks for its role from now on.

    role: its ARN or name; "": the one that was looked for before, else the usual name. The same account again keeps its
    ExternalId. Raises Refusal: not theirs to answer, no account id, another account than the invitation's, the functions'
    own account, no role's ARN, too many accounts tried.
    """
    require_invited(invitation, person)
    number = unspaced(number)
    if not is_account_id(number):
        raise Refusal(
            f"An AWS account id has exactly 12 digits; this one has {len(number)} characters.",
            next="Copy it from the account's console, top right, or run: aws sts get-caller-identity",
            field="number",
        )
    if invitation.number and number != invitation.number:
        raise Refusal(
            f"This invitation is for account {invitation.number}, not {number}.",
            next="Use that account, or ask for an invitation for yours.",
            code="wrong-account",
            field="number",
        )
    if invitation.items.filter(policy__function__account__number=number).exists():
        raise Refusal(
            "The functions belong to this very account: its own roles call them by their own IAM policies.",
            next="Name the account that should call them.",
            field="number",
        )
    partition = partition_for("")
    try:
        with transaction.atomic():
            return _ask(invitation, person, number, partition, role.strip())
    except IntegrityError:  # another tab named the same account at the same moment
        with transaction.atomic():
            return _ask(invitation, person, number, partition, role.strip())


def look_again(proving: Proving) -> Proving:
    """Look for the role at once, and for another hour. Proved already: nothing happens."""
    now = timezone.now()
    with transaction.atomic():
        held = Proving.objects.select_for_update().select_related("invitation", "person").get(pk=proving.pk)
        require_invited(held.invitation, held.person)
        if is_fresh(held):
            return held
        _want(held, held.role_arn)
        held.wanted_at = now
        held.save()
    return held


def of_person(invitation: Invitation, *, person: User, number: str = "") -> Proving | None:
    """What the person last asked to be looked for, of this invitation; number: for that account, by whichever of theirs."""
    mine = Proving.objects.filter(person=person)
    return mine.filter(number=number).first() if number else mine.filter(invitation=invitation).first()


def is_fresh(proving: Proving) -> bool:
    """Whether the proof was seen lately enough to accept on it."""
    return (
        proving.state == ProvingState.PROVED and proving.proved_at is not None and proving.proved_at > timezone.now() - GOOD_FOR
    )


def require_invited(invitation: Invitation, person: User) -> None:
    """Refuse whoever the invitation is not for, and one that waits for no answer."""
    if person.email != invitation.email or not person.is_active:
        raise Refusal(
            f"This invitation is for {invitation.email}.",
            next="Sign in with that address, or ask for one to yours.",
            code="wrong-person",
        )
    if person.role == Role.AUDITOR:
        raise NotPermitted(
            "Auditors look at everything in their scope and change nothing: they do not accept either.",
            next="Ask for an invitation to another address of yours.",
        )
    if invitation.state != InvitationState.PENDING or invitation.expires_at <= timezone.now():
        raise Refusal(
            "This invitation waits for no answer any more.", next="Ask whoever invited you for a new one.", code="stale"
        )


def _ask(invitation: Invitation, person: User, number: str, partition: str, role: str) -> Proving:
    held = Proving.objects.select_for_update().filter(person=person, number=number).first()
    arn = _role_arn(role, number, partition) if role or held is None else held.role_arn
    if held is None:
        _not_too_many(person)
        held = Proving(
            person=person, number=number, partition=partition, external_id=f"fnshare-checker-{secrets.token_hex(20)}"
        )
    elif is_fresh(held) and held.role_arn == arn:
        held.invitation, held.wanted_at = invitation, timezone.now()
        held.save()
        return held
    told = held.role_arn == arn
    held.invitation = invitation
    _want(held, arn)
    held.full_clean(exclude=("person", "invitation"), validate_unique=False)
    held.save()
    if not told:
        text = f"{person.email} says that {spoken(number)} is theirs: fnshare looks for {arn}."
        record("proof.awaited", text, by=Actor.of(person), detail={"invitation": str(invitation.pk)})
    return held


def _want(held: Proving, arn: str) -> None:
    now = timezone.now()
    if held.role_arn != arn:
        held.seen, held.tried_at = "", None
    held.role_arn, held.state = arn, ProvingState.WAITING
    held.wanted_at, held.give_up_at = now, now + LOOKS_FOR
    held.tries, held.next_try_at, held.lease_until, held.proved_at = 0, None, None, None


def _role_arn(role: str, number: str, partition: str) -> str:
    usual = f"arn:{partition}:iam::{number}:role/{ROLE_NAME}"
    if not role:
        return usual
    if _NAME.fullmatch(role):
        return f"arn:{partition}:iam::{number}:role/{role}"
    try:
        arn = role_arn_of(role, Account(number=number, partition=partition))
    except Refusal as refusal:
        raise Refusal(refusal.message, next=f"Give the role's name, or its ARN such as {usual}.", field="role") from None
    if len(arn) > 600:
        raise Refusal("The ARN is too long.", next=f"It looks like {usual}.", field="role")
    return arn


def _not_too_many(person: User) -> None:
    since = timezone.now() - timedelta(days=1)
    if Proving.objects.filter(person=person, created_at__gt=since).count() >= MOST_A_DAY:
        raise Refusal(
            f"You named {MOST_A_DAY} accounts within a day; that is all that are looked for.",
            next="Come back tomorrow, or go on with one of those.",
            code="too-many",
            field="number",
        )
