"""What somebody can, or on a day could, invoke: an account, a role, an organisation, a service, everyone.

What is kept with every policy answers for all contents that are still current; only policies that changed since the moment
that is asked about are read anew. So the number of queries never depends on how much there is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import Count, Q, QuerySet, Value
from django.utils import timezone

from sharing.models import Actor, Exposure, Function, Policy
from sharing.models.policy import PolicyQuerySet
from sharing.policy import parse
from sharing.services import gaps
from sharing.services.organizations import UNKNOWN, Belonging, known
from sharing.services.trusting import Trust, trust

from . import past
from .about_function import once, stale_now
from .about_who_words import not_looked_at, sentences
from .answers import Answer, Group, Unread
from .appraising import appraise
from .denying import shut_out
from .lines import Certainty, Line, Lines, marked, named, of_reduced, read_together, who
from .outsiders import outsiders
from .past import Reads
from .polled import polled_in_account
from .principals import Names
from .subjects import Subject
from .ways import NOT_SAFE, Way, ways_of

_UNREAD_SHOWN = 6
#: What everybody can, or every member: counted, and listed when one asks for it.
FOLDED = ("everyone", "open", "organization", "organization-part")
_ORDER = ("policy__function__name", "policy__function__region", "policy__function_id", "policy__qualifier", "pk")


@dataclass(frozen=True)
class _Asked:
    """What every part of one answer shares. `changed`: lines of policies whose content then is not today's. `aside`:
    keys of what is kept and lets nobody in."""

    by: Actor
    at: datetime | None
    trust: Trust
    policies: PolicyQuerySet
    reads: Reads | None
    changed: Sequence[Line]
    unread: Sequence[Unread]
    aside: Sequence[int] = ()

    @property
    def kept(self) -> QuerySet[Exposure]:
        """What today's contents let in: those that stood at the moment, too."""
        found: QuerySet[Exposure] = Exposure.objects.exclude(pk__in=self.aside) if self.aside else Exposure.objects.all()
        if not self.by.active or not self.by.sees_every_account:
            found = found.filter(policy__in=Policy.objects.visible_to(self.by))
        # A function's policies vanish with it (services.syncing.keeping), so theirs is the only join that is needed.
        if self.at is None:
            return found.filter(policy__vanished_at=None)
        there = Q(policy__vanished_at=None) | Q(policy__vanished_at__gt=self.at)
        return found.filter(there, policy__current__first_seen_at__lte=self.at)


def about_who(subject: Subject, *, by: Actor, at: datetime | None = None, how: str = "") -> Answer:
    """The answer. `at`: a moment in the past, or None for the policies as last read. `how`: only this way (a group's key)."""
    now = timezone.now()
    asked = _asked(by, at, trust())
    # Who belonged where on a past day is not kept: only now is known.
    members = known(now) if not at and subject.account else UNKNOWN
    belonging = members.of(subject.account)
    aside, outside = outsiders(subject, asked.kept, members=members, trust=asked.trust, at=now)
    asked = replace(asked, aside=aside)
    every = ways_of(subject, belonging, _parts_of(belonging, asked))
    ways = [way for way in every if not how or way.key == how]
    folded = () if subject.kind == "everyone" else FOLDED
    groups = _groups(ways, asked, folded=None if how else folded)
    denied = shut_out(subject, asked.policies) if how in ("", "deny") and not at else None
    functions = Function.objects.visible_to(by).filter(vanished_at=None)
    own, unlooked_at, unmapped, unread = _counts(
        functions.filter(account__number=subject.account) if subject.account else functions.none(),
        # Versions, tags and URLs are read together: what has no such read was never looked at for either.
        functions.filter(details_read_at=None),
        functions.filter(mappings_read_at=None),
        asked.policies.unread() if asked.reads is None else asked.policies.none(),
    )
    unread, changed = (unread, 0) if asked.reads is None else _unread_counts(asked, asked.reads)
    found, polling = polled_in_account(subject, by=by, at=at) if not how else ((), ())
    told = [*groups, *(group for group in (outside if how in ("", "outsider") else None, denied) if group)]
    return Answer(
        subject,
        by.label,
        now,
        at,
        (*sentences(subject, every, told, belonging, own, unread, changed, at), *polling),
        tuple(told),
        {
            "public": sum(group.public for group in groups),
            "opened": sum(group.opened for group in groups),
            "unsure": sum(group.unsure for group in groups),
            "unread": unread,
            "changed": changed,
        },
        tuple(asked.unread[:_UNREAD_SHOWN]) if at else _unread_now(asked),
        not_looked_at(unlooked_at, unmapped, at),
        gaps.summary(by),
        asked.trust,
        unlisted=bool(unlooked_at),
        only=next((way.title for way in every if way.key == how), "") if how else "",
        polled=found,
    )


