"""Asking for a change of a mapping: the form, what follows, the click. A new one is a wiring (`wiring_new`)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.forms.mappings import OptionsForm, TokenForm
from sharing.models import Mapping, MappingChange
from sharing.services import mapping as mappings
from sharing.services.errors import Refusal
from sharing.tasks import reconcile_mapping, soon

from .errors import blame
from .mappings import follow, head_of, the_change, the_mapping
from .permitting import actor, for_changing


@for_changing
@require_safe
def mapping_new(request: HttpRequest) -> HttpResponse:
    """Where a mapping was made before every source had one door: `?function=` and `?source=` come along."""
    asked = {name: request.GET[name] for name in ("function", "source") if name in request.GET}
    return redirect(reverse("wiring-new", query=asked) if asked else "wiring-new")


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
