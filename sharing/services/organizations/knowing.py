"""What is known of who belongs where. Only what was read completely and lately is known; the rest is not denied."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache

from django.db.models import QuerySet
from django.utils import timezone

from sharing.models import Organization, OrganizationMember
from sharing.policy.principal import ORGANIZATION_ID
from sharing.policy.verdicts import Answer, inside

#: An account in any other state can do nothing, or soon: its membership proves nothing to anybody. "": AWS told none.
PROVES = ("ACTIVE", "")


@dataclass(frozen=True)
class Belonging:
    """One account. `home`: the organisation it is known to be in; `outside`: those it is known not to be in, where no home
    is known. `path`: of its unit, as aws:PrincipalOrgPaths says it; "" where that is not known. `words`: the same in a
    sentence, with its age; "" where nothing is known of any organisation."""

    home: str | None = None
    outside: tuple[str, ...] = ()
    words: str = ""
    path: str = ""


@dataclass(frozen=True)
class Memberships:
    """`homes`: account id → organisation id. `whole`: organisations all of whose members are known → when they were read.

    `paths`: account id → `o-x/r-y/ou-z/`, of those whose unit is known too; `walked`: organisations whose units are known →
    when they were read. `stale`: organisations that are known no more → why; `lapsed`: account id → the one of these it was
    in when last read.
    """

    homes: Mapping[str, str] = field(default_factory=dict)
    whole: Mapping[str, datetime] = field(default_factory=dict)
    stale: Mapping[str, str] = field(default_factory=dict)
    lapsed: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    walked: Mapping[str, datetime] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything at all is known for certain."""
        return bool(self.whole)

    @property
    def mark(self) -> str:
        """Changes when somebody joins or leaves, or what is known becomes stale; not with a read that finds the same."""
        if not self:
            return ""
        told = "\n".join((*sorted(self.whole), *(f"{number} {home}" for number, home in sorted(self.places.items()))))
        return hashlib.sha256(told.encode()).hexdigest()

    @cached_property
    def places(self) -> dict[str, str]:
        """Account id → the path of its unit, or the organisation alone where its unit is not known."""
        return {**self.homes, **self.paths}

    def is_in(self, number: str, principal: str) -> Answer:
        """Whether an account belongs to an organisation, or to the unit that a path names."""
        root, slash, _ = principal.partition("/")
        home = self.homes.get(number)
        if not ORGANIZATION_ID.fullmatch(root):
            return Answer.DEPENDS  # a pattern, or the owner's own organisation
        if home == root:
            found = inside(self.paths.get(number, home), principal) if slash else True
            return Answer.DEPENDS if found is None else Answer.YES if found else Answer.NO
        return Answer.NO if home or root in self.whole else Answer.DEPENDS

    def of(self, number: str) -> Belonging:
        """What is known of one account."""
        home = self.homes.get(number)
        if home:
            words = f"It belongs to organisation {home}, as read at {_utc(self.whole[home])}."
            path = self.paths.get(number, "")
            unit = f" It is in the unit {path}, as read at {_utc(self.walked[home])}." if path else ""
            return Belonging(home, (), f"{words}{unit}", path)
        outside = tuple(sorted(self.whole))
        said = []
        if outside:
            since = min(self.whole.values())
            words = " or ".join(outside)
            said.append(f"It does not belong to organisation {words}, as read at {_utc(since)}.")
        lapsed = self.lapsed.get(number)
        if lapsed:
            said.append(f"When it was last read, it belonged to organisation {lapsed}. {self.stale[lapsed]}")
        elif self.stale:
            one = next(iter(sorted(self.stale)))
            said.append(f"Whether it belongs to organisation {one} is not known. {self.stale[one]}")
        return Belonging(None, outside, " ".join(said))


UNKNOWN = Memberships()


def known(now: datetime | None = None) -> Memberships:
    """Everything that is known. One query; a second one when members were read since this process last asked."""
    now = now or timezone.now()
    rows = list(Organization.objects.select_related("connection"))
    if not rows:
        return UNKNOWN
    whole: dict[str, datetime] = {}
    stale: dict[str, str] = {}
    for one in rows:
        why = one.stale(now)
        if why or one.read_at is None:
            stale[one.organization_id] = why
        else:
            whole[one.organization_id] = one.read_at
    everybody, paths = _everybody(tuple((one.pk, one.read_at, one.units_read_at) for one in rows))
    walked = {one.organization_id: one.units_read_at for one in rows if one.units_read_at and not one.units_stale(now)}
    return Memberships(
        {number: home for number, home in everybody.items() if home in whole},
        whole,
        stale,
        {number: home for number, home in everybody.items() if home in stale},
        {number: path for number, path in paths.items() if everybody[number] in walked},
        walked,
    )


@lru_cache(maxsize=2)
def _everybody(
    read: tuple[tuple[uuid.UUID, datetime | None, datetime | None], ...],
) -> tuple[dict[str, str], dict[str, str]]:
    """Account id → organisation id, and → the path of its unit.

    Members and where they are change only with a read of some organisation, so its times are the cache's key.
    """
    rows = OrganizationMember.objects.present().filter(organization__in=[pk for pk, _, _ in read])
    told = list(rows.order_by().values_list("number", "organization__organization_id", "unit__path"))
    return {number: home for number, home, _ in told}, {number: path for number, _, path in told if path}


def organization_of(number: str) -> str | None:
    """The organisation that an active account is proved to belong to; None: to none that is known, or not known now."""
    return organizations_of((number,)).get(number)


def organizations_of(numbers: Iterable[str]) -> dict[str, str]:
    """The same for many, those without left out. One query."""
    now = timezone.now()
    rows = OrganizationMember.objects.present().filter(number__in=list(numbers)).filter(status__in=PROVES)
    found = rows.select_related("organization__connection")
    return {one.number: one.organization.organization_id for one in found if not one.organization.stale(now)}


def members(organization_id: str) -> QuerySet[OrganizationMember]:
    """Who belonged to it when it was last read, by name; whether that still counts, `known` says."""
    return OrganizationMember.objects.present().filter(organization__organization_id=organization_id).order_by("name", "number")


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
