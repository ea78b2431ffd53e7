"""How one line of "who has access" is shown: words, marks, and what can be done about it.

Who has access is decided by services.access; here it only gets its icons, its words and its buttons.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from sharing.models import Actor, Function, Grant, GrantState, Verdict
from sharing.policy.actions import ACTIONS
from sharing.policy.statement import parse_statement
from sharing.services.access import AccessRow, Who
from sharing.services.granting.ends import past_its_end
from sharing.templatetags.ui import spaced

from .access_acts import OVER, Act, Addresses, acts_of

WHO_ICONS = {
    "everyone": "world",
    "account": "building",
    "identity": "id-badge-2",
    "organization": "building-community",
    "service": "cloud",
    "federated": "certificate",
    "ghost": "ghost-2",
    "unknown": "help-circle",
}
# States in which it matters what a check found, even when none was made yet.
TRIED = (GrantState.ACTIVE, GrantState.STUCK, GrantState.VANISHED)
# A poll each second while something is young, then ever more rarely.
PACE = ((timedelta(seconds=30), 1), (timedelta(minutes=5), 5))

SHOWN_ACTIONS = 4
# Conditions that AddPermission writes, in words; any other is shown as it stands.
PLAIN = ("StringEquals", "ArnLike", "ArnEquals", "StringLike", "Bool")
LIMITS = {
    "aws:sourceaccount": "for account {}",
    "aws:sourcearn": "from {}",
    "aws:principalorgid": "in organisation {}",
    "lambda:eventsourcetoken": "with a token",
    "lambda:functionurlauthtype": "URL with {}",
    "lambda:invokedviafunctionurl": "by URL only",
}

Mark = tuple[str, str, str]  # tone, icon, words


def seconds_between_polls(since: datetime | None) -> int:
    """How often a page asks about something that is unsettled since then."""
    age = timezone.now() - since if since else timedelta(0)
    return next((pace for limit, pace in PACE if age < limit), 15)


@dataclass(frozen=True)
class ShownWho:
    """A principal: its name, and beneath it what AWS reads."""

    label: str
    kind: str
    shown: str
    icon: str


@dataclass(frozen=True)
class ShownRow:
    """An AccessRow (`of`) with what the page says about it."""

    of: AccessRow
    who: tuple[ShownWho, ...]
    named: str
    may: str
    limits: tuple[str, ...]
    told: Mark
    marks: tuple[Mark, ...]
    primary: Act | None
    menu: tuple[Act, ...]
    every: int
    seen: str
    dangerous: bool
    shows_verdict: bool
    over: bool
    expected: str


def shown(rows: Iterable[AccessRow], *, function: Function, me: Actor) -> list[ShownRow]:
    """The rows of one function, ready for its page."""
    addresses = Addresses(function)
    return [_shown(row, function, me, addresses) for row in rows]


def _shown(row: AccessRow, function: Function, me: Actor, addresses: Addresses) -> ShownRow:
    who = tuple(_who(one, denied=row.effect == "Deny") for one in row.who)
    grant = row.grant
    acts = acts_of(row, function, me, addresses)
    ended = grant is not None and grant.wanted == "absent"
    return ShownRow(
        of=row,
        who=who,
        named=f"{', '.join(_capital(one.label) for one in row.who) or 'unread'} on {row.place}",
        may=_may(row),
        limits=_limits(row),
        told=_told(row),
        marks=tuple(_marks(row)),
        primary=acts[0] if acts and acts[0].classes else None,
        menu=tuple(acts[1:] if acts and acts[0].classes else acts),
        every=seconds_between_polls(_since(grant)),
        seen=_seen(row),
        dangerous=row.action_class == "manage" and row.effect != "Deny",
        shows_verdict=row.effect != "Deny" and (bool(row.verdict) or row.state in TRIED),
        over=grant is not None and grant.state in (*OVER, GrantState.FAILED),
        expected=Verdict.DENIED if ended else Verdict.ALLOWED,
    )


def _who(one: Who, *, denied: bool) -> ShownWho:
    digits = one.principal if len(one.principal) == 12 and one.principal.isdigit() else one.account
    beneath = " ".join((digits[:4], digits[4:8], digits[8:])) if one.kind == "account" and digits else one.principal
    label = "Unknown account" if one.label == f"account {digits}" else _capital(one.label)
    # What the name says already, as "organisation o-…" does, is not said again beneath it.
    repeated = beneath in (one.label, "*") or (one.kind == "organization" and one.label.endswith(beneath))
    return ShownWho(label, "" if denied else one.kind, "" if repeated else beneath, WHO_ICONS.get(one.kind, "help-circle"))


def _capital(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"


def _may(row: AccessRow) -> str:
    words = [row.verb] if row.verb else [_verb(action) for action in row.actions[:SHOWN_ACTIONS]]
    if len(row.actions) > SHOWN_ACTIONS:
        words.append(f"{len(row.actions) - SHOWN_ACTIONS} more")
    said = ", ".join(word.removesuffix(" of").removesuffix(" from") for word in words)
    return said if said.startswith("lambda:") else _capital(said)


def _verb(action: str) -> str:
    known = ACTIONS.get(action)
    return known.verb if known else action


def _limits(row: AccessRow) -> tuple[str, ...]:
    """The conditions of the statement, the usual ones in words; without that which only says again who is let in."""
    if row.kind == "unread" or not row.statement:
        return ()
    said = []
    for condition in parse_statement(row.stored or row.statement).conditions:
        words = LIMITS.get(condition.key.lower())
        named = condition.key.lower() == "aws:principalorgid" and condition.operator in PLAIN
        if named and condition.values == tuple(one.principal for one in row.who):
            continue
        values = ", ".join(spaced(value) for value in condition.values)
        said.append(words.format(values) if words and condition.operator in PLAIN else str(condition))
    return tuple(said)


def _told(row: AccessRow) -> Mark:
    """What a statement made elsewhere is: it stands in the policy, or it denies. A grant has its own state."""
    if row.effect == "Deny":
        return "bad", "ban", row.state_label or "In the policy"
    return "ok", "circle-check", row.state_label or "In the policy"


def _marks(row: AccessRow) -> Iterable[Mark]:
    """Findings beside the state: what the statement lets in, or would if it were written."""
    if row.effect == "Deny" or row.state in (*OVER, GrantState.FAILED):
        return
    unwritten = row.state in (GrantState.REQUESTED, GrantState.SUSPENDED)
    would = "Would be public" if unwritten else "Public"
    if row.grant is not None and past_its_end(row.grant, timezone.now()):
        yield "bad", "clock-exclamation", "Past its end, access still stands"
    if row.public == "yes":
        yield "bad", "world", would
    elif row.public == "depends":
        yield "bad", "world-question", f"{would}, depends"
    would = "Would be an open service" if unwritten else "Open service"
    if row.open_service == "yes":
        yield "warn", "lock-open", would
    elif row.open_service == "depends":
        yield "warn", "lock-open", f"{would}, depends"
    if any(who.kind in ("account", "identity") and who.account and who.known is None for who in row.who):
        yield "off", "help-circle", "Not a known account"
    if row.ghost:
        yield "warn", "ghost-2", "Ghost: deleted role or user"


def _since(grant: Grant | None) -> datetime | None:
    return (grant.unsettled_since or grant.settled_at or grant.created_at) if grant else None


def _seen(row: AccessRow) -> str:
    """A short mark of everything shown: a poll that finds it unchanged is answered with nothing."""
    every = seconds_between_polls(_since(row.grant))
    parts = (row.state, row.verdict, row.checked_at, row.until, row.failure, row.stale, row.changed, row.unsettled, every)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
