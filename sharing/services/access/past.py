"""Which content each policy had at a moment in the past, and how sure that is.

fnshare knows reads, not moments between them. A content is *known* for a moment when it was seen before and after it and
nothing else in between; *changed* when the moment lies between the last read of one content and the first of the next:
both are possible; *unread* when nothing was read yet, or nothing since. Each is said, and only *known* is safe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Max, Min, QuerySet

from sharing.models import Actor, Policy, PolicyVersion, Qualifier, Sync, SyncKind
from sharing.services.gaps import utc
from sharing.services.syncing.latest import Place

from .lines import Certainty


@dataclass(frozen=True)
class Content:
    """What a policy held at a moment.

    `version`: the content, or the last that was known when it is not certain; None when there is none to tell. `other`:
    the content at the other side of a gap. `note` says why it is not known; "" when it is.
    """

    policy: Policy
    certainty: Certainty
    version: PolicyVersion | None = None
    other: PolicyVersion | None = None
    note: str = ""
    reads: str = ""


@dataclass(frozen=True)
class Reads:
    """The complete reads around a moment, by place: the last that began before it, the first that began after it."""

    at: datetime
    before: dict[Place, datetime]
    after: dict[Place, tuple[datetime, datetime]]

    @classmethod
    def around(cls, at: datetime, *, by: Actor, place: Place | None = None) -> Reads:
        """Two queries. `place`: of this one alone."""
        sweeps = Sync.objects.visible_to(by).complete().filter(kind=SyncKind.SWEEP).order_by()
        if place is not None:
            sweeps = sweeps.filter(account=place[0], region=place[1])
        before = sweeps.filter(started_at__lte=at).values("account_id", "region").annotate(at=Max("started_at"))
        # Reads of one place never overlap: the first to begin is the first to end.
        after = (
            sweeps.filter(started_at__gte=at)
            .values("account_id", "region")
            .annotate(began=Min("started_at"), ended=Min("finished_at"))
        )
        return cls(
            at,
            {(row["account_id"], row["region"]): row["at"] for row in before},
            {(row["account_id"], row["region"]): (row["began"], row["ended"]) for row in after if row["ended"]},
        )


def contents(policies: QuerySet[Policy], *, at: datetime, by: Actor, reads: Reads | None = None) -> list[Content]:
    """What each of these policies held at that moment, vanished ones included. Up to five queries."""
    reads = reads or Reads.around(at, by=by)
    found = list(policies.select_related("function__account", "current"))
    versions: dict[object, list[PolicyVersion]] = {}
    for version in PolicyVersion.objects.filter(policy__in=policies.order_by()).order_by("first_seen_at", "pk"):
        versions.setdefault(version.policy_id, []).append(version)
    born: dict[tuple[object, str], datetime] = {
        (function, name): first
        for function, name, first in Qualifier.objects.filter(
            function__in=policies.order_by().values("function_id")
        ).values_list("function_id", "name", "first_seen_at")
    }
    return [
        content_of(
            policy,
            versions.get(policy.pk, []),
            reads,
            born=max(
                policy.function.first_seen_at, born.get((policy.function_id, policy.qualifier), policy.function.first_seen_at)
            ),
        )
        for policy in found
    ]


def content_of(policy: Policy, versions: Sequence[PolicyVersion], reads: Reads, *, born: datetime) -> Content:
    """One policy, from its versions in the order they were seen. `born`: when the function (or alias) was first listed."""
    at = reads.at
    gone = min((one for one in (policy.vanished_at, policy.function.vanished_at) if one), default=None)
    if gone and gone <= at:
        return Content(policy, Certainty.ABSENT, note=f"AWS did not list it any more at {utc(gone)}.")
    valid = next((one for one in reversed(versions) if one.first_seen_at <= at), None)
    following = next((one for one in versions if one.first_seen_at > at), None)
    if valid is None:
        return _before_the_first(policy, following, reads, born)
    if following is not None:
        seen = following.last_seen_without or valid.first_seen_at
        if at <= seen:
            around = f"Read with this content at {utc(valid.first_seen_at)} and at {utc(seen)}."
            return Content(policy, Certainty.KNOWN, valid, reads=around)
        note = f"Changed between two reads: at {utc(seen)} it was the one content, at {utc(following.first_seen_at)} the other."
        return Content(policy, Certainty.CHANGED, valid, following, note)
    return _still_current(policy, valid, reads, gone)


def _before_the_first(policy: Policy, following: PolicyVersion | None, reads: Reads, born: datetime) -> Content:
    place = (policy.function.account_id, policy.function.region)
    if born > reads.at:
        after = reads.after.get(place)
        if after and after[1] < born:
            return Content(policy, Certainty.ABSENT, note=f"It did not exist yet: AWS did not list it at {utc(after[0])}.")
        if place in reads.before:
            note = f"It appeared between two reads: not listed at {utc(reads.before[place])}, listed at {utc(born)}."
            return Content(policy, Certainty.CHANGED, None, following, note)
        return Content(policy, Certainty.UNREAD, note=f"Its region was not read yet. It was first listed at {utc(born)}.")
    first = f"It was first read at {utc(following.first_seen_at)}." if following else "It was never read."
    if following is not None and settings.KEEP.policy_versions is not None:
        return Content(
            policy, Certainty.UNREAD, note="What was read of its policy until then is not kept, if it was read at all."
        )
    return Content(policy, Certainty.UNREAD, note=f"Its policy was not read yet. {first}")


def _still_current(policy: Policy, valid: PolicyVersion, reads: Reads, gone: datetime | None) -> Content:
    at = reads.at
    seen = seen_after(policy, reads)
    since = utc(valid.first_seen_at)
    if seen is not None:
        return Content(policy, Certainty.KNOWN, valid, reads=f"Read with this content at {since} and at {utc(seen)}.")
    if gone is not None:
        note = f"It vanished between two reads: AWS did not list it any more at {utc(gone)}."
        return Content(policy, Certainty.CHANGED, valid, None, note)
    if policy.unread_since is not None:
        note = f"Not readable since {utc(policy.unread_since)}: {policy.unread_reason or 'AWS did not answer.'}"
    else:
        last = reads.before.get((policy.function.account_id, policy.function.region))
        last = max((one for one in (last, policy.read_at) if one and one <= at), default=valid.first_seen_at)
        note = f"Not read again since {utc(last)}."
    return Content(policy, Certainty.UNREAD, valid, note=note)


def seen_after(policy: Policy, reads: Reads) -> datetime | None:
    """A read at or after the moment that saw the policy's current content; None if there was none."""
    at, function = reads.at, policy.function
    seen = [policy.read_at]
    if policy.qualifier.isdigit():
        seen.append(function.details_read_at)  # versions' policies are read with the details only
    else:
        after = reads.after.get((function.account_id, function.region))
        until = min((one for one in (policy.unread_since, policy.vanished_at, function.vanished_at) if one), default=None)
        if after and (until is None or after[1] < until):
            seen.append(after[0])
    return min((one for one in seen if one and one >= at), default=None)


def last_seen(policy: Policy, reads: Reads) -> datetime | None:
    """The last read before the moment that is likely to have seen what is kept of the policy."""
    function = policy.function
    swept = function.details_read_at if policy.qualifier.isdigit() else reads.before.get((function.account_id, function.region))
    return max((one for one in (policy.read_at, swept) if one and one <= reads.at), default=None)
