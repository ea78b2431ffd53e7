"""Consumers: every account that functions in scope are shared with, or that is invited; the list and its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from sharing.models import Actor, Verdict
from sharing.models import Proof as How
from sharing.services import consumers, gaps
from sharing.services.access import account_matrix, exporting
from sharing.services.access.account_matrix import Facts
from sharing.services.access.blind_spots import blind_spots
from sharing.services.consumers import ORDERS, Asked, Consumer, Kind
from sharing.services.proofs import Proof, Standing
from sharing.services.vendors import AS_OF, SOURCE

from .access import file
from .paging import page_of
from .permitting import actor

Mark = tuple[str, str, str]  # tone, icon, words

KINDS: Final = (
    (Kind.PROVED, "Proved"),
    (Kind.NOT_PROVED, "Not proved"),
    (Kind.FAILED, "Proof failed"),
    (Kind.ENDING, "With a share that ends soon"),
    (Kind.UNSAFE, "With a way that is not safe"),
    (Kind.DENIED, "Denied at the last check"),
    (Kind.OUTSIDE, "Not on the trust list"),
    (Kind.INVITED, "Invited"),
)
ORDER_WORDS: Final = (
    ("name", "Name"),
    ("functions", "Most functions"),
    ("unsafe", "Least safe"),
    ("proof", "Worst proof"),
    ("ends", "Next end date"),
    ("checked", "Last check"),
)
STANDINGS: Final[dict[Standing, Mark]] = {
    Standing.PROVED: ("ok", "shield-check", "Proved"),
    Standing.OVERDUE: ("warn", "clock-exclamation", "Proof overdue"),
    Standing.FAILED: ("bad", "shield-x", "Proof failed"),
    Standing.NONE: ("off", "circle-dashed", "Not proved"),
}
#: What checks found, the worst first: tone, icon, words after the number.
VERDICTS: Final[tuple[tuple[str, Mark], ...]] = (
    (Verdict.DENIED, ("bad", "shield-x", "denied")),
    (Verdict.ERROR, ("warn", "alert-triangle", "could not be tried")),
    (Verdict.NONE, ("off", "circle-dashed", "not checked")),
    (Verdict.NOT_TRIED, ("off", "help-circle", "not tried")),
    (Verdict.ALLOWED, ("ok", "shield-check", "proved")),
)
_HOW: Final = {How.ROLE: "role", How.ORGANIZATION: "organisation"}


@require_safe
def consumer_list(request: HttpRequest) -> HttpResponse:
    """Search, filters, order, pages."""
    me = actor(request)
    asked = asked_of(request.GET)
    totals, found = consumers.totals(by=me), consumers.listed(asked, by=me)
    page = page_of(found, request, many=None if asked.narrowed else totals.every)
    owners, facts = _facts(me)
    context = {
        "tab": "accounts",
        "asked": asked,
        "every": totals.every,
        "failing": totals.failing,
        "page": page,
        "rows": [(one, proof_mark(one.proof), verdict_marks(one)) for one in page.object_list],
        "kinds": KINDS,
        "orders": ORDER_WORDS,
        "facts": facts,
        "beside": beside(facts),
        "blind_spots": blind_spots(owners, facts),
        "vendor_list": f"{SOURCE}, {AS_OF}",
    }
    return render(request, "consumers/list.html", context)


@require_safe
def consumer_export(request: HttpRequest) -> StreamingHttpResponse:
    """The list as it is filtered, whole, as CSV or JSON (`format`); how far everything was read comes first."""
    me = actor(request)
    asked = asked_of(request.GET)
    found = consumers.listed(asked, by=me)
    _, facts = _facts(me)
    head = [
        *gaps.summary(me),
        f"Consumers: {found.many:,} accounts"
        + (f", narrowed to: {asked.kind or ''} {asked.text}".rstrip() if asked.narrowed else ""),
        *([f"Changed and not counted yet since {gaps.utc(facts.behind)}: figures are a little older"] if facts.behind else []),
        *beside(facts),
        f"Vendors are named by a public list ({SOURCE}, {AS_OF}): a hint, no trust.",
        f"Asked by {me.label} at {gaps.utc(timezone.now())}",
    ]
    if request.GET.get("format") == "json":
        pieces = exporting.json_text({"coverage": head}, "consumers", (_item(one) for one in found))
        return file(pieces, exporting.file_name("consumers", "json"))
    columns = tuple(name.replace("_", " ").capitalize() for name in _item(Consumer("0" * 12)))
    return file(exporting.csv_text(head, columns, _table(found)), exporting.file_name("consumers", "csv"))


def _table(found: Any) -> Iterator[tuple[object, ...]]:
    return (tuple(_item(one).values()) for one in found)


def _item(one: Consumer) -> dict[str, Any]:
    verdicts = one.shares.verdicts
    moments = {
        "proved_at": one.proof.at,
        "proved_again": one.proof.due_at,
        "proof_failed_since": one.proof.failed_since,
        "next_end_date": one.shares.ends_at,
        "last_check": one.shares.checked_at,
    }
    said = {name: moment.isoformat() if moment else "" for name, moment in moments.items()}
    return {
        "account": one.account.name if one.account else "",
        "account_id": one.number,
        "vendor_by_public_list": one.vendor.name if one.vendor else "",
        "trust": one.zone,
        "proof": one.proof.standing.value,
        "proved_by": _HOW.get(How(one.proof.how), ""),
        "proved_at": said["proved_at"],
        "proved_again": said["proved_again"],
        "proof_failed_since": said["proof_failed_since"],
        "why": one.proof.why,
        "people": one.people,
        "functions": one.reach.functions,
        "functions_not_safe": one.reach.not_safe,
        "functions_that_depend": one.reach.depends,
        "functions_not_usable_now": one.reach.latent,
        "functions_stale": one.reach.stale,
        "shares": one.shares.live,
        "shares_ending_soon": one.shares.ending,
        "next_end_date": said["next_end_date"],
        "checks_proved": verdicts.get(Verdict.ALLOWED, 0),
        "checks_denied": verdicts.get(Verdict.DENIED, 0),
        "not_checked_or_tried": sum(verdicts.get(value, 0) for value in (Verdict.NONE, Verdict.NOT_TRIED, Verdict.ERROR)),
        "last_check": said["last_check"],
        "invitations": one.invited,
        "to_confirm": one.to_confirm,
    }


def _facts(me: Actor) -> tuple[list[Any], Facts]:
    owners = list(account_matrix.owners(by=me))
    return owners, account_matrix.facts(owners)


def beside(facts: Facts) -> list[str]:
    """What the figures of the list leave out, because it is the same for every account or not known for one."""
    said = []
    if facts.public or facts.open_service:
        ways = [
            *([f"{facts.public:,} as everyone can"] if facts.public else []),
            *([f"{facts.open_service:,} through a service that any account can drive"] if facts.open_service else []),
        ]
        said.append(f"Beside what is counted here, every account gets into {' and '.join(ways)}.")
    if facts.organizations:
        many = "1 organisation" if facts.organizations == 1 else f"{facts.organizations:,} organisations"
        said.append(f"Members of {many} get in as members: they are listed here only if they are named by themselves as well.")
    return said


def asked_of(query: Mapping[str, str]) -> Asked:
    """What the address asks for; anything that means nothing is left out."""
    kind, order = query.get("show", ""), query.get("sort", "")
    return Asked(
        text=query.get("q", "").strip()[:400],
        kind=Kind(kind) if kind in {one.value for one in Kind} else None,
        order=order if order in ORDERS else "name",
    )


def proof_mark(proof: Proof) -> Mark:
    """How a proof stands: tone, icon, words."""
    tone, icon, words = STANDINGS[proof.standing]
    if proof.standing is Standing.PROVED:
        words = f"{words} by {'its role' if proof.how == How.ROLE else 'organisation'}"
    return tone, icon, words


def verdict_marks(one: Consumer) -> list[Mark]:
    """What the last checks of its active shares found, counted, the worst first."""
    counts = one.shares.verdicts
    return [(tone, icon, f"{counts[value]:,} {words}") for value, (tone, icon, words) in VERDICTS if counts.get(value)]
