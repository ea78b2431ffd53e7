"""Two moments compared: who gained, who lost, what became wider or narrower, between which reads and by whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from sharing.models import Actor, Function, Grant, GrantState, Policy, PolicyVersion
from sharing.policy import compare, parse
from sharing.services.gaps import utc
from sharing.services.trusting import Trust, trust

from . import past
from .appraising import appraise
from .lines import Certainty, Line, of_reduced
from .past import Content
from .principals import Names

_WIDTH = {"no": 0, "depends": 1, "yes": 2}


@dataclass(frozen=True)
class Step:
    """One change of the content between two reads. `by`: what explains it; outside fnshare where nothing does."""

    version: PolicyVersion
    between: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    by: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """What changed on one policy. `wider`, `narrower`: (before, after) of one principal. `notes`: why it is not certain."""

    policy: Policy
    gained: tuple[Line, ...]
    lost: tuple[Line, ...]
    wider: tuple[tuple[Line, Line], ...]
    narrower: tuple[tuple[Line, Line], ...]
    steps: tuple[Step, ...]
    notes: tuple[str, ...]

    @property
    def certain(self) -> bool:
        """Whether both contents are known."""
        return not self.notes


def changed_policies(
    *, by: Actor, since: datetime, until: datetime | None, function: Function | None = None
) -> QuerySet[Policy]:
    """The policies whose content may not be the same at both moments, in the order of their functions' names."""
    until = until or timezone.now()
    versions = PolicyVersion.objects.filter(policy=OuterRef("pk"), first_seen_at__gt=since).filter(
        Q(last_seen_without__lt=until) | Q(last_seen_without=None, first_seen_at__lte=until)
    )
    gone = Q(vanished_at__gt=since, vanished_at__lte=until)
    gone |= Q(function__vanished_at__gt=since, function__vanished_at__lte=until)
    found = Policy.objects.visible_to(by).filter(Exists(versions) | gone).select_related("function__account", "current")
    if function is not None:
        found = found.filter(function=function)
    return found.order_by("function__name", "function__region", "function_id", "qualifier")


def changes(policies: Sequence[Policy], *, by: Actor, since: datetime, until: datetime | None) -> list[Change]:
    """What changed on these (a page of `changed_policies`). A fixed number of queries."""
    keys = [policy.pk for policy in policies]
    chosen = Policy.objects.filter(pk__in=keys)
    end = until or timezone.now()
    known = trust()
    before = {one.policy.pk: one for one in past.contents(chosen, at=since, by=by)}
    after = {one.policy.pk: one for one in past.contents(chosen, at=end, by=by)}
    if until is None:
        after = {key: _now(one) for key, one in after.items()}
    versions: dict[object, list[PolicyVersion]] = {}
    for version in PolicyVersion.objects.filter(policy__in=keys).order_by("first_seen_at", "pk"):
        versions.setdefault(version.policy_id, []).append(version)
    grants: dict[tuple[object, str], list[Grant]] = {}
    for grant in Grant.objects.filter(policy__in=keys).order_by("created_at"):
        grants.setdefault((grant.policy_id, grant.sid), []).append(grant)
    lines = {
        policy.pk: (
            _lines(before[policy.pk], before[policy.pk].version, since, known),
            _lines(after[policy.pk], _later(after[policy.pk]), end, known),
        )
        for policy in policies
    }
    names = Names.of(account for pair in lines.values() for side in pair for account in _accounts(side))
    return [
        _change(
            policy,
            before[policy.pk],
            after[policy.pk],
            lines[policy.pk],
            names,
            _steps(versions[policy.pk], grants, since, end),
        )
        for policy in policies
        if policy.pk in versions
    ]


def _now(content: Content) -> Content:
    """For a comparison with now: the policy as last read."""
    policy = content.policy
    if content.certainty is Certainty.ABSENT:
        return content
    unread = policy.unread_since is not None or policy.current is None
    return Content(policy, Certainty.UNREAD if unread else Certainty.KNOWN, policy.current, note=content.note if unread else "")


def _later(content: Content) -> PolicyVersion | None:
    return content.other if content.certainty is Certainty.CHANGED else content.version


def _accounts(reduced: Iterable[tuple[PolicyVersion, object]]) -> list[str]:
    return [str(getattr(one, "account", "") or "") for _, one in reduced]


def _lines(content: Content, version: PolicyVersion | None, at: datetime, known: Trust) -> list[tuple[PolicyVersion, object]]:
    if version is None or content.certainty is Certainty.ABSENT:
        return []
    document = parse(version.document or None)
    return [(version, one) for one in appraise(content.policy, document, trust=known, at=at, past=True)]


