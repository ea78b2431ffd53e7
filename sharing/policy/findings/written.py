"""Rules about how a policy is written: what has no effect, cannot be read, cannot be removed, or does not fit any more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sharing.policy import services
from sharing.policy.covering import covering
from sharing.policy.document import LIMIT
from sharing.policy.exposure import Kind
from sharing.policy.ineffective import Blocked, blocked, ineffective
from sharing.policy.permission import Permission
from sharing.policy.principal import Principal, PrincipalKind
from sharing.policy.statement import Statement

from .shapes import Facts, Found, Severity, Who, digest_of
from .urls import lacks_url_part

#: From this share of the limit on a policy is nearly full.
NEARLY: Final = 0.9
_ADDRESSABLE: Final = re.compile(r"[a-zA-Z0-9_.-]{1,100}", re.ASCII)
_WIDE: Final = "*"


def authorises_nothing(facts: Facts) -> Iterator[Found]:
    """An Allow that lets nobody in: an action no policy grants, a condition no caller meets, another partition..."""
    dead = {
        statement.index: "its principal, action, resource and conditions cannot hold together" for statement in _nobody(facts)
    }
    for index, found in facts.by_statement.items():
        reasons = [one.latent for one in found]
        if all(reasons) and not any(
            lacks_url_part(reason) or one.kind is Kind.GHOST for reason, one in zip(reasons, found, strict=True)
        ):
            dead[index] = str(reasons[0])
    shut_out = {statement.index for one in _blocked(facts) for statement in one.statements}
    for index, why in sorted(dead.items()):
        statement = facts.document.statements[index]
        if statement.problem or index in shut_out or _is_ghost(statement):
            continue
        text = f"{_called(statement)} of {facts.name} authorises nothing: {why}."
        yield _found("authorises-nothing", statement, text, Severity.LOW, cause=_action_of(statement))


def nearly_full(facts: Facts) -> Iterator[Found]:
    """The next statement may not fit."""
    if facts.size >= NEARLY * LIMIT:
        share = facts.size * 100 // LIMIT
        text = f"The policy of {facts.name} holds {facts.size:,} of {LIMIT:,} bytes ({share} %): soon nothing can be added."
        yield Found("nearly-full", text, Severity.MEDIUM, cause="full", facts={"size": facts.size})


def no_sid(facts: Facts) -> Iterator[Found]:
    """RemovePermission addresses by Sid: such a statement can only be removed by whoever writes the whole policy."""
    sids = Counter(statement.sid for statement in facts.document.statements)
    for statement in facts.document.statements:
        if not statement.sid:
            why = "has no Sid"
        elif not _ADDRESSABLE.fullmatch(statement.sid):
            why = "has a Sid that RemovePermission does not accept"
        elif sids[statement.sid] > 1:
            why = "shares its Sid with another"
        else:
            continue
        text = f"{_called(statement)} of {facts.name} {why}: it cannot be removed by itself."
        yield _found("no-sid", statement, text, Severity.LOW, cause="no-sid")


def malformed(facts: Facts) -> Iterator[Found]:
    """Something in the policy is not as AWS's grammar wants it; what cannot be judged counts as not safe."""
    if facts.document.problem:
        text = f"The policy of {facts.name} cannot be judged: {facts.document.problem}."
        yield Found(
            "malformed",
            text,
            Severity.HIGH,
            key="document",
            cause="malformed",
            certain=False,
            depends_on=(facts.document.problem,),
        )
    for statement in facts.document.statements:
        if statement.problem:
            text = f"{_called(statement)} of {facts.name} is malformed: {statement.problem}."
            found = _found("malformed", statement, text, Severity.MEDIUM, cause="malformed")
            yield replace(found, certain=False, depends_on=(statement.problem,))


