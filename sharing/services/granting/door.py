"""The way to one policy in AWS: read it, add a statement, remove one, each inside the lease and each remembered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.utils import timezone

from sharing.aws.functions import Functions, StoredPolicy, Written
from sharing.aws.pace import Purpose as Pacing
from sharing.models import Account, Connection, ConnectionState, Policy, Purpose
from sharing.policy import Document, FunctionArn, Permission, parse
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


def way_into(account: Account, *, taking: bool = False) -> Connection:
    """The account's manager connection, connected: whatever a worker writes there goes through it. Raises NoWayIn.

    taking: something is only taken back. Then one serves too that is paused because the account left its organisation.
    """
    standing = Connection.objects.standing().filter(account=account, purpose=Purpose.MANAGER)
    found = standing.order_by().first()
    if found is not None:
        found.account = account
    if found is None or not found.role_arn:
        raise NoWayIn(Refusal(f"{account} is not connected.", next="Ask an admin to connect it."), for_now=False)
    if found.state == ConnectionState.REFUSED:
        text = f"The connection of {account} was refused: {found.failure}".strip()
        raise NoWayIn(Refusal(text, next=found.failure_next or "Ask an admin to repair it."), for_now=False)
    if found.state != ConnectionState.CONNECTED and not (taking and found.lets_take_back):
        text = f"The connection of {account} is not usable now: {found.get_state_display().lower()}."
        raise NoWayIn(Refusal(text, next="It goes on by itself once an admin resumed or tested it."), for_now=True)
    return found


class Door:
    """Every call renews the lease first. Raises aws.errors.Refused and Unavailable, LeaseLost, NoWayIn.

    purpose: "background" for what nobody waits for one by one; it takes the whole rate and leaves the burst to clicks.

    A click's first read is made in the session by which this process reads the account anyway, if it has one, while the one
    that may write, which is made for this function alone, is being entered: nobody waits for both.
    """

    def __init__(self, policy: Policy, lease: Lease, *, session_name: str, purpose: Pacing = "click") -> None:
        self._policy = policy
        self._taking = False
        self._lease = lease
        self._session_name = session_name
        self._purpose: Pacing = purpose
        self._last: Read | None = None
        self._carried = False
        self._shared = False

    def only_takes(self, taking: bool) -> None:
        """Whether what comes next only takes something back: another connection may serve for that (see way_into)."""
        if taking != self._taking:
            self._taking = taking
            for kept in ("connection", "_functions"):
                self.__dict__.pop(kept, None)

    def carry_on(self) -> None:
        """The next grant begins where this one ended: its first read is the last one made, under the same lease.

        Nobody else's change is lost by it: a write names the revision that was read, and AWS refuses any other.
        """
        self._carried = self._shared = True

    def leave(self) -> None:
        """Nothing more is to be done here: in the transaction that settles the grant, the lease ends with it. Not where
        another grant comes next under the same lease."""
        if not self._shared:
            self._lease.release()

    @cached_property
    def connection(self) -> Connection:
        """The manager connection, connected. Raises NoWayIn."""
        return way_into(self._policy.function.account, taking=self._taking)

    @property
    def may_share(self) -> bool:
        """Whether the manager role was found to have the share stage."""
        return bool(self.connection.verbs.get("share"))

    @cached_property
    def _functions(self) -> Functions:
        return self._entered(limited_to=self._arn, session_name=self._session_name)

    @cached_property
    def _arn(self) -> FunctionArn:
        return arn_of(self._policy)

    def _entered(self, **how: Any) -> Functions:
        return functions(
            self.connection,
            self._policy.function.region,
            purpose=self._purpose,
            share=1.0,
            cancelled=self._lease.lapsed,
            **how,
        )

    def _for_a_read(self) -> Functions:
        reading = self._entered()
        if self._purpose != "click" or self._functions.is_open or not reading.is_open:
            return self._functions
        self._functions.open_soon()
        return reading

    def read(self) -> Read:
        """The policy as AWS has it now. GetPolicy's 404 means: no policy (or no function, which a write will tell)."""
        self._lease.renew()
        if self._carried and self._last is not None:
            self._carried = False
            return self._last
        self._carried = False
        at = timezone.now()
        stored = self._for_a_read().policy(self._policy.function.name, self._policy.qualifier)
        self._last = Read(parse(stored.document if stored else None, partition=self._arn.partition), stored, at)
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
