"""Asking for a mapping, or for a change of one: the form, what follows, the click."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from sharing.forms.mappings import NewMappingForm, OptionsForm, TokenForm
from sharing.models import Actor, Function, Mapping, MappingChange
from sharing.models.mapping import filters_of
from sharing.services import mapping as mappings
from sharing.services.errors import Refusal
from sharing.services.mapping import MappingPlan
from sharing.tasks import reconcile_mapping, soon

from .errors import blame
from .function_pages import choices_of, the_function
from .mappings import follow, head_of, the_change, the_mapping
from .permitting import actor, for_changing


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def mapping_new(request: HttpRequest) -> HttpResponse:
    """Wire a source to a function (`?function=`): the form; POST shows the plan (`step=preview`), then asks for it."""
    me = actor(request)
    if "function" not in request.GET:
        messages.info(request, "Open the function that is to be woken, and choose What wakes it.")
        return redirect("function-list")
    function = _asked_function(request, me)
    qualifiers = [one for one in choices_of(function) if one[0]]
    if request.method != "POST":
        initial = {"form_token": OptionsForm.fresh_token(), "source": request.GET.get("source", "")[:1024].replace("\x00", "")}
        form = NewMappingForm(initial=initial, qualifiers=qualifiers)
        return _new(request, function, form, None)
    if request.POST.get("step") == "create" and (sent := mappings.sent(request.POST.get("form_token", ""), me)):
        return follow(request, sent, "Creating the mapping.")  # clicked twice
    form = NewMappingForm(request.POST.dict(), qualifiers=qualifiers)
    plan = _plan_of(form, function)
    for problem in plan.problems if plan else ():
        form.add_error(problem.field if problem.field in form.fields else None, f"{problem.message} {problem.next}".strip())
    if plan is None or form.errors:
        return _new(request, function, form, plan, status=422)
    if request.POST.get("step") != "create":
        return _new(request, function, form, plan)
    if request.POST.get("seen") != plan.seen:
        form.add_error(None, "The preview was not up to date. Below is what would be created now: read it and confirm again.")
        return _new(request, function, form, plan, status=422)
    try:
        change = mappings.create(plan, by=me, form_token=form.cleaned_data["form_token"])
    except Refusal as refusal:
        blame(form, refusal)
        return _new(request, function, form, plan, status=422)
    soon(reconcile_mapping, change.pk)
    return follow(request, change, "Creating the mapping.")


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def mapping_change(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Other options for a mapping."""
    me = actor(request)
    mapping = the_mapping(me, pk)
    if request.method == "POST":
        form = OptionsForm(request.POST.dict())
    else:
        form = OptionsForm(initial={"form_token": OptionsForm.fresh_token(), **OptionsForm.values_of(mapping.options)})
    form.only_for(mapping.kind)
    if request.method == "POST" and form.is_valid():
        options = form.options()
        for problem in mappings.problems_of(mapping, options):
            form.add_error(problem.field if problem.field in form.fields else None, f"{problem.message} {problem.next}".strip())
        if not form.errors:
            try:
                change = mappings.change(mapping, options, by=me, form_token=form.cleaned_data["form_token"])
            except Refusal as refusal:
                blame(form, refusal)
            else:
                soon(reconcile_mapping, change.pk)
                return follow(request, change, "Changing the mapping.")
    context = {**head_of(mapping), **_refused(mapping), "mapping": mapping, "form": form}
    return render(request, "mappings/change.html", context, status=422 if form.errors else 200)


@dataclass(frozen=True)
class Question:
    """What is asked before something is done to a mapping, and what follows from it."""

    title: str
    sentence: str
    follows: tuple[str, ...]
    button: str
    said: str
    ask: Callable[..., MappingChange]
    dangerous: bool = False


