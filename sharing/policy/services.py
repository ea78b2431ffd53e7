"""AWS services that call functions: their principal, what they are called, and which source makes each one safe.

Without a source, any AWS account can drive the function through the service (confused deputy; AddPermission's own
documentation). Facts: table "Triggers by source"; `crosses_accounts` is None where AWS documents neither.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final


class Source(StrEnum):
    """A limit that says on whose behalf the service may call."""

    ACCOUNT = "source account"
    ARN = "source ARN"
    TOKEN = "event source token"  # noqa: S105 (names a limit, holds no secret)
    ORGANIZATION = "source organisation"


@dataclass(frozen=True, slots=True)
class Service:
    """One service principal.

    `safe_with`: any one of these limits closes it to other accounts. `best`: what to ask a person for.
    `crosses_accounts`: whether it can call a function of another account; None where that is not documented.
    `advice`: set when naming this principal is usually the wrong way, with the right one.
    """

    principal: str
    label: str
    aliases: tuple[str, ...] = ()
    safe_with: frozenset[Source] = frozenset({Source.ACCOUNT, Source.ARN, Source.ORGANIZATION})
    best: tuple[Source, ...] = (Source.ARN,)
    crosses_accounts: bool | None = None
    source_service: str = ""
    advice: str = ""


_TOKEN = frozenset({Source.TOKEN})
_ROLE = "{label} calls functions through a role in its own account: share with that role's ARN instead of the service."
_PULL = (
    "Lambda polls {label} itself with the function's execution role: no permission is needed here, "
    "the owner creates an event source mapping instead."
)


def _service(
    principal: str,
    label: str,
    *aliases: str,
    safe_with: frozenset[Source] | None = None,
    best: tuple[Source, ...] = (Source.ARN,),
    crosses: bool | None = None,
    source_service: str = "",
    advice: str = "",
) -> Service:
    return Service(
        principal,
        label,
        aliases,
        safe_with or frozenset({Source.ACCOUNT, Source.ARN, Source.ORGANIZATION}),
        best,
        crosses,
        source_service or principal.split(".", 1)[0],
        advice.format(label=label),
    )


#: Known service principals by name. A service not listed may still be granted, with a warning.
KNOWN: Final[Mapping[str, Service]] = {
    service.principal: service
    for service in (
        _service(
            "s3.amazonaws.com",
            "Amazon S3",
            safe_with=frozenset({Source.ACCOUNT, Source.ORGANIZATION}),
            best=(Source.ARN, Source.ACCOUNT),
            crosses=True,
        ),
        _service("sns.amazonaws.com", "Amazon SNS", crosses=True),
        _service("events.amazonaws.com", "Amazon EventBridge", "eventbridge", "cloudwatch events"),
        _service("logs.amazonaws.com", "CloudWatch Logs", best=(Source.ARN, Source.ACCOUNT), crosses=False),
        _service(
            "lambda.alarms.cloudwatch.amazonaws.com",
            "CloudWatch alarms",
            "cloudwatch",
            "alarms",
            "cloudwatch alarm",
            best=(Source.ARN, Source.ACCOUNT),
            crosses=True,
            source_service="cloudwatch",
        ),
        _service("ses.amazonaws.com", "Amazon SES", best=(Source.ACCOUNT,), crosses=True),
        _service("iot.amazonaws.com", "AWS IoT", best=(Source.ARN, Source.ACCOUNT)),
        _service("cognito-idp.amazonaws.com", "Amazon Cognito user pools", "cognito"),
        _service("config.amazonaws.com", "AWS Config", best=(Source.ACCOUNT,), crosses=True),
        _service("codecommit.amazonaws.com", "AWS CodeCommit"),
        _service("apigateway.amazonaws.com", "Amazon API Gateway", "api gateway", crosses=True, source_service="execute-api"),
        _service(
            "elasticloadbalancing.amazonaws.com",
            "Elastic Load Balancing",
            "alb",
            "elb",
            "application load balancer",
            crosses=False,
        ),
        _service(
            "alexa-appkit.amazon.com",
            "Alexa custom skills",
            "alexa",
            "alexa skills kit",
            safe_with=_TOKEN,
            best=(Source.TOKEN,),
            crosses=True,
        ),
        _service(
            "alexa-connectedhome.amazon.com",
            "Alexa smart home skills",
            "alexa smart home",
            safe_with=_TOKEN,
            best=(Source.TOKEN,),
            crosses=True,
        ),
        _service("secretsmanager.amazonaws.com", "AWS Secrets Manager", "secrets manager", best=(Source.ACCOUNT,)),
        _service(
            "replicator.lambda.amazonaws.com",
            "AWS replication (Lambda@Edge)",
            "lambda@edge",
            safe_with=frozenset(Source),
            best=(),
        ),
        _service("scheduler.amazonaws.com", "EventBridge Scheduler", advice=_ROLE),
        _service("pipes.amazonaws.com", "EventBridge Pipes", advice=_ROLE),
        _service("codepipeline.amazonaws.com", "AWS CodePipeline", advice=_ROLE),
        _service("cloudformation.amazonaws.com", "AWS CloudFormation", advice=_ROLE),
        _service("sqs.amazonaws.com", "Amazon SQS", advice=_PULL),
        _service("kinesis.amazonaws.com", "Amazon Kinesis", advice=_PULL),
        _service("dynamodb.amazonaws.com", "Amazon DynamoDB Streams", "dynamodb streams", advice=_PULL),
        _service("kafka.amazonaws.com", "Amazon MSK", "msk", advice=_PULL),
        _service("mq.amazonaws.com", "Amazon MQ", advice=_PULL),
    )
}

_SHAPE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws\.(com|com\.cn|eu)|amazon\.com)", re.ASCII)
_REGIONAL = re.compile(r"([a-z0-9-]+)\.((?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-[0-9])\.(amazonaws\..+)")
_DOMAINS: Final = (".amazonaws.com.cn", ".amazonaws.com", ".amazonaws.eu")


def is_service_name(text: str) -> bool:
    """Whether `text` has the form of a service principal: one or more labels before `amazonaws.com`."""
    return _SHAPE.fullmatch(text) is not None


def stem(principal: str) -> str:
    """The first labels: the same service in every partition (`s3.amazonaws.com` and `s3.amazonaws.com.cn`)."""
    for domain in _DOMAINS:
        if principal.endswith(domain):
            return principal[: -len(domain)]
    return principal


def same_service(one: str, other: str) -> bool:
    """Whether two principals name one service; names are case-sensitive, the partition's domain does not count."""
    return one == other or stem(one) == stem(other)