def shadowed(facts: Facts) -> Iterator[Found]:
    """A wider statement lets in the same principal already: this one changes nothing but the policy's size."""
    allows = [one for one in facts.document.statements if one.is_allow and not one.doubts]
    places: dict[str, list[Statement]] = {}
    for statement in allows:
        for key in _covers_whom(statement):
            places.setdefault(key, []).append(statement)
    wide = places.get(_WIDE, [])
    for statement in allows:
        rivals = {one.index: one for key in _whom(statement) for one in (*places.get(key, ()), *wide) if one is not statement}
        if not rivals:
            continue
        by = _cover(facts, statement, list(rivals.values()))
        if by is not None:
            text = f"{_called(statement)} of {facts.name} adds nothing: {_called(by, inside=True)} lets in the same already."
            yield replace(_found("shadowed", statement, text, Severity.LOW, cause="shadowed"), others=(by.name,))


def deny_kills(facts: Facts) -> Iterator[Found]:
    """A Deny shuts out somebody whom an Allow names: a trigger that stops silently, or a share that does not work."""
    for one in _blocked(facts):
        for statement in one.statements:
            label = services.label(one.principal) if one.is_trigger else Principal.from_stored(one.principal).label()
            what = "trigger" if one.is_trigger else "access"
            gives = f"the {what} that {_called(statement, inside=True)} gives does not work"
            text = f"The Deny {one.by.name} shuts {label} out of {facts.name}: {gives}."
            found = _found(
                "deny-kills", statement, text, Severity.MEDIUM if one.is_trigger else Severity.LOW, cause=f"deny:{one.by.name}"
            )
            yield replace(
                found,
                key=f"{found.key}\n{digest_of(one.by)}\n{one.principal}",
                who=(Who(str(one.kind), one.principal, one.account or ""),),
                others=(one.by.name,),
            )


def _cover(facts: Facts, statement: Statement, rivals: list[Statement]) -> Statement | None:
    """The statement that makes this one superfluous; of two that cover each other, the later is superfluous."""
    permission = _permission(facts, statement)
    if permission is None:
        return None
    for rival in covering(replace(facts.document, statements=tuple(rivals)), permission):
        own = _permission(facts, rival)
        mutual = own is not None and bool(covering(replace(facts.document, statements=(statement,)), own))
        if not mutual or rival.index < statement.index:
            return rival
    return None


def _permission(facts: Facts, statement: Statement) -> Permission | None:
    return Permission.from_statement(statement.raw, facts.function) if isinstance(statement.raw, dict) else None


def _covers_whom(statement: Statement) -> set[str]:
    """Keys of those the statement might cover; `*` for what is too wide to name."""
    if statement.not_principals or any(one.kind is PrincipalKind.EVERYONE for one in statement.principals):
        return {_WIDE}
    return {_key(one) for one in statement.principals}


def _whom(statement: Statement) -> set[str]:
    return {_key(one) for one in statement.principals}


def _key(principal: Principal) -> str:
    if principal.kind is PrincipalKind.EVERYONE or (principal.kind is PrincipalKind.SERVICE and principal.value == "*"):
        return _WIDE
    return principal.account or principal.value


def _nobody(facts: Facts) -> list[Statement]:
    return ineffective(facts.document, function_arn=facts.function)


def _blocked(facts: Facts) -> list[Blocked]:
    return blocked(facts.document, function_arn=facts.function)


def _is_ghost(statement: Statement) -> bool:
    return bool(statement.principals) and all(one.kind is PrincipalKind.GHOST for one in statement.principals)


def _action_of(statement: Statement) -> str:
    names = statement.actions or statement.not_actions
    return f"action:{names[0]}" if len(names) == 1 else "actions"


def _called(statement: Statement, *, inside: bool = False) -> str:
    article = "statement" if inside else "Statement"
    return f"{article} “{statement.sid}”" if statement.sid else f"{article} number {statement.index + 1}"


def _found(rule: str, statement: Statement, text: str, severity: Severity, *, cause: str) -> Found:
    return Found(rule, text, severity, key=digest_of(statement), cause=cause, statement=statement)
