"""What already lets somebody in: said before a share is written, and before a revoke is believed to close the door."""

from collections.abc import Mapping

from sharing.models import Policy
from sharing.policy import Permission

from .shapes import Covering


def already_granted(policy: Policy, permission: Permission, names: Mapping[str, str]) -> tuple[Covering, ...]:
    """Statements of the same policy that already allow what the permission would."""
    return ()
