"""Rules about what was not looked at, and about shares that are not as they were decided. Plain facts in, one finding out."""

from __future__ import annotations

from dataclasses import dataclass

from .shapes import Found, Severity


@dataclass(frozen=True, slots=True)
class Read:
    """How reading a policy went. `since`: it was readable and is not any more, in words; `reason` of the last failure."""

    name: str
    ever: bool
    since: str = ""
    reason: str = ""
    lets_in: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """A share as it stands: `state` and `verdict` as people decided and checks found them."""

    words: str
    state: str
    wanted: str
    failure: str = ""
    failure_code: str = ""
    failure_next: str = ""
    verdict: str = ""
    verdict_principal: str = ""
    sid: str = ""


def unread(facts: Read) -> Found | None:
    """The policy could be read once and cannot be any more: its last exposures stay counted."""
    if not facts.ever or not facts.since:
        return None
    counted = f" The {facts.lets_in} ways in that were seen last stay counted." if facts.lets_in else ""
    text = f"The policy of {facts.name} cannot be read since {facts.since}: {_sentence(facts.reason)}{counted}"
    return Found("unread", text, Severity.HIGH, cause="unread", certain=False, depends_on=("what the policy says now",))


def never_read(facts: Read) -> Found | None:
    """Reading the policy was tried and never worked: who is let in is not known."""
    if facts.ever or not facts.reason:
        return None
    text = f"The policy of {facts.name} was never read: {_sentence(facts.reason)}"
    return Found("never-read", text, Severity.MEDIUM, cause="never-read", certain=False, depends_on=("what the policy says",))


def aliases_unlisted(name: str, reason: str) -> Found | None:
    """The function's aliases could not be listed: each has a policy of its own."""
    if not reason:
        return None
    text = f"The aliases of {name} could not be listed: {_sentence(reason)} Each has a policy of its own."
    return Found(
        "aliases-unlisted", text, Severity.MEDIUM, cause="aliases", certain=False, depends_on=("which aliases there are",)
    )


def versions_unread(account: str, functions: int) -> Found | None:
    """Published versions have policies of their own, which are read in a slower pass."""
    if not functions:
        return None
    many = "1 function" if functions == 1 else f"{functions:,} functions"
    text = f"The policies of published versions of {many} of {account} were not read yet."
    return Found(
        "versions-unread", text, Severity.LOW, cause="versions", certain=False, depends_on=("what those policies say",)
    )


def region_gap(place: str, covered: str, reason: str) -> Found | None:
    """A region that is not looked at, or whose last read failed. `covered`: as coverage names it."""
    severities = {"failed": Severity.HIGH, "never": Severity.MEDIUM, "not-read": Severity.LOW}
    if covered not in severities:
        return None
    text = f"{place}: {_sentence(reason)}"
    return Found(
        "region-gap", text, severities[covered], cause=f"coverage:{covered}", certain=False, depends_on=("what is there",)
    )


def connection_broken(name: str, state: str, reason: str, *, reads: bool, proves: bool = True) -> Found | None:
    """A role that cannot be used. `reads`: functions are read through it; `proves`: checks are made as it."""
    if state not in ("refused", "paused", "disconnected"):
        return None
    what = {"refused": "is refused", "paused": "is paused", "disconnected": "is gone"}[state]
    severity = {"refused": Severity.HIGH, "paused": Severity.MEDIUM, "disconnected": Severity.HIGH}[state]
    shown = " What is shown of it is as last read." if reads else " Nothing can be proved as it." if proves else ""
    text = f"{name} {what}{': ' if reason else '.'}{_sentence(reason) if reason else ''}{shown}"
    return Found(
        "connection",
        text,
        severity if reads else Severity.LOW,
        cause=f"connection:{state}",
        certain=False,
        depends_on=("what is there now",),
    )


def proof_failed(name: str, since: str, reason: str, *, others: bool) -> Found:
    """A consumer's account that was proved, and is not any more. `others`: its role lets in whoever asks through us."""
    text = (
        f"{name} is not proved any more since {since}: {_sentence(reason)} What is shared with it stays shared; its requests "
        "are paused."
    )
    return Found("proof-failed", text, Severity.HIGH if others else Severity.MEDIUM, cause="proof", facts={"others": others})


