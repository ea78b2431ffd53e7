"""The policies of one function, as AWS stores them."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from sharing.policy import parse
from sharing.policy.document import LIMIT
from sharing.policy.following import statement_key

from .function_pages import Place, head_of, places_of, the_function
from .permitting import actor


@dataclass(frozen=True)
class Shown:
    """One statement of a policy as JSON, or of an unreadable document its text."""

    index: int
    key: str
    name: str
    text: str


@dataclass(frozen=True)
class Document:
    """One policy as it was last read: each statement, and the whole."""

    place: Place
    statements: tuple[Shown, ...]
    text: str
    problem: str


@require_safe
def function_policy(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The policies as AWS stores them, event source tokens masked."""
    me = actor(request)
    function = the_function(me, pk)
    documents = [_document(place) for place in places_of(function)]
    return render(request, "functions/policy.html", {**head_of(function, "policy"), "documents": documents, "limit": LIMIT})


def _document(place: Place) -> Document:
    current = place.policy.current
    document = parse(current.document or None if current else None)
    statements = tuple(Shown(one.index, statement_key(one), one.name, pretty(one.raw)) for one in document.statements)
    text = pretty(document.raw) if document.exists and document.raw is not None else (document.text or "")
    return Document(place, statements, text, document.problem or "")


def pretty(raw: Any) -> str:
    """JSON for people to read: two spaces, characters as they are."""
    return json.dumps(raw, indent=2, ensure_ascii=False, default=str)