def _parts_of(belonging: Belonging, asked: _Asked) -> set[str]:
    """The parts of its organisation that statements name; nothing where it is not known which it is in."""
    if not belonging.path:
        return set()
    found = asked.kept.filter(kind="organization", principal__startswith=f"{belonging.home}/")
    return set(found.order_by().values_list("principal", flat=True).distinct())


def _asked(by: Actor, at: datetime | None, known: Trust) -> _Asked:
    visible = Policy.objects.visible_to(by)
    if at is None:
        return _Asked(by, at, known, visible.filter(vanished_at=None), None, (), ())
    reads = Reads.around(at, by=by)
    changed = visible.filter(Q(current=None) | Q(current__first_seen_at__gt=at))
    lines: list[Line] = []
    unread: list[Unread] = []
    for content in past.contents(changed, at=at, by=by, reads=reads):
        if content.certainty in (Certainty.UNREAD, Certainty.CHANGED):
            unread.append(Unread(content, content.note, gap=content.certainty is Certainty.CHANGED))
        if content.certainty is Certainty.ABSENT:
            continue
        for version in (content.version, content.other):
            if version is None or (version is content.other and content.certainty is not Certainty.CHANGED):
                continue
            found = appraise(content.policy, parse(version.document or None), trust=known, at=at, past=True)
            lines += [
                marked(of_reduced(content.policy, version, one, Names({}), past=True), content.certainty, content.note)
                for one in found
            ]
    return _Asked(by, at, known, visible, reads, once(lines), unread)


def _groups(ways: Sequence[Way], asked: _Asked, *, folded: Sequence[str] | None) -> list[Group]:
    """Those ways that somebody can go, counted in one query. What is not folded is begun to be read; None: nothing is."""
    each = [_counting(way, asked) for way in ways]
    # A constant needs no GROUP BY: a way that nobody can go is a row of zeros.
    counts = {row["way"]: row for row in each[0].union(*each[1:], all=True) if row["lines"]} if each else {}
    taken: dict[str, list[Line]] = {}
    for line in asked.changed:
        key = next((way.key for way in ways if way.takes(line)), "")
        taken.setdefault(key, []).append(line)
    found = [(way, _group(way, counts.get(way.key), taken.get(way.key, []), asked)) for way in ways]
    groups = [(way, group) for way, group in found if group is not None]
    if folded is not None:
        read_together([group.lines for way, group in groups if way.key not in folded])
    return [group for _, group in groups]


def _counting(way: Way, asked: _Asked) -> Any:
    """One row with the counts of one way, if there is anything to count: a queryset of dicts."""
    # Whether a URL was missing at a past moment is not known: what is only on paper now may have been usable.
    usable = Q(latent=False) if asked.at is None else None
    by_url = Count("policy__function_id", distinct=True, filter=Q(action_class="invoke-url", latent=False))
    return (
        asked.kept.filter(way.kept)
        .order_by()
        .annotate(way=Value(way.key))
        .values("way")
        .annotate(
            lines=Count("pk"),
            functions=Count("policy__function_id", distinct=True, filter=usable),
            paper=Count("pk", filter=Q(latent=True)),
            urls=by_url if way.kinds == ("everyone",) and not way.rights else Value(0),
            wide=Count("pk", filter=Q(public__in=NOT_SAFE)),
            open=Count("pk", filter=Q(open_service__in=NOT_SAFE)),
            hanging=Count("pk", filter=Q(public="depends") | Q(open_service="depends") | Q(external="depends")),
        )
    )


