"""Wiring a source to a function: which function, which source, its options, the plan, the click.

One address for all of it, one form a step, nothing kept in between: what was chosen so far stands in the address. A GET
writes nothing; the plan that is confirmed is the plan that was shown (`seen`).
"""

from __future__ import annotations

import uuid
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from sharing.forms.wiring import WiringForm, kind_of
from sharing.models import Account, Actor, Function, Wiring
from sharing.policy.wiring import SOURCES, SourceKind, Style
from sharing.services import inventory, wiring
from sharing.services import mapping as mappings
from sharing.services.errors import Refusal
from sharing.services.wiring import WiringPlan

from .errors import blame
from .function_pages import choices_of, the_function
from .paging import page_of
from .permitting import actor, for_changing
from .waking_rows import ICONS
from .wiring_changing import follow
from .wiring_rows import names_of, notes_in, picture_of, steps_of, ways_round

#: How the kinds are offered: what people call them, what follows, the keys of SOURCES.
GROUPS: Final = (
    ("Storage and messages", "They call the function as soon as something happens.", ("s3", "sns")),
    ("Queues and streams", "Lambda polls them, and hands over what it finds.", ("sqs", "kinesis", "dynamodb")),
    ("Rules, schedules, alarms", "They call it when a pattern fits, at a time, or when something is wrong.",
     ("eventbridge", "scheduler", "pipes", "alarm")),
    ("Applications", "fnshare lets them in, and says what is left to do on their side.",
     ("apigateway", "ses", "iot", "cognito", "secretsmanager", "config", "codecommit", "codepipeline", "cloudformation")),
    ("Others", "Shown with their state, or not across accounts; the plan says why, and what can be done instead.",
     ("logs", "alb", "msk", "mq", "documentdb")),
)  # fmt: skip
#: Steps that a source role could do.
_BY_ROLE: Final = ("notification", "topic-policy", "subscription", "target", "alarm-action", "source-policy")
#: Of these a source is not complete by its ARN: nobody is blamed before they had the form.
_NOT_YET: Final = ("account-needed", "options", "stream-needed")
_STALE: Final = "The preview was not up to date. Below is what would be done now: read it and confirm again."
#: Names of the planner's fields that the form calls otherwise.
_FIELDS: Final = {"function": "qualifier", "kms": "source", "prefix": "key_prefix", "suffix": "key_suffix"}


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def wiring_new(request: HttpRequest) -> HttpResponse:
    """The wizard. `?function=`, `?source=` and `?kind=` are what was chosen; POST shows the plan or asks for it."""
    me = actor(request)
    asked = {name: _plain(request.GET.get(name, "")) for name in ("source", "kind", "on", "account")}
    if not request.GET.get("function"):
        return _choose_function(request, me, asked)
    function = _asked_function(request, me)
    source = (
        (request.POST.get("source", "") if request.method == "POST" else asked["source"]).replace("\x00", "").strip()[:1024]
    )
    kind = kind_of(source) or SOURCES.get(asked["kind"])
    if request.method != "POST":
        if not source and kind is None:
            return _choose_source(request, function, asked)
        return _begin(request, me, function, asked, kind)
    if request.POST.get("step") == "confirm" and (sent := wiring.sent(request.POST.get("form_token", ""), me)):
        return redirect("wiring-detail", sent.pk)  # clicked twice
    form = _form(function, kind, source, me, data=request.POST)
    plan = _plan_of(form, function, me)
    _blame(form, plan)
    if plan is None or form.errors or not plan.ok:
        return _page(request, function, form, plan, kind, me, status=422)
    if request.POST.get("step") != "confirm":
        return _page(request, function, form, plan, kind, me)
    if request.POST.get("seen") != plan.seen:
        form.add_error(None, _STALE)
        return _page(request, function, form, plan, kind, me, status=422)
    try:
        made = wiring.ask(plan, by=me, reason=form.cleaned_data["reason"], form_token=form.cleaned_data["form_token"])
    except Refusal as refusal:
        blame(form, refusal)
        return _page(request, function, form, plan, kind, me, status=422)
    follow(made)
    messages.info(request, "Wiring it. This page says how far each step is.")
    return redirect("wiring-detail", made.pk)


def _plain(text: str) -> str:
    return text.replace("\x00", "").strip()[:1024]


def _choose_function(request: HttpRequest, me: Actor, asked: dict[str, str]) -> HttpResponse:
    """Search, and a link a function; what was chosen of the source comes along."""
    text = request.GET.get("q", "").strip()[:400]
    page = page_of(inventory.functions(by=me, text=text), request, 20)
    kept = urlencode({name: value for name, value in asked.items() if value})
    context = {"page": page, "text": text, "asked": asked, "kept": kept, "kind": kind_of(asked["source"])}
    return render(request, "wiring/function.html", context)


