"""Who stands on the consumer's side of a grant."""

from __future__ import annotations

from sharing.models import Grant, User

#: Grants that are about one account, and so about the people who act for it.
OF_ONE_ACCOUNT = ("account", "role", "user")


def consumers_of(grant: Grant) -> list[User]:
    """Active people who act for the account that the grant lets in; nobody for organisations, services and everyone."""
    if grant.principal_kind not in OF_ONE_ACCOUNT or not grant.principal_account:
        return []
    return list(User.objects.acting_for(grant.principal_account))