def _group(way: Way, counts: dict[str, Any] | None, changed: list[Line], asked: _Asked) -> Group | None:
    if counts is None and not changed:
        return None
    facts = counts or dict.fromkeys(("lines", "functions", "paper", "urls", "wide", "open", "hanging"), 0)
    rows = asked.kept.filter(way.kept).order_by(*_ORDER)
    read = partial(_read, trust=asked.trust, stale=_stale(asked.reads), past_=asked.at is not None)
    return Group(
        way.key,
        way.title,
        Lines(_with_names(changed), rows, read, facts["lines"]),
        facts["functions"] + len({line.policy.function_id for line in changed}),
        public=facts["wide"] + sum(line.public != "no" for line in changed),
        opened=facts["open"] + sum(line.open_service != "no" for line in changed),
        unsure=facts["hanging"]
        + sum("depends" in (line.public, line.open_service, line.external) for line in changed)
        + (facts["lines"] + len(changed) if way.perhaps else 0),
        paper=0 if asked.at else facts["paper"],
        by_url=facts["urls"] + len({line.policy.function_id for line in changed if line.action_class == "invoke-url"}),
        note=way.note,
        perhaps=way.perhaps,
    )


def _with_names(lines: Sequence[Line]) -> list[Line]:
    """Lines that were made without asking the database for names."""
    if not lines:
        return []
    names = Names.of(line.account for line in lines)
    return [replace(line, who=who(names, line.kind, line.principal, line.account)) for line in lines]


def _stale(reads: Reads | None) -> Callable[[Policy], tuple[Certainty, str]]:
    """Why today's content of a policy may not be what AWS holds, or held at the moment."""

    def now(policy: Policy) -> tuple[Certainty, str]:
        note = stale_now(policy)
        return (Certainty.UNREAD if note else Certainty.KNOWN), note

    def then(policy: Policy) -> tuple[Certainty, str]:
        assert reads is not None  # noqa: S101
        assert policy.current is not None  # noqa: S101
        content = past.content_of(policy, [policy.current], reads, born=policy.function.first_seen_at)
        return content.certainty, content.note

    return then if reads else now


def _read(
    rows: Sequence[Exposure], *, trust: Trust, stale: Callable[[Policy], tuple[Certainty, str]], past_: bool
) -> list[Line]:
    return [_then(marked(line, *stale(line.policy)), past_) for line in named(rows, trust)]


def _then(line: Line, past_: bool) -> Line:
    """Today's URLs say nothing about the past."""
    if past_ and line.by_url:
        latent = "" if "function has no URL" in line.latent or "function's URL is of type" in line.latent else line.latent
        return replace(line, latent=latent, depends_on=(*line.depends_on, "whether the function had a URL then"))
    return line


def _counts(*several: QuerySet[Any]) -> list[int]:
    """How many rows each of them has. One query."""
    first, *rest = (
        rows.order_by().annotate(place=Value(place)).values_list("place").annotate(many=Count("pk"))
        for place, rows in enumerate(several)
    )
    found = dict(first.union(*rest, all=True))
    return [found.get(place, 0) for place, _ in enumerate(several)]


def _unread_counts(asked: _Asked, reads: Reads) -> tuple[int, int]:
    unread = sum(not one.gap for one in asked.unread)
    places = Q(pk=None)
    for account, region in set(reads.before) - set(reads.after):
        places |= Q(function__account=account, function__region=region)
    still = asked.policies.filter(
        Q(vanished_at=None) | Q(vanished_at__gt=asked.at),
        Q(read_at=None) | Q(read_at__lt=asked.at),
        places | Q(unread_since__isnull=False),
        current__first_seen_at__lte=asked.at,
    )
    return unread + still.count(), len(asked.unread) - unread


def _unread_now(asked: _Asked) -> tuple[Unread, ...]:
    rows = asked.policies.unread().select_related("function__account", "current")
    shown = rows.order_by("unread_since", "pk")[:_UNREAD_SHOWN]
    return tuple(
        Unread(past.Content(policy, Certainty.UNREAD, policy.current, note=stale_now(policy)), stale_now(policy))
        for policy in shown
    )