@dataclass(frozen=True, slots=True)
class Gone:
    """An account that is not what it was. `what`: left, suspended..., in words, with when and where from.

    shares, ways: shares decided here and policies that let it in; given, open: the same of what is its own. roles: in words.
    """

    name: str
    what: str
    shares: int = 0
    ways: int = 0
    given: int = 0
    open: int = 0
    roles: tuple[str, ...] = ()


def organization_account_left(facts: Gone) -> Found:
    """An account that left its organisation, or is suspended or closed, and what access there still is, both ways."""
    said = []
    if facts.shares or facts.ways:
        ways, shares = _many(facts.ways, "policy", "policies"), _many(facts.shares, "share")
        said.append(f"It is let in by {ways}, as last read, and {shares} made here.")
    if facts.given or facts.open:
        ways, shares = _many(facts.open, "policy", "policies"), _many(facts.given, "share")
        said.append(f"Others are let in by {ways} of its own, as last read, and {shares} made here.")
    if facts.roles:
        said.append(f"Still connected here, if only paused: {', '.join(facts.roles)}.")
    severity = Severity.HIGH if facts.shares or facts.ways else Severity.MEDIUM if facts.given or facts.open else Severity.LOW
    text = f"{facts.name} {facts.what}. {' '.join(said)}"
    inwards = {"inwards": facts.shares + facts.ways}
    return Found("organization-account-left", text, severity, cause="organization-account-left", facts=inwards)


def statement_changed(facts: Share) -> Found | None:
    """Another tool changed a statement that a share of ours stands on."""
    if facts.state != "active" or facts.failure_code != "statement-changed":
        return None
    text = f"{facts.words}: {_sentence(facts.failure)}"
    return Found("statement-changed", text, Severity.HIGH, cause="changed", facts={"sid": facts.sid})


def share_vanished(facts: Share) -> Found | None:
    """Another tool removed a statement that a share of ours stands on."""
    if facts.state != "vanished":
        return None
    return Found(
        "share-vanished",
        f"{facts.words}: {_sentence(facts.failure)}",
        Severity.MEDIUM,
        cause="vanished",
        facts={"sid": facts.sid},
    )


def share_stuck(facts: Share) -> Found | None:
    """AWS was asked and nothing is confirmed: it may hold more, or less, than was decided."""
    if facts.state != "stuck":
        return None
    why = f" {_sentence(facts.failure)}" if facts.failure else ""
    text = f"{facts.words}: stuck. AWS was asked and did not confirm it; it may still hold access.{why}"
    return Found(
        "share-stuck",
        text,
        Severity.HIGH,
        cause="stuck",
        certain=False,
        depends_on=("what AWS holds",),
        facts={"sid": facts.sid},
    )


def revoke_failed(facts: Share) -> Found | None:
    """Somebody took it back and AWS refused: the access is still there."""
    if facts.state != "active" or not facts.failure or facts.failure_code == "statement-changed":
        return None
    text = f"{facts.words}: taking it back failed, so the access is still there. {_sentence(facts.failure)}"
    return Found("revoke-failed", text, Severity.HIGH, cause="revoke-failed", facts={"sid": facts.sid})


def check_denied(facts: Share) -> Found | None:
    """AWS holds the share, and the principal that tried was denied."""
    if facts.state != "active" or facts.verdict != "denied":
        return None
    who = facts.verdict_principal.rsplit(":", 1)[-1] or "the principal that tried"
    text = f"{facts.words}: AWS holds it, yet {who} was denied when it tried."
    return Found("check-denied", text, Severity.MEDIUM, cause="denied", facts={"sid": facts.sid})


def mapping_stuck(name: str, source: str, state: str, since: str) -> Found:
    """An event source mapping that two reads found on its way to another state. `since`: the first of them, in words."""
    text = f"What polls {source} for {name} was {state} at {since}, and still was at a read more than 15 minutes later."
    return Found("mapping-stuck", text, Severity.MEDIUM, cause="mapping-stuck")


def mapping_failing(name: str, source: str, result: str) -> Found | None:
    """An event source mapping whose last batch could not be processed, by AWS's own word."""
    if not result.upper().startswith("PROBLEM"):
        return None
    text = f"What polls {source} for {name} fails. AWS says of the last batch: {_sentence(result[:300])}"
    return Found("mapping-failing", text, Severity.MEDIUM, cause="mapping-failing")


def _many(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}" if number else f"no {one}"


def _sentence(text: str) -> str:
    text = text.strip() or "no reason was given"
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")
