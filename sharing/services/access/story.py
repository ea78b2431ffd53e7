"""The story of one cell: what one principal may do with one form of a function, by which statements, hanging on what."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from django.utils import timezone

from sharing.models import Actor, Policy
from sharing.policy import Exposure, parse
from sharing.policy.verdicts import Answer
from sharing.services import trusting
from sharing.services.errors import NotFound
from sharing.services.organizations import UNKNOWN, Memberships, known

from .appraising import appraise
from .cells import Cell, Key, Way, cells, denies
from .function_matrix import account_of
from .listing import of_function
from .parties import Party, party
from .principals import Names
from .proofs import proofs
from .rows import AccessRow


@dataclass(frozen=True)
class Wider:
    """Somebody else's way in by which the principal gets in as well, for certain or perhaps. `words`: how that is known."""

    party: Party
    certain: bool
    words: str = ""


@dataclass(frozen=True)
class Story:
    """`exposures`: as judged now, with trust and time. `statements`: those that let in; `denying`: Deny statements that
    name the principal or everybody. `also`: wider ways by which it may get in too."""

    policy: Policy
    place: str
    party: Party
    cell: Cell
    exposures: tuple[Exposure, ...]
    statements: tuple[AccessRow, ...]
    denying: tuple[AccessRow, ...]
    also: tuple[Wider, ...]

    @property
    def depends_on(self) -> tuple[str, ...]:
        """What the answer hangs on."""
        return tuple(dict.fromkeys(reason for one in self.exposures for reason in one.depends_on))

    @property
    def missing(self) -> tuple[str, ...]:
        """What must be there before it can be used."""
        return tuple(dict.fromkeys(one.latent for one in self.exposures if one.latent))

    @property
    def narrowing(self) -> tuple[str, ...]:
        """Conditions that narrow who is let in."""
        return tuple(dict.fromkeys(text for one in self.exposures for text in one.conditions.narrowing))

    @property
    def other_conditions(self) -> tuple[str, ...]:
        """Conditions that are there and narrow nobody."""
        return tuple(dict.fromkeys(text for one in self.exposures for text in one.conditions.other))

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(note for one in self.exposures for note in one.notes))

    @property
    def actions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(action for one in self.exposures for action in one.actions))


def story(policy_id: uuid.UUID, key: Key, *, by: Actor) -> Story:
    """Of a policy in scope that AWS still has. Raises NotFound. A principal it never heard of has an empty story."""
    policy = Policy.objects.visible_to(by).present().select_related("function__account", "current").filter(pk=policy_id).first()
    if policy is None:
        raise NotFound("That function, alias or version")
    trust = trusting.trust()
    document = parse(policy.current.document or None if policy.current else None)
    every = appraise(policy, document, trust=trust, at=timezone.now())
    mine = [one for one in every if (str(one.kind), one.principal) == key]
    account = next((one.account for one in mine if one.account and key[0] != "service"), None) or account_of(key)
    names = Names.of([account, *(one.account or "" for one in every)])
    owners = (policy.function.account.number,)

    def named(kind: str, principal: str, number: str) -> Party:
        return party(kind, principal, number, names=names, trust=trust, owners=owners)

    found = denies(document)
    ways = [_way(one) for one in mine]
    stale = policy.unread_since is not None and policy.current is not None
    cell = cells(ways, denied=[key] if key in found.named else [], stale=stale).get(key, Cell(stale=stale))
    proof = proofs([policy]).get((policy.pk, key))
    cell = replace(cell, proof=proof)
    indexes = {statement.index for one in mine for statement in one.statements}
    rows = [row for row in of_function(policy.function, by=by) if row.policy.pk == policy.pk and row.index is not None]
    against = {*found.named.get(key, ()), *found.named.get(("account", account), ()), *(one.index for one in found.for_all)}
    also = []
    if key[0] in ("account", "identity"):
        members = known() if any(one.kind == "organization" for one in every) else UNKNOWN
        wider = {(str(one.kind), one.principal): one for one in every if _is_wider(one, key, account, members)}
        also = [
            Wider(named(kind, principal, one.account or ""), *_certain(one, account, members))
            for (kind, principal), one in wider.items()
        ]
    return Story(
        policy=policy,
        place=next((row.place for row in rows), ""),
        party=named(*key, account),
        cell=cell,
        exposures=tuple(mine),
        statements=tuple(row for row in rows if row.index in indexes and row.effect != "Deny"),
        denying=tuple(row for row in rows if row.index in against),
        also=tuple(also),
    )


def _is_wider(one: Exposure, key: Key, account: str, members: Memberships) -> bool:
    """Whether the account, role or user may come in that way as well: a role also as its account does."""
    if one.latent:
        return False
    if one.kind == "account":
        return key[0] == "identity" and one.account == account
    if one.kind == "organization":
        return members.is_in(account, one.principal) is not Answer.NO
    return one.kind == "everyone"


def _certain(one: Exposure, account: str, members: Memberships) -> tuple[bool, str]:
    if one.kind == "organization":
        unconditional = one.external is Answer.YES and members.is_in(account, one.principal) is Answer.YES
        return unconditional, members.of(account).words if members else ""
    return one.kind == "everyone" and one.public == "yes", ""


def _way(one: Exposure) -> Way:
    return Way(
        str(one.kind), one.principal, one.account or "", str(one.action_class), str(one.public), str(one.external),
        str(one.open_service), bool(one.latent),
    )  # fmt: skip