def _change(
    policy: Policy,
    before: Content,
    after: Content,
    lines: tuple[list[tuple[PolicyVersion, object]], list[tuple[PolicyVersion, object]]],
    names: Names,
    steps: tuple[Step, ...],
) -> Change:
    told = [
        [of_reduced(policy, version, one, names, past=True) for version, one in side]  # type: ignore[arg-type]  # an Exposure
        for side in lines
    ]
    old, new = ({_who(line): line for line in side} for side in told)
    both = [(old[key], new[key]) for key in new if key in old]
    notes = [f"At the first moment: {before.note}"] if before.note and before.certainty is not Certainty.ABSENT else []
    notes += [f"At the second moment: {after.note}"] if after.note and after.certainty is not Certainty.ABSENT else []
    return Change(
        policy,
        # What was not read at one side was neither gained nor lost: the note says that it is not known.
        tuple(line for key, line in new.items() if key not in old) if _told(before) else (),
        tuple(line for key, line in old.items() if key not in new) if _told(after) else (),
        tuple(pair for pair in both if _compared(*pair) > 0),
        tuple(pair for pair in both if _compared(*pair) < 0),
        steps,
        tuple(notes),
    )


def _told(content: Content) -> bool:
    return content.version is not None or content.certainty is not Certainty.UNREAD


def _who(line: Line) -> tuple[str, ...]:
    return (line.kind, line.principal, line.account, line.action_class, "url" if line.by_url else "")


def _compared(before: Line, after: Line) -> int:
    """1: wider, -1: narrower, 0: the same. What is wider in anything counts as wider."""
    was, now = _widths(before), _widths(after)
    if any(n > w for w, n in zip(was, now, strict=True)):
        return 1
    if was != now:
        return -1
    lost, more = set(before.actions) - set(after.actions), set(after.actions) - set(before.actions)
    if more or set(before.conditions) - set(after.conditions):
        return 1
    return -1 if lost or set(after.conditions) - set(before.conditions) else 0


def _widths(line: Line) -> tuple[int, ...]:
    return (_WIDTH[line.public], _WIDTH[line.open_service], _WIDTH[line.external], int(not line.latent))


def _steps(
    versions: Sequence[PolicyVersion], grants: dict[tuple[object, str], list[Grant]], since: datetime, until: datetime
) -> tuple[Step, ...]:
    found = []
    for place, version in enumerate(versions):
        seen = version.last_seen_without
        if version.first_seen_at <= since or (seen or version.first_seen_at) >= until:
            continue
        earlier = versions[place - 1] if place else None
        changes_ = compare(parse(earlier.document or None if earlier else None), parse(version.document or None))
        added, removed = changes_.added, changes_.removed
        by = [_shared(grants.get((version.policy_id, one.sid or ""), ()), one.name) for one in added]
        by += [_taken(grants.get((version.policy_id, one.sid or ""), ()), one.name) for one in removed]
        by += [f"{after.name}: outside fnshare, between two reads" for _, after in changes_.changed]
        first = not place and seen is None
        between = (
            f"first read at {utc(version.first_seen_at)}"
            if first
            else f"between {utc(seen or since)} and {utc(version.first_seen_at)}"
        )
        found.append(
            Step(
                version,
                between,
                tuple(one.name for one in added),
                tuple(one.name for one in removed),
                tuple(after.name for _, after in changes_.changed),
                ("It was there when it was first read.",) if first else tuple(by),
            )
        )
    return tuple(found)


def _shared(grants: Sequence[Grant], name: str) -> str:
    if not grants:
        return f"{name} was added outside fnshare, between two reads"
    grant = grants[0]
    return f"{name} was shared here by {grant.requested_as} (“{grant.reason}”)"


def _taken(grants: Sequence[Grant], name: str) -> str:
    grant = next((one for one in reversed(grants) if one.wanted == "absent"), None)
    if grant is None and any(one.resumed_by_id for one in grants):
        return f"{name} was suspended here, and resumed since"
    if grant is None:
        return f"{name} was removed outside fnshare, between two reads"
    who = grant.revoked_as or "fnshare, on its end date"
    deed = "suspended" if grant.state == GrantState.SUSPENDED else "taken back"
    return f"{name} was {deed} here by {who}" + (f" (“{grant.revoke_reason}”)" if grant.revoke_reason else "")
