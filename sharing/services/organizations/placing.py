"""Reading the units of an organisation and which account is in which, each time after its members were read.

AWS tells no list of both, so the tree is walked: two calls for each unit. Network first, then one short transaction; a walk
that did not come to its end changes nothing. It is a read of its own, since a role may lack these rights and the members
are known all the same.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog
from django.db import transaction
from django.utils import timezone

from sharing.aws.errors import AwsError, Unavailable, malformed
from sharing.aws.organizations import AccountPage, ListedUnit, Organizations, UnitPage
from sharing.models import Actor, ConnectionState, Organization, OrganizationMember, OrganizationUnit
from sharing.services import history

from .reading import Mistaken, begin, held_by_its_role

log = structlog.get_logger(__name__)

#: A worker that reads has the row for so long.
_LEASE = timedelta(minutes=30)
_AFTER_SILENCE = timedelta(minutes=10)
#: At the pace of one or two calls a second these take half an hour at most.
MOST_UNITS = 1_000
_MOST_PAGES = 5_000
#: More moves than these are one event, which counts them.
_TOLD = 20
_CHUNK = 500
_GONE = "ParentNotFoundException"


@dataclass
class Tree:
    """What a walk found. units: unit id → its path, trail and name; placed: account id → the unit it is directly in."""

    units: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    placed: dict[str, str] = field(default_factory=dict)


def units_due(now: datetime) -> list[uuid.UUID]:
    """Organisations whose units a worker should read now: its members were just read, AWS was silent, or a worker died."""
    found = Organization.objects.filter(connection__state=ConnectionState.CONNECTED, units_due_at__lte=now)
    return list(found.order_by("units_due_at").values_list("pk", flat=True))


def read_units(pk: uuid.UUID | str) -> Organization | None:
    """Read the units if that is due, and keep them; a failure stays on the row. None: nothing was to be done.

    Safe to run twice, at the same time as well.
    """
    now = timezone.now()
    lease = now + _LEASE
    if (begun := begin(pk, "units_due_at", until=lease, session_name="fnshare-units")) is None:
        return None
    seen, calls = begun
    try:
        tree = _walk(calls, seen.organization_id)
    except (AwsError, Mistaken) as problem:
        return _failed(seen, problem, lease)
    with transaction.atomic():
        held = held_by_its_role(seen)
        if held is None or (held.units_read_at is not None and held.units_read_at >= now):
            return held  # another role, or a newer walk
        _keep(held, tree, timezone.now())
        held.units_read_at = now  # when the walk began: nothing that happened since is in it for sure
        held.units_failure = held.units_failure_next = ""
        if held.units_due_at == lease:
            held.units_due_at = None
        held.save(update_fields=["units_read_at", "units_failure", "units_failure_next", "units_due_at"])
    return held


def _walk(calls: Organizations, organization_id: str) -> Tree:
    tree = Tree()
    roots = _units(calls.roots, "ListRoots")
    if not roots:
        raise malformed("ListRoots")
    waiting = [(one, f"{organization_id}/{one.unit_id}/", "") for one in roots]
    while waiting:
        one, path, trail = waiting.pop()
        if one.unit_id in tree.units:
            raise _moved()
        tree.units[one.unit_id] = (path, trail, one.name)
        if len(tree.units) > MOST_UNITS:
            raise Mistaken(
                f"It has more than {MOST_UNITS:,} units, which are too many to be read here.",
                "Make groups of accounts by hand.",
            )
        for number in _accounts(calls, one.unit_id):
            if number in tree.placed:
                raise _moved()
            tree.placed[number] = one.unit_id
        for below in _units(partial(calls.units_in, one.unit_id), "ListOrganizationalUnitsForParent"):
            name = below.name or below.unit_id
            waiting.append((below, f"{path}{below.unit_id}/", f"{trail} / {name}" if trail else name))
    return tree


def _units(page_of: Callable[[str], UnitPage], operation: str) -> list[ListedUnit]:
    found: list[ListedUnit] = []
    token, tokens = "", set()
    for _ in range(_MOST_PAGES):
        page = page_of(token)
        found += page.units
        token = page.next_token
        if not token:
            return found
        if token in tokens:
            break
        tokens.add(token)
    raise malformed(operation)


def _accounts(calls: Organizations, parent: str) -> list[str]:
    found: list[str] = []
    token, tokens = "", set()
    for _ in range(_MOST_PAGES):
        page: AccountPage = calls.accounts_in(parent, token)
        found += [one.number for one in page.accounts]
        token = page.next_token
        if not token:
            return found
        if token in tokens:
            break
        tokens.add(token)
    raise malformed("ListAccountsForParent")


def _moved() -> Mistaken:
    return Mistaken("Its units changed while they were read.", "It is tried again by itself.")


def _keep(held: Organization, tree: Tree, now: datetime) -> None:
    """Make the rows what the walk found. Members it did not see are in no known unit from now on: not known."""
    known = {one.unit_id: one for one in held.units.all()}
    for unit_id, (path, trail, name) in tree.units.items():
        row = known.get(unit_id)
        if row is None:
            row = known[unit_id] = OrganizationUnit(organization=held, unit_id=unit_id, first_seen_at=now)
        told = (path, trail, name, None)
        if row._state.adding or (row.path, row.trail, row.name, row.gone_at) != told:
            row.path, row.trail, row.name, row.gone_at = told
            row.save()
    gone = [one.pk for unit_id, one in known.items() if unit_id not in tree.units and one.gone_at is None]
    OrganizationUnit.objects.filter(pk__in=gone).update(gone_at=now)
    by_pk = {one.pk: one for one in known.values()}
    moved, changed = [], []
    for member in OrganizationMember.objects.present().filter(organization=held):
        unit = known[tree.placed[member.number]] if member.number in tree.placed else None
        if member.unit_id == (unit.pk if unit else None):
            continue
        if member.unit_id is not None and unit is not None:
            moved.append((member, by_pk[member.unit_id], unit))
        member.unit = unit
        changed.append(member)
    OrganizationMember.objects.bulk_update(changed, ["unit"], batch_size=_CHUNK)
    _tell(held, tree, moved)


def _tell(held: Organization, tree: Tree, moved: list[tuple[OrganizationMember, OrganizationUnit, OrganizationUnit]]) -> None:
    account = held.connection.account if held.connection else None
    by = Actor.system()
    if held.units_read_at is None:
        text = f"The units of organisation {held.organization_id} were read: {len(tree.units) - 1:,} beneath the root"
        history.record("organization.units-read", text, by=by, account=account, detail={"units": len(tree.units)})
    elif len(moved) > _TOLD:
        text = f"{len(moved):,} accounts of organisation {held.organization_id} moved to other units"
        numbers = [one.number for one, _, _ in moved[:_CHUNK]]
        history.record("organization.moved", text, by=by, account=account, detail={"count": len(moved), "numbers": numbers})
    else:
        for one, before, after in moved:
            text = f"{one} moved from unit {before} to unit {after} of organisation {held.organization_id}"
            detail = {"number": one.number, "from": before.unit_id, "to": after.unit_id}
            history.record("organization.moved", text, by=by, account=account, detail=detail)


def _failed(seen: Organization, problem: AwsError | Mistaken, lease: datetime) -> Organization | None:
    now = timezone.now()
    code = problem.code if isinstance(problem, AwsError) else "Mistaken"
    log.warning("organization_units_not_read", organization=str(seen.pk), code=code)
    again: datetime | None = None
    if isinstance(problem, Unavailable) or code in ("Mistaken", _GONE):
        again = now + _AFTER_SILENCE
    following = problem.next
    if isinstance(problem, AwsError) and problem.is_access_denied and problem.operation != "AssumeRole":
        following = (
            "Let the role's policy allow organizations:ListRoots, organizations:ListOrganizationalUnitsForParent and "
            "organizations:ListAccountsForParent, then read the organisation again."
        )
    with transaction.atomic():
        held = held_by_its_role(seen)
        if held is None:
            return None
        if not held.units_failure:
            account = held.connection.account if held.connection else None
            text = f"The units of organisation {held.organization_id} could not be read. {problem.sentence}"
            history.record("organization.units-unread", text, by=Actor.system(), account=account, error_code=code)
        held.units_failure, held.units_failure_next = problem.sentence, following
        if held.units_due_at == lease:
            held.units_due_at = again
        held.save(update_fields=["units_failure", "units_failure_next", "units_due_at"])
    return held
