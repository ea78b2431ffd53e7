"""What already lets somebody in: said before a share is written, and before a revoke is believed to close the door."""

from collections.abc import Mapping

from sharing.models import Grant, Policy
from sharing.policy import Permission, Statement

from .shapes import Covering


def already_granted(policy: Policy, permission: Permission, names: Mapping[str, str]) -> tuple[Covering, ...]:
    """Statements of the same policy that already allow what the permission would."""
    return ()


def still_let_in(policy: Policy, grant: Grant, stored: Statement | None, names: Mapping[str, str]) -> tuple[Covering, ...]:
    """Other statements of the same policy that let the same principal in after a revoke."""
    return ()
