"""How far everything was read, as all syncs and connections say it: what the kept rows must never differ from."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sharing.models import Account, Actor, Connection, ConnectionState, Function, Policy, Purpose, Sync, SyncKind, SyncState
from sharing.models.sync import OPEN
from sharing.services.gaps import utc
from sharing.services.syncing import Coverage, Covered

Place = tuple[uuid.UUID, str]


@dataclass(frozen=True)
class Line:
    """What one line of the page says, with the first of its rows."""

    name: str
    number: str
    covered: Covered
    regions: tuple[str, ...]
    reason: str
    next: str
    row: Coverage


def coverage(actor: Actor) -> list[Coverage]:
    """Every account and region in scope."""
    connections = Connection.objects.visible_to(actor).standing().filter(purpose=Purpose.MANAGER).select_related("account")
    rows = []
    for one in connections.order_by("account__name", "account__number"):
        rows += [_row(one, region) for region in one.regions]
        left_out = tuple(sorted(set(one.enabled_regions or []) - set(one.regions)))
        rows += [
            Coverage(
                one.account,
                region,
                Covered.NOT_READ,
                reason="The region is enabled in the account but not read.",
                next=f"Add {region} to the account's regions.",
                left_out=left_out,
            )
            for region in left_out
        ]
    return rows


def _row(connection: Connection, region: str) -> Coverage:
    account = connection.account
    here = {"account": account, "region": region}
    sweeps = list(Sync.objects.filter(**here, kind=SyncKind.SWEEP).order_by("created_at"))
    began = [one.started_at for one in sweeps if one.state in (SyncState.DONE, SyncState.PARTIAL) and one.started_at]
    read_at = max(began, default=None)
    functions = Function.objects.present().filter(**here)
    aliases = functions.exclude(aliases_failure="").count()
    unread = Policy.objects.present().unread().filter(function__account=account, function__region=region).count()
    covered, reason, following = _judge(connection, sweeps, read_at, unread, aliases)
    return Coverage(
        account,
        region,
        covered,
        read_at,
        next((one for one in sweeps if one.state in OPEN), None),
        functions.count(),
        unread,
        aliases,
        reason,
        following,
    )


def _judge(
    connection: Connection, sweeps: Sequence[Sync], read_at: datetime | None, unread: int, aliases: int
) -> tuple[Covered, str, str]:
    if connection.state == ConnectionState.PAUSED:
        return Covered.PAUSED, f"The account is paused. {connection.paused_because}".strip(), "Resume it."
    if connection.state != ConnectionState.CONNECTED:
        why = connection.failure or f"The connection is {connection.get_state_display().lower()}."
        return Covered.NOT_CONNECTED, why, connection.failure_next or "Test the connection."
    ended = [one for one in sweeps if one.state not in OPEN and one.finished_at]
    last = max((one.finished_at for one in ended if one.finished_at), default=None)
    failed = [one for one in ended if one.finished_at == last and one.state == SyncState.FAILED]
    if failed:
        return Covered.FAILED, failed[-1].failure, failed[-1].failure_next
    if read_at is None:
        return Covered.NEVER, "It was not read yet.", "Start a sync, or wait for the schedule."
    if unread or aliases:
        parts = [f"{unread} unread {'policy' if unread == 1 else 'policies'}"] if unread else []
        parts += [f"aliases of {aliases} {'function' if aliases == 1 else 'functions'} not listed"] if aliases else []
        return Covered.PARTLY, f"{', '.join(parts)}.", "Look at the functions marked unread for the reasons."
    return Covered.READ, "", ""


def lines(rows: Sequence[Coverage]) -> list[Line]:
    """The regions that an account leaves out are one line."""
    found = []
    for row in rows:
        if row.left_out and row.region != row.left_out[0]:
            continue
        regions: tuple[str, ...] = (row.region,)
        reason, following = row.reason, row.next
        if len(row.left_out) > 1:
            regions, reason = row.left_out, f"Enabled in the account, but not read: {', '.join(row.left_out)}."
            following = "Add them to the account's regions, if they are used."
        found.append(Line(row.account.name, row.account.number, row.covered, regions, reason, following, row))
    return found


def summary(rows: Sequence[Coverage]) -> tuple[str, ...]:
    """The first lines of an export about these."""
    if not rows:
        return ("Coverage: no region is read.",)
    complete = [row for row in rows if row.complete]
    gaps = [line for line in lines(rows) if line.covered != Covered.READ]
    said = [f"Coverage: {len(complete)} of {len(rows)} region{'' if len(rows) == 1 else 's'} completely read"]
    ages = [row.read_at for row in complete if row.read_at]
    if ages:
        said.append(
            f"last at {utc(min(ages))}" if min(ages) == max(ages) else f"last between {utc(min(ages))} and {utc(max(ages))}"
        )
    if gaps:
        named = [f"{line.name} {', '.join(line.regions)} ({line.covered.value})" for line in gaps[:6]]
        said.append(f"not completely read: {', '.join(named)}{f' and {len(gaps) - 6} more' if len(gaps) > 6 else ''}")
    return (f"{'; '.join(said)}.", *(_sentence(line) for line in gaps))


def _sentence(line: Line) -> str:
    since = f"Last complete read {utc(line.row.read_at)}." if line.row.read_at else "Never read completely."
    said = f"{line.name} ({line.number}) {', '.join(line.regions)}: {(line.reason or line.covered.value).rstrip('.')}."
    return said if line.covered == Covered.NOT_READ else f"{said} {since}"


def blind_spots(accounts: Sequence[Account], rows: Sequence[Coverage]) -> list[str]:
    """What a matrix says of the places of these accounts."""
    away: list[str] = []
    sorts: dict[Covered, list[str]] = {Covered.FAILED: [], Covered.NEVER: [], Covered.NOT_READ: []}
    for account in accounts:
        standing = Connection.objects.usable().filter(purpose=Purpose.MANAGER, account=account)
        if not standing.exists():
            away.append(account.name)
            continue
        for row in rows:
            if row.account == account and row.covered in sorts:
                sorts[row.covered].append(f"{account.name} {row.region}")
    said = (
        (away, "Not connected now, so not read again"),
        (sorts[Covered.FAILED], "The last read failed"),
        (sorts[Covered.NEVER], "Not read yet"),
        (sorts[Covered.NOT_READ], "Enabled, but not among the regions that are read"),
    )
    return [f"{words}: {_listed(found)}." for found, words in said if found]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
