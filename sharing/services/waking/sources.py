"""Sources as statements and mappings name them: which kind, which account, what it is called."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from sharing.policy import services
from sharing.policy.arn import is_account_id
from sharing.policy.wiring import SOURCES, recognise

#: A positive condition on the source's ARN, as sharing.policy writes it: `ArnLike AWS:SourceArn = a, b`.
_SOURCE_ARN = re.compile(
    r"(?:For\w+Values:)?(?:Arn|String)(?:Like|Equals|EqualsIgnoreCase)(?:IfExists)? aws:SourceArn = (.*)", re.I | re.S
)
_TOKEN = "lambda:eventsourcetoken"  # noqa: S105  # a condition key


def arns_in(conditions: Iterable[str]) -> tuple[str, ...]:
    """The source ARNs among conditions in words; () where none is named."""
    found: list[str] = []
    for text in conditions:
        if match := _SOURCE_ARN.fullmatch(text):
            found += re.split(r", (?=arn:)", match[1])
    return tuple(dict.fromkeys(found))


def by_token(conditions: Iterable[str]) -> bool:
    """Whether a secret tells sources apart: it is masked, so nobody here can."""
    return any(_TOKEN in text.lower() for text in conditions)


@lru_cache(maxsize=4096)
def kind_of(arn: str, service: str = "") -> str:
    """A key of SOURCES: by the ARN, else by the service principal that calls; "other" for neither."""
    parts = arn.split(":", 5)
    known = recognise(parts[2], parts[5]) if len(parts) == 6 else None
    if known is not None:
        return known.key
    if service and service != "*":
        stem = services.stem(service)
        for kind in SOURCES.values():
            if kind.principal and services.stem(kind.principal) == stem:
                return kind.key
        for kind in SOURCES.values():
            if not kind.principal and kind.service and kind.service == stem:
                return kind.key
    if not arn and not service:
        return "self-managed-kafka"
    return "other"


def account_in(arn: str) -> str:
    """Whose the source is, where its ARN says so."""
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 and is_account_id(parts[4]) else ""


def name_of(arn: str) -> str:
    """What people call it: `uploads` of `arn:aws:s3:::uploads`; the text itself where it is no ARN."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or not parts[5]:
        return arn
    service, resource = parts[2], parts[5]
    match service:
        case "dynamodb" | "kinesis" if "/" in resource:
            return resource.split("/")[1]
        case "events" if resource.startswith("rule/"):
            return resource.removeprefix("rule/")
        case "cloudwatch" if resource.startswith("alarm:"):
            return resource.removeprefix("alarm:")
        case "logs" if resource.startswith("log-group:"):
            return resource.removeprefix("log-group:").removesuffix(":*")
    return resource
