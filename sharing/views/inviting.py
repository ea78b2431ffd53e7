"""Inviting somebody: one form in steps that works without JavaScript, a preview, and the click that sends it.

Functions are searched for and added one after another; every step posts the whole form, so nothing typed is lost. The last
click carries a mark of what was previewed (`seen`), so that nobody sends what they did not see.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from sharing.forms.inviting import InvitationForm, OfferForm
from sharing.models import Account, Actor, Function, Policy
from sharing.services import inviting, mailing
from sharing.services.errors import Refusal
from sharing.services.inviting import Draft, Offer

from .invitations import send_mails
from .permitting import actor, for_changing

#: What an address may fill in.
PREFILLED = ("email", "meant")
_KEY = re.compile(r"i\d{1,4}", re.ASCII)
# Fields of the preview's problems that the form names otherwise.
_FIELDS = {"ends_at": "until"}


@dataclass
class Composed:
    """The form as it was posted, read but not judged. `gone`: functions that are not in sight any more."""

    form: InvitationForm
    offers: list[OfferForm]
    functions: dict[uuid.UUID, Function]
    places: dict[uuid.UUID, dict[str, tuple[Policy, str]]]
    text: str = ""
    gone: int = 0
    added: list[str] = field(default_factory=list)


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_new(request: HttpRequest) -> HttpResponse:
    """The form; a POST searches, adds, removes, previews, goes back to changing, or sends."""
    me = actor(request)
    if request.method != "POST":
        return _page(request, me, _fresh(request.GET, me))
    step = "remove" if "remove" in request.POST else request.POST.get("step", "enter")
    if step == "enter":  # the Enter key in some field
        step = "search" if request.POST.get("q", "").strip() else "preview"
    if step not in ("preview", "send"):
        return _page(request, me, _changed(request.POST, me, adding=step == "add"))
    composed = _read(request.POST, me, bound=True)
    draft = _draft(composed, me)
    if draft is None or draft.letter is None:
        return _page(request, me, composed, status=422)
    if step == "preview":
        return _preview(request, composed, draft)
    if request.POST.get("seen") != _mark(draft):
        return _preview(request, composed, draft, late=True)
    given = composed.form.cleaned_data
    try:
        made = inviting.invite(
            given["email"],
            offers=[thought.offer for thought in draft.thoughts],
            by=me,
            note=given["note"],
            meant=given["meant"],
            form_token=given["form_token"],
        )
    except Refusal as refusal:
        if refusal.code == "stale":
            composed.form.renew()
        named = refusal.field if refusal.field in composed.form.fields else None
        composed.form.add_error(named, f"{refusal.message} {refusal.next}".strip())
        return _page(request, me, composed, status=422)
    send_mails(made)
    messages.success(request, f"{made.email} is invited. The mail is on its way.")
    return redirect("invitation-detail", made.pk)


@for_changing
@require_safe
@never_cache
def invitation_functions(request: HttpRequest) -> HttpResponse:
    """Functions that match what was typed so far, to tick."""
    found = inviting.search(_text(request.GET), by=actor(request))
    return render(request, "invitations/new.html#found", {"found": found})


def _fresh(asked: QueryDict, me: Actor) -> Composed:
    """An empty form; `?function=` (several) and `?on=` choose what is offered, PREFILLED the rest."""
    initial = {name: asked.get(name, "")[:254] for name in PREFILLED}
    form = InvitationForm(initial={**initial, "form_token": InvitationForm.fresh_token()})
    keys = [key for one in asked.getlist("function")[: inviting.MOST_OFFERS] if (key := _uuid(one))]
    functions = inviting.functions(keys, by=me)
    places = inviting.places(functions.values())
    shown = [functions[key] for key in dict.fromkeys(keys) if key in functions]
    offers = [
        _offer(f"i{number}", places[one.pk], {"function": one.pk, "qualifier": asked.get("on", "")})
        for number, one in enumerate(shown)
    ]
    return Composed(form, offers, functions, places, gone=len(set(keys)) - len(shown))


def _changed(posted: QueryDict, me: Actor, *, adding: bool) -> Composed:
    """The form with functions added or one removed; nothing in it is judged yet."""
    composed = _read(posted, me, bound=False)
    removed = posted.get("remove", "")
    composed.offers = [one for one in composed.offers if one.prefix != removed]
    if not adding:
        return composed
    keys = [key for one in posted.getlist("add")[: inviting.MOST_OFFERS] if (key := _uuid(one))]
    found = inviting.functions(keys, by=me)
    composed.functions |= found
    composed.places |= inviting.places(found.values())
    used = [int(str(one.prefix)[1:]) for one in composed.offers]
    number = max(used, default=-1) + 1
    last = composed.offers[-1].initial if composed.offers else {}
    kept = {name: last[name] for name in OfferForm.KEPT if last.get(name)}
    for key in dict.fromkeys(keys):
        if key in found and len(composed.offers) <= inviting.MOST_OFFERS:
            composed.offers.append(_offer(f"i{number}", composed.places[key], {**kept, "function": key}))
            composed.added.append(found[key].name)
            number += 1
    composed.text = ""
    return composed


def _read(posted: QueryDict, me: Actor, *, bound: bool) -> Composed:
    """What was posted. bound: with its errors, else only as what stands in the fields."""
    data: dict[str, Any] = {name: str(value).replace("\x00", "") for name, value in posted.items()}
    prefixes = [key for key in dict.fromkeys(posted.getlist("item")) if _KEY.fullmatch(key)][: inviting.MOST_OFFERS + 1]
    wanted = {prefix: _uuid(data.get(f"{prefix}-function", "")) for prefix in prefixes}
    functions = inviting.functions([key for key in wanted.values() if key], by=me)
    places = inviting.places(functions.values())
    offers = []
    for prefix, key in wanted.items():
        if key is None or key not in functions:
            continue
        if bound:
            offers.append(OfferForm(data, prefix=prefix, places=_choices(places[key])))
        else:
            values = {name: data.get(f"{prefix}-{name}", "") for name in ("qualifier", *OfferForm.KEPT)}
            offers.append(_offer(prefix, places[key], {**values, "function": key}))
    form = InvitationForm(data) if bound else InvitationForm(initial=data)
    return Composed(form, offers, functions, places, text=_text(posted), gone=len(wanted) - len(offers))


def _offer(prefix: str, places: dict[str, tuple[Policy, str]], initial: dict[str, Any]) -> OfferForm:
    return OfferForm(prefix=prefix, places=_choices(places), initial={name: value for name, value in initial.items() if value})


def _choices(places: dict[str, tuple[Policy, str]]) -> list[tuple[str, str]]:
    return [(qualifier, words) for qualifier, (_policy, words) in places.items()]


def _draft(composed: Composed, me: Actor) -> Draft | None:
    """The draft of a bound form, its problems on the fields they are about; None while the form itself cannot be read."""
    judged = [composed.form.is_valid(), *(one.is_valid() for one in composed.offers)]
    if composed.gone:
        composed.form.add_error(None, _gone(composed.gone))
    if not all(judged) or composed.gone:
        return None
    offers = []
    for one in composed.offers:
        given = one.cleaned_data
        policy, _words = composed.places[given["function"]][given["qualifier"]]
        offers.append(Offer(policy, given["action"], given["ends_at"]))
    given = composed.form.cleaned_data
    draft = inviting.draft(given["email"], offers=offers, by=me, note=given["note"], meant=given["meant"])
    for problem in draft.problems:
        named = problem.field if problem.field in composed.form.fields else None
        composed.form.add_error(named, f"{problem.message} {problem.next}".strip())
    for one, thought in zip(composed.offers, draft.thoughts, strict=False):
        for problem in thought.problems:
            field_name = _FIELDS.get(problem.field, problem.field)
            # Whom it is for is asked once, for all of them.
            form = composed.form if problem.field == "who" else one
            named = "meant" if problem.field == "who" else field_name if field_name in one.fields else None
            form.add_error(named, f"{problem.message} {problem.next}".strip())
    return draft


def _mark(draft: Draft) -> str:
    """What was previewed, as a short digest."""
    offers = [(str(one.offer.policy.pk), one.offer.action, str(one.offer.ends_at)) for one in draft.thoughts]
    seen = (draft.email, draft.note, draft.number, draft.organization, offers)
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:32]


def _preview(request: HttpRequest, composed: Composed, draft: Draft, *, late: bool = False) -> HttpResponse:
    if draft.letter is None:
        raise AssertionError("Only a draft that could be sent is previewed.")
    subject, text, _html = mailing.written(draft.letter)
    left_out = {"csrfmiddlewaretoken", "step", "q", "add", "remove", "seen"}
    context = {
        "draft": draft,
        "subject": subject,
        "text": text.strip(),
        "thoughts": draft.thoughts,
        "dangerous": any(one.plan.second_person for one in draft.thoughts),
        "kept": [(name, value) for name, values in request.POST.lists() if name not in left_out for value in values],
        "seen": _mark(draft),
        "late": late,
    }
    return render(request, "invitations/preview.html", context, status=422 if late else 200)


def _page(request: HttpRequest, me: Actor, composed: Composed, *, status: int = 200) -> HttpResponse:
    offers: Sequence[tuple[OfferForm, Function]] = [
        (one, composed.functions[key]) for one in composed.offers if (key := _uuid(str(one["function"].value())))
    ]
    context = {
        "form": composed.form,
        "offers": offers,
        "found": inviting.search(composed.text, by=me),
        "text": composed.text,
        "added": composed.added,
        "gone": _gone(composed.gone) if composed.gone and not composed.form.is_bound else "",
        "known": Account.objects.visible_to(me),
        "most": inviting.MOST_OFFERS,
        "most_note": inviting.MOST_NOTE,
        "changing": request.method == "POST",
        "wrong": composed.form.errors or any(one.errors for one in composed.offers),
    }
    return render(request, "invitations/new.html", context, status=status)


def _gone(count: int) -> str:
    return (
        f"{count} function{'s are' if count > 1 else ' is'} not there any more and {'were' if count > 1 else 'was'} left out."
    )


def _text(asked: QueryDict) -> str:
    return asked.get("q", "").replace("\x00", "").strip()[:400]


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
