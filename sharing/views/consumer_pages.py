"""Consumers, one account: what it reaches and through what, its proof, its people, its shares, its history."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.forms.consumers import NameForm
from sharing.models import Actor, Grant, GrantState, Membership, Offboarding, Verdict
from sharing.models.grant import LIVE
from sharing.policy.arn import is_account_id
from sharing.services import access, consumers, offboarding, proofs
from sharing.services.access.about_who import FOLDED
from sharing.services.access.lines import HEAD
from sharing.services.consumers import Consumer
from sharing.services.consumers.telling import grants, others_named
from sharing.services.errors import Refusal
from sharing.services.granting.wording import doing, place_of
from sharing.services.vendors import AS_OF, SOURCE
from sharing.tasks import soon
from sharing.tasks.findings import refresh_findings
from sharing.tasks.reading import test_connection
from sharing.views.errors import blame

from .consumers import Mark, proof_mark
from .paging import KeysFirst, page_of
from .permitting import actor, for_admins, for_changing

#: Suspensions of one account that stand, at the most, which its page links.
_SUSPENSIONS = 5
#: Shares of one page; the rest is a page further.
SHARES = 25


@dataclass(frozen=True)
class ShownWay:
    """A group of ways in with the first of them, and how many others each one's statement names in the same list."""

    of: access.Group
    lines: list[tuple[access.Line, int]]
    url: str

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.of.count - len(self.lines)

    @property
    def marks(self) -> list[Mark]:
        """What is not safe about it, counted. The counts hold what is so for certain and what perhaps is."""
        said = (
            (self.of.public, "bad", "world", "public, or perhaps"),
            (self.of.opened, "warn", "lock-open", "open to any account through a service, or perhaps"),
            (self.of.unsure, "warn", "help-circle", "hanging on something unknown: not safe"),
        )
        return [(tone, icon, f"{_ways(count)} {words}") for count, tone, icon, words in said if count]


@dataclass(frozen=True)
class ShownGrant:
    """One share: its words, and what can be done about it by whoever may."""

    grant: Grant
    place: str
    may: str
    to: str
    over: bool
    revocable: bool
    extensible: bool
    expected: str


@require_safe
def consumer_detail(request: HttpRequest, number: str) -> HttpResponse:
    """The page."""
    me = actor(request)
    consumer = _find(me, number)
    over = request.GET.get("shares") == "over"
    told = consumers.tell(consumer, by=me)
    shares = KeysFirst(grants(number, by=me, over=over), "policy__function__account")
    page = page_of(shares, request, SHARES, many=None if over else consumer.shares.live)
    context = {
        **_proof(consumer, me),
        "told": told,
        "answer": told.answer,
        "wider": [_way(group, number) for group in told.answer.groups if group.key in FOLDED],
        "ways": [_way(group, number) for group in told.answer.groups if group.key not in FOLDED],
        "ask": f"{reverse('access')}?{urlencode({'q': number})}",
        "page": page,
        "shares": [_grant(one) for one in page.object_list],
        "over": over,
        "now": timezone.now(),
        "paused": proofs.requests_paused(consumer.account, consumer.proof) if consumer.account else "",
        "may_name": consumers.may_name(consumer.account, by=me),
        "form": NameForm(initial={"name": consumer.account.name if consumer.account else ""}),
        **_offboardings(number, me),
        "suspended_by_others": offboarding.suspended_by_others(number, by=me),
        "vendor_list": f"{SOURCE}, {AS_OF}",
    }
    return render(request, "consumers/detail.html", context)


@require_safe
def consumer_proof(request: HttpRequest, number: str) -> HttpResponse:
    """The proof alone, while a worker tries the role; a toast once it has."""
    me = actor(request)
    consumer = _find(me, number)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("consumer-detail", number)
    context = _proof(consumer, me)
    if not consumer.proof.testing:
        context["toast"] = (f"{consumer.label}: {context['mark'][2].lower()}.", context["mark"][0])
    return render(request, "consumers/detail.html#proof", context)


