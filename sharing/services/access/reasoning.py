"""Can this caller invoke this? The owner's side as the policy room decides it, the caller's own side, and what nobody
here can see. A "yes" is one as far as the owner's side goes; whatever hangs on something unknown is "depends"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from sharing.models import Actor, Check, CheckState, Function, Grant, Policy, Reading, Verdict
from sharing.policy import (
    Certainty,
    Decision,
    Document,
    FunctionArn,
    Outcome,
    Principal,
    PrincipalKind,
    Statement,
    parse,
)
from sharing.policy.caller import ANONYMOUS, caller_of
from sharing.policy.near import Context, Miss, near_misses
from sharing.services.syncing.storing import last_read_of

from .appraising import demands_membership
from .belonging import decided_for
from .doubts import not_looked_at
from .principals import Names
from .questioning import Question
from .verdicts import verdict_of

_GRANTS = 5
_NAMED = 50
_IDENTITIES = (PrincipalKind.ROLE, PrincipalKind.USER, PrincipalKind.SESSION)


@dataclass(frozen=True)
class Part:
    """One action that the call needs, decided by the policy alone."""

    action: str
    decision: Decision


@dataclass(frozen=True)
class Form:
    """Another form of the function whose policy would let the same caller in."""

    arn: str
    qualifier: str
    certain: bool
    statements: tuple[str, ...]


@dataclass(frozen=True)
class Differing:
    """One role, user or session of an account whose answer is another than the account's."""

    principal: str
    label: str
    allowed: bool
    statements: tuple[str, ...]


@dataclass(frozen=True)
class OwnersSide:
    """What the function's policy says, as last read. `problem`: why it decides nothing (never read, no function URL);
    `settled`: that alone means no.

    `stale`: why the read may be old, "" if it is not. `read_at`: when its content was last seen in AWS.
    """

    parts: tuple[Part, ...]
    outcome: Outcome
    certain: bool
    delegated: bool
    statements: tuple[Statement, ...]
    misses: tuple[Miss, ...]
    exceptions: tuple[Differing, ...]
    forms: tuple[Form, ...]
    unread_forms: tuple[str, ...]
    has_policy: bool
    problem: str = ""
    settled: bool = False
    stale: str = ""
    read_at: datetime | None = None
    changed_at: datetime | None = None

    @property
    def lets_in(self) -> bool:
        """Allowed, for certain."""
        return self.outcome is Outcome.ALLOWED and self.certain


@dataclass(frozen=True)
class CallersSide:
    """What the caller's own account must hold. `kind`: other, same (the owner's own account), service, anonymous.

    `check`: the last DryRun of that account on this form, which speaks for its own principal only. `membership`: what was
    read of the organisation of their account, with its age, where the function's policy asks for one.
    """

    kind: str
    check: Check | None = None
    check_is_theirs: bool = False
    grants: tuple[Grant, ...] = ()
    membership: str = ""


@dataclass(frozen=True)
class Reasoned:
    """The answer. `verdict`: yes (as far as the owner's side), no, or depends; `depends_on` says on what."""

    question: Question
    verdict: str
    sentence: str
    depends_on: tuple[str, ...]
    owner: OwnersSide
    caller: CallersSide
    unknown: tuple[str, ...]


def reason(asked: Question, *, by: Actor) -> Reasoned:
    """Answer the question from what was read. A constant number of queries; nothing is written."""
    now = timezone.now()
    same = bool(asked.number) and asked.number == asked.function.account.number
    kind = "same" if same else "other"
    if asked.caller.kind == ANONYMOUS:
        kind = "anonymous"
    elif asked.caller.kind == PrincipalKind.SERVICE:
        kind = "service"
    owner = _owners_side(asked, now)
    verdict, sentence, depends_on = verdict_of(asked, owner, same=same)
    return Reasoned(
        asked,
        verdict,
        sentence,
        depends_on,
        owner,
        _callers_side(asked, kind, by),
        not_looked_at(kind, delegated=owner.delegated),
    )


def document_of(policy: Policy | None) -> Document:
    """What the policy held when it was last read."""
    return parse(policy.current.document or None if policy is not None and policy.current else None)


def decided(
    asked: Question, document: Document, arn: FunctionArn, action: str, now: datetime
) -> tuple[Decision, Context, frozenset[str]]:
    """One action by one document, with what is known and not known of the call."""
    return decided_for(asked, document, arn, action, now, caller=asked.caller, principal=asked.principal)


def _owners_side(asked: Question, now: datetime) -> OwnersSide:
    policy = asked.policy
    document = document_of(policy)
    problem, settled = _problem(asked, policy)
    parts, misses = [], []
    for action in asked.actions:
        decision, context, unknown = decided(asked, document, asked.arn, action, now)
        parts.append(Part(action, decision))
        misses += near_misses(
            document, function=asked.arn, caller=asked.caller, action=action, context=context, unknown=unknown
        )
    outcome, certain, statements = _together(parts)
    forms, unread_forms = _forms(asked, now)
    return OwnersSide(
        parts=tuple(parts),
        outcome=outcome,
        certain=certain,
        delegated=outcome is Outcome.ALLOWED and any(part.decision.delegated for part in parts),
        statements=statements,
        misses=tuple({miss.statement.index: miss for miss in misses}.values()),
        exceptions=_exceptions(asked, document, outcome, now),
        forms=forms,
        unread_forms=unread_forms,
        has_policy=document.exists,
        problem=problem,
        settled=settled,
        stale=_stale(policy),
        read_at=last_read_of(policy) if policy is not None else None,
        changed_at=policy.current.first_seen_at if policy is not None and policy.current else None,
    )


