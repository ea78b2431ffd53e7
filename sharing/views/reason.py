"""Reason: can this principal invoke this, and why was somebody denied.

A question goes by GET, so that an answer can be linked to; a pasted error goes by POST, because it belongs in no address
and no log, and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from sharing.forms.reason import DenialForm, InvokeForm
from sharing.models import Account, Actor, Policy
from sharing.policy import services as known_services
from sharing.policy.handing_over import identity_policy_text
from sharing.policy.statement import Statement
from sharing.services import access
from sharing.services.errors import Refusal

from .errors import blame
from .permitting import actor
from .sharing import OFFERED

VERDICTS = {"yes": ("ok", "circle-check"), "no": ("bad", "circle-x"), "depends": ("warn", "help-circle")}
SIDES = {
    "owner": ("plain", "lambda", "The owner's side"),
    "caller": ("plain", "user", "The caller's side"),
    "call": ("plain", "terminal-2", "How it was called"),
    "unknown": ("off", "help-circle", "Not clear whose side"),
}


@dataclass(frozen=True)
class Click:
    """A repair as a link, or a button that posts. `url` empty: the reader may not do it, `words` says whom to ask."""

    words: str
    url: str = ""
    post: bool = False


@dataclass(frozen=True)
class ShownCause:
    """A cause with its marks and what can be clicked."""

    of: access.Cause
    side: tuple[str, str, str]
    click: Click | None


@dataclass(frozen=True)
class ShownStatement:
    """A statement that decides, or misses, with where to see it."""

    name: str
    effect: str
    url: str


@never_cache
@sensitive_post_parameters("text")
@require_http_methods(["GET", "HEAD", "POST"])
def access_reason(request: HttpRequest) -> HttpResponse:
    """Both questions on one page; whatever was asked is answered above the forms."""
    me = actor(request)
    if request.method == "POST":
        return _denied(request, me)
    asked = "function" in request.GET and "principal" in request.GET
    form = InvokeForm(_clean(request)) if asked else InvokeForm(initial=_clean(request))
    found = None
    if asked and form.is_valid():
        given = form.cleaned_data
        try:
            question = access.question(
                by=me,
                function=given["function"],
                principal=given["principal"],
                action=given["action"],
                by_url=given["by_url"],
                context=given["context"],
            )
        except Refusal as refusal:
            blame(form, refusal)
        else:
            found = access.reason(question, by=me)
    context = {"form": form, "denial": DenialForm(), **_shown(found, me)}
    return render(request, "access/reason.html", {**context, **_known(me)}, status=422 if form.errors else 200)


def _clean(request: HttpRequest) -> dict[str, str]:
    """The address's values without NUL, which a form refuses in words nobody understands."""
    return {key: str(value) for key, value in request.GET.items()}


def _denied(request: HttpRequest, me: Actor) -> HttpResponse:
    form = DenialForm({"text": request.POST.get("text", "").replace("\x00", " ")})
    context: dict[str, Any] = {"form": InvokeForm(), "denial": form}
    if form.is_valid():
        found = access.why_denied(form.cleaned_data["text"], by=me)
        context |= {
            "explained": found,
            "causes": [_cause(cause, found.reasoned, me) for cause in found.causes],
            **_shown(found.reasoned, me),
            "whole": _address(found.reasoned),
        }
        if found.told.function is not None:
            context["form"] = InvokeForm(initial={"function": str(found.told.function), "principal": found.told.principal})
    return render(request, "access/reason.html", {**context, **_known(me)}, status=422 if form.errors else 200)


def _known(me: Actor) -> dict[str, Any]:
    return {
        "known": Account.objects.visible_to(me),
        "offered": [known_services.KNOWN[name] for name in OFFERED if name in known_services.KNOWN],
    }


def _shown(found: access.Reasoned | None, me: Actor) -> dict[str, Any]:
    """The answer with its links."""
    if found is None:
        return {}
    asked, owner = found.question, found.owner
    policy = asked.policy
    deciding = [_statement(one, policy) for one in owner.statements]
    nearly = [_statement(miss.statement, policy) for miss in owner.misses]
    checkable = found.caller.kind == "other" and asked.is_plain_call and policy is not None and not owner.settled
    check = ""
    if checkable and me.may_change():
        words = urlencode({"on": asked.arn.qualifier or "", "as": asked.number})
        check = f"{reverse('function-checks', args=[asked.function.pk])}?{words}"
    needs = identity_policy_text(asked.actions, asked.arn) if found.caller.kind in ("other", "same") else ""
    return {
        "found": found,
        "mark": VERDICTS[found.verdict],
        "deciding": deciding,
        "nearly": nearly,
        "check": check,
        "needs": needs,
    }


def _address(found: access.Reasoned | None) -> str:
    """The same question by itself, which can be linked to: what was pasted is not in it."""
    if found is None:
        return ""
    asked = found.question
    words = {"function": str(asked.arn), "principal": asked.principal, "action": asked.actions[0]}
    return f"{reverse('access-reason')}?{urlencode(words | ({'by_url': 'on'} if asked.by_url else {}))}"


def _statement(statement: Statement, policy: Policy | None) -> ShownStatement:
    return ShownStatement(statement.name, statement.effect, _where(policy, statement.index))


def _where(policy: Policy | None, index: int) -> str:
    if policy is None:
        return ""
    return f"{reverse('function-policy', args=[policy.function_id])}#statement-{policy.pk}-{index}"


def _cause(cause: access.Cause, found: access.Reasoned | None, me: Actor) -> ShownCause:
    return ShownCause(cause, SIDES[cause.side], _click(cause.repair, found, me) if cause.repair and found else None)


def _click(repair: access.Repair, found: access.Reasoned, me: Actor) -> Click | None:
    function = found.question.function
    match repair.kind:
        case "share" if not me.may_change() or function.vanished_at is not None:
            return Click(f"An owner of {function.account.name} can share it.")
        case "share":
            words = urlencode({"who": repair.who, "on": repair.qualifier, "action": repair.action})
            return Click(repair.words, f"{reverse('function-share', args=[function.pk])}?{words}")
        case "re-read" if me.may_change():
            return Click(repair.words, reverse("function-reread", args=[function.pk]), post=True)
        case "grant" if repair.grant is not None:
            return Click(repair.words, reverse("grant-detail", args=[repair.grant.pk]))
        case "statement" if repair.index is not None:
            return Click(repair.words, _where(found.question.policy, repair.index))
    return None


@require_safe
def access_reason_functions(request: HttpRequest) -> HttpResponse:
    """Functions and aliases whose name or ARN holds what was typed so far, as options of the list."""
    found = access.suggestions(request.GET.get("function", ""), by=actor(request))
    return render(request, "access/reason.html#functions", {"suggested": found})