@for_changing
@require_POST
def consumer_prove(request: HttpRequest, number: str) -> HttpResponse:
    """Have the role tried now."""
    connection = consumers.prove_again(number, by=actor(request))
    soon(test_connection, connection.pk)
    return redirect(f"{reverse('consumer-detail', args=[number])}#proof")


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def consumer_name(request: HttpRequest, number: str) -> HttpResponse:
    """Call the account so."""
    me = actor(request)
    consumer = _find(me, number)
    form = NameForm(request.POST or None, initial={"name": consumer.account.name if consumer.account else ""})
    if request.method == "POST" and form.is_valid():
        try:
            account = consumers.give_name(number, form.cleaned_data["name"], by=me)
        except Refusal as refusal:
            if refusal.code in ("not-permitted", "not-found"):
                raise
            blame(form, refusal)
        else:
            soon(refresh_findings, "1", queue="sync")  # strangers that have a name are no finding any more
            messages.success(request, f"{account.spaced} is called “{account.name}” here.")
            return redirect("consumer-detail", number)
    context = {"consumer": consumer, "form": form, "back": reverse("consumer-detail", args=[number])}
    return render(request, "consumers/name.html", context, status=422 if form.errors else 200)


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def consumer_member_end(request: HttpRequest, number: str, pk: uuid.UUID) -> HttpResponse:
    """Ask, then end that a person acts for the account."""
    me = actor(request)
    consumer = _find(me, number)
    found = Membership.objects.current().filter(account__number=number).select_related("person", "account")
    membership = get_object_or_404(found, pk=pk)
    back = reverse("consumer-detail", args=[number])
    if request.method == "POST":
        consumers.end_membership(membership, by=me)
        messages.success(request, f"{membership.person.email} does not act for {consumer.label} any more.")
        return redirect(back)
    context = {"consumer": consumer, "membership": membership, "back": back, "dangerous": True}
    return render(request, "consumers/member_end.html", context)


def _find(me: Actor, number: str) -> Consumer:
    found = consumers.find(number, by=me) if is_account_id(number) else None
    if found is None:
        raise Http404("No consumer in scope has these digits.")
    return found


def _proof(consumer: Consumer, me: Actor) -> dict[str, Any]:
    connection = consumer.proof.connection
    wanted = connection.test_wanted_at if connection else None
    waited = (timezone.now() - wanted).total_seconds() if wanted else 0
    return {
        "consumer": consumer,
        "tab": "accounts",
        "mark": proof_mark(consumer.proof),
        "connection": connection,
        "proofs_told": proofs.told(consumer.account) if consumer.account else [],
        "connection_in_scope": connection is not None and me.sees(connection.account_id),
        "provable": connection is not None and bool(connection.role_arn) and connection.state != "paused",
        "every": "1s" if waited < 60 else "5s",
        "slow": waited > 20,
    }


def _offboardings(number: str, me: Actor) -> dict[str, Any]:
    """The last time it was taken out for good, and the suspensions that stand. One query."""
    mine = Offboarding.objects.visible_to(me).filter(number=number)
    last, standing = mine.filter(suspends=False).values("pk")[:1], mine.suspensions().values("pk")[:_SUSPENSIONS]
    found = list(Offboarding.objects.filter(Q(pk__in=last) | Q(pk__in=standing)))
    return {
        "offboarded": next((one for one in found if not one.suspends), None),
        "suspended": [one for one in found if one.suspends],
    }


def _ways(count: int) -> str:
    return f"{count:,} way{'' if count == 1 else 's'}"


def _way(group: access.Group, number: str) -> ShownWay:
    lines = [] if group.key in FOLDED else list(group.lines[:HEAD])
    url = f"{reverse('access')}?{urlencode({'q': number, 'how': group.key})}"
    return ShownWay(group, [(line, others_named(line)) for line in lines], url)


def _grant(grant: Grant) -> ShownGrant:
    whole = grant.principal_kind == "account"
    settled = grant.state == GrantState.ACTIVE
    return ShownGrant(
        grant,
        place_of(grant.policy),
        doing(grant.action).removesuffix(" of").removesuffix(" from"),
        "" if whole else grant.principal.rsplit(":", 1)[-1],
        over=grant.state not in LIVE,
        revocable=grant.state in LIVE and grant.state != GrantState.REVOKING,
        extensible=settled and grant.ends_at is not None,
        expected=Verdict.DENIED if grant.state == GrantState.SUSPENDED else Verdict.ALLOWED,
    )
