"""Rules about who is let in, and how widely: one function each, over the reduced exposures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from sharing.policy import services
from sharing.policy.actions import ACTIONS, ActionClass
from sharing.policy.exposure import Answer, Audience, Exposure, Kind, Zone
from sharing.policy.principal import Principal, PrincipalKind
from sharing.policy.statement import Statement

from .shapes import Facts, Found, Severity, digest_of, name_of, who_of
from .urls import is_by_url

#: Reading one of these hands out code or environment variables (secrets included).
DISCLOSING: Final = frozenset(
    name for name, action in ACTIONS.items() if action.action_class is ActionClass.READ and action.warning
)

_DOING: Final = {
    ActionClass.INVOKE: "invoke",
    ActionClass.INVOKE_URL: "call the URL of",
    ActionClass.READ: "read",
    ActionClass.MANAGE: "change",
}


def public(facts: Facts) -> Iterator[Found]:
    """Anyone, or any AWS account, is let in for certain; not only through a function URL."""
    for statement, found in _by_statement(facts, lambda one: one.public is Answer.YES and not _usable_by_url_only(one)):
        text = f"{_audience(found)} can {_doing(found)} {facts.name}."
        yield _of_everyone("public", statement, found, text, Severity.CRITICAL)


def public_depends(facts: Facts) -> Iterator[Found]:
    """Anyone may be let in: that hangs on something that is not known."""
    for statement, found in _by_statement(facts, lambda one: one.public is Answer.DEPENDS):
        reasons = tuple(dict.fromkeys(reason for one in found for reason in one.depends_on))
        text = f"{_audience(found)} may be able to {_doing(found)} {facts.name}: that depends on {_listed(reasons)}."
        yield _of_everyone("public-depends", statement, found, text, Severity.HIGH, depends_on=reasons)


def public_url(facts: Facts) -> Iterator[Found]:
    """Anyone reaches the function through its URL. A URL that nobody looked for may exist."""
    unsure = facts.url_auth is None
    for statement, found in _by_statement(
        facts, lambda one: one.public is Answer.YES and _usable_by_url_only(one) and not one.latent
    ):
        text = f"{_audience(found)} can call {facts.name} through its function URL"
        text += ", if it has one: nobody looked yet." if unsure else "."
        depends_on = ("whether the function has a URL",) if unsure else ()
        yield _of_everyone("public-url", statement, found, text, Severity.HIGH, depends_on=depends_on)


def open_service(facts: Facts) -> Iterator[Found]:
    """An AWS service may call on behalf of any account (a confused deputy)."""
    for one in facts.exposures:
        if one.open_service is Answer.NO:
            continue
        label = _service(one)
        sure = one.open_service is Answer.YES
        text = (
            f"Any AWS account can drive {facts.name} through {label}."
            if sure
            else f"Another account may be able to drive {facts.name} through {label}: it depends on {_listed(one.depends_on)}."
        )
        severity = Severity.HIGH if sure else Severity.MEDIUM
        yield from _each("open-service", one, text, severity, cause=f"service:{one.principal}", certain=sure)


def ghost(facts: Facts) -> Iterator[Found]:
    """A statement names a role or user that was deleted."""
    for one in facts.exposures:
        if one.kind is Kind.GHOST:
            what = Principal(PrincipalKind.GHOST, one.principal).label()
            text = f"A statement of {facts.name} names a {what}: it lets nobody in, and can block later changes."
            yield from _each("ghost", one, text, Severity.MEDIUM, cause=f"ghost:{one.principal}", certain=True)


def manage_outsider(facts: Facts) -> Iterator[Found]:
    """Somebody outside the owner account may change or replace the function."""
    for one in _outsiders(facts, ActionClass.MANAGE):
        text = f"{name_of(one)} can change {facts.name}: {_verbs(one)}."
        yield from _each("manage-outsider", one, text, _by_zone(one, Severity.HIGH), cause=f"who:{one.principal}")


def read_outsider(facts: Facts) -> Iterator[Found]:
    """Somebody outside the owner account may read the function; some read actions hand out code and environment."""
    for one in _outsiders(facts, ActionClass.READ):
        gives = DISCLOSING & set(one.actions)
        what = ", code or environment variables included" if gives else ""
        severity = _by_zone(one, Severity.MEDIUM) if gives else Severity.LOW
        text = f"{name_of(one)} can read {facts.name}{what}: {_verbs(one)}."
        yield from _each("read-outsider", one, text, severity, cause=f"who:{one.principal}")


#: More strangers than this on one policy are a list that somebody wrote.
_A_LIST: Final = 5


def unknown_account(facts: Facts) -> Iterator[Found]:
    """An account or organisation that nobody named, trusts or connected is let in.

    A long list of them on one policy has one cause, the list; the same stranger on many policies has one too, itself.
    """
    outside = [one for one in facts.exposures if one.external is not Answer.NO and not one.latent]
    strangers = [(who, one) for one in outside if (who := _stranger(facts, one))]
    listed = len({who for who, _ in strangers}) > _A_LIST
    for who, one in strangers:
        text = f"{name_of(one)}, which nobody here knows, can {_DOING[one.action_class]} {facts.name}."
        cause = f"list:{facts.name}" if listed else f"unknown:{who}"
        yield from _each("unknown-account", one, text, Severity.MEDIUM, cause=cause, key=who)


def _stranger(facts: Facts, one: Exposure) -> str:
    if one.account:
        return "" if one.account in facts.known else f"account {one.account}"
    if one.kind is Kind.ORGANIZATION and one.zone is Zone.OUTSIDE:
        return f"organisation {one.principal}"
    return ""


def _outsiders(facts: Facts, wanted: ActionClass) -> Iterator[Exposure]:
    """Who is let in from outside by name: everyone has rules of its own."""
    for one in facts.exposures:
        everyone = one.kind is Kind.EVERYONE
        if one.action_class is wanted and one.external is not Answer.NO and not everyone and not one.latent:
            yield one


def _usable_by_url_only(one: Exposure) -> bool:
    return one.action_class is ActionClass.INVOKE_URL or all(is_by_url(statement) for statement in one.statements)


def _by_statement(facts: Facts, wanted: Callable[[Exposure], bool]) -> Iterator[tuple[Statement | None, list[Exposure]]]:
    """The wanted exposures by the statement they come from; None for a document nobody can read."""
    for index, found in facts.by_statement.items():
        if these := [one for one in found if wanted(one)]:
            yield facts.document.statements[index], these
    if these := [one for one in facts.exposures if not one.statements and wanted(one)]:
        yield None, these


def _audience(found: list[Exposure]) -> str:
    if any(one.audience is Audience.INTERNET for one in found):
        return "Anyone on the internet"
    if all(one.kind is Kind.SERVICE for one in found):
        return f"Any AWS account, by way of {_service(found[0])},"
    return "Any AWS account"


def _service(one: Exposure) -> str:
    return services.label(one.principal) if one.principal != "*" else "any AWS service"


def _doing(found: list[Exposure]) -> str:
    verbs = list(dict.fromkeys(_DOING[one.action_class] for one in sorted(found, key=lambda one: one.action_class.danger)))
    return " and ".join((", ".join(verbs[:-1]), verbs[-1])) if len(verbs) > 1 else verbs[0]


def _verbs(one: Exposure) -> str:
    names = [name.removeprefix("lambda:") for name in one.actions]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _by_zone(one: Exposure, outside: Severity) -> Severity:
    """Trust lowers the weight by one step; it excuses nothing."""
    return outside if one.zone is Zone.OUTSIDE else Severity(max(Severity.LOW, outside - 1))


def _listed(reasons: tuple[str, ...]) -> str:
    return "; ".join(reasons) or "what cannot be judged"


def _each(
    rule: str,
    one: Exposure,
    text: str,
    severity: Severity,
    *,
    cause: str,
    certain: bool | None = None,
    key: str = "",
) -> Iterator[Found]:
    """A finding for each statement that gives this: each can be taken away by itself."""
    answer = Answer.DEPENDS not in (one.public, one.external, one.open_service) if certain is None else certain
    for statement in one.statements or (None,):
        yield Found(
            rule,
            text,
            severity,
            key="\n".join((digest_of(statement) if statement else "", key or f"{one.principal}\n{one.account or ''}")),
            cause=cause,
            certain=answer,
            depends_on=() if answer else one.depends_on,
            who=(who_of(one),),
            statement=statement,
            others=tuple(other.name for other in one.statements if other is not statement),
        )


def _of_everyone(
    rule: str,
    statement: Statement | None,
    found: list[Exposure],
    text: str,
    severity: Severity,
    *,
    depends_on: tuple[str, ...] = (),
) -> Found:
    return Found(
        rule,
        text,
        severity,
        key=digest_of(statement) if statement else "",
        cause="everyone",
        certain=not depends_on and rule != "public-depends",
        depends_on=depends_on,
        who=tuple(dict.fromkeys(who_of(one) for one in found)),
        statement=statement,
    )
