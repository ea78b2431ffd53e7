"""Making the rows agree with what was found: new ones opened, what is not true any more closed, what changed told."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sharing.models import Account, Actor, Finding, FindingState, Function, Grant, Policy
from sharing.policy.findings import RULES, Found
from sharing.services import history

#: Why a finding was closed, where it is not that the next read did not find it any more.
GONE = "AWS does not list it any more."
NOT_TRUE = "It is not true any more, by the latest read."

_KEPT = ("severity", "certain", "cause", "text", "sid", "statement_digest", "says", "detail")
_OPENING = (*_KEPT, "state", "opened_at", "last_seen_at", "closed_at", "closed_because")
_ACCEPTANCE = ("accepted_until", "accepted_at", "accepted_by", "accepted_as", "accepted_reason")


@dataclass(frozen=True)
class Subject:
    """What a finding is about: rows to link to, and the text that its id is made from."""

    text: str
    account: Account | None = None
    function: Function | None = None
    policy: Policy | None = None
    grant: Grant | None = None
    region: str = ""
    version: int | None = None


Wanted = Mapping[uuid.UUID, tuple[Found, Subject]]


def settle(held: Iterable[Finding], wanted: Wanted, *, now: datetime, because: str = NOT_TRUE) -> None:
    """Open, reopen, change and close. Call it inside the transaction of what it follows from.

    held: the open findings that `wanted` speaks for, and closed ones whose id is wanted.
    """
    known = {one.pk: one for one in held}
    closing = [one for one in known.values() if one.state == FindingState.OPEN and one.pk not in wanted]
    fresh = [opened(key, *wanted[key], now) for key in wanted if key not in known]
    if fresh:
        Finding.objects.bulk_create(fresh, batch_size=500)
        _tell_returned(fresh, closing)
    for one in known.values():
        if one.pk in wanted:
            _bring_up_to_date(one, *wanted[one.pk], now)
    for one in closing:
        close(one, because, now=now)


def close(finding: Finding, because: str, *, now: datetime) -> None:
    """Not true any more. An accepted risk ends with it."""
    finding.state, finding.closed_at, finding.closed_because = FindingState.CLOSED, now, because
    clear_acceptance(finding)
    finding.save(update_fields=["state", "closed_at", "closed_because", *_ACCEPTANCE])
    tell(finding, "finding.closed", f"Finding closed: {finding.text} {because}", by=Actor.system())


def give_back(finding: Finding, why: str, *, by: Actor, reason: str = "") -> None:
    """The risk is borne no longer: the finding counts again."""
    clear_acceptance(finding)
    finding.save(update_fields=list(_ACCEPTANCE))
    tell(finding, "finding.returned", f"Finding returned: {finding.text} {why}", by=by, reason=reason)


def clear_acceptance(finding: Finding) -> None:
    """Forget who bears the risk; not saved."""
    finding.accepted_until = finding.accepted_at = finding.accepted_by = None
    finding.accepted_as = finding.accepted_reason = ""


def tell(finding: Finding, verb: str, text: str, *, by: Actor, reason: str = "", **detail: Any) -> None:
    """One line of history about a finding."""
    history.record(
        verb,
        text,
        by=by,
        account=finding.account,
        function=finding.function,
        qualifier=finding.policy.qualifier if finding.policy_id and finding.policy else "",
        grant=finding.grant,
        sid=finding.sid,
        reason=reason,
        detail={"finding": str(finding.pk), "rule": finding.rule, **detail},
    )


def fit(text: str) -> str:
    """Text that any database can keep: what a policy names may hold NUL or half of a surrogate pair."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def opened(key: uuid.UUID, found: Found, subject: Subject, now: datetime) -> Finding:
    """A finding that was not there before; not saved."""
    return Finding(
        id=key,
        rule=found.rule,
        subject=fit(subject.text)[:500],
        account=subject.account,
        function=subject.function,
        policy=subject.policy,
        grant=subject.grant,
        region=subject.region,
        first_seen_at=now,
        opened_at=now,
        last_seen_at=now,
        **_fields(found, subject),
    )


def _fields(found: Found, subject: Subject) -> dict[str, Any]:
    sid = found.statement.sid if found.statement is not None else found.facts.get("sid")
    return {
        "severity": int(found.severity),
        "certain": found.certain,
        "cause": fit(found.cause)[:300],
        "text": fit(found.text),
        "sid": fit(sid or "")[:100],
        "statement_digest": found.statement_digest,
        "says": found.says,
        "detail": {
            "depends_on": [fit(reason)[:2048] for reason in found.depends_on],
            "who": [[one.kind, fit(one.principal)[:2048], fit(one.account)[:12]] for one in found.who],
            "others": [fit(name)[:200] for name in found.others],
            "version": subject.version,
            **found.facts,
        },
    }


def _bring_up_to_date(held: Finding, found: Found, subject: Subject, now: datetime) -> None:
    fields = _fields(found, subject)
    was_closed = held.state == FindingState.CLOSED
    if held.statement_digest == fields["statement_digest"]:
        fields["detail"]["version"] = held.detail.get("version")  # another version with the same statement is no news
    if not was_closed and all(getattr(held, name) == value for name, value in fields.items()):
        return
    another = held.says != fields["says"]
    for name, value in fields.items():
        setattr(held, name, value)
    held.last_seen_at = now
    if was_closed:
        held.state, held.opened_at, held.closed_at, held.closed_because = FindingState.OPEN, now, None, ""
        held.save(update_fields=list(_OPENING))
        tell(held, "finding.reopened", f"Finding is true again: {held.text}", by=Actor.system())
        return
    held.save(update_fields=[*_KEPT, "last_seen_at"])
    if another and held.accepted_until is not None:
        give_back(held, "What was accepted has changed.", by=Actor.system())


def _tell_returned(fresh: list[Finding], closing: list[Finding]) -> None:
    """A changed statement is another finding: where the one before was accepted, the history says that it is back."""
    accepted = {(one.rule, one.policy_id, one.sid): one for one in closing if one.accepted_until is not None}
    for one in fresh:
        before = accepted.get((one.rule, one.policy_id, one.sid))
        if before is not None:
            until = f"{before.accepted_until:%Y-%m-%d}"
            text = f"Finding returned: {one.text} The statement that was accepted until {until} has changed."
            tell(one, "finding.returned", text, by=Actor.system(), before=str(before.pk))


def title_of(rule: str) -> str:
    """The rule's title; its code for one that this version does not know."""
    return RULES[rule].title if rule in RULES else rule
