"""One finding: what it says, the deciding statement, who is let in, its history, and what can be done about it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.forms.findings import AcceptForm, NarrowForm, OwnerForm
from sharing.forms.share import ReasonForm
from sharing.models import Account, Actor, Event, Finding, Grant, GrantState, PolicyVersion
from sharing.policy import Answer, Kind, Statement, exposures, parse
from sharing.policy import services as known_services
from sharing.policy.findings import RULES, digest_of
from sharing.services.access.principals import Names
from sharing.services.errors import Refusal
from sharing.services.findings import accepting, visiting
from sharing.services.syncing import last_read_of
from sharing.services.syncing.reach import url_auth

from .errors import blame
from .finding_repairs import place_in, repairs_of, revoke_url, share_url
from .finding_words import shown
from .function_policy import pretty
from .permitting import actor, for_changing

_HISTORY = 50


def the_finding(me: Actor, pk: uuid.UUID) -> Finding:
    """The finding, if it is in the actor's scope; else 404."""
    rows = Finding.objects.visible_to(me).select_related(
        "account",
        "function__account",
        "policy__function__account",
        "policy__current",
        "owner",
        "grant__policy__function__account",
    )
    return get_object_or_404(rows, pk=pk)


@require_safe
def finding_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Everything about one finding."""
    me = actor(request)
    finding = the_finding(me, pk)
    return _page(request, me, finding, _accept_form(finding), _owner_form(finding))


@for_changing
@require_POST
def finding_accept(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Bear the risk until a date."""
    me = actor(request)
    finding = the_finding(me, pk)
    form = AcceptForm(request.POST, people=accepting.may_bear([finding]))
    if form.is_valid():
        given = form.cleaned_data
        try:
            accepting.accept(finding, reason=given["reason"], owner=given["owner"], until=form.ends_at, by=me)
        except Refusal as refusal:
            if refusal.code == "not-found":
                raise
            blame(form, refusal)
        else:
            messages.success(
                request, f"Accepted until the end of {given['until']:%d %b %Y}. It returns then, or when it changes."
            )
            return redirect("finding-detail", finding.pk)
    return _page(request, me, finding, form, _owner_form(finding), status=422)


@for_changing
@require_POST
def finding_withdraw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The risk is borne no longer."""
    me = actor(request)
    finding = the_finding(me, pk)
    form = ReasonForm(request.POST)
    accepting.withdraw(finding, by=me, reason=form.cleaned_data["reason"] if form.is_valid() else "")
    messages.success(request, "The acceptance is withdrawn: the finding counts again.")
    return redirect("finding-detail", finding.pk)


@for_changing
@require_POST
def finding_assign(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Give the finding to somebody, or to nobody."""
    me = actor(request)
    finding = the_finding(me, pk)
    form = OwnerForm(request.POST, people=accepting.may_bear([finding]))
    if form.is_valid():
        owner = form.cleaned_data["owner"]
        try:
            accepting.assign([finding.pk], owner, by=me)
        except Refusal as refusal:
            blame(form, refusal)
        else:
            messages.success(request, f"It is {owner}'s now." if owner else "It is nobody's now.")
            return redirect("finding-detail", finding.pk)
    return _page(request, me, finding, _accept_form(finding), form, status=422)


