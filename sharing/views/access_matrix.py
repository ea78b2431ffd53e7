"""Access, the matrix: parties by owner accounts with counts, then functions by principals, and the story of a cell."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from sharing.models import Account, Actor, Function, Policy
from sharing.policy.arn import is_account_id
from sharing.services import trusting
from sharing.services.access import account_matrix, function_matrix
from sharing.services.access.account_matrix import PartyRow
from sharing.services.access.blind_spots import blind_spots
from sharing.services.access.function_matrix import Asked
from sharing.services.access.parties import KINDS, parse_key
from sharing.services.access.story import story
from sharing.services.organizations import known

from .access_rows import WHO_ICONS, shown
from .fragments import wants
from .matrix_cells import ShownTally, shown_forms, shown_tally, story_sentence
from .paging import page_of
from .permitting import actor

OWNERS, PARTIES = 5, 25
FUNCTIONS, PRINCIPALS = 20, 12
SHOWN = (("", "All"), ("reached", "That let somebody in"), ("unsafe", "With a way that is not safe"))


@dataclass(frozen=True)
class Filters:
    """What the address asks for; anything that means nothing is left out."""

    account: str = ""
    asked: Asked = field(default_factory=Asked)

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Filters:
        """Read from the query string."""
        number = "".join(query.get("account", "").split())
        kind, show = query.get("kind", ""), query.get("show", "")
        return cls(
            number if is_account_id(number) else "",
            Asked(
                text=query.get("q", "").strip()[:400],
                region=query.get("region", "")[:30],
                kind=kind if kind in {one for one, _ in KINDS} else "",
                party=parse_key(query.get("with", "")),
                show=show if show in {one for one, _ in SHOWN} else "",
                unproved=query.get("unproved") == "1",
                through=query.get("through") == "1",
            ),
        )

    @property
    def narrowed(self) -> bool:
        """Whether anything is filtered away."""
        asked = self.asked
        return bool(asked.text or asked.region or asked.kind or asked.party or asked.show or asked.unproved)


@require_safe
def access_matrix(request: HttpRequest) -> HttpResponse:
    """Without an account: parties by owner accounts. With one (`account`): its functions by principals."""
    me = actor(request)
    filters = Filters.of(request.GET)
    if filters.account:
        owner = get_object_or_404(account_matrix.owners(by=me), number=filters.account)
        return render(request, "access/function_matrix.html", _functions(request, owner, filters))
    return render(request, "access/account_matrix.html", _accounts(request, me, filters))


def _accounts(request: HttpRequest, me: Actor, filters: Filters) -> dict[str, Any]:
    asked = filters.asked
    every = list(account_matrix.owners(by=me))
    columns = page_of(every, request, OWNERS, "columns")
    owners: list[Account] = list(columns.object_list)
    found = account_matrix.parties(owners, kind=asked.kind, text=asked.text, unsafe=asked.show == "unsafe")
    page = page_of(found, request, PARTIES)
    rows = account_matrix.rows(page.object_list, owners, trust=trusting.trust())
    everyone = account_matrix.of_everyone(owners) if asked.through else {}
    facts = account_matrix.facts(every)
    return {
        "filters": filters,
        "kinds": KINDS,
        "icons": WHO_ICONS,
        "facts": facts,
        "blind_spots": blind_spots(every, facts),
        "columns": columns,
        "page": page,
        "rows": [(row.party, WHO_ICONS.get(row.party.kind, "help-circle"), _tallies(row, everyone)) for row in rows],
    }


def _tallies(row: PartyRow, everyone: Mapping[Any, Any]) -> list[tuple[Account, ShownTally | None]]:
    matrix = reverse("access-matrix")
    also = everyone if row.party.kind == "account" else {}
    return [
        (
            owner,
            shown_tally(
                tally,
                row.party,
                owner.name,
                f"{matrix}?{urlencode({'account': owner.number, 'with': row.party.key})}",
                also.get(owner.pk),
            )
            if tally
            else None,
        )
        for owner, tally in row.tallies
    ]


def _functions(request: HttpRequest, owner: Account, filters: Filters) -> dict[str, Any]:
    asked = replace(filters.asked, members=known()) if filters.asked.through else filters.asked
    page = page_of(function_matrix.functions(owner, asked), request, FUNCTIONS)
    functions: list[Function] = list(page.object_list)
    for function in functions:
        function.account = owner
    seen = function_matrix.in_view(functions, asked)
    columns = page_of(seen.columns, request, PRINCIPALS, "columns")
    trust = trusting.trust()
    parties = function_matrix.named(columns.object_list, owner=owner, trust=trust)
    facts = account_matrix.facts([owner])
    wanted = asked.party and function_matrix.named([_whole(asked.party)], owner=owner, trust=trust)[0]
    return {
        "filters": filters,
        "kinds": KINDS,
        "shown_choices": SHOWN,
        "regions": function_matrix.regions(owner),
        "icons": WHO_ICONS,
        "owner": owner,
        "facts": facts,
        "wanted": wanted,
        "as_everyone": function_matrix.also_as_everyone(owner, asked.party) if _narrow(asked.party) else 0,
        "reached": function_matrix.reached_by(owner, asked.party) if asked.party else None,
        "blind_spots": blind_spots([owner], facts),
        "page": page,
        "columns": columns,
        "parties": parties,
        "rows": shown_forms(seen.forms, parties),
    }


def _narrow(key: tuple[str, str] | None) -> TypeGuard[tuple[str, str]]:
    """Whether it is somebody whom wider ways may let in as well."""
    return key is not None and key[0] in ("account", "identity")


def _whole(key: tuple[str, str]) -> tuple[str, str, str]:
    return (*key, function_matrix.account_of(key))


@vary_on_headers("HX-Request", "HX-Target")
@require_safe
def access_story(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Why a principal (`who`) is let into a function, alias or version; beside the matrix, or a page of its own."""
    me = actor(request)
    key = parse_key(request.GET.get("who", ""))
    if key is None:
        return render(request, "errors/404.html", status=404)
    found = story(pk, key, by=me)
    function = found.policy.function
    context = {
        "story": found,
        "function": function,
        "sentence": story_sentence(found.cell, found.party, _name(found.policy)),
        "icon_name": WHO_ICONS.get(found.party.kind, "help-circle"),
        "rows": shown(found.statements, function=function, me=me),
        "denying": shown(found.denying, function=function, me=me),
        "back": f"{reverse('access-matrix')}?{urlencode({'account': function.account.number})}",
    }
    return render(request, f"access/story.html{'#story' if wants(request, 'panel') else ''}", context)


def _name(policy: Policy) -> str:
    """The function, and through which form of it."""
    name = policy.function.name
    if not policy.qualifier:
        return name
    return f"{name} in version {policy.qualifier}" if policy.qualifier.isdigit() else f"{name} through alias {policy.qualifier}"
