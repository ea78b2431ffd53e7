"""What is wrong with a permission, and what is worth knowing about it, before anything is sent to AWS.

Facts: patterns, lengths and combinations of AddPermission's fields; botocore checks none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from . import actions, services
from .arn import LATEST, is_account_id, shorten
from .principal import ORGANIZATION_ID, PrincipalKind

if TYPE_CHECKING:
    from .permission import Permission


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a permission cannot be granted: the field, what is wrong, what to do."""

    field: str
    message: str
    next: str

    def __str__(self) -> str:
        return f"{self.message} {self.next}"


_SID = re.compile(r"[a-zA-Z0-9_-]+", re.ASCII)
_SOURCE_ARN = re.compile(r"arn:(aws[a-zA-Z0-9-]*):[a-zA-Z0-9-]+:([a-z0-9-]*):([0-9]{12})?:(.+)", re.ASCII)
_TOKEN = re.compile(r"[a-zA-Z0-9._-]+", re.ASCII)
_CALLERS: Final = frozenset({PrincipalKind.ACCOUNT, PrincipalKind.ROLE, PrincipalKind.USER, PrincipalKind.SESSION})

#: A DryRun is made as a role: what a service or a URL lets in is proved otherwise, if at all.
NO_CHECK: Final = "No check can prove this one: a DryRun proves only that one role may invoke."


def problems_of(permission: Permission) -> list[Problem]:
    """Everything AWS would refuse or that could never work."""
    return [
        problem
        for check in (_function, _sid, _action, _principal, _organization, _sources, _token, _url)
        for problem in check(permission)
    ]


def _function(permission: Permission) -> Iterator[Problem]:
    qualifier = permission.function.qualifier
    if qualifier and qualifier.startswith(LATEST):
        yield Problem(
            "function",
            "AWS keeps no policy for $LATEST.",
            "Share the function without a qualifier, which runs the $LATEST code, or share an alias.",
        )


def _sid(permission: Permission) -> Iterator[Problem]:
    sid = permission.sid
    if not sid:
        yield Problem("sid", "The statement id is empty.", "Write one, or leave the one that was offered.")
    elif len(sid) > 100:
        yield Problem("sid", f"The statement id has {len(sid)} characters; AWS allows 100.", "Shorten it.")
    elif any(char.isspace() for char in sid):
        yield Problem("sid", "The statement id holds a space.", "Use letters, digits, hyphens and underscores.")
    elif not _SID.fullmatch(sid):
        yield Problem(
            "sid",
            f"“{shorten(sid)}” holds characters that AWS does not allow in a statement id.",
            "Use letters, digits, hyphens and underscores.",
        )


def _action(permission: Permission) -> Iterator[Problem]:
    reason = actions.refusal(permission.action)
    if reason:
        yield Problem("action", reason, "Choose another action.")


def _principal(permission: Permission) -> Iterator[Problem]:
    principal, function = permission.principal, permission.function
    refused = {
        PrincipalKind.GHOST: ("It names a deleted role or user.", "Share with the ARN of one that exists."),
        PrincipalKind.FEDERATED: ("An identity provider cannot be given a function.", "Share with the role it leads to."),
        PrincipalKind.UNKNOWN: (
            f"“{shorten(principal.value)}” names nobody AWS knows.",
            "Write an account id, a role or user ARN, an organisation id or a service.",
        ),
    }
    if principal.kind in refused:
        yield Problem("principal", *refused[principal.kind])
    elif principal.kind in _CALLERS and principal.partition not in ("", function.partition):
        yield Problem(
            "principal",
            f"The principal is in partition {principal.partition}, the function in {function.partition}; "
            "AWS lets nobody in across partitions.",
            "Choose a principal of the function's own partition.",
        )
    elif principal.kind is PrincipalKind.SERVICE and not services.is_service_name(principal.value):
        yield Problem(
            "principal",
            f"“{shorten(principal.value)}” is not the name of an AWS service.",
            "Write one such as s3.amazonaws.com.",
        )


def _organization(permission: Permission) -> Iterator[Problem]:
    identity = permission.organization_id
    if identity is None:
        return
    if permission.principal.kind is PrincipalKind.ORGANIZATION and permission.organization:
        yield Problem("organization", "Two different organisations are named; nobody belongs to both.", "Keep one of them.")
    if not ORGANIZATION_ID.fullmatch(identity):
        yield Problem(
            "organization",
            f"“{shorten(identity)}” is not an organisation id.",
            "It is o- followed by 10 to 32 lower-case letters and digits.",
        )
    if permission.principal.kind is PrincipalKind.SERVICE:
        yield Problem(
            "organization",
            "A service belongs to no organisation, so this would let nobody in.",
            "Leave the organisation out and name a source account instead.",
        )


def _sources(permission: Permission) -> Iterator[Problem]:
    for field in ("source_account", "source_arn", "event_source_token"):
        if getattr(permission, field) is not None and permission.principal.kind is not PrincipalKind.SERVICE:
            name = {"source_account": "source account", "source_arn": "source ARN"}.get(field, "event source token")
            yield Problem(
                field,
                f"Only services call on behalf of a source; with a {name} this principal could never call.",
                f"Leave the {name} out, or share with the service.",
            )
    account = permission.source_account
    if account is not None and not is_account_id(account):
        digits = sum(char.isdigit() for char in account)
        yield Problem(
            "source_account",
            f"“{shorten(account)}” is not an AWS account id: it has {digits} digits where 12 are needed.",
            "Write exactly 12 digits, without spaces or dashes.",
        )
    if permission.source_arn is not None:
        yield from _source_arn(permission, permission.source_arn)


