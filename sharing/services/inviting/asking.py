"""The owner's side of an invitation: made, sent again, cancelled, expired. Rows only: a worker sends the mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Actor, Invitation, InvitationItem, InvitationState, Policy
from sharing.models.organization import ORGANIZATION_ID
from sharing.policy.actions import INVOKE
from sharing.policy.arn import is_account_id
from sharing.services import granting, notices
from sharing.services.errors import NotFound, Refusal
from sharing.services.history import record

LASTS = timedelta(days=7)
MOST_OFFERS = 50
#: Stands for an account that is not named yet, when an offer is thought through.
_SOMEBODY = "111111111111"
#: A mail may still be on its way.
_BETWEEN_MAILS = timedelta(minutes=1)


@dataclass(frozen=True)
class Offer:
    """One function, alias or version in an invitation: what they may do, until when (aware; None: no end)."""

    policy: Policy
    action: str = INVOKE
    ends_at: datetime | None = None


def invite(
    email: str, *, offers: Sequence[Offer], by: Actor, note: str = "", meant: str = "", form_token: str | None = None
) -> Invitation:
    """Offer these functions to an address. Nothing is granted before they accept and prove an account.

    meant: the account (12 digits) or organisation (o-...) it is for; "": whoever they prove, and an owner confirms it.
    The same form twice makes one invitation. Raises Refusal (also when an open invitation offers them the same already),
    NotPermitted, NotFound.
    """
    email = _address(email)
    number, organization = _meant(meant)
    note = note.replace("\r\n", "\n").strip()
    if len(note) > 1000:
        raise Refusal(f"The note has {len(note)} characters; 1,000 are kept.", next="Shorten it.", field="note")
    if form_token and (sent := Invitation.objects.filter(form_token=form_token).first()):
        return sent
    _check(offers, number=number, by=by)
    now = timezone.now()
    row = Invitation(
        email=email, note=note, number=number, organization=organization, expires_at=now + LASTS, created_at=now,
        created_by=by.person, created_as=by.label[:300], form_token=form_token,
    )  # fmt: skip
    try:
        with transaction.atomic():
            _refuse_twice(email, offers, now)
            row.full_clean(exclude=("created_by",), validate_unique=False)
            row.save(force_insert=True)
            for offer in offers:
                item = InvitationItem(invitation=row, policy=offer.policy, action=offer.action, ends_at=offer.ends_at)
                item.save(force_insert=True)
                tell("invitation.made", f"{email} was invited to {named(item)}.", row, item, by)
            notices.queue("invitation", to=email, invitation=row)
    except ValidationError as problem:
        raise Refusal(" ".join(problem.messages), next="Correct it and try again.") from None
    except IntegrityError:
        if form_token and (sent := Invitation.objects.filter(form_token=form_token).first()):
            return sent
        raise Refusal("A function is in the invitation twice.", next="Name each only once.", field="offers") from None
    return row


def resend(invitation: Invitation, *, by: Actor) -> Invitation:
    """A new mail with a new link, good for seven more days; the old link opens nothing from now on."""
    require_change(by, invitation)
    now = timezone.now()
    with transaction.atomic():
        held = Invitation.objects.select_for_update().get(pk=invitation.pk)
        if held.state not in (InvitationState.PENDING, InvitationState.EXPIRED):
            text = f"This invitation is {held.get_state_display().lower()}."
            raise Refusal(text, next="Invite them again.", code="stale")
        last = max(
            filter(None, (held.sent_at, held.notices.order_by("-created_at").values_list("created_at", flat=True).first()))
        )
        if now - last < _BETWEEN_MAILS:
            raise Refusal("A mail left less than a minute ago.", next="Give it a moment to arrive.", code="too-soon")
        held.state = InvitationState.PENDING
        held.expires_at, held.token_digest = now + LASTS, None
        held.ended_at, held.ended_as = None, ""
        held.save()
        for item in held.items.select_related("policy__function__account"):
            tell("invitation.resent", f"{held.email} gets a new link to {named(item)}.", held, item, by)
        notices.queue("invitation", to=held.email, invitation=held)
    return held


def cancel(invitation: Invitation, *, by: Actor, reason: str = "") -> Invitation:
    """Take the offer back: while it waits for an answer, or for a confirmation. Grants are revoked instead."""
    require_change(by, invitation)
    with transaction.atomic():
        held = Invitation.objects.select_for_update().get(pk=invitation.pk)
        if held.state == InvitationState.CANCELLED:
            return held
        if held.state != InvitationState.PENDING and not held.awaits_confirmation:
            text = f"This invitation is {held.get_state_display().lower()}: there is nothing to cancel."
            raise Refusal(text, next="Revoke the grants it became, if they should not stay.", code="stale")
        end(held, InvitationState.CANCELLED, by.label, reason)
        for item in held.items.select_related("policy__function__account"):
            text = f"The invitation of {held.email} to {named(item)} was cancelled."
            tell("invitation.cancelled", text, held, item, by, reason=reason)
    return held


def expire(now: datetime) -> int:
    """Turn what nobody answered in time to expired; how many. The sweep's."""
    overdue = list(Invitation.objects.overdue(now).order_by("expires_at")[:200])
    for one in overdue:
        with transaction.atomic():
            held = Invitation.objects.select_for_update().get(pk=one.pk)
            if held.state != InvitationState.PENDING or held.expires_at > now:
                continue
            end(held, InvitationState.EXPIRED, Actor.system().label, "")
            for item in held.items.select_related("policy__function__account"):
                text = f"The invitation of {held.email} to {named(item)} expired unanswered."
                tell("invitation.expired", text, held, item, Actor.system())
    return len(overdue)


