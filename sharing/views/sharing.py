"""Sharing a function: the form, its live preview, and the click.

With JavaScript the form stands beside the list and previews itself; without it the preview is a step of its own. Either
way the last click carries a mark of what was previewed (`seen`), so that nobody grants what they did not see.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from sharing.forms.share import ShareForm
from sharing.models import Account, Actor, Function, Grant
from sharing.policy import ActionClass
from sharing.policy import services as known_services
from sharing.policy.wiring.packs import Help, left_to_do
from sharing.services import granting
from sharing.services.bulk.grouping import group_named
from sharing.services.errors import Refusal
from sharing.services.granting import Plan
from sharing.services.waking.sources import account_in
from sharing.tasks import soon
from sharing.tasks.sharing import reconcile_grant

from .fragments import LEVELS, by_htmx, tone_of
from .function_pages import choices_of, head_of, list_of, the_function
from .function_policy import pretty
from .permitting import actor, for_changing

NO_REASON = "No reason given."
# Where a problem of the plan belongs when the form has another name for it.
FIELDS = {"ends_at": "until"}
# What an address may fill in: a finding's repair, say. Never the secret, and never the token of a form.
PREFILLED = ("who", "action", "reason", "source_account", "source_arn", "organization", "url_auth_type", "via_url")
# What looks like an e-mail address rather than a principal.
_ADDRESS = re.compile(r"[^\s@:/]+@[^\s@:/]+\.[^\s@:/]+")
# What the who-field offers beside accounts: the services people share with most.
OFFERED = ("s3.amazonaws.com", "sns.amazonaws.com", "events.amazonaws.com", "lambda.alarms.cloudwatch.amazonaws.com")


@for_changing
@vary_on_headers("HX-Request")
@sensitive_post_parameters("event_source_token")
@require_http_methods(["GET", "HEAD", "POST"])
def function_share(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The share form beside the function's list; POST previews (`step=preview`) or grants."""
    me = actor(request)
    function = the_function(me, pk)
    if request.method != "POST":
        return _answer(request, me, function, _fresh_form(request, me, function), plan=None)
    form = ShareForm(request.POST.dict(), places=choices_of(function))
    plan = plan_of(form, function, me)
    step = request.POST.get("step", "preview")
    _blame(form, plan)
    if form.errors or plan is None:
        return _answer(request, me, function, form, plan, status=422)
    if step == "preview":
        return _answer(request, me, function, form, plan)
    if request.POST.get("seen") != mark_of(plan):
        form.add_error(None, "The preview was not up to date. Below is what would be written now: read it and confirm again.")
        return _answer(request, me, function, form, plan, status=422)
    try:
        grant, said = _grant(step, plan, form, me)
    except Refusal as refusal:
        _refused(form, refusal)
        return _answer(request, me, function, form, plan_of(form, function, me), status=422)
    soon(reconcile_grant, grant.pk, queue="clicks")
    return done(request, me, function, grant, said)


def _grant(step: str, plan: Plan, form: ShareForm, me: Actor) -> tuple[Grant, str]:
    """Do what the pressed button says; the second value is what to tell the person."""
    reason = form.cleaned_data["reason"]
    if step == "extend" and plan.equal is not None and not plan.same_end:
        grant = granting.extend(plan.equal, ends_at=plan.ends_at, by=me, reason=reason)
        waits = grant.extension is not None
        return grant, "The new end date waits for a second person." if waits else "The end date was changed."
    if not reason and not plan.second_person and plan.action_class != "manage":
        reason = NO_REASON
    started = timezone.now()
    grant = granting.grant(plan, reason=reason, by=me, form_token=form.cleaned_data["form_token"], anyway=step == "anyway")
    if grant.created_at < started:
        return grant, "They already have exactly this. Nothing new was written."
    if plan.second_person:
        return grant, "Asked. It waits until a second person approves exactly this."
    return grant, f"Sharing with {plan.who_label}."