def _choose_source(request: HttpRequest, function: Function, asked: dict[str, str]) -> HttpResponse:
    """Paste an ARN, or pick a kind."""
    groups = [(title, says, [(SOURCES[key], ICONS.get(key, "cloud")) for key in keys]) for title, says, keys in GROUPS]
    return render(request, "wiring/source.html", {"function": function, "groups": groups, "asked": asked})


def _begin(request: HttpRequest, me: Actor, function: Function, asked: dict[str, str], kind: SourceKind | None) -> HttpResponse:
    """The form as the address fills it in; with the plan at once, where the source alone makes one."""
    given = {
        "form_token": WiringForm.fresh_token(),
        "source": asked["source"],
        "qualifier": asked["on"],
        "source_account": asked["account"],
        "events": ["s3:ObjectCreated:*"],
    }
    if asked["source"]:
        form = _form(function, kind, asked["source"], me, data=given)
        plan = _plan_of(form, function, me)
        refusal = plan.refusal if plan else None
        told = refusal is not None and refusal.code not in _NOT_YET
        if plan is not None and (plan.ok or told or isinstance(plan.already, Wiring)):
            _blame(form, plan)
            return _page(request, function, form, plan, kind, me)
    return _page(request, function, _form(function, kind, asked["source"], me, initial=given), None, kind, me)


def _form(function: Function, kind: SourceKind | None, source: str, me: Actor, **given: Any) -> WiringForm:
    parts = source.split(":", 5)
    number = parts[4] if len(parts) == 6 else ""
    return WiringForm(
        **given,
        kind=kind,
        crosses=number != function.account.number,
        known=Account.objects.visible_to(me),
        execution_role=function.execution_role,
        qualifiers=[one for one in choices_of(function) if one[0]],
    )


def _plan_of(form: WiringForm, function: Function, me: Actor) -> WiringPlan | None:
    """The plan of what the form says; None while the form itself cannot be read."""
    if not form.is_valid():
        return None
    given = form.cleaned_data
    fixed = {"qualifier": given["qualifier"], "form_token": given["form_token"]}
    return wiring.plan(function, given["source"], by=me, **fixed, **form.wishes())


def _blame(form: WiringForm, plan: WiringPlan | None) -> None:
    """What is wrong, on the fields it is about. A refusal has a place of its own, with its ways round, unless a field can
    mend it."""
    if plan is None:
        return
    for problem in plan.problems:
        field = _FIELDS.get(problem.field, problem.field)
        words = f"{problem.message} {problem.next}".strip()
        if field in form.fields and words not in form.errors.get(field, ()):
            form.add_error(field, words)
        elif field not in form.fields:
            form.add_error(None, words)
    refusal = plan.refusal
    if refusal is not None and refusal.code in _NOT_YET and not form.errors:
        field = _FIELDS.get(refusal.field, refusal.field)
        form.add_error(field if field in form.fields else None, " ".join((refusal.sentence, *refusal.ways)))


def _asked_function(request: HttpRequest, me: Actor) -> Function:
    """The function of the address; 404 without a readable one."""
    try:
        return the_function(me, uuid.UUID(request.GET.get("function", "")))
    except ValueError:
        raise Http404 from None


def _page(
    request: HttpRequest,
    function: Function,
    form: WiringForm,
    plan: WiringPlan | None,
    kind: SourceKind | None,
    me: Actor,
    *,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "function": function,
        "form": form,
        "plan": plan,
        "kind": kind,
        "polled": kind is not None and kind.style is Style.PULL and kind.wires,
        "icon": ICONS.get(kind.key, "cloud") if kind else "cloud",
        "known": Account.objects.visible_to(me) if "source_account" in form.fields else (),
        "action": f"{reverse('wiring-new')}?{urlencode(_kept(function, kind))}",
        "role_command": mappings.role_command(function.arn),
        "way": mappings.way_in_problem(function) if kind is not None and kind.style is Style.PULL else None,
    }
    if plan is not None and plan.plan is not None:
        drawn = plan.plan
        names = names_of({drawn.source_account, function.account.number, *(step.account for step in drawn.steps)})
        steps = steps_of(drawn, names)
        context |= {
            "steps": steps,
            "picture": picture_of(drawn, function, plan.qualifier, steps, names),
            "notes": notes_in(drawn.notes),
            "others": any(not step.ours for step in drawn.steps),
            "by_role": any(not step.ours and step.key in _BY_ROLE for step in drawn.steps),
        }
    elif plan is not None and plan.refusal is not None and plan.refusal.code not in _NOT_YET:
        given = str(form["source_account"].value() or "") if "source_account" in form.fields else ""
        parts = plan.source.split(":", 5)
        account = given or (parts[4] if len(parts) == 6 else "")
        context |= {"refusal": plan.refusal, "ways": ways_round(plan.refusal, function, source_account=account)}
    return render(request, "wiring/new.html", context, status=status)


def _kept(function: Function, kind: SourceKind | None) -> dict[str, str]:
    return {"function": str(function.pk), **({"kind": kind.key} if kind else {})}
