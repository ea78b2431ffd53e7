"""What is to be shared many at once: functions and principals picked or pasted, or a list. Every step posts the whole form."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from sharing.forms.bulk import ListForm, PicksForm
from sharing.forms.narrowing import AccountFilter
from sharing.models import Account, Actor, Bulk, Function
from sharing.services import bulk as bulks
from sharing.services import consumers, following, groups, inventory, inviting
from sharing.services.bulk import Line
from sharing.services.consumers import Asked
from sharing.services.errors import Refusal

from .errors import blame
from .functions import Filters
from .permitting import actor, for_changing

#: So many functions at most come along from the ticked rows of a list.
_TICKED = 500
_FOUND = 12


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def bulk_new(request: HttpRequest) -> HttpResponse:
    """The form; a POST searches, adds, or makes the preview. `?function=` (several) are chosen already, `?how=list` pastes."""
    me = actor(request)
    if request.GET.get("how") == "list":
        return _list(request, me)
    if request.method != "POST":
        chosen, many = _chosen(request, me)
        initial = {"form_token": PicksForm.fresh_token(), "functions": "\n".join(chosen)}
        initial["who"] = request.GET.get("who", "")[:200]
        return _picks(request, me, PicksForm(initial=initial), chosen=len(chosen), many=many)
    step = request.POST.get("step", "preview")
    if step == "enter":  # the Enter key in some field
        typed = [name for name in ("find", "find-who") if request.POST.get(name.replace("-", "_"), "").strip()]
        step = typed[0] if typed else "preview"
    if step != "preview":
        return _picks(request, me, PicksForm(initial=_added(request)))
    form = PicksForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            lines = bulks.from_picks(
                given["functions"].splitlines(),
                given["who"].splitlines(),
                action=given["action"],
                ends_at=given["ends_at"],
                reason=given["reason"],
            )
            functions, who = (len({getattr(line, name) for line in lines}) for name in ("function", "who"))
            title = f"{_many(functions, 'function')} with {_many(who, 'principal')}"
            made = _draft(lines, title, given, me)
        except Refusal as refusal:
            blame(form, refusal)
        else:
            return redirect("bulk-detail", made.pk)
    return _picks(request, me, form, status=422)


def _list(request: HttpRequest, me: Actor) -> HttpResponse:
    if request.method != "POST":
        return _listed(request, ListForm(initial={"form_token": ListForm.fresh_token()}))
    form = ListForm(request.POST, request.FILES)
    if form.is_valid():
        given = form.cleaned_data
        try:
            upload = given["file"]
            text = bulks.text_of(upload.read(bulks.LONGEST + 1)) if upload else given["text"]
            lines = bulks.from_list(text, ends_at=given["ends_at"], reason=given["reason"])
            made = _draft(lines, f"A list of {_many(len(lines), 'share')}", given, me)
        except Refusal as refusal:
            blame(form, refusal)
        else:
            return redirect("bulk-detail", made.pk)
    return _listed(request, form, status=422)


def _draft(lines: list[Line], title: str, given: dict[str, Any], me: Actor) -> Bulk:
    return bulks.draft(lines, title=title, reason=given["reason"], by=me, form_token=given["form_token"])


def _chosen(request: HttpRequest, me: Actor) -> tuple[list[str], int]:
    """The ARNs of the list's functions, and how many there are: all that its filters let through (`?every=1`), of which no
    more come along than a bulk holds, else the ticked ones."""
    if request.GET.get("every") != "1":
        ticked = _ticked(request.GET.getlist("function"), me, on=request.GET.get("on", "")[:128])
        return ticked, len(ticked)
    asked = Filters.of(request.GET)
    narrowing = AccountFilter(request.GET, accounts=Account.objects.visible_to(me))
    accounts = narrowing.cleaned_data["account"] if narrowing.is_valid() else Account.objects.none()
    found = inventory.functions(by=me, text=asked.text, accounts=accounts, region=asked.region, exposed=asked.exposed)
    arns = list(found.values_list("arn", flat=True)[: bulks.MOST])
    return arns, len(arns) if len(arns) < bulks.MOST else found.count()


def _ticked(keys: list[str], me: Actor, *, on: str) -> list[str]:
    """The ARNs of ticked functions in sight, of their alias or version `on` if given. Text that is no id means nothing."""
    wanted = [key for text in keys[:_TICKED] if (key := _uuid(text)) is not None]
    arns = Function.objects.visible_to(me).present().filter(pk__in=wanted).order_by("name").values_list("arn", flat=True)
    return [f"{arn}:{on}" if on else arn for arn in arns]


def _added(request: HttpRequest) -> dict[str, Any]:
    """What stands in the fields, with what was ticked added as lines."""
    posted = {name: str(value).replace("\x00", "") for name, value in request.POST.items()}
    for name in ("functions", "who"):
        there = posted.get(name, "").splitlines()
        new = [text.replace("\x00", "")[:400] for text in request.POST.getlist(f"add_{name}")[:_TICKED]]
        posted[name] = "\n".join([*(line for line in there if line.strip()), *(one for one in new if one not in there)])
    return posted


def _picks(
    request: HttpRequest, me: Actor, form: PicksForm, *, status: int = 200, chosen: int = 0, many: int = 0
) -> HttpResponse:
    asked = {name: request.POST.get(name, "").replace("\x00", "").strip()[:400] for name in ("find", "find_who")}
    known = list(groups.groups()[:20])
    follow = following.followings(known, by=me)
    context: dict[str, Any] = {"form": form, "how": "picks", "most": bulks.MOST, **asked, "groups": known}
    context["unit_unknown"] = [one.name for one in known if one.pk in follow and follow[one.pk].why_not]
    context |= {"chosen": chosen, "many": many}
    if asked["find"] and request.POST.get("step") in ("find", "enter"):
        context["found"] = inviting.search(asked["find"], by=me)
    if asked["find_who"] and request.POST.get("step") in ("find-who", "enter"):
        every = consumers.listed(Asked(text=asked["find_who"]), by=me)
        context |= {"found_who": every[:_FOUND], "more_who": max(0, every.many - _FOUND)}
    return render(request, "bulk/new.html", context, status=status)


def _listed(request: HttpRequest, form: ListForm, *, status: int = 200) -> HttpResponse:
    context = {"form": form, "how": "list", "most": bulks.MOST, "columns": ",".join(bulks.COLUMNS)}
    return render(request, "bulk/new_list.html", context, status=status)


def _many(count: int, one: str) -> str:
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
