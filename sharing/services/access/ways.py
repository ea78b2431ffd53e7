"""How somebody may get in: each way as a condition on what is kept, and the same on what is told."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Q

from sharing.policy import Principal, PrincipalKind
from sharing.policy.verdicts import inside
from sharing.services.organizations import Belonging

from .lines import INVOKE, Line
from .subjects import Subject

#: As a policy's reduction calls an organisation that it names by a variable only.
OWN_ORGANISATION = "the owner's own organisation"
NOT_SAFE = ("yes", "depends")
RIGHTS = ("read", "manage")


@dataclass(frozen=True)
class Way:
    """One way in for a subject. Empty tuples do not narrow. `starts`, `ends`: or the principal starts and ends
    so; `pattern`: only principals with wildcards. `outside`: no organisation of these, nor a part of one.
    `opened`: only services that any account can drive.
    `sentence`: what the answer says, `{functions}` being how many; `perhaps`: it hangs on what is not known (`note`).
    """

    key: str
    title: str
    sentence: str
    kinds: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()
    starts: str = ""
    ends: str = ""
    pattern: bool = False
    outside: tuple[str, ...] = ()
    opened: bool = False
    rights: bool = False
    note: str = ""
    perhaps: bool = False

    @property
    def kept(self) -> Q:
        """On models.Exposure."""
        found = Q(action_class__in=RIGHTS if self.rights else INVOKE)
        if self.kinds:
            found &= Q(kind__in=self.kinds)
        if self.accounts:
            found &= Q(account__in=self.accounts)
        if self.principals or self.starts:
            named = Q(principal__in=self.principals)
            if self.starts:
                named |= Q(principal__startswith=self.starts, principal__endswith=self.ends)
            found &= named
        if self.pattern:
            found &= Q(principal__contains="*") | Q(principal__contains="?")
        for name in self.outside:
            found &= ~(Q(kind="organization") & (Q(principal=name) | Q(principal__startswith=f"{name}/")))
        if self.opened:
            found &= Q(open_service__in=NOT_SAFE)
        return found

    def takes(self, line: Line) -> bool:
        """Whether a line that is told goes this way."""
        named = not (self.principals or self.starts)
        named = named or line.principal in self.principals
        named = named or bool(self.starts and line.principal.startswith(self.starts) and line.principal.endswith(self.ends))
        return (
            line.effect == "Allow"
            and line.action_class in (RIGHTS if self.rights else INVOKE)
            and (not self.kinds or line.kind in self.kinds)
            and (not self.accounts or line.account in self.accounts)
            and named
            and (not self.pattern or "*" in line.principal or "?" in line.principal)
            and not (line.kind == "organization" and line.principal.split("/", 1)[0] in self.outside)
            and (not self.opened or line.open_service in NOT_SAFE)
        )


_MEMBER = "perhaps {functions} as a member of an organisation"
_MEMBERS = "Whether it belongs to the organisation is not known here: count it as let in until you know."
_ONE_OF_THEM = "Every account of the organisation, now and later; it is one of them."
_ONE_OF_THEM_OR_OF_A_UNIT = "Every account of the organisation or of that unit of it, now and later; it is one of them."
_PART = "Which part of its organisation it is in is not known here: count it as let in until you know."
_EVERYONE = Way("everyone", "As everyone can", "{functions} as everyone can", ("everyone",))
_OPEN = Way(
    "open",
    "Through a service that any account can drive",
    "{functions} through a service that any account can drive",
    ("service",),
    opened=True,
)


def ways_of(
    subject: Subject,
    belonging: Belonging = Belonging(),  # noqa: B008 - it is frozen
    parts: Collection[str] = (),
) -> tuple[Way, ...]:
    """Every way in for somebody (a subject that is no function), the widest first.

    belonging: what is known of the organisation of an account, or of the account of a role or user. parts: the paths of
    units that statements name, of that organisation; needed where the unit of the account is known.
    """
    match subject.kind:
        case "account":
            return _of_account(subject, _of_member(belonging, parts), belonging)
        case "identity":
            return _of_identity(subject, _of_member(belonging, parts), belonging)
        case "organization":
            return _of_organization(subject)
        case "service":
            own = Way("own", "By statements that name it", "{functions} by statements that name it", ("service",))
            return (_EVERYONE, _principals(own, subject.principal), _rights(("everyone",), subject))
        case "ghost":
            own = Way("own", "By statements that name it", "no function any more: {functions} still name it", ("ghost",))
            return (_principals(own, subject.principal),)
    return (_EVERYONE, _OPEN, _rights(("everyone",), subject))


def _of_member(belonging: Belonging, parts: Collection[str]) -> tuple[Way, ...]:
    """As a member of an organisation: for certain where it is known to be in one, perhaps where nothing is known.

    Of a part of its organisation where its unit is known: for certain if it is in it, and not at all if it is not.
    """
    home = belonging.home
    within = {part: inside(belonging.path, part) for part in parts if belonging.path}
    certain = tuple(sorted(part for part, found in within.items() if found))
    unsure = tuple(sorted(part for part, found in within.items() if found is None))
    if home is None:
        title = "As a member of an organisation"
        return (Way("organization", title, _MEMBER, ("organization",), outside=belonging.outside, note=_MEMBERS, perhaps=True),)
    return (
        Way(
            "organization",
            f"As a member of organisation {home}",
            f"{{functions}} as a member of organisation {home}",
            ("organization",),
            principals=(home, *certain),
            note=_ONE_OF_THEM_OR_OF_A_UNIT if certain else _ONE_OF_THEM,
        ),
        Way(
            "organization-part",
            "Perhaps as a member of a part of an organisation",
            "perhaps {functions} as a member of a part of an organisation",
            ("organization",),
            principals=(OWN_ORGANISATION, *unsure),
            starts="" if belonging.path else f"{home}/",
            note=_PART,
            perhaps=True,
        ),
    )


def _of_account(subject: Subject, as_member: tuple[Way, ...], belonging: Belonging) -> tuple[Way, ...]:
    mine = (subject.account,)
    return (
        _EVERYONE,
        _OPEN,
        *as_member,
        Way(
            "own",
            "By statements that name it or its roles",
            "{functions} by statements that name it or its roles",
            ("account", "identity"),
            mine,
        ),
        Way("service", "Through a service on its behalf", "{functions} through a service on its behalf", ("service",), mine),
        _pattern(),
        _rights(("everyone", "organization"), subject, belonging),
        Way("own-rights", "Other rights of its own: reading and managing", "", accounts=mine, rights=True),
    )


def _of_identity(subject: Subject, as_member: tuple[Way, ...], belonging: Belonging) -> tuple[Way, ...]:
    who = Principal.from_stored(subject.principal)
    mine = (subject.account,)
    base = f"arn:{who.partition}:iam::{subject.account}:role/"
    starts, ends = "", ""
    principals = [subject.principal]
    if who.kind is PrincipalKind.SESSION and who.role_name:
        principals.append(f"{base}{who.role_name}")
        starts, ends = base, f"/{who.role_name}"  # the session does not show the role's path
    elif who.kind is PrincipalKind.ROLE and who.role_name:
        starts = f"arn:{who.partition}:sts::{subject.account}:assumed-role/{who.role_name}/"  # its sessions
    named = Way(
        "own",
        "By statements that name it",
        "{functions} by statements that name it",
        ("identity",),
        (),
        tuple(principals),
        starts,
        ends,
    )
    return (
        _EVERYONE,
        _OPEN,
        *as_member,
        named,
        Way(
            "account",
            "Through its account",
            "{functions} if its own account's policies allow it (they name the account)",
            ("account",),
            mine,
            note="The statement names the whole account: its administrators decide which roles and users may.",
        ),
        Way(
            "pattern",
            "By a pattern that may take it in",
            "perhaps {functions} by a pattern",
            ("identity",),
            (subject.account, ""),
            pattern=True,
            note="The statement lets in whoever matches a pattern.",
            perhaps=True,
        ),
        _rights(("everyone", "organization"), subject, belonging),
        Way("own-rights", "Other rights of its own: reading and managing", "", ("account", "identity"), mine, rights=True),
    )


def _of_organization(subject: Subject) -> tuple[Way, ...]:
    own = Way(
        "own",
        "By statements for the whole organisation or a part of it",
        "{functions} by statements for it",
        ("organization",),
        principals=(subject.principal,),
        starts=f"{subject.principal}/",
    )
    rights = Way("rights", "Other rights: reading and managing", "", ("everyone",), rights=True)
    return (_EVERYONE, _OPEN, own, rights, Way(**{**own.__dict__, "key": "own-rights", "sentence": "", "rights": True}))


def _pattern() -> Way:
    return Way(
        "pattern",
        "By a pattern that names no account",
        "perhaps {functions} by a pattern that names no account",
        ("identity", "account"),
        ("",),
        note="The statement lets in whoever matches a pattern in any account.",
        perhaps=True,
    )


def _principals(way: Way, principal: str) -> Way:
    return Way(**{**way.__dict__, "principals": (principal,)})


def _rights(kinds: tuple[str, ...], subject: Subject, belonging: Belonging = Belonging()) -> Way:  # noqa: B008
    wide = " or as a member of an organisation" if "organization" in kinds else ""
    title = f"Other rights as everyone{wide}: reading and managing"
    return Way("rights", title, "", kinds, outside=belonging.outside, rights=True)