def require_change(by: Actor, invitation: Invitation) -> None:
    """Refuse unless the actor may share every function of it. NotFound when one is out of scope."""
    items = list(invitation.items.select_related("policy__function__account"))
    if not items or not all(by.sees(item.policy.function.account_id) for item in items):
        raise NotFound("That invitation")
    for item in items:
        granting.require_change(by, item.policy, "That invitation")


def named(item: InvitationItem) -> str:
    """The function, alias or version and what they may do: "hello_world:live (lambda:InvokeFunction)"."""
    policy = item.policy
    place = f"{policy.function.name}:{policy.qualifier}" if policy.qualifier else policy.function.name
    return f"{place} ({item.action})"


def tell(verb: str, text: str, invitation: Invitation, item: InvitationItem, by: Actor, reason: str = "") -> None:
    """An event about one item, on its function."""
    function = item.policy.function
    detail = {"invitation": str(invitation.pk)}
    record(verb, text, by=by, function=function, qualifier=item.policy.qualifier, reason=reason, detail=detail)


def end(held: Invitation, state: InvitationState, label: str, reason: str) -> None:
    """Over: declined, cancelled or expired. The caller holds the row."""
    held.state, held.ended_at, held.ended_as, held.ended_reason = state, timezone.now(), label[:300], reason[:500]
    held.save()


def _address(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise Refusal("That is no e-mail address.", next="Write it as name@example.com.", field="email") from None
    if len(email) > 254:
        raise Refusal("The address is too long.", next="Check it.", field="email")
    return email


def _meant(text: str) -> tuple[str, str]:
    """(account number, organisation id): one of them, or neither."""
    text = text.strip()
    digits = text.replace(" ", "").replace("-", "")
    if not text:
        return "", ""
    if is_account_id(digits):
        return digits, ""
    try:
        ORGANIZATION_ID(text)
    except ValidationError:
        raise Refusal(
            "That is neither an account nor an organisation.",
            next="Write the 12 digits of an account, an organisation id such as o-a1b2c3d4e5, or leave it empty.",
            field="meant",
        ) from None
    return "", text


def _check(offers: Sequence[Offer], *, number: str, by: Actor) -> None:
    """Each offer as the share it may become: what AWS or we would refuse then is refused now."""
    if not offers:
        raise Refusal("Nothing is offered.", next="Choose at least one function.", field="offers")
    if len(offers) > MOST_OFFERS:
        text = f"An invitation offers at most {MOST_OFFERS} functions; this one has {len(offers)}."
        raise Refusal(text, next="Make several invitations.", field="offers")
    for offer in offers:
        plan = granting.plan(policy=offer.policy, who=number or _SOMEBODY, by=by, action=offer.action, ends_at=offer.ends_at)
        if plan.problems:
            problem = plan.problems[0]
            raise Refusal(
                f"{offer.policy.function.name}: {problem.message}", next=problem.next, code=problem.code, field=problem.field
            )


def _refuse_twice(email: str, offers: Sequence[Offer], now: datetime) -> None:
    waiting = InvitationItem.objects.filter(invitation__in=Invitation.objects.open(now).filter(email=email))
    for offer in offers:
        if item := waiting.filter(policy=offer.policy, action=offer.action).select_related("policy__function").first():
            raise Refusal(
                f"{email} is invited to {named(item)} already and has not answered.",
                next="Send that invitation again, or cancel it first.",
                code="equal",
                field="email",
            )
