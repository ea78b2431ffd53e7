"""Who can, or on a day could, invoke one function, or one alias or version of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from sharing.models import Actor, Policy, PolicyVersion, Reading
from sharing.policy import Exposure, parse
from sharing.policy.ineffective import Blocked, blocked
from sharing.services import gaps
from sharing.services.gaps import utc
from sharing.services.organizations import UNKNOWN, Memberships
from sharing.services.organizations import known as known_members
from sharing.services.trusting import Trust, trust

from . import past
from .about_function_words import member_words, not_looked_at, sentences
from .answers import Answer, Group, Unread
from .appraising import appraise
from .denying import denied_line
from .lines import INVOKE, Certainty, Line, Lines, marked, of_reduced
from .past import Content
from .polled import polled_by_function
from .principals import Names
from .subjects import Subject

_TITLES = {
    "own": "By statements that name them",
    "service": "Through a service",
    "organization": "As a member of an organisation",
    "everyone": "As everyone",
    "rights": "Other rights: reading and managing it",
    "deny": "Shut out by a Deny",
}
_GROUPS = {"everyone": "everyone", "organization": "organization", "service": "service"}
_NOTES = {
    "rights": "They do not invoke it, but see or change it; managing rights can lead to invoking.",
    "deny": "A statement would let them in, and a Deny takes it away.",
    "organization": "Every account of the organisation, now and later.",
}


@dataclass(frozen=True)
class _Found:
    """One exposure of one content of one policy; or what a Deny takes away from it."""

    content: Content
    version: PolicyVersion
    one: Exposure | Blocked
    certainty: Certainty
    stale: str


def about_function(subject: Subject, *, by: Actor, at: datetime | None = None) -> Answer:
    """The answer. `at`: a moment in the past, or None for the policies as last read. A fixed number of queries."""
    function = subject.function
    assert function is not None  # noqa: S101
    now = timezone.now()
    known, place = trust(), (function.account_id, function.region)
    policies = function.policies.filter(pk=subject.policy.pk) if subject.policy else function.policies.all()
    if at:
        reads = past.Reads.around(at, by=by, place=place)
        contents = past.contents(policies, at=at, by=by, reads=reads)
    else:
        reads = past.Reads.around(now, by=by, place=place)
        contents = _now(policies if subject.policy else policies.filter(vanished_at=None), reads)
    members = UNKNOWN if at else known_members(now)
    lines = lines_of(contents, at=at or now, known=known, past_=at is not None, members=members)
    groups = _groups(lines)
    unread = [one for one in map(_unread, contents) if one]
    unlooked_at = not_looked_at(subject, contents, at)
    found, polling = polled_by_function(subject, at=at)
    return Answer(
        subject,
        by.label,
        now,
        at,
        (*sentences(subject, groups, unread, contents, at), *member_words(lines, members), *polling),
        groups,
        {
            "public": sum(group.public for group in groups),
            "opened": sum(group.opened for group in groups),
            "unsure": sum(group.unsure for group in groups),
            "unread": sum(not one.gap for one in unread) if contents else 1,
            "changed": sum(one.gap for one in unread),
        },
        tuple(unread),
        unlooked_at,
        gaps.summary(by, within={place}),
        known,
        tuple(contents),
        unlisted=bool(function.aliases_failure) or (function.details_read_at is None and subject.policy is None),
        polled=found,
    )


def lines_of(
    contents: Sequence[Content], *, at: datetime, known: Trust, past_: bool, members: Memberships = UNKNOWN
) -> list[Line]:
    """Everything these contents let in or shut out. One query, for the names."""
    found = [one for content in contents for one in _of_content(content, at, known, members, past_=past_)]
    names = Names.of(account for one in found for account in _accounts(one))
    return once([_line(one, names, past_) for one in found])


def _now(policies: QuerySet[Policy], reads: past.Reads) -> list[Content]:
    """The last content of each policy that AWS still lists."""
    found = []
    for policy in policies.select_related("function__account", "current"):
        gone = min((one for one in (policy.vanished_at, policy.function.vanished_at) if one), default=None)
        if gone:
            found.append(Content(policy, Certainty.ABSENT, note=f"AWS does not list it any more since {utc(gone)}."))
            continue
        note = stale_now(policy)
        certainty = Certainty.UNREAD if note else Certainty.KNOWN
        seen = past.last_seen(policy, reads)
        found.append(Content(policy, certainty, policy.current, note=note, reads=f"Last read at {utc(seen)}." if seen else ""))
    return found


def stale_now(policy: Policy) -> str:
    """Why the last known content may not be what AWS holds now; "" if nothing is known against it."""
    if policy.unread_since is not None:
        return f"Not readable since {utc(policy.unread_since)}: {policy.unread_reason or 'AWS did not answer.'}"
    if policy.reading == Reading.UNREAD or policy.current is None:
        return "It was never read."
    return ""


def _of_content(content: Content, at: datetime, known: Trust, members: Memberships, *, past_: bool) -> Iterable[_Found]:
    versions = [(content.version, content.certainty, content.note)]
    if content.certainty is Certainty.CHANGED:
        before = f"{content.note} This is from the content before."
        after = f"{content.note} This is from the content after."
        versions = [(content.version, content.certainty, before), (content.other, content.certainty, after)]
    if content.certainty is Certainty.ABSENT:
        return
    for version, certainty, note in versions:
        if version is None:
            continue
        document = parse(version.document or None)
        for one in appraise(content.policy, document, trust=known, members=members, at=at, past=past_):
            yield _Found(content, version, one, certainty, note)
        for denied in blocked(document, function_arn=content.policy.arn):
            yield _Found(content, version, denied, certainty, note)


def _accounts(found: _Found) -> tuple[str, ...]:
    return (found.one.account,) if found.one.account else ()


def _line(found: _Found, names: Names, past_: bool) -> Line:
    if isinstance(found.one, Exposure):
        line = of_reduced(found.content.policy, found.version, found.one, names, past=past_)
    else:
        line = denied_line(found.content.policy, found.version, found.one, names)
    return marked(line, found.certainty, found.stale)


def once(lines: Sequence[Line]) -> list[Line]:
    """A way in that both sides of a gap hold is certain and told once."""
    sides: dict[tuple[object, ...], set[object]] = {}
    for line in lines:
        sides.setdefault(line.key, set()).add(line.version.pk if line.version else None)
    told: dict[tuple[object, ...], Line] = {}
    found = []
    for line in lines:
        if line.certainty is Certainty.CHANGED and len(sides[line.key]) > 1:
            if line.key in told:
                continue
            line = told[line.key] = marked(line, Certainty.KNOWN, "")
        found.append(line)
    return found


def group_of(line: Line) -> str:
    """Which sort of way in it is."""
    if line.effect == "Deny":
        return "deny"
    if line.action_class not in INVOKE:
        return "rights"
    return _GROUPS.get(line.kind, "own")


def _groups(lines: Sequence[Line]) -> tuple[Group, ...]:
    by_key: dict[str, list[Line]] = {}
    for line in sorted(lines, key=lambda one: (one.safe, one.policy.qualifier, one.who)):
        by_key.setdefault(group_of(line), []).append(line)
    order = ("everyone", "service", "organization", "own", "rights", "deny")
    return tuple(_group(key, by_key[key]) for key in order if key in by_key)


def _group(key: str, lines: list[Line]) -> Group:
    usable = [line for line in lines if key != "deny"]
    return Group(
        key,
        _TITLES[key],
        Lines(lines),
        len({line.policy.function_id for line in lines}),
        public=sum(line.public != "no" for line in usable),
        opened=sum(line.open_service != "no" for line in usable),
        unsure=sum("depends" in (line.public, line.open_service, line.external) for line in usable),
        note=_NOTES.get(key, ""),
    )


def _unread(content: Content) -> Unread | None:
    if content.certainty is Certainty.UNREAD:
        return Unread(content, content.note)
    if content.certainty is Certainty.CHANGED:
        return Unread(content, content.note, gap=True)
    problem = parse(content.version.document or None).problem if content.version else None
    return Unread(content, f"The policy cannot be understood: {problem}.") if problem else None
