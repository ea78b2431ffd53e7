"""Functions: the list, and the pages of one function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from sharing.forms.narrowing import AccountFilter
from sharing.models import Account, Function
from sharing.services import inventory
from sharing.services.inventory import Exposed, Order, Summary

from .paging import KeysFirst, page_of
from .permitting import actor

# How many principals of each kind are let in, in words: widest first.
KINDS: dict[str, tuple[str, str]] = {
    "everyone": ("everyone", "everyone"),
    "organization": ("organisation", "organisations"),
    "account": ("account", "accounts"),
    "identity": ("role or user", "roles and users"),
    "service": ("service", "services"),
    "federated": ("identity provider", "identity providers"),
    "ghost": ("ghost", "ghosts"),
}
ORDERS = (
    ("name", "Name"),
    ("-name", "Name, Z to A"),
    ("account", "Account"),
    ("region", "Region"),
    ("exposure", "Widest exposure"),
)
EXPOSURES = (
    (Exposed.PUBLIC, "Public"),
    (Exposed.OPEN_SERVICE, "Open service"),
    (Exposed.EXTERNAL, "Other accounts"),
    (Exposed.UNREAD, "Unread"),
    (Exposed.NOBODY, "Nobody outside"),
)


@dataclass(frozen=True)
class Filters:
    """What the address asks the list for; anything unknown in it is left out."""

    text: str = ""
    account: str = ""
    region: str = ""
    exposed: Exposed | None = None
    vanished: bool = False
    sort: str = "name"

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> Filters:
        """Read from the query string."""
        exposed = asked.get("exposure", "")
        sort = asked.get("sort", "")
        return cls(
            text=asked.get("q", "").strip()[:400],
            account=asked.get("account", "").strip()[:80],
            region=asked.get("region", "")[:30],
            exposed=Exposed(exposed) if exposed in {kind.value for kind in Exposed} else None,
            vanished=asked.get("presence") == "vanished",
            sort=sort if sort.removeprefix("-") in {order.value for order in Order} else "name",
        )

    @property
    def narrowed(self) -> bool:
        """Whether anything is filtered away (the order does not count)."""
        return bool(self.text or self.account or self.region or self.exposed or self.vanished)


@dataclass(frozen=True)
class Row:
    """One row of the list."""

    summary: Summary
    lets_in: str


@require_safe
def function_list(request: HttpRequest) -> HttpResponse:
    """Every function in scope: search, filters, order, pages."""
    me = actor(request)
    filters = Filters.of(request.GET)
    narrowing = AccountFilter(request.GET, accounts=Account.objects.visible_to(me))
    valid = narrowing.is_valid()
    found = inventory.functions(
        by=me,
        text=filters.text,
        accounts=narrowing.cleaned_data["account"] if valid else Account.objects.none(),
        region=filters.region,
        exposed=filters.exposed,
        vanished=filters.vanished,
        order=Order(filters.sort.removeprefix("-")),
        descending=filters.sort.startswith("-"),
    )
    page = page_of(KeysFirst(found, "account"), request)
    functions: list[Function] = list(page.object_list)
    choices = inventory.places(by=me)
    context = {
        "filters": filters,
        "page": page,
        "rows": [Row(summary, lets_in_words(summary.lets_in, summary.lacking)) for summary in inventory.summaries(functions)],
        "choices": choices,
        "narrowing": narrowing,
        "exposures": EXPOSURES,
        "orders": ORDERS,
    }
    return render(request, "functions/list.html", context, status=200 if valid else 422)


def lets_in_words(counts: Mapping[str, int], lacking: Mapping[str, int]) -> str:
    """`2 accounts, 1 service; not usable yet: 1 role or user`; empty when nobody was found."""
    found = ", ".join(_counted(counts))
    short = ", ".join(_counted(lacking))
    if not short:
        return found
    return f"{found}; not usable yet: {short}" if found else f"Not usable yet: {short}"


def _counted(counts: Mapping[str, int]) -> Iterator[str]:
    for kind, (one, many) in KINDS.items():
        count = counts.get(kind, 0)
        if count:
            yield one if kind == "everyone" else f"{count} {one if count == 1 else many}"
