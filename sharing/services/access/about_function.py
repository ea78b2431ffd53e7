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

from . import past, unlooked
from .answers import Answer, Group, Unread, counted, listed
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
    known = trust()
    policies = function.policies.filter(pk=subject.policy.pk) if subject.policy else function.policies.all()
    if at:
        contents = past.contents(policies, at=at, by=by)
    else:
        contents = _now(policies if subject.policy else policies.filter(vanished_at=None), by, now)
    members = UNKNOWN if at else known_members(now)
    lines = lines_of(contents, at=at or now, known=known, past_=at is not None, members=members)
    groups = _groups(lines)
    unread = [one for one in map(_unread, contents) if one]
    place = {(function.account_id, function.region)}
    unlooked_at = _not_looked_at(subject, contents, at)
    found, polling = polled_by_function(subject, at=at)
    return Answer(
        subject,
        by.label,
        now,
        at,
        (*_sentences(subject, groups, unread, contents, at), *_member_words(lines, members), *polling),
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
        gaps.summary(by, within=place),
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


def _now(policies: QuerySet[Policy], by: Actor, now: datetime) -> list[Content]:
    """The last content of each policy that AWS still lists."""
    found = []
    reads = past.Reads.around(now, by=by)
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


def _sentences(
    subject: Subject, groups: Sequence[Group], unread: Sequence[Unread], contents: Sequence[Content], at: datetime | None
) -> tuple[str, ...]:
    could = "could" if at else "can"
    if not contents:
        return (f"Whether anybody {could} invoke {subject.label} is not known: no policy of it was ever read.",)
    there = [one for one in contents if one.certainty is not Certainty.ABSENT]
    if not there:
        notes = listed(one.note for one in contents if not one.policy.qualifier or subject.policy) or "AWS did not list it."
        return (f"Nobody {could} invoke {subject.label}: {'it was not there' if at else 'it is gone'}. {notes}",)
    said = []
    ways = {group.key: list(group.lines) for group in groups}
    everyone = [line for line in ways.get("everyone", ()) if not line.latent]
    by_url = [line for line in everyone if line.by_url]
    parts = [line.who for key in ("own", "organization", "service") for line in ways.get(key, ()) if not line.latent]
    by_all = []
    if len(by_url) < len(everyone):
        by_all.append("by everyone")
    if by_url:
        by_all.append(
            f"by {'the whole internet' if any(x.audience == 'internet' for x in by_url) else 'everyone'} through its URL"
        )
    if everyone and all(line.public == "depends" for line in everyone):
        by_all = [f"perhaps {words}" for words in by_all]
    if parts or by_all:
        names = f"by {listed(parts)}" if parts else ""
        also = " and ".join(by_all)
        said.append(f"{subject.label} {could} be invoked {' and '.join(part for part in (names, also) if part)}.")
    else:
        unknown = any(not one.gap for one in unread)
        found = "Nobody outside its account was found who" if not unknown else "Whether anybody"
        tail = ", by the policies that were read" if not unknown else " is not known: see what is unread"
        said.append(f"{found} {could} invoke {subject.label}{tail}.")
    latent = [line.who for lines in ways.values() for line in lines if line.latent]
    if latent:
        said.append(f"Not usable {'then' if at else 'now'}, but written down: {listed(latent)}.")
    if "rights" in ways:
        said.append(f"{listed(line.who for line in ways['rights'])} may read or manage it, which is told apart below.")
    if "deny" in ways:
        said.append(f"A Deny shuts out {listed(line.who for line in ways['deny'])}.")
    gaps_ = sum(one.gap for one in unread)
    if gaps_:
        said.append(
            f"{counted(gaps_, 'policy', 'policies')} changed between two reads around that moment: both contents are told."
        )
    if len(unread) > gaps_:
        said.append(f"{counted(len(unread) - gaps_, 'policy', 'policies')} unread: who they let in is not known for certain.")
    said += _url_words(subject, at)
    return tuple(said)


def _member_words(lines: Sequence[Line], members: Memberships) -> list[str]:
    """How many accounts an organisation that is let in has; or why that is not known."""
    names = dict.fromkeys(line.principal.split("/", 1)[0] for line in lines if line.kind == "organization" and not line.latent)
    said = []
    for name in names:
        if name in members.whole:
            many = counted(sum(home == name for home in members.homes.values()), "account")
            said.append(f"Organisation {name} has {many}, as read at {utc(members.whole[name])}.")
        elif name in members.stale:
            said.append(f"Which accounts belong to organisation {name} is not known. {members.stale[name]}")
    return said


def _url_words(subject: Subject, at: datetime | None) -> list[str]:
    function = subject.function
    if at or function is None or not function.urls:
        return []
    urls = {name: kind for name, kind in function.urls.items() if subject.policy is None or subject.policy.qualifier == name}
    if not urls:
        return []
    said = listed(f"{f'on alias {name}' if name else 'on the function itself'} of type {kind}" for name, kind in urls.items())
    return [f"It has {counted(len(urls), 'function URL')}: {said}."]


def _not_looked_at(subject: Subject, contents: Sequence[Content], at: datetime | None) -> tuple[str, ...]:
    function = subject.function
    assert function is not None  # noqa: S101
    found = [unlooked.owner(function.account.name), unlooked.SOURCES, unlooked.CONSUMERS]
    if at:
        found.append(unlooked.PAST_MAPPINGS)
    elif function.mappings_read_at is None:
        found.append(unlooked.mappings(1))
    if function.details_read_at is None and subject.policy is None:
        found.append(unlooked.VERSIONS)
    if at:
        found.append(unlooked.PAST_URLS)
    elif function.urls is None:
        found.append(unlooked.URLS)
    if function.aliases_failure:
        found.append(f"Its aliases could not be listed: {function.aliases_failure}")
    if not contents:
        found.append("No policy of it was ever read.")
    return tuple(found)