@for_changing
@require_http_methods(["GET", "HEAD"])
def finding_repair(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """An open service, narrowed step by step: add the limited statement, see that it works, take the wide one back.

    Both steps are the usual ones, with their previews and approvals; this page only says where one is.
    """
    me = actor(request)
    finding = the_finding(me, pk)
    policy = finding.policy
    if finding.rule != "open-service" or policy is None or finding.state == "closed":
        return redirect("finding-detail", finding.pk)
    statement = place_in(policy, finding)
    who = finding.detail.get("who") or []
    service = str(who[0][1]) if who else ""
    form = NarrowForm(request.GET if "step" in request.GET else None, initial=_source_of(statement))
    if form.is_bound and form.is_valid() and statement is not None:
        given = form.cleaned_data
        if not given["source_account"] and not given["source_arn"]:
            form.add_error("source_account", "Give the account, or an ARN that names one.")
        else:
            action = statement.actions[0] if len(statement.actions) == 1 else "lambda:InvokeFunction"
            reason = f"Narrows {statement.name}, which let any account in"
            return redirect(share_url(policy, who=service, action=action, reason=reason, **given))
    narrowed = [one for one in _narrowed(finding, service) if statement is None or one.index != statement.index]
    context = {
        "finding": finding,
        "form": form,
        "statement": statement,
        "written": pretty(statement.raw) if statement and isinstance(statement.raw, dict) else "",
        "service": known_services.label(service),
        "wide": service == "*",
        "known": Account.objects.visible_to(me),
        "narrowed": narrowed,
        "asked": _shares_of(finding, service),
        "remove": revoke_url(policy, statement) if statement is not None else "",
    }
    return render(request, "findings/repair.html", context, status=422 if form.errors else 200)


def _narrowed(finding: Finding, service: str) -> list[Statement]:
    """Statements of the policy as last read that let the same service in on a fixed account's behalf only."""
    policy = finding.policy
    if policy is None or policy.current is None:
        return []
    reduced = exposures(
        parse(policy.current.document or None),
        function_arn=policy.arn,
        owner_account=policy.function.account.number,
        url_auth=url_auth(policy),
    )
    return [
        statement
        for one in reduced
        if one.kind is Kind.SERVICE
        and one.principal == service
        and one.open_service is Answer.NO
        and one.account
        and not one.latent
        for statement in one.statements
    ]


def _shares_of(finding: Finding, service: str) -> list[Grant]:
    """Shares with the service that are on their way: asked for, being written."""
    live = (GrantState.REQUESTED, GrantState.PENDING, GrantState.GRANTING, GrantState.STUCK)
    return list(Grant.objects.filter(policy=finding.policy_id, principal=service, state__in=live).order_by("created_at"))


def _source_of(statement: Statement | None) -> dict[str, str]:
    """What the wide statement says about its source: a bucket, say, without an account."""
    arns = [
        value
        for condition in (statement.conditions if statement else ())
        if condition.key.lower() == "aws:sourcearn"
        for value in condition.values
        if "*" not in value
    ]
    return {"source_arn": arns[0]} if len(arns) == 1 else {}


def _page(
    request: HttpRequest, me: Actor, finding: Finding, accept: AcceptForm, owner: OwnerForm, *, status: int = 200
) -> HttpResponse:
    since = visiting.new_since(me, now=timezone.now())
    rows = [[str(part) for part in one] for one in finding.detail.get("who") or []]
    names = Names.of(account for _, _, account in rows)
    statement, version = _statement_of(finding)
    own = finding.pk in accepting.granted_by(me, [finding])
    context: dict[str, Any] = {
        "finding": finding,
        "row": shown(finding, since),
        "rule": RULES.get(finding.rule),
        "who": [_who(names, *one) for one in rows],
        "statement": statement,
        "written": pretty(statement.raw) if statement is not None and isinstance(statement.raw, dict) else "",
        "version": version,
        "share": _share_of(finding),
        "read_at": _read_at(finding),
        "history": _history(me, finding),
        "repairs": repairs_of(finding, me),
        "form": accept,
        "owner_form": owner,
        "own": accepting.GRANTED_BY_YOU if own else "",
        "others": _same_cause(finding),
    }
    return render(request, "findings/detail.html", context, status=status)


def _who(names: Names, kind: str, principal: str, account: str) -> dict[str, str]:
    return {"kind": kind, "label": names.label(kind, principal, account), "principal": principal, "account": account}


def _statement_of(finding: Finding) -> tuple[Statement | None, PolicyVersion | None]:
    """The deciding statement as it was kept, and the version it is in."""
    key = finding.detail.get("version")
    if not finding.statement_digest or not isinstance(key, int):
        return None, None
    version = PolicyVersion.objects.filter(pk=key, policy=finding.policy_id).first()
    found = parse(version.document or None).statements if version else ()
    return next((one for one in found if digest_of(one) == finding.statement_digest), None), version


def _share_of(finding: Finding) -> Grant | None:
    """The share that the statement carries out, where it was decided here."""
    if finding.grant is not None:
        return finding.grant
    if not finding.sid or finding.policy_id is None:
        return None
    return Grant.objects.live().filter(policy=finding.policy_id, sid=finding.sid, adopted=False).first()


def _read_at(finding: Finding) -> datetime | None:
    return last_read_of(finding.policy) if finding.policy is not None else None


def _history(me: Actor, finding: Finding) -> list[Event]:
    """What was decided about this finding, newest first."""
    events = Event.objects.visible_to(me).filter(verb__startswith="finding.", detail__finding=str(finding.pk))
    place = {"function": finding.function_id} if finding.function_id else {"account": finding.account_id}
    return list(events.filter(**place).select_related("function")[:_HISTORY])


def _same_cause(finding: Finding) -> str:
    """The address of the others of the same rule and cause."""
    return f"{reverse('finding-list')}?{urlencode({'rule': finding.rule, 'cause': finding.cause, 'status': finding.status})}"


def _accept_form(finding: Finding) -> AcceptForm:
    return AcceptForm(people=accepting.may_bear([finding]), initial={"owner": finding.owner_id})


def _owner_form(finding: Finding) -> OwnerForm:
    return OwnerForm(people=accepting.may_bear([finding]), initial={"owner": finding.owner_id}, auto_id="id_assign_%s")
