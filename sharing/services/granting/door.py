"""The way to one policy in AWS: read it, add a statement, remove one, each inside the lease and each remembered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.utils import timezone

from sharing.aws.functions import Functions, StoredPolicy, Written
from sharing.aws.pace import Purpose as Pacing
from sharing.models import Account, Connection, ConnectionState, Policy, Purpose
from sharing.policy import Document, Permission, parse
from sharing.services.connecting.entering import functions
from sharing.services.errors import Refusal

from .keeping import arn_of
from .lease import Lease


@dataclass(frozen=True)
class Read:
    """One read of a policy: the document in clear (never kept), its revision, and when it was asked for."""

    document: Document
    stored: StoredPolicy | None
    at: datetime

    @property
    def revision_id(self) -> str | None:
        """What a write must name so that nobody else's change is lost; None when there is no policy yet."""
        return self.stored.revision_id if self.stored else None


class NoWayIn(Exception):
    """No connection lets a worker in now. `refusal` says why; `for_now`: it may be different in a while."""

    def __init__(self, refusal: Refusal, *, for_now: bool) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.for_now = for_now


def way_into(account: Account) -> Connection:
    """The account's manager connection, connected: whatever a worker writes there goes through it. Raises NoWayIn."""
    standing = Connection.objects.standing().filter(account=account, purpose=Purpose.MANAGER)
    found = standing.select_related("account").first()
    if found is None or not found.role_arn:
        raise NoWayIn(Refusal(f"{account} is not connected.", next="Ask an admin to connect it."), for_now=False)
    if found.state == ConnectionState.REFUSED:
        text = f"The connection of {account} was refused: {found.failure}".strip()
        raise NoWayIn(Refusal(text, next=found.failure_next or "Ask an admin to repair it."), for_now=False)
    if found.state != ConnectionState.CONNECTED:
        text = f"The connection of {account} is not usable now: {found.get_state_display().lower()}."
        raise NoWayIn(Refusal(text, next="It goes on by itself once an admin resumed or tested it."), for_now=True)
    return found


class Door:
    """Every call renews the lease first. Raises aws.errors.Refused and Unavailable, LeaseLost, NoWayIn.

    purpose: "background" for what nobody waits for one by one; it takes the whole rate and leaves the burst to clicks.
    """

    def __init__(self, policy: Policy, lease: Lease, *, session_name: str, purpose: Pacing = "click") -> None:
        self._policy = policy
        self._lease = lease
        self._session_name = session_name
        self._purpose: Pacing = purpose
        self._last: Read | None = None
        self._carried = False

    def carry_on(self) -> None:
        """The next grant begins where this one ended: its first read is the last one made, under the same lease.

        Nobody else's change is lost by it: a write names the revision that was read, and AWS refuses any other.
        """
        self._carried = True

    @cached_property
    def connection(self) -> Connection:
        """The manager connection, connected. Raises NoWayIn."""
        return way_into(self._policy.function.account)

    @property
    def may_share(self) -> bool:
        """Whether the manager role was found to have the share stage."""
        return bool(self.connection.verbs.get("share"))

    @cached_property
    def _functions(self) -> Functions:
        return functions(
            self.connection,
            self._policy.function.region,
            purpose=self._purpose,
            share=1.0,
            limited_to=arn_of(self._policy),
            session_name=self._session_name,
            cancelled=self._lease.lapsed,
        )

    def read(self) -> Read:
        """The policy as AWS has it now. GetPolicy's 404 means: no policy (or no function, which a write will tell)."""
        self._lease.renew()
        if self._carried and self._last is not None:
            self._carried = False
            return self._last
        self._carried = False
        at = timezone.now()
        stored = self._functions.policy(self._policy.function.name, self._policy.qualifier)
        self._last = Read(parse(stored.document if stored else None, partition=arn_of(self._policy).partition), stored, at)
        return self._last

    def add(self, permission: Permission, *, revision_id: str | None) -> Written:
        """AddPermission, refused by AWS when the policy is not at `revision_id` any more."""
        self._lease.renew()
        with self._lease.giving():
            return self._functions.add_permission(permission.parameters(), revision_id)

    def remove(self, sid: str, *, revision_id: str | None) -> Written:
        """RemovePermission of one Sid, refused by AWS when the policy is not at `revision_id` any more."""
        self._lease.renew()
        return self._functions.remove_permission(
            self._policy.function.name, sid, self._policy.qualifier, revision_id=revision_id
        )
