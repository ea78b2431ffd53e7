"""Rules about function URLs: two statements must fit one URL's type, or it answers nobody (or waits to be public)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sharing.policy.actions import INVOKE, INVOKE_URL, ActionClass
from sharing.policy.exposure import Exposure
from sharing.policy.statement import Statement

from .shapes import Facts, Found, Severity, digest_of, name_of, who_of

_VIA: Final = "lambda:invokedviafunctionurl"
_AUTH: Final = "lambda:functionurlauthtype"
# How sharing.policy.verdicts begins the three things a URL statement may lack.
_HALF: Final = "the other half of the pair"
_NO_URL: Final = "the function has no URL"
_OTHER_TYPE: Final = "the function's URL is of type"


def is_by_url(statement: Statement) -> bool:
    """Whether the statement lets in only through a function URL."""
    return any(
        condition.key.lower() == _VIA and [value.lower() for value in condition.values] == ["true"]
        for condition in statement.conditions
    )


def lacks_url_part(latent: str | None) -> bool:
    """Whether what is missing is the URL, its type or the other half, rather than any effect at all."""
    return bool(latent) and str(latent).startswith((_HALF, _NO_URL, _OTHER_TYPE))


def url_half(facts: Facts) -> Iterator[Found]:
    """Only one of the two statements that a URL needs is there."""
    for one in facts.exposures:
        if one.latent and one.latent.startswith(_HALF):
            missing = INVOKE if one.action_class is ActionClass.INVOKE_URL else INVOKE_URL
            half = missing.removeprefix("lambda:")
            text = f"{name_of(one)} cannot use the URL of {facts.name}: {half} for the same principal is missing."
            yield _found("url-half", one, text, Severity.MEDIUM, missing=missing, auth=_type(one, facts))


def url_idle(facts: Facts) -> Iterator[Found]:
    """A statement for a URL that the function does not have, or of another type: it waits for one to be made."""
    for one in facts.exposures:
        if one.latent and one.latent.startswith((_NO_URL, _OTHER_TYPE)):
            everyone = str(one.kind) == "everyone"
            then = " A URL made later would be public at once." if everyone else ""
            yield _found(
                "url-idle",
                one,
                f"A statement of {facts.name} is for a function URL, and {one.latent}.{then}",
                Severity.MEDIUM if everyone else Severity.LOW,
            )


def url_unanswered(facts: Facts) -> Iterator[Found]:
    """A URL to which the policy lets nobody in: of type NONE it answers 403 to all, of AWS_IAM to other accounts."""
    if facts.url_auth not in ("NONE", "AWS_IAM"):
        return
    if any(one.action_class is ActionClass.INVOKE_URL or (one.latent or "").startswith(_HALF) for one in facts.exposures):
        return  # a pair, or half of one: judged by the other rules
    if facts.url_auth == "NONE":
        text = f"{facts.name} has a URL of type NONE, and no statement lets anybody call it: it answers 403 to everyone."
        yield Found("url-unanswered", text, Severity.MEDIUM, cause="url:NONE", facts={"auth": "NONE"})
    else:
        text = f"{facts.name} has a URL of type AWS_IAM, and no statement lets another account call it."
        yield Found("url-unanswered", text, Severity.LOW, cause="url:AWS_IAM", facts={"auth": "AWS_IAM"})


def _type(one: Exposure, facts: Facts) -> str:
    for statement in one.statements:
        for condition in statement.conditions:
            if condition.key.lower() == _AUTH and len(condition.values) == 1:
                return condition.values[0]
    return facts.url_auth if facts.url_auth in ("NONE", "AWS_IAM") else ""


def _found(rule: str, one: Exposure, text: str, severity: Severity, **more: str) -> Found:
    statement = one.statements[0] if one.statements else None
    return Found(
        rule,
        text,
        severity,
        key="\n".join((digest_of(statement) if statement else "", str(one.action_class), one.principal)),
        cause="url:everyone" if str(one.kind) == "everyone" else "url:named",
        who=(who_of(one),),
        statement=statement,
        facts=dict(more),
    )
