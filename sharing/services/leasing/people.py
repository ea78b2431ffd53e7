"""Who stands on the consumer's side of a grant."""

from __future__ import annotations

from sharing.models import Grant, User

#: Grants that are about one account, and so about the people who act for it.
OF_ONE_ACCOUNT = ("account", "role", "user")


def consumers_of(grant: Grant) -> list[User]:
    """Active people who act for the account that the grant lets in; nobody for organisations, services and everyone."""
    if grant.principal_kind not in OF_ONE_ACCOUNT or not grant.principal_account:
        return []
    acting = User.objects.filter(
        is_active=True, memberships__ended_at=None, memberships__account__number=grant.principal_account
    )
    return list(acting.order_by("email").distinct())
