"""What was looked at and what was not: accounts and regions, last complete read, unread and why."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Count, Func, Q, TextField

from sharing.models import (
    Account,
    Actor,
    Connection,
    ConnectionState,
    Function,
    Policy,
    Purpose,
    Sync,
    SyncKind,
)
from sharing.models.sync import OPEN

from .latest import Place, last_failed, last_reads

#: The empty text written out: as a parameter it would keep SQLite from using the index on those that have one.
_NOTHING = Func(template="''", output_field=TextField())


class Covered(StrEnum):
    """How far a region of an account is looked at."""

    READ = "read"
    PARTLY = "partly"  # read, but something in it stayed unread
    FAILED = "failed"  # the last attempt failed; what is shown is older
    NEVER = "never"  # to be read, not yet done
    PAUSED = "paused"
    NOT_CONNECTED = "not-connected"  # disconnected, refused or still being tested
    NOT_READ = "not-read"  # enabled in the account, but not among the regions that are read


@dataclass(frozen=True)
class Coverage:
    """One account and region.

    read_at: start of the last sync that came to its end: everything shown is at least that new. running: a sync is open.
    functions, unread_policies, unread_functions: how many are known, how many policies, and how many functions' aliases,
    could not be read at the last attempt. reason, next: why it is not fully read, and what to do.
    """

    account: Account
    region: str
    covered: Covered
    read_at: datetime | None = None
    running: Sync | None = None
    functions: int = 0
    unread_policies: int = 0
    unread_functions: int = 0
    reason: str = ""
    next: str = ""

    @property
    def complete(self) -> bool:
        """Whether nothing is known to be missing."""
        return self.covered == Covered.READ


def coverage(actor: Actor, *, counted: bool = True, accounts: Collection[uuid.UUID] | None = None) -> list[Coverage]:
    """Every account and region in the actor's scope, gaps included. The number of queries does not depend on how many.

    counted: with how many functions are known, which costs a look at all of them. accounts: of these alone.
    """
    connections = (
        Connection.objects.visible_to(actor)
        .standing()
        .filter(purpose=Purpose.MANAGER)
        .select_related("account")
        .order_by("account__name", "account__number")
    )
    if accounts is not None:
        connections = connections.filter(account__in=accounts)
    facts = _Facts(actor, counted, accounts)
    rows: list[Coverage] = []
    for connection in connections:
        rows += [facts.row(connection, region) for region in connection.regions]
        for region in sorted(set(connection.enabled_regions or []) - set(connection.regions)):
            rows.append(
                Coverage(
                    connection.account,
                    region,
                    Covered.NOT_READ,
                    reason="The region is enabled in the account but not read.",
                    next=f"Add {region} to the account's regions.",
                )
            )
    return rows


class _Facts:
    """Per place: last syncs and counts, in a fixed number of queries."""

    def __init__(self, actor: Actor, counted: bool, accounts: Collection[uuid.UUID] | None) -> None:
        of = {} if accounts is None else {"account__in": accounts}
        every = Sync.objects.visible_to(actor).filter(**of)
        syncs = every.filter(kind=SyncKind.SWEEP)
        self._read = last_reads(syncs)
        self._failed = last_failed(syncs)
        # By their state alone, which few have: the kind would lead SQLite through all that ever ran.
        running = every.filter(state__in=OPEN).order_by("created_at")
        self._open = {(one.account_id, one.region): one for one in running if one.kind == SyncKind.SWEEP}
        functions = Function.objects.visible_to(actor).present().filter(**of)
        self._functions = self._count(functions) if counted else {}
        self._aliases = self._count(functions.filter(~Q(aliases_failure=_NOTHING)))
        unread = Policy.objects.visible_to(actor).present().unread()
        if accounts is not None:
            unread = unread.filter(function__account__in=accounts)
        self._unread = {
            (row["function__account_id"], row["function__region"]): row["many"]
            for row in unread.values("function__account_id", "function__region").annotate(many=Count("pk"))
        }

    def row(self, connection: Connection, region: str) -> Coverage:
        place = (connection.account_id, region)
        read_at = self._read.get(place)
        unread, aliases = self._unread.get(place, 0), self._aliases.get(place, 0)
        covered, reason, following = self._judge(connection, read_at, place, unread, aliases)
        return Coverage(
            connection.account,
            region,
            covered,
            read_at,
            self._open.get(place),
            self._functions.get(place, 0),
            unread,
            aliases,
            reason,
            following,
        )

    def _judge(
        self, connection: Connection, read_at: datetime | None, place: Place, unread: int, aliases: int
    ) -> tuple[Covered, str, str]:
        if connection.state == ConnectionState.PAUSED:
            return Covered.PAUSED, f"The account is paused. {connection.paused_because}".strip(), "Resume it."
        if connection.state != ConnectionState.CONNECTED:
            why = connection.failure or f"The connection is {connection.get_state_display().lower()}."
            return Covered.NOT_CONNECTED, why, connection.failure_next or "Test the connection."
        if failed := self._failed.get(place):
            return Covered.FAILED, failed.failure, failed.failure_next
        if read_at is None:
            return Covered.NEVER, "It was not read yet.", "Start a sync, or wait for the schedule."
        if unread or aliases:
            parts = [f"{unread} unread {'policy' if unread == 1 else 'policies'}"] if unread else []
            parts += [f"aliases of {aliases} {'function' if aliases == 1 else 'functions'} not listed"] if aliases else []
            return Covered.PARTLY, f"{', '.join(parts)}.", "Look at the functions marked unread for the reasons."
        return Covered.READ, "", ""

    @staticmethod
    def _count(functions: Any) -> dict[Place, int]:
        rows = functions.order_by().values("account_id", "region").annotate(many=Count("pk"))
        return {(row["account_id"], row["region"]): row["many"] for row in rows}
