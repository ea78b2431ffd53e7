"""A permission as a grant keeps it, and back: the event source token never among the kept fields."""

from __future__ import annotations

from typing import Any

from sharing.models import Grant, Policy
from sharing.policy import FunctionArn, Permission, Principal, PrincipalKind


def arn_of(policy: Policy) -> FunctionArn:
    """The exact form of the function whose policy this is."""
    return FunctionArn.parse(policy.arn)


def fields_of(permission: Permission) -> dict[str, Any]:
    """What `Grant.permission` holds: plain JSON, without function, Sid (they are the grant's own) and token."""
    return {
        "action": permission.action,
        "principal": {
            "kind": permission.principal.kind.value,
            "value": permission.principal.value,
            "account": permission.principal.account,
            "partition": permission.principal.partition,
        },
        "source_arn": permission.source_arn,
        "source_account": permission.source_account,
        "organization": permission.organization,
        "url_auth_type": permission.url_auth_type,
        "via_url": permission.via_url,
    }


def permission_of(grant: Grant, *, event_source_token: str = "") -> Permission | None:
    """The permission a grant was made from; None for an adopted statement that AddPermission could not write.

    `event_source_token`: the kept one while AWS does not hold the statement yet, else given again by a person.
    """
    if grant.permission is None:
        return None
    kept = grant.permission
    principal = kept["principal"]
    return Permission(
        function=arn_of(grant.policy),
        sid=grant.sid,
        action=kept["action"],
        principal=Principal(PrincipalKind(principal["kind"]), principal["value"], principal["account"], principal["partition"]),
        source_arn=kept["source_arn"],
        source_account=kept["source_account"],
        organization=kept["organization"],
        event_source_token=event_source_token or None,
        url_auth_type=kept["url_auth_type"],
        via_url=kept["via_url"],
    )


def principal_of(grant: Grant) -> Principal:
    """Whom the grant lets in."""
    partition = arn_of(grant.policy).partition
    return Principal(PrincipalKind(grant.principal_kind), grant.principal, grant.principal_account or None, partition)
