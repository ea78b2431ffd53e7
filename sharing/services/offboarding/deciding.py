"""The one decision, and the one to take it back: rows only. A worker then asks for each thing (`running`)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Account, Actor, Grant, GrantState, Offboarding, OffboardingItem
from sharing.policy.arn import is_account_id, unspaced
from sharing.services import consumers, granting
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.granting.deciding import checked_reason
from sharing.services.granting.pausing import take_turn
from sharing.services.granting.suspending import check_until
from sharing.services.history import record

from .finding import preview

#: What was removed can be asked for again for so long.
UNDO_WITHIN: Final = timedelta(hours=24)
_AUDITORS: Final = "Auditors look, they do not change anything."


def start(
    number: str,
    *,
    seen: str,
    typed: str,
    reason: str,
    form_token: str,
    by: Actor,
    suspends: bool = False,
    until: datetime | None = None,
) -> Offboarding:
    """Take the account out of everything that `preview` showed with the mark `seen`. The same form twice: the same row.

    `suspends`: for a while only; `until`: when it is resumed by itself. `typed`: the account's name or digits, typed by hand.
    Raises NotPermitted, NotFound, and Refusal with its field; code `stale` when something came or went since.
    """
    person = by.person
    if not by.may_change() or by.kind != "person" or person is None:
        raise NotPermitted(_AUDITORS, next="Ask an owner or an admin of fnshare.")
    if not is_account_id(number) or consumers.find(number, by=by) is None:
        raise NotFound("That account", next="Check the digits.")
    if sent := Offboarding.objects.filter(form_token=form_token, requested_by=person).first():
        return sent
    try:
        with transaction.atomic():
            take_turn(number)  # what is just being shared with it is seen, and what comes after sees this
            if sent := Offboarding.objects.filter(form_token=form_token, requested_by=person).first():
                return sent  # a double click, of which the first one had the turn: what it showed may be taken away by now
            found = preview(number, by=by, suspends=suspends)
            if found.mark != seen:
                raise Refusal(
                    "Something came or went since this page was made.", next="Read it again below, then confirm.", code="stale"
                )
            if not found.things:
                raise Refusal("There is nothing to take away.", next="Look at what lets in others too.", code="nothing")
            reason = checked_reason(reason)
            check_until(until, now=timezone.now())
            given = unspaced(typed)
            named = bool(found.name) and " ".join(typed.split()).casefold() == found.name.casefold()
            if given != number and not named:
                raise Refusal("That is neither its name nor its digits.", next="Type one of them.", field="typed")
            account = Account.objects.filter(number=number).first()
            made = Offboarding.objects.create(
                number=number,
                name=found.name,
                reason=reason,
                requested_by=person,
                requested_as=by.label[:300],
                form_token=form_token,
                suspends=suspends,
                everywhere=by.sees_every_account,
                until=until if suspends else None,
            )
            OffboardingItem.objects.bulk_create(
                OffboardingItem(
                    offboarding=made,
                    position=place,
                    kind=one.kind,
                    sentence=f"{one.sentence} ({one.where})" if one.where else one.sentence,
                    **({"content": None} | one.refs),
                )
                for place, one in enumerate(found.things)
            )
            many = "1 thing that let it in is" if len(found.things) == 1 else f"{len(found.things):,} things that let it in are"
            verb = "account.suspended" if suspends else "account.offboarded"
            text = f"Account {found.name or number} is {verb[8:]}: {many} taken away"
            text += f" until {until:%Y-%m-%d %H:%M} UTC." if suspends and until else " for a while." if suspends else "."
            record(verb, text, by=by, account=account, reason=reason, detail={"offboarding": str(made.pk)})
    except IntegrityError:
        if sent := Offboarding.objects.filter(form_token=form_token, requested_by=person).first():
            return sent
        raise Refusal("This form was already sent.", next="Reload the page.", code="stale") from None
    return made


def may_undo(offboarding: Offboarding, *, by: Actor, now: datetime) -> bool:
    """Whether what was removed can still be asked for again by them."""
    in_time = offboarding.suspends or now - offboarding.created_at < UNDO_WITHIN
    return offboarding.undo_wanted_at is None and by.may_change() and in_time


def undo(offboarding: Offboarding, *, roles: bool, by: Actor) -> Offboarding:
    """Ask for everything again that was removed; of a suspension, at any time: resume it. Twice is once.

    `roles`: roles and users of the same names are meant.

    Raises NotPermitted, NotFound, Refusal (`stale`: a day has passed).
    """
    if not by.may_change() or by.person is None:
        raise NotPermitted(_AUDITORS, next="Ask an owner or an admin of fnshare.")
    if not Offboarding.objects.visible_to(by).filter(pk=offboarding.pk).exists():
        raise NotFound("That offboarding")
    now = timezone.now()
    if offboarding.undo_wanted_at is None and not may_undo(offboarding, by=by, now=now):
        raise Refusal("A day has passed.", next="Share anew what is needed.", code="stale")
    with transaction.atomic():
        mine = Offboarding.objects.filter(pk=offboarding.pk, undo_wanted_at=None)
        if mine.update(undo_wanted_at=now, undo_by=by.person, undo_as=by.label[:300], undo_roles=roles):
            _tell_undo(offboarding, by)
    offboarding.refresh_from_db()
    return offboarding


def coming_back(offboarding: Offboarding, *, by: Actor) -> list[granting.Resuming]:
    """Of each share that a suspension took away, whether it would come back, in order. Raises NotPermitted."""
    keys = offboarding.items.filter(grant__state=GrantState.SUSPENDED).order_by("position").values_list("grant", flat=True)
    related = ("policy__function__account", "policy__current", "requested_by", "approved_by")
    found = Grant.objects.visible_to(by).filter(pk__in=list(keys)).select_related(*related).in_bulk()
    return granting.resuming([found[key] for key in keys if key in found], by=by, under=offboarding)


def resume_due(offboarding: Offboarding, *, now: datetime) -> None:
    """A suspension whose day has come is resumed by itself, with the rights of whoever decided it. Twice is once."""
    if not offboarding.suspends or offboarding.until is None or offboarding.until > now:
        return
    by = Actor.system()
    with transaction.atomic():
        mine = Offboarding.objects.filter(pk=offboarding.pk, undo_wanted_at=None)
        if mine.update(undo_wanted_at=now, undo_by=offboarding.requested_by, undo_as=by.label[:300]):
            _tell_undo(offboarding, by)
    offboarding.refresh_from_db()


def _tell_undo(offboarding: Offboarding, by: Actor) -> None:
    account = Account.objects.filter(number=offboarding.number).first()
    name = offboarding.name or offboarding.number
    if offboarding.suspends:
        verb, text = "account.resumed", f"The access of account {name} is to be resumed."
    else:
        verb, text = "account.offboarding-undone", f"The offboarding of account {name} is to be undone."
    record(verb, text, by=by, account=account, detail={"offboarding": str(offboarding.pk)})