def _source_arn(permission: Permission, text: str) -> Iterator[Problem]:
    found = _SOURCE_ARN.fullmatch(text)
    if not found:
        yield Problem(
            "source_arn",
            f"“{shorten(text)}” is not the ARN of a source.",
            "Write a whole ARN, such as arn:aws:s3:::my-bucket or arn:aws:sns:us-east-1:111122223333:my-topic.",
        )
        return
    if found[1] != permission.function.partition:
        yield Problem(
            "source_arn",
            f"The source is in partition {found[1]}, the function in {permission.function.partition}.",
            "Choose a source in the function's own partition.",
        )
    if found[3] and permission.source_account and found[3] != permission.source_account:
        yield Problem(
            "source_account",
            f"The source ARN belongs to account {found[3]}, the source account says {permission.source_account}: "
            "no call could satisfy both.",
            "Make them agree, or leave the source account out.",
        )


def _token(permission: Permission) -> Iterator[Problem]:
    token = permission.event_source_token
    if token is None:
        return
    if len(token) > 256:
        yield Problem("event_source_token", f"The token has {len(token)} characters; AWS allows 256.", "Copy it once more.")
    elif not _TOKEN.fullmatch(token):
        yield Problem(
            "event_source_token",
            "The token holds characters that AWS does not allow.",
            "It may hold letters, digits, dots, underscores and hyphens; for Alexa it is the skill id.",
        )


def _url(permission: Permission) -> Iterator[Problem]:
    auth, action = permission.url_auth_type, permission.action
    if auth is not None and auth not in ("NONE", "AWS_IAM"):
        yield Problem("url_auth_type", f"“{shorten(auth)}” is no type of function URL.", "Choose NONE or AWS_IAM.")
    elif auth is not None and action != actions.INVOKE_URL:
        yield Problem(
            "url_auth_type",
            f"The type of URL belongs to {actions.INVOKE_URL}; with {shorten(action)} it would let nobody in.",
            f"Leave it out, or choose {actions.INVOKE_URL}.",
        )
    if permission.via_url and action != actions.INVOKE:
        yield Problem(
            "via_url",
            f"“Only through the URL” belongs to {actions.INVOKE}.",
            f"Leave it out, or choose {actions.INVOKE}.",
        )
    if (permission.via_url or action == actions.INVOKE_URL) and permission.function.is_version:
        yield Problem(
            "function",
            "A version has no function URL; only the function itself and its aliases have.",
            "Share the function or an alias.",
        )


def warnings_of(permission: Permission) -> list[str]:
    """What a person should know before granting."""
    return [*_service_warnings(permission), *_caller_warnings(permission)]


def _service_warnings(permission: Permission) -> Iterator[str]:
    if permission.principal.kind is not PrincipalKind.SERVICE:
        return
    name = permission.principal.value
    service = services.lookup(name)
    if service is None:
        yield f"{name} is not a service fnshare knows: check its spelling in that service's own documentation."
        if not permission.has_source:
            yield "Name a source account or source ARN, or any AWS account may drive the function through it."
        return
    if service.advice:
        yield service.advice
    bucket = (permission.source_arn or "").split(":", 5)
    bare_bucket = len(bucket) == 6 and not is_account_id(bucket[4])
    if service.principal == "s3.amazonaws.com" and bare_bucket and not permission.source_account:
        yield (
            "A bucket's ARN names no account: if the bucket is deleted, a stranger can create one of the same name. "
            "Add the source account."
        )
    if not permission.has_source and service.crosses_accounts is not False:
        wanted = " and ".join(source.value for source in service.best) or "source"
        yield f"Without a source, any AWS account can drive the function through {service.label}: add the {wanted}."
    if permission.event_source_token and services.Source.TOKEN not in service.safe_with:
        yield f"{service.label} sends no event source token, so its calls would be refused: leave the token out."
    source_account = permission.source_account or (bucket[4] if len(bucket) == 6 else "")
    if service.crosses_accounts is False and source_account and source_account != permission.function.account:
        yield (
            f"{service.label} cannot call a function of another account: "
            f"this only works for a source in account {permission.function.account}."
        )
    if len(bucket) == 6 and service.source_service and bucket[2] != service.source_service:
        yield f"{service.label} calls for sources of {service.source_service}, but the ARN names one of {bucket[2]}."


def _caller_warnings(permission: Permission) -> Iterator[str]:
    kind, function = permission.principal.kind, permission.function
    known = actions.ACTIONS.get(permission.action)
    if known and known.warning:
        yield f"{known.name}: {known.warning}."
    if kind in _CALLERS and permission.principal.account == function.account:
        yield "This principal is in the function's own account, where its own IAM policy is enough."
    if kind is PrincipalKind.SESSION:
        yield "This lets in one session of exactly that name: for every session, share with the role itself."
    if permission.action == actions.INVOKE_URL and permission.url_auth_type is None:
        yield "Without a type of URL this applies to a public URL too: choose AWS_IAM or NONE."
    if permission.action == actions.INVOKE_URL:
        yield f"A URL needs a second statement: {actions.INVOKE}, only through the URL, for the same principal."
    if permission.url_auth_type == "NONE" and kind is not PrincipalKind.EVERYONE:
        yield "Callers of a URL without authentication are anonymous: only sharing with everyone lets them in."
    if function.is_version:
        yield "A version never changes and its policy stays with it: an alias can be moved without asking the consumer."
    if not _can_be_checked(permission):
        yield NO_CHECK


def _can_be_checked(permission: Permission) -> bool:
    return (
        permission.action == actions.INVOKE
        and not permission.via_url
        and permission.principal.kind is not PrincipalKind.SERVICE
    )