def _together(parts: list[Part]) -> tuple[Outcome, bool, tuple[Statement, ...]]:
    """Every action is needed: one that is refused for certain decides."""
    order = {Outcome.DENIED: 0, Outcome.NONE: 1, Outcome.ALLOWED: 2}
    least = min(parts, key=lambda part: (order[part.decision.outcome], part.decision.certainty is not Certainty.YES))
    outcome = least.decision.outcome
    chosen = parts if outcome is Outcome.ALLOWED else [least]
    certain = all(part.decision.certainty is Certainty.YES for part in chosen)
    statements = {one.index: one for part in chosen for one in part.decision.statements}
    return outcome, certain, tuple(statements.values())


def _problem(asked: Question, policy: Policy | None) -> tuple[str, bool]:
    """Why the policy decides nothing here ("" where it does), and whether that alone is a no."""
    place = asked.place
    if policy is not None and policy.vanished_at is not None:
        return f"AWS does not list {place} any more: nobody can call it.", True
    if policy is None or (policy.current is None and policy.reading == Reading.UNREAD):
        why = policy.unread_reason if policy is not None else "Policies of versions are read only when the function is re-read."
        return f"The policy of {place} was never read. {why}".strip(), False
    if not asked.by_url:
        return "", False
    urls = asked.function.urls
    if urls is None:
        return f"Whether {place} has a function URL was not read yet.", False
    kind = urls.get(asked.arn.qualifier or "")
    if not kind:
        return f"{place} has no function URL: nobody can call it that way.", True
    if asked.caller.kind == ANONYMOUS and kind != "NONE":
        return f"The function URL of {place} demands signed calls ({kind}).", True
    return "", False


def _stale(policy: Policy | None) -> str:
    if policy is None or policy.unread_since is None or policy.current is None:
        return ""
    return f"The policy could not be read since {policy.unread_since:%Y-%m-%d %H:%M} UTC: {policy.unread_reason}".strip()


def _forms(asked: Question, now: datetime) -> tuple[tuple[Form, ...], tuple[str, ...]]:
    """Which other forms of the function would let the same caller in. One query."""
    found, unread = [], []
    others = asked.function.policies.filter(vanished_at=None).exclude(qualifier=asked.arn.qualifier or "")
    for policy in others.select_related("current").order_by("qualifier"):
        arn = asked.arn.with_qualifier(policy.qualifier)
        if policy.current is None and policy.reading == Reading.UNREAD:
            unread.append(policy.qualifier)
            continue
        document = document_of(policy)
        decisions = [decided(asked, document, arn, action, now)[0] for action in asked.actions]
        if all(one.outcome is Outcome.ALLOWED for one in decisions):
            certain = all(one.certainty is Certainty.YES for one in decisions) and policy.unread_since is None
            names = dict.fromkeys(one.name for decision in decisions for one in decision.statements)
            found.append(Form(str(arn), policy.qualifier, certain, tuple(names)))
    return tuple(found), tuple(unread)


def _exceptions(asked: Question, document: Document, outcome: Outcome, now: datetime) -> tuple[Differing, ...]:
    """Where an account is asked about: its roles, users and sessions by name for whom the answer is another."""
    if asked.caller.kind != PrincipalKind.ACCOUNT:
        return ()
    named: dict[str, Principal] = {
        str(one): one
        for statement in document.statements
        for one in (*statement.principals, *statement.not_principals)
        if one.kind in _IDENTITIES and one.account == asked.number
    }
    if not named:
        return ()
    names = Names({asked.number: asked.account} if asked.account else {})
    found = []
    for text, principal in list(named.items())[:_NAMED]:
        caller = caller_of(text, asked.arn.partition)
        decisions = []
        for action in asked.actions:
            told = decided_for(asked, document, asked.arn, action, now, caller=caller, principal=text)
            decisions.append(told[0])
        allowed = all(one.outcome is Outcome.ALLOWED for one in decisions)
        if allowed != (outcome is Outcome.ALLOWED):
            by = dict.fromkeys(one.name for decision in decisions for one in decision.statements)
            found.append(Differing(text, principal.label(names.texts), allowed, tuple(by)))
    return tuple(found)


def _callers_side(asked: Question, kind: str, by: Actor) -> CallersSide:
    if kind not in ("other", "same"):
        return CallersSide(kind)
    check = None
    if asked.policy is not None and kind == "other":
        check = (
            Check.objects.visible_to(by)
            .filter(
                policy=asked.policy,
                state=CheckState.DONE,
                verdict__in=(Verdict.ALLOWED, Verdict.DENIED),
                principal__contains=f"::{asked.number}:",
            )
            .order_by("-done_at")
            .first()
        )
    grants = (
        Grant.objects.visible_to(by)
        .filter(policy__function=asked.function, principal_account=asked.number)
        .select_related("policy")
        .order_by("-created_at")[:_GRANTS]
    )
    theirs = check is not None and check.principal == asked.principal
    membership = asked.belonging.words if demands_membership(document_of(asked.policy)) else ""
    return CallersSide(kind, check, theirs, tuple(grants), membership)


def functions_named(name: str, account: str, *, by: Actor) -> list[Function]:
    """The same name in other regions of the same account, in scope: a call that went to the wrong one. One query."""
    found = Function.objects.visible_to(by).filter(name=name, account__number=account, vanished_at=None)
    return list(found.select_related("account").order_by("region")[:_GRANTS])