@for_changing
@never_cache
@sensitive_post_parameters("event_source_token")
@require_POST
def function_share_preview(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The live preview: what would be written, said while it is typed. Writes nothing and blames nobody yet."""
    me = actor(request)
    function = the_function(me, pk)
    form = ShareForm(request.POST.dict(), places=choices_of(function))
    plan = plan_of(form, function, me)
    context = {"function": function, "form": form, "live": True, **preview_of(form, plan)}
    if context["kind"] != request.POST.get("kind", ""):
        context["move_limits"] = True
    return render(request, "functions/share.html#preview", context)


def plan_of(form: ShareForm, function: Function, me: Actor) -> Plan | None:
    """The plan of what the form says; None while the form itself cannot be read.

    A form that was already sent and then changed (back button, two tabs) is a new wish: it gets a token of its own.
    """
    if not form.is_valid():
        return None
    plan = _plan(form, function, me)
    if not form.cleaned_data["sid"] and any(problem.field == "sid" for problem in plan.problems):
        form.renew()
        plan = _plan(form, function, me)
    return plan


def _plan(form: ShareForm, function: Function, me: Actor) -> Plan:
    given = form.cleaned_data
    policy = get_object_or_404(function.policies.select_related("current", "function__account"), qualifier=given["qualifier"])
    return granting.plan(
        policy=policy,
        by=me,
        who=given["who"],
        action=given["action"],
        source_account=given["source_account"],
        source_arn=given["source_arn"],
        organization=given["organization"],
        event_source_token=given["event_source_token"],
        url_auth_type=given["url_auth_type"],
        via_url=given["via_url"],
        sid=given["sid"],
        ends_at=given["ends_at"],
        form_token=given["form_token"],
    )


def mark_of(plan: Plan) -> str:
    """What was previewed, as a short digest: the statement, where it goes and its end date."""
    seen = [str(plan.policy.pk), plan.statement, plan.token_fingerprint, plan.ends_at.isoformat() if plan.ends_at else ""]
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:32]


def preview_of(form: ShareForm, plan: Plan | None) -> dict[str, Any]:
    """What the preview shows."""
    kind = plan.permission.principal.kind.value if plan and plan.permission else ""
    service = known_services.lookup(plan.permission.principal.value) if plan and plan.permission and kind == "service" else None
    return {
        "plan": plan,
        "address": address[0] if (address := _ADDRESS.fullmatch(str(form["who"].value() or "").strip())) else "",
        "group": group_named(str(form["who"].value() or "")[:100]),
        "kind": kind,
        "service": service,
        "left": _left_to_do(plan) if service else None,
        "seen": mark_of(plan) if plan and plan.permission else "",
        "statement": pretty(plan.statement) if plan and plan.permission else "",
        "added": plan.size_after - plan.size_before if plan else 0,
        "tight": bool(plan and plan.size_after > plan.limit * 0.9),
    }


def _left_to_do(plan: Plan | None) -> Help | None:
    """What the service's side still has to do once it is let in: a statement wires nothing."""
    permission = plan.permission if plan else None
    if permission is None or permission.action_class is not ActionClass.INVOKE:
        return None
    source = permission.source_arn or ""
    whose = permission.source_account or account_in(source)
    return left_to_do(
        permission.function, permission.principal.value, source=source, crosses=whose != permission.function.account
    )


def _blame(form: ShareForm, plan: Plan | None) -> None:
    """Put the plan's problems on the fields they are about."""
    for problem in plan.problems if plan else ():
        field = FIELDS.get(problem.field, problem.field)
        form.add_error(field if field in form.fields else None, f"{problem.message} {problem.next}".strip())


def _refused(form: ShareForm, refusal: Refusal) -> None:
    """A service said no after all. A form that was already used gets a new token, so that it can be sent again."""
    field = FIELDS.get(refusal.field, refusal.field)
    form.add_error(field if field in form.fields else None, f"{refusal.message} {refusal.next}".strip())
    if refusal.code == "stale":
        form.renew()


def _fresh_form(request: HttpRequest, me: Actor, function: Function) -> ShareForm:
    """An empty form; `?on=` chooses an alias or version, `?like=` takes over what an earlier grant said, PREFILLED the rest."""
    initial: dict[str, Any] = {"form_token": ShareForm.fresh_token(), "qualifier": request.GET.get("on", "")}
    like = request.GET.get("like", "")
    grant = Grant.objects.visible_to(me).filter(pk=like, policy__function=function).first() if _is_uuid(like) else None
    if grant is not None:
        kept = grant.permission or {}
        initial |= {
            "who": grant.principal,
            "action": grant.action,
            "qualifier": grant.policy.qualifier,
            "reason": "" if grant.reason == NO_REASON else grant.reason,
            **{
                name: kept.get(name) or ""
                for name in ("source_arn", "source_account", "organization", "url_auth_type", "via_url")
            },
        }
    initial |= {name: text for name in PREFILLED if (text := request.GET.get(name, "")[:2048])}
    return ShareForm(initial=initial, places=choices_of(function))


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _answer(
    request: HttpRequest, me: Actor, function: Function, form: ShareForm, plan: Plan | None, *, status: int = 200
) -> HttpResponse:
    context = {
        "function": function,
        "form": form,
        "known": Account.objects.visible_to(me),
        "offered": [known_services.KNOWN[name] for name in OFFERED if name in known_services.KNOWN],
        **preview_of(form, plan),
    }
    if by_htmx(request):
        response = render(request, "functions/share.html#share", context, status=status)
    else:
        context |= {**head_of(function, "access"), **list_of(request, function, me)}
        response = render(request, "functions/share.html", context, status=status)
    if form.is_bound and form.data.get("event_source_token"):
        # A page that holds a secret is kept nowhere; without one, the browser's back button may show it again.
        add_never_cache_headers(response)
    return response


def done(request: HttpRequest, me: Actor, function: Function, grant: Grant, said: str) -> HttpResponse:
    """What follows a click about a grant: the list anew beside a toast, or the function's page with a message."""
    found = list_of(request, function, me, focus=grant)
    address = f"{reverse('function-detail', args=[function.pk])}{'?all=1' if found['whole'] else ''}"
    if by_htmx(request):
        response = render(request, "functions/done.html", {**found, "said": said, "tone": tone_of(grant)})
        response["HX-Replace-Url"] = address
        return response
    messages.add_message(request, LEVELS[tone_of(grant)], said)
    return redirect(f"{address}#row-{key_of(grant)}")


def key_of(grant: Grant) -> str:
    """The key of a grant's row in who has access."""
    return grant.pk.hex
