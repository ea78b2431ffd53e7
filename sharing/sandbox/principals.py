"""Principals inside stored policies: checked when written, bound to the unique id, rendered as the ARN while they live.

A role or user ARN is kept as its unique id (AROA..., AIDA...), as IAM does: once the role is deleted the policy reads
the id, and a new role of the same name gets nothing.
"""

import re
from collections.abc import Callable
from typing import Any

from botocore.loaders import Loader
from moto.iam.models import iam_backends

from sharing.sandbox import identity
from sharing.sandbox.conditions import as_list

REFUSED = "The provided principal was invalid. Please check the principal and try again."

_ACCOUNT = re.compile(r"\d{12}")
_ROOT = re.compile(r"arn:aws:iam::\d{12}:root")
_ENTITY = re.compile(r"arn:aws:iam::\d{12}:(role|user)/[\w+=,.@/-]+")
_SESSION = re.compile(r"arn:aws:sts::\d{12}:(assumed-role/[\w+=,.@-]+/[\w+=,.@-]+|federated-user/[\w+=,.@-]+)")
UNIQUE_ID = re.compile(r"(AROA|AIDA)[A-Z0-9]{12,}")
_SERVICE = re.compile(r"([a-z0-9-]+(?:\.[a-z0-9-]+)*)\.(amazonaws\.com(?:\.cn)?|amazon\.com)")
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")

#: Service principals whose first label is no SDK service name.
_EXTRA_SERVICES = {
    "alexa-appkit",
    "alexa-connectedhome",
    "apigateway",
    "cognito-idp",
    "config",
    "delivery.logs",
    "edgelambda",
    "elasticloadbalancing",
    "events",
    "lambda.alarms.cloudwatch",
    "replicator.lambda",
    "s3",
    "scheduler",
    "ses",
    "states",
    "vpc-lattice",
}


class BadPrincipal(ValueError):
    """The principal does not exist or cannot be one."""


def _service_names() -> set[str]:
    return set(Loader().list_available_services("service-2")) | _EXTRA_SERVICES


_services: set[str] = set()


def known_service(name: str) -> bool:
    """True for a service principal that some AWS service goes by, its regional forms included."""
    found = _SERVICE.fullmatch(name)
    if not found:
        return False
    if not _services:
        _services.update(_service_names())
    label = found.group(1)
    head, _, tail = label.rpartition(".")
    return label in _services or bool(head in _services and _REGION.fullmatch(tail))


def bound(text: str) -> str:
    """The stored form of one AWS principal.

    Raises BadPrincipal when it does not exist or is of a kind that can be no principal.
    """
    if text == "*" or _ROOT.fullmatch(text) or _SESSION.fullmatch(text):
        return text
    if _ACCOUNT.fullmatch(text):
        return f"arn:{identity.PARTITION}:iam::{text}:root"
    if _ENTITY.fullmatch(text):
        role = identity.find_role_by_arn(text)
        if role is not None:
            return str(role.id)
        user = identity.find_user_by_arn(text)
        if user is not None:
            return identity.user_id(user)
    if UNIQUE_ID.fullmatch(text) and living(text) is not None:
        return text
    raise BadPrincipal(REFUSED)


def living(unique_id: str) -> str | None:
    """The ARN of the role or user with this unique id, None once it is deleted."""
    for account in list(iam_backends):
        iam = identity.backend(account)
        role = iam.roles.get(unique_id)
        if role is not None:
            return str(role.arn)
        if unique_id.startswith("AIDA"):
            for user in list(iam.users.values()):
                if identity.user_id(user) == unique_id:
                    return str(user.arn)
    return None


def bind(principal: Any, *, lenient: bool = False) -> Any:
    """The stored form of a Principal or NotPrincipal element. lenient: unique ids of the dead are kept as they are."""

    def one(text: Any) -> str:
        if not isinstance(text, str):
            raise BadPrincipal(REFUSED)
        if lenient and UNIQUE_ID.fullmatch(text):
            return text
        return bound(text)

    def service(text: Any) -> str:
        if not isinstance(text, str) or not known_service(text):
            raise BadPrincipal(REFUSED)
        return text

    if principal == "*":
        return principal
    if not isinstance(principal, dict) or not principal or not set(principal) <= {"AWS", "Service"}:
        raise BadPrincipal(REFUSED)
    checks: dict[str, Callable[[Any], str]] = {"AWS": one, "Service": service}
    return {family: _each(value, checks[family]) for family, value in principal.items()}


def render(principal: Any) -> Any:
    """A stored Principal as readers see it."""
    if not isinstance(principal, dict):
        return principal
    return {
        family: _each(value, lambda text: (living(text) or text) if UNIQUE_ID.fullmatch(text) else text)
        if family == "AWS"
        else value
        for family, value in principal.items()
    }


def ghosts(principal: Any) -> list[str]:
    """Unique ids in a stored Principal that no longer belong to anyone."""
    names = as_list(principal.get("AWS")) if isinstance(principal, dict) else []
    return [name for name in names if UNIQUE_ID.fullmatch(name) and living(name) is None]


def _each(value: Any, change: Callable[[Any], str]) -> Any:
    if isinstance(value, list):
        if not value:
            raise BadPrincipal(REFUSED)
        return [change(item) for item in value]
    return change(value)