def lookup(principal: str, known: Mapping[str, Service] = KNOWN) -> Service | None:
    """What is known about a principal, in any partition; a regional one (`sns.REGION.…`) counts as its service."""
    if known is KNOWN:
        return _lookup_known(principal)
    return _lookup(principal, known)


@lru_cache(maxsize=4096)
def _lookup_known(principal: str) -> Service | None:
    return _lookup(principal, KNOWN)


def _lookup(principal: str, known: Mapping[str, Service]) -> Service | None:
    found = known.get(principal)
    if found:
        return found
    regional = _REGIONAL.fullmatch(principal)
    base = f"{regional[1]}.amazonaws.com" if regional else f"{stem(principal)}.amazonaws.com"
    return known.get(base)


def label(principal: str) -> str:
    """What a person calls the service; the principal itself when it is not a known one."""
    service = lookup(principal)
    return service.label if service else principal


def find(text: str, known: Mapping[str, Service] = KNOWN) -> Service | None:
    """The known service a person means by `s3`, `S3`, `Amazon S3`, `EventBridge`, `s3.amazonaws.com`…; else None."""
    wanted = _fold(text)
    for service in known.values():
        if wanted in _names(service):
            return service
    return None


def suggestion(text: str, known: Mapping[str, Service] = KNOWN) -> str | None:
    """The principal of the known service whose name comes closest to a misspelt one; None if none is close."""
    wanted = _fold(text)
    if "." in wanted:  # the domain is the same everywhere and says nothing about likeness
        names = {stem(service.principal): service.principal for service in known.values()}
        candidates = [stem(wanted), wanted.split(".", 1)[0]]
    else:
        names = {name: service.principal for service in known.values() for name in _names(service)}
        candidates = [wanted]
    for candidate in candidates:
        close = difflib.get_close_matches(candidate, names, n=1, cutoff=0.8)
        if close:
            return names[close[0]]
    return None


def _fold(text: str) -> str:
    return " ".join(text.casefold().replace("_", " ").split())


def _names(service: Service) -> tuple[str, ...]:
    short = service.principal.split(".", 1)[0]
    label_ = service.label.casefold()
    bare = label_.removeprefix("amazon ").removeprefix("aws ")
    return (service.principal, stem(service.principal), short, label_, bare, *service.aliases)