_PAUSE = Question(
    "Pause the mapping",
    "Lambda stops polling this source. The function is not run by it until the mapping is resumed.",
    (
        "What arrives meanwhile waits in the source.",
        "A source keeps records for its retention period only (a queue 4 days if nobody changed it, a stream 24 hours): what "
        "is older than that when it is resumed is lost.",
    ),
    "Pause it",
    "Pausing the mapping.",
    mappings.pause,
)
_RESUME = Question(
    "Resume the mapping",
    "Lambda polls this source again, and runs the function with what waits there.",
    ("Everything that waited is handed over at once: the function may run many times.",),
    "Resume it",
    "Resuming the mapping.",
    mappings.resume,
)
_DELETE = Question(
    "Delete the mapping",
    "Lambda stops polling this source for good. The source, the function and its policy stay as they are.",
    (
        "What arrives from then on waits in the source, and is lost after its retention period unless somebody else reads it.",
        "A stream's position is forgotten: a new mapping starts where it is told to.",
        "Statements that let the function's execution role read the source stay. Whoever added them can take them away.",
    ),
    "Delete it",
    "Deleting the mapping.",
    mappings.delete,
    dangerous=True,
)


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def mapping_pause(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask, then stop polling."""
    return _ask(request, pk, _PAUSE)


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def mapping_resume(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask, then poll again."""
    return _ask(request, pk, _RESUME)


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def mapping_delete(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask, then delete."""
    return _ask(request, pk, _DELETE)


@for_changing
@require_POST
def mapping_again(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A change that failed, once more."""
    me = actor(request)
    change = mappings.again(the_change(me, pk), by=me)
    soon(reconcile_mapping, change.pk)
    return follow(request, change, "Trying again.")


def _ask(request: HttpRequest, pk: uuid.UUID, question: Question) -> HttpResponse:
    me = actor(request)
    mapping = the_mapping(me, pk)
    form = TokenForm(request.POST if request.method == "POST" else None, initial={"form_token": OptionsForm.fresh_token()})
    if request.method == "POST" and form.is_valid():
        try:
            change = question.ask(mapping, by=me, form_token=form.cleaned_data["form_token"])
        except Refusal as refusal:
            blame(form, refusal)
        else:
            soon(reconcile_mapping, change.pk)
            return follow(request, change, question.said)
    context = {**head_of(mapping), **_refused(mapping), "mapping": mapping, "form": form, "question": question}
    return render(request, "mappings/ask.html", context, status=422 if form.errors else 200)


def _refused(mapping: Mapping) -> dict[str, Any]:
    """Why nothing can be changed now, said before somebody fills in a form."""
    if mapping.vanished_at is not None:
        return {"refused": "The mapping is gone from AWS."}
    if not mappings.is_ours_to_change(mapping.source_arn):
        return {"refused": "fnshare shows mappings from this kind of source, and does not change them. Change it in AWS."}
    if way := mappings.way_in_problem(mapping.function):
        return {"refused": f"{way.message} {way.next}".strip()}
    if MappingChange.objects.open().filter(mapping=mapping).exists():
        return {"refused": "Another change of this mapping is under way. Wait until it has settled."}
    return {"refused": ""}


def _asked_function(request: HttpRequest, me: Actor) -> Function:
    """The function of the address; 404 without a readable one."""
    try:
        return the_function(me, uuid.UUID(request.GET.get("function", "")))
    except ValueError:
        raise Http404 from None


def _plan_of(form: NewMappingForm, function: Function) -> MappingPlan | None:
    """The plan of what the form says; None while the form itself cannot be read."""
    if not form.is_valid():
        return None
    given = form.cleaned_data
    return mappings.plan(
        function,
        source=given["source"],
        qualifier=given["qualifier"],
        options=form.options(),
        execution_role=given["execution_role"],
    )


def _new(
    request: HttpRequest, function: Function, form: NewMappingForm, plan: MappingPlan | None, *, status: int = 200
) -> HttpResponse:
    context = {
        "function": function,
        "form": form,
        "plan": plan,
        "way": mappings.way_in_problem(function),
        "hand_offs": mappings.hand_offs(plan.theirs, function_arn=function.arn) if plan and plan.ok else (),
        "role_command": mappings.role_command(function.arn),
        "options": mappings.options_in_words(plan.parameters) if plan else (),
        "filters": filters_of(plan.parameters) if plan else (),
    }
    return render(request, "mappings/new.html", context, status=status)
