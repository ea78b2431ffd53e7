"""What AWS refused, told to a person who wanted to share or to take back."""

from __future__ import annotations

from sharing.aws.errors import AwsError
from sharing.models import Grant
from sharing.policy import Document, Principal, PrincipalKind
from sharing.services.naming import account_names

from .keeping import principal_of
from .wording import place_of

_WHO = (PrincipalKind.ROLE, PrincipalKind.USER, PrincipalKind.SESSION)


def of_adding(error: AwsError, grant: Grant, held: Document) -> tuple[str, str]:
    """Sentence and next step for a refused AddPermission. `held`: the policy as just read."""
    if error.code == "ResourceNotFoundException":
        return (
            f"{place_of(grant.policy)} does not exist in AWS any more: it was deleted in the meantime.",
            "Sync the account to see what is there now, then share what replaced it.",
        )
    if error.code == "InvalidParameterValueException" and "principal" in error.message.lower():
        return _of_principal(grant, held)
    return error.sentence, error.next


def of_removing(error: AwsError, grant: Grant) -> tuple[str, str]:
    """Sentence and next step for a refused RemovePermission: the statement is still there."""
    if error.is_access_denied:
        return (
            f"{error.sentence} {place_of(grant.policy)} is still shared.",
            f"{error.next} Then revoke again.",
        )
    if error.code == "PublicPolicyException":
        return (
            "AWS refused to store what would remain: other statements would leave the policy public, "
            "and public access is blocked in this account.",
            "Take back the public statement first, then revoke again.",
        )
    return f"{error.sentence} {place_of(grant.policy)} is still shared.", error.next or "Revoke again."


def _of_principal(grant: Grant, held: Document) -> tuple[str, str]:
    """AWS gives one answer to two troubles: the new principal is unknown, or one already in the policy was deleted.

    Which one it is shows in the policy: a deleted role or user is stored as AROA… or AIDA… (aws-facts 1.5, 1.7).
    """
    dead = [
        (statement.name, principal)
        for statement in held.statements
        for principal in (*statement.principals, *statement.not_principals)
        if principal.kind is PrincipalKind.GHOST
    ]
    who = principal_of(grant)
    if not dead:
        return (
            f"AWS knows no {_what(who)}.",
            "Check the spelling, path and letter case of its name, and that it exists in that account; then share again.",
        )
    named = ", ".join(f"{name} ({principal.value})" for name, principal in dead)
    blocked = f"AWS takes no new statement into this policy while it names a deleted role or user: {named}."
    repair = "Revoke that statement (it lets nobody in any more), then share again."
    if who.kind in _WHO:
        return f"{blocked} Or it knows no {_what(who)}.", f"{repair} If AWS still refuses, check that name."
    return blocked, repair


def _what(who: Principal) -> str:
    if who.kind in _WHO:
        return who.label(account_names())
    return f"principal {who.value}"
