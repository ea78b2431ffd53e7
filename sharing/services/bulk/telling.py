"""What became of the items, in words: counts, filters, and the file."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from sharing.models import Bulk, BulkItem, BulkItemState, GrantState, GroupMember, Judgement, Wanted
from sharing.models.bulk import WRITTEN
from sharing.models.grant import UNSETTLED
from sharing.services.granting.wording import until

from .finding import SEVERAL


class Outcome(StrEnum):
    """What a person wants to know of an item. Its value is what the address says."""

    ACTIVE = "active"
    SECOND = "second-person"
    UNDER_WAY = "under-way"
    WAITING = "waiting"
    FAILED = "failed"
    STILL = "still-shared"
    ALREADY = "already"
    OVER = "over"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


WORDS: dict[Outcome, str] = {
    Outcome.ACTIVE: "Active",
    Outcome.SECOND: "Waits for a second person",
    Outcome.UNDER_WAY: "Under way",
    Outcome.WAITING: "Waiting",
    Outcome.FAILED: "Failed",
    Outcome.STILL: "Not taken back",
    Outcome.ALREADY: "Already granted",
    Outcome.OVER: "Over",
    Outcome.CANCELLED: "Cancelled",
    Outcome.SKIPPED: "Not written",
}
_MADE = Q(state=BulkItemState.MADE)
_OVER = (GrantState.REVOKED, GrantState.EXPIRED, GrantState.VANISHED, GrantState.SUSPENDED)
_WITHDRAWN = Q(grant__state=GrantState.FAILED, grant__failure_code="withdrawn")
#: Which items have an outcome: each item has exactly one.
RULES: dict[Outcome, Q] = {
    Outcome.ACTIVE: _MADE & Q(grant__state=GrantState.ACTIVE, failure=""),
    Outcome.STILL: _MADE & Q(grant__state=GrantState.ACTIVE) & ~Q(failure=""),
    Outcome.SECOND: _MADE & Q(grant__state=GrantState.REQUESTED),
    Outcome.UNDER_WAY: (_MADE & Q(grant__state__in=UNSETTLED)) | Q(state=BulkItemState.WAITING, grant__state__in=UNSETTLED),
    Outcome.WAITING: Q(state=BulkItemState.WAITING) & (Q(grant=None) | ~Q(grant__state__in=UNSETTLED)),
    Outcome.FAILED: Q(state=BulkItemState.FAILED) | (_MADE & Q(grant__state=GrantState.FAILED) & ~_WITHDRAWN),
    Outcome.OVER: _MADE & (Q(grant__state__in=_OVER) | _WITHDRAWN),
    Outcome.ALREADY: Q(state=BulkItemState.SKIPPED) & (Q(grant__isnull=False) | Q(verdict=Judgement.ALREADY)),
    Outcome.SKIPPED: Q(state=BulkItemState.SKIPPED, grant=None) & ~Q(verdict=Judgement.ALREADY),
    Outcome.CANCELLED: Q(state=BulkItemState.CANCELLED),
}
COLUMNS = (
    "Line", "Function", "Function ARN", "Principal", "Name", "Action", "Until", "Reason", "Verdict before", "Outcome",
    "Check", "What happened", "Next step", "Statement id",
)  # fmt: skip


def outcome_of(item: BulkItem) -> Outcome:
    """The same rules, of an item whose grant is loaded."""
    grant = item.grant
    if item.state == BulkItemState.SKIPPED:
        return Outcome.ALREADY if grant is not None or item.verdict == Judgement.ALREADY else Outcome.SKIPPED
    if item.state in (BulkItemState.CANCELLED, BulkItemState.FAILED):
        return Outcome.CANCELLED if item.state == BulkItemState.CANCELLED else Outcome.FAILED
    if grant is not None and grant.state in UNSETTLED:
        return Outcome.UNDER_WAY
    if item.state == BulkItemState.WAITING or grant is None:
        return Outcome.WAITING
    if grant.state == GrantState.ACTIVE:
        return Outcome.STILL if item.failure else Outcome.ACTIVE
    if grant.state == GrantState.REQUESTED:
        return Outcome.SECOND
    if grant.state == GrantState.FAILED and grant.failure_code != "withdrawn":
        return Outcome.FAILED
    return Outcome.OVER


def tally(bulk: Bulk) -> dict[Outcome, int]:
    """How many items have each outcome, those that occur. One query."""
    counted = bulk.items.order_by().aggregate(**{one.name: Count("pk", filter=rule) for one, rule in RULES.items()})
    return {one: counted[one.name] for one in Outcome if counted[one.name]}


def counts(bulk: Bulk) -> dict[str, int]:
    """The same in words."""
    return {WORDS[one]: count for one, count in tally(bulk).items()}


def verdicts(bulk: Bulk) -> dict[Judgement, int]:
    """How many lines of the preview got each verdict, those that occur. One query."""
    found = dict(bulk.items.order_by().values_list("verdict").annotate(count=Count("pk")))
    return {one: found[one] for one in Judgement if found.get(one)}


def items(bulk: Bulk, *, verdict: str = "", outcome: str = "") -> QuerySet[BulkItem]:
    """Its lines in their order, with what a row of the list shows."""
    found = bulk.items.select_related("grant", "place__policy__function__account")
    if verdict in Judgement.values:
        found = found.filter(verdict=verdict)
    if outcome in RULES:
        found = found.filter(RULES[Outcome(outcome)])
    return found


def written(bulk: Bulk) -> int:
    """How many lines of a preview would be shared, or asked for."""
    return bulk.items.filter(verdict__in=WRITTEN).count()


def retryable(bulk: Bulk) -> int:
    """How many items failed in a way that may be tried again."""
    return again(bulk).count()


def again(bulk: Bulk) -> QuerySet[BulkItem]:
    """Those: shares that failed, or of a revoke what is still shared.

    Not what a person declined or withdrew, and nothing for an account that has left the group since.
    """
    if bulk.wanted == Wanted.ABSENT:
        return bulk.items.filter(RULES[Outcome.STILL])
    said_no = Q(grant__failure_code__in=("declined", "withdrawn"), grant__isnull=False)
    is_member = Exists(GroupMember.objects.filter(group=OuterRef("share__group"), number=OuterRef("who")))
    return bulk.items.filter(RULES[Outcome.FAILED]).exclude(said_no).filter(Q(share=None) | is_member)


def happened(item: BulkItem) -> tuple[str, str]:
    """What happened and what to do next, for an item that is not simply as wanted."""
    grant, outcome = item.grant, outcome_of(item)
    if outcome in (Outcome.ALREADY, Outcome.SKIPPED):
        return item.says, item.next
    if item.failure:
        return item.failure, item.failure_next
    if grant is None:
        return "", ""
    if outcome is Outcome.SECOND:
        return grant.second_person, "Another owner or admin approves it on the grant's page."
    return grant.failure, grant.failure_next


def verdict_words(item: BulkItem) -> str:
    """The verdict of its line, in words: that no function has a name is not what is wrong where several have it."""
    several = item.verdict == Judgement.FUNCTION and SEVERAL.match(item.says)
    return "Several functions of this name" if several else str(Judgement(item.verdict).label)


def rows(bulk: Bulk) -> Iterator[tuple[object, ...]]:
    """Every line for the file, read as it is written."""
    for item in items(bulk).iterator(chunk_size=500):
        grant, policy = item.grant, item.place.policy if item.place else None
        what, following = happened(item)
        yield (
            item.number, item.function, policy.arn if policy else "", item.who, item.who_label, item.action,
            until(item.ends_at), item.reason, verdict_words(item), WORDS[outcome_of(item)],
            grant.get_verdict_display() if grant else "", what, following, grant.sid if grant else "",
        )  # fmt: skip
