"""Grants that vanished together, as when a function was deleted and made again: previewed, then restored one by one."""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from sharing.forms.share import RestoreForm, ShareForm
from sharing.models import Grant
from sharing.services import granting
from sharing.services.granting import Restorable, Restored
from sharing.services.granting.wording import named
from sharing.tasks import soon
from sharing.tasks.sharing import reconcile_grant

from .function_pages import head_of, the_function
from .permitting import actor, for_changing

# Principals whose name may be another's by now.
NAMED = ("role", "user")


@dataclass(frozen=True)
class Offered:
    """One vanished grant on the preview, and whether it is ticked."""

    item: Restorable
    chosen: bool


@for_changing
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def function_restore(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Preview on GET; on POST write each ticked grant again and say what became of each."""
    me = actor(request)
    function = the_function(me, pk)
    items = granting.vanished_together(function, by=me)
    form = (
        RestoreForm(request.POST) if request.method == "POST" else RestoreForm(initial={"form_token": ShareForm.fresh_token()})
    )
    context = {**head_of(function, "access"), "form": form}
    if request.method == "POST" and form.is_valid():
        # What was ticked, also when it is written again already: the same form sent twice tells the same twice.
        chosen = list(
            Grant.objects.visible_to(me)
            .filter(policy__function=function, pk__in=_ticked(request))
            .select_related("policy__function__account", "policy__current")
            .order_by("policy__qualifier", "created_at")
        )
        if not chosen and items:
            form.add_error(None, "Nothing is ticked. Tick what should be written again.")
        elif any(grant.principal_kind in NAMED for grant in chosen) and not form.cleaned_data["confirm_roles"]:
            form.add_error("confirm_roles", "Some name a role or user: confirm that they are still the ones that are meant.")
        else:
            done = granting.restore(
                chosen,
                by=me,
                form_token=form.cleaned_data["form_token"],
                confirm_roles=form.cleaned_data["confirm_roles"],
                event_source_tokens={str(grant.pk): request.POST.get(f"token-{grant.pk}", "") for grant in chosen},
            )
            for one in done:
                if one.grant is not None:
                    soon(reconcile_grant, one.grant.pk, queue="clicks")
            outcomes = [Outcome(one, named(one.original)) for one in done]
            context |= {"outcomes": outcomes, "failed": any(one.done.grant is None for one in outcomes)}
            return render(request, "functions/restore.html", context)
    context |= {
        "items": [Offered(item, request.method != "POST" or f"grant-{item.grant.pk}" in request.POST) for item in items],
        "possible": any(item.possible for item in items),
        "asks_roles": any(item.role_may_be_another for item in items if item.possible),
    }
    return render(request, "functions/restore.html", context, status=422 if form.errors else 200)


def _ticked(request: HttpRequest) -> list[uuid.UUID]:
    found = []
    for name in request.POST:
        if name.startswith("grant-"):
            with contextlib.suppress(ValueError):
                found.append(uuid.UUID(name.removeprefix("grant-")))
    return found


@dataclass(frozen=True)
class Outcome:
    """What became of one, with its sentence."""

    done: Restored
    sentence: str
