"""Invitations, the owner's side: the list, and one invitation with its mail, its answer and its history."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.forms.inviting import CancelForm
from sharing.models import Actor, GrantState, Invitation, Notice, NoticeState
from sharing.services import inviting
from sharing.services.errors import Refusal
from sharing.services.inviting import Standing
from sharing.tasks import soon
from sharing.tasks.mailing import send_notice
from sharing.tasks.sharing import make_grants

from .access_rows import seconds_between_polls
from .paging import page_of
from .permitting import actor, for_changing

#: Tone, icon and words of where an invitation stands. Accepted is not yet active: that is said by the grants.
STANDINGS: dict[Standing, tuple[str, str, str]] = {
    Standing.WAITING: ("wait", "hourglass", "Waits for an answer"),
    Standing.TO_CONFIRM: ("warn", "user-question", "Waits for confirmation"),
    Standing.ACCEPTED: ("ok", "circle-check", "Accepted"),
    Standing.DECLINED: ("off", "circle-x", "Declined"),
    Standing.CANCELLED: ("off", "circle-minus", "Cancelled"),
    Standing.EXPIRED: ("off", "clock-x", "Expired"),
    Standing.UNSENT: ("bad", "mail", "Mail failed"),
}
#: A page that waits for the check after a share looks no longer than this.
CHECKED_WITHIN = timedelta(minutes=1)
CHOICES = tuple((one.value, words) for one, (_tone, _icon, words) in STANDINGS.items())


@dataclass(frozen=True)
class Filters:
    """What the address asks the list for; anything unknown in it is left out."""

    text: str = ""
    standing: Standing | None = None

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> Filters:
        """Read from the query string."""
        standing = asked.get("state", "")
        return cls(
            text=asked.get("q", "").strip()[:400],
            standing=Standing(standing) if standing in {one.value for one in Standing} else None,
        )

    @property
    def narrowed(self) -> bool:
        """Whether anything is filtered away."""
        return bool(self.text or self.standing)


@dataclass(frozen=True)
class Row:
    """One line of the list."""

    invitation: Invitation
    mark: tuple[str, str, str]
    mail_failure: str
    mail_waits: bool


@require_safe
def invitation_list(request: HttpRequest) -> HttpResponse:
    """Every invitation in scope: search, filter, pages."""
    filters = Filters.of(request.GET)
    page = page_of(inviting.invitations(by=actor(request), text=filters.text, standing=filters.standing), request)
    context = {"filters": filters, "page": page, "rows": [_row(one) for one in page.object_list], "choices": CHOICES}
    return render(request, "invitations/list.html", context)


def _row(one: Any) -> Row:
    """one: an Invitation with `mail_state` and `mail_failure`."""
    standing = _shown(inviting.standing_of(one, timezone.now()), one.mail_state)
    failure = one.mail_failure if standing is Standing.UNSENT else ""
    return Row(one, STANDINGS[standing], failure, standing is Standing.WAITING and one.mail_state == NoticeState.QUEUED)


def _shown(standing: Standing, mail_state: str | None) -> Standing:
    """What failed to leave cannot be answered: that comes before waiting."""
    return Standing.UNSENT if standing is Standing.WAITING and mail_state == NoticeState.FAILED else standing


def the_invitation(me: Actor, pk: uuid.UUID) -> Invitation:
    """The invitation, if all it offers is in the actor's scope; else 404."""
    related = ("account", "connection", "created_by", "accepted_by", "confirmed_by")
    return get_object_or_404(Invitation.objects.visible_to(me).select_related(*related), pk=pk)


@require_safe
def invitation_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One invitation; its body alone while something is under way and the page polls."""
    me = actor(request)
    context = _detail(the_invitation(me, pk), me)
    polls = request.headers.get("HX-Target") == "invitation"
    return render(request, f"invitations/detail.html{'#body' if polls else ''}", context)


def _detail(invitation: Invitation, me: Actor, cancel: CancelForm | None = None) -> dict[str, Any]:
    now = timezone.now()
    standing = inviting.standing_of(invitation, now)
    items = list(invitation.items.select_related("policy__function__account", "grant"))
    mails = inviting.mails_of(invitation)
    grants = [item.grant for item in items if item.grant is not None]
    unsettled = [grant.created_at for grant in grants if grant.is_unsettled]
    # The check comes right after the share: its answer is waited for as well, but not for long.
    untried = [grant.settled_at for grant in grants if grant.state == GrantState.ACTIVE and grant.checked_at is None]
    unsettled += [at for at in untried if at is not None and now - at < CHECKED_WITHIN]
    if standing is Standing.ACCEPTED and any(item.grant is None and not item.failure for item in items):
        unsettled.append(invitation.confirmed_at or invitation.created_at)
    unsettled += [mail.created_at for mail in mails[:1] if mail.state == NoticeState.QUEUED and standing is Standing.WAITING]
    return {
        "invitation": invitation,
        "standing": standing.value,
        "mark": STANDINGS[_shown(standing, mails[0].state if mails else None)],
        "items": items,
        "mails": mails,
        "mail": mails[0] if mails else None,
        "proved": inviting.proved_of(invitation, by=me),
        "story": inviting.story_of(invitation, by=me),
        "every": max(2, seconds_between_polls(max(unsettled))) if unsettled else 0,
        "resendable": standing in (Standing.WAITING, Standing.EXPIRED),
        "cancellable": standing in (Standing.WAITING, Standing.TO_CONFIRM) or invitation.state == "pending",
        "form": cancel or CancelForm(),
    }


@for_changing
@require_POST
def invitation_resend(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A new link by a new mail."""
    me = actor(request)
    invitation = the_invitation(me, pk)
    try:
        send_mails(inviting.resend(invitation, by=me))
        messages.success(request, "A new link is on its way. The old one opens nothing any more.")
    except Refusal as refusal:
        _said(request, refusal)
    return redirect("invitation-detail", pk)


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask why, then take the offer back; the same refuses an account that was proved."""
    me = actor(request)
    invitation = the_invitation(me, pk)
    form = CancelForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            inviting.cancel(invitation, by=me, reason=form.cleaned_data["reason"])
            messages.success(request, "The invitation is cancelled. Nothing was shared by it.")
        except Refusal as refusal:
            _said(request, refusal)
        return redirect("invitation-detail", pk)
    context = {"invitation": invitation, "form": form, "back": "../", "dangerous": True}
    return render(request, "invitations/cancel.html", context, status=422 if form.errors else 200)


@for_changing
@require_POST
def invitation_confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The proved account is the one that was meant: the offers become grants."""
    me = actor(request)
    invitation = the_invitation(me, pk)
    account = invitation.account
    if account is None:
        raise Http404
    try:
        if request.POST.get("account") != account.number:
            raise Refusal("Another account was proved meanwhile.", next="Look at it and confirm again.", code="stale")
        confirmed = inviting.confirm(invitation, account=account, by=me)
        soon(make_grants, confirmed.pk)
        messages.success(request, f"Confirmed. fnshare now shares what you offered with account {account.spaced}.")
    except Refusal as refusal:
        _said(request, refusal)
    return redirect("invitation-detail", pk)


def send_mails(invitation: Invitation) -> list[Notice]:
    """Hand what is queued about the invitation to a worker."""
    found = inviting.to_send(invitation)
    for notice in found:
        soon(send_notice, notice.pk, queue="mail")
    return found


def _said(request: HttpRequest, refusal: Refusal) -> None:
    if refusal.code in ("not-found", "not-permitted"):
        raise refusal
    messages.error(request, f"{refusal.message} {refusal.next}".strip())
