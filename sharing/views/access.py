"""Access: who can invoke what, now or on a day in the past; the statements behind it; exports of every answer."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from sharing.models import Actor, Function, Policy, Seal
from sharing.policy import parse
from sharing.services import access
from sharing.services.access import exporting
from sharing.services.access.about_who import FOLDED
from sharing.services.access.lines import HEAD
from sharing.services.access.subjects import MOST
from sharing.services.errors import Refusal

from .function_policy import pretty
from .paging import AnyPage, page_of
from .permitting import actor

#: Ways of one sort that are shown before one asks for all of them.
SHOWN = 20
#: Ways in a report: what is longer belongs into CSV or JSON, and the report says so.
PRINTED = 2_000
FORMATS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


@dataclass(frozen=True)
class Asked:
    """What the address asks. `at` None: now."""

    text: str
    moment: access.Moment
    how: str

    @property
    def address(self) -> str:
        """The query string that asks it again."""
        given = {"q": self.text, "as_of": self.moment.text, "how": self.how}
        return urlencode({name: value for name, value in given.items() if value})


@dataclass(frozen=True)
class Shown:
    """A group of an answer with the part of it that the page shows."""

    of: access.Group
    lines: list[access.Line]
    page: AnyPage | None

    @property
    def more(self) -> int:
        """How many are not shown."""
        return 0 if self.page else self.of.count - len(self.lines)


@require_safe
def ask(request: HttpRequest) -> HttpResponse:
    """The page: a question, its answer in sentences, the ways in, what was not looked at."""
    me = actor(request)
    text = _text(request, me)
    context: dict[str, Any] = {
        "asked": text,
        "as_of": request.GET.get("as_of", "")[:40],
        "today": timezone.localdate(),
        "known": access.known_texts(by=me),
        "tab": "ask",
    }
    if not text:
        if context["as_of"]:
            try:
                access.moment(context["as_of"], by=me)
            except Refusal as refusal:
                return render(request, "access/ask.html", {**context, "refusal": refusal}, status=422)
        return render(request, "access/ask.html", context)
    try:
        asked = _asked(request, me, text)
        answer = _answer(asked, me)
    except access.Unclear as unclear:
        return render(request, "access/ask.html", {**context, "refusal": unclear}, status=422)
    except Refusal as refusal:
        return render(request, "access/ask.html", {**context, "refusal": refusal}, status=422)
    groups = [group for group in answer.groups if not asked.how or group.key == asked.how]
    context |= {
        "answer": answer,
        "asked": answer.subject.text if not request.GET.get("q") else text,
        "moment": asked.moment,
        "groups": [_shown(group, asked, request, answer.subject.kind in ("everyone", "function")) for group in groups],
        "how": asked.how,
        "nobody": not any(group.functions for group in answer.groups),
        "address": asked.address,
        "marks": _marks(answer),
        "unread_more": answer.counts["unread"] + answer.counts["changed"] - len(answer.unread),
        "yesterday": timezone.localdate() - timedelta(days=1),
    }
    return render(request, "access/ask.html", context)


@require_safe
def ask_export(request: HttpRequest) -> HttpResponseBase:
    """The same answer as a file (`format` csv or json), whole; or as a report to print. Auditors may: it changes nothing."""
    me = actor(request)
    wanted = request.GET.get("format", "")
    try:
        asked = _asked(request, me, _text(request, me))
        answer = _answer(asked, me)
    except Refusal as refusal:
        context = {
            "refusal": refusal,
            "asked": request.GET.get("q", "")[:MOST],
            "known": access.known_texts(by=me),
            "tab": "ask",
        }
        return render(request, "access/ask.html", context, status=422)
    if wanted == "report":
        context = {"answer": answer, "groups": _printed(answer), "most": PRINTED, "seal": Seal.objects.last()}
        return render(request, "access/report.html", context)
    pieces = exporting.answer_json(answer) if wanted == "json" else exporting.answer_csv(answer)
    return file(pieces, exporting.file_name(answer.subject.label, "json" if wanted == "json" else "csv"))


def file(pieces: Iterator[str], name: str) -> StreamingHttpResponse:
    """A download, written as it is made."""
    response = StreamingHttpResponse(pieces, content_type=FORMATS[name.rsplit(".", 1)[-1]])
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


@require_safe
def access_statement(request: HttpRequest, pk: uuid.UUID, version: int, index: int) -> HttpResponse:
    """One statement of one content of a policy, also of a past one, with the reads around it."""
    me = actor(request)
    policy = get_object_or_404(Policy.objects.visible_to(me).select_related("function__account", "current"), pk=pk)
    content = get_object_or_404(policy.versions, pk=version)
    following = policy.versions.filter(first_seen_at__gt=content.first_seen_at).order_by("first_seen_at", "pk").first()
    document = parse(content.document or None)
    context = {
        "policy": policy,
        "function": policy.function,
        "content": content,
        "following": following,
        "current": policy.current_id == content.pk,
        "statement": next((one for one in document.statements if one.index == index), None),
        "statements": [(one.index, one.name, pretty(one.raw)) for one in document.statements],
        "index": index,
        "problem": document.problem,
        "tab": "ask",
    }
    return render(request, "access/statement.html", context, status=200 if context["statement"] else 404)


def _text(request: HttpRequest, me: Actor) -> str:
    """The question: `q`, or `function` with a function's id (out of scope: 404)."""
    given = request.GET.get("function", "")
    if given and not request.GET.get("q"):
        try:
            key = uuid.UUID(given)
        except ValueError:
            return given[:MOST].strip()
        return get_object_or_404(Function.objects.visible_to(me), pk=key).arn
    return request.GET.get("q", "").strip()[:MOST]


def _asked(request: HttpRequest, me: Actor, text: str) -> Asked:
    how = request.GET.get("how", "")
    moment = access.moment(request.GET.get("as_of", ""), by=me)
    return Asked(text, moment, how if how.replace("-", "").isalpha() and len(how) < 20 else "")


def _answer(asked: Asked, me: Actor) -> access.Answer:
    return access.ask(asked.text, by=me, at=asked.moment.at, how=asked.how)


def _shown(group: access.Group, asked: Asked, request: HttpRequest, alone: bool) -> Shown:
    if asked.how:
        page = page_of(group.lines, request)
        return Shown(group, list(page.object_list), page)
    folded = group.key in FOLDED and not alone
    # Of one function everything is at hand; of an estate the first, which were read together.
    many = SHOWN if group.lines.begun else HEAD
    return Shown(group, [] if folded else list(group.lines[:many]), None)


def _printed(answer: access.Answer) -> list[tuple[access.Group, list[access.Line]]]:
    left = PRINTED
    found = []
    for group in answer.groups:
        lines = list(group.lines[:left])
        left -= len(lines)
        found.append((group, lines))
    return found


def _marks(answer: access.Answer) -> list[tuple[str, str, str]]:
    """What is not safe, counted, the worst first: tone, icon, words."""
    counts = answer.counts
    said = (
        (counts["public"], "bad", "world", "public"),
        (counts["opened"], "warn", "lock-open", "through a service any account can drive"),
        (counts["unsure"], "warn", "help-circle", "hanging on something unknown"),
        (counts["changed"], "warn", "git-compare", "changed between two reads"),
        (counts["unread"], "warn", "eye-off", "unread"),
    )
    return [(tone, icon, f"{count:,} {words}") for count, tone, icon, words in said if count]
