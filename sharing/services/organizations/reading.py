"""Reading the members of an organisation: a day after the last time, on a click, and once its role is connected.

Network first, then one short transaction. A list that did not come to its end changes nothing.
"""

import uuid
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from sharing.aws.errors import AwsError, Unavailable, malformed
from sharing.aws.organizations import Described, ListedAccount, Organizations
from sharing.models import Actor, ConnectionState, Organization
from sharing.services import connecting, history
from sharing.services.errors import NotPermitted, Refusal
from sharing.services.resting import resting

from .keeping import keep

log = structlog.get_logger(__name__)

EVERY = timedelta(days=1)
_AFTER_REFUSAL = timedelta(hours=1)
_AFTER_SILENCE = timedelta(minutes=10)
#: A worker that reads has the row for so long; 10,000 accounts are 500 pages, four minutes.
_LEASE = timedelta(minutes=15)
_MOST_PAGES = 5_000


class Mistaken(Exception):
    """What AWS answered is no list of this organisation's members. `sentence`, `next`: for people."""

    def __init__(self, sentence: str, following: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.next = following


def due(now: datetime) -> list[uuid.UUID]:
    """Organisations that a worker should read now: their day is over, somebody asked, or a worker died reading.

    In quiet hours only what somebody asked for, or whose role was tested since it was read.
    """
    found = Organization.objects.filter(connection__state=ConnectionState.CONNECTED, read_due_at__lte=now)
    if resting(now):
        tested_since = Q(read_at=None) | Q(connection__tested_at__gt=F("read_at"))
        found = found.filter(tested_since | Q(read_wanted_at__isnull=False))
    return list(found.order_by("read_due_at").values_list("pk", flat=True))


def request_read(organization: Organization, *, by: Actor) -> Organization:
    """Have a worker read the members again. Asking twice is asking once. Raises NotPermitted, Refusal."""
    if not by.may_change() or not by.sees_every_account:
        raise NotPermitted("Your role does not allow reading this organisation again.")
    with transaction.atomic():
        held = (
            Organization.objects.select_for_update(of=("self",)).select_related("connection__account").get(pk=organization.pk)
        )
        if held.connection is None or held.connection.state != ConnectionState.CONNECTED:
            raise Refusal(
                f"{held} cannot be read: its role is not connected.",
                next="Connect the role in its management account first.",
                code="not-connected",
            )
        if held.read_wanted_at is None:
            held.read_wanted_at = held.read_due_at = timezone.now()
            held.save(update_fields=["read_wanted_at", "read_due_at"])
    return held


def read(pk: uuid.UUID | str) -> Organization | None:
    """Read the members if that is due, and keep them; a failure stays on the row. None: nothing was to be done.

    Safe to run twice, at the same time as well.
    """
    now = timezone.now()
    lease = now + _LEASE
    if (begun := begin(pk, "read_due_at", until=lease, session_name="fnshare-members")) is None:
        return None
    seen, calls = begun
    try:
        described, accounts = _members(calls, seen)
    except (AwsError, Mistaken) as problem:
        return _failed(seen, problem, lease)
    with transaction.atomic():
        held = held_by_its_role(seen)
        if held is None or (held.read_at is not None and held.read_at >= now):
            return held  # another role, or a newer list
        keep(held, described, accounts, now=timezone.now())
        held.read_at = now  # when the list began: nothing that happened since is in it for sure
        held.failure = held.failure_next = ""
        held.failed_since = None
        held.units_due_at = timezone.now()
        _settle(held, seen, lease, now + EVERY)
    return held


def begin(pk: uuid.UUID | str, due: str, *, until: datetime, session_name: str) -> tuple[Organization, Organizations] | None:
    """Take what is due by that field, so that no other worker does before `until`. None: it is not due, or another has it."""
    due_now = Organization.objects.filter(pk=pk, connection__state=ConnectionState.CONNECTED, **{f"{due}__lte": timezone.now()})
    if not due_now.update(**{due: until}):
        return None
    taken = Organization.objects.select_related("connection__account").get(pk=pk)
    assert taken.connection is not None  # noqa: S101
    return taken, Organizations(connecting.role(taken.connection), pace=connecting.pace(), session_name=session_name)


def _members(calls: Organizations, seen: Organization) -> tuple[Described, list[ListedAccount]]:
    described = calls.describe()
    if described.organization_id != seen.organization_id:
        raise Mistaken(
            f"The role's account belongs to organisation {described.organization_id} now, not to {seen.organization_id}.",
            "Test the connection again, so that the other organisation is known as well.",
        )
    accounts: dict[str, ListedAccount] = {}
    token, tokens = "", set()
    for _ in range(_MOST_PAGES):
        page = calls.page(token)
        accounts |= {one.number: one for one in page.accounts}
        token = page.next_token
        if not token:
            break
        if token in tokens:
            raise malformed("ListAccounts")
        tokens.add(token)
    else:
        raise malformed("ListAccounts")
    needed = (described.management_account, calls.role.account)
    if any(number not in accounts for number in needed):
        raise Mistaken(
            "AWS's list of accounts is not complete: the organisation's own management account is missing.",
            "It is tried again by itself.",
        )
    return described, list(accounts.values())


def _failed(seen: Organization, problem: AwsError | Mistaken, lease: datetime) -> Organization | None:
    now = timezone.now()
    code = problem.code if isinstance(problem, AwsError) else "Mistaken"
    log.warning("organization_not_read", organization=str(seen.pk), code=code)
    following = problem.next
    if isinstance(problem, AwsError) and problem.is_access_denied and problem.operation != "AssumeRole":
        following = (
            "Let the role's policy allow organizations:DescribeOrganization and organizations:ListAccounts, in the management "
            "account or a delegated administrator's."
        )
    with transaction.atomic():
        held = held_by_its_role(seen)
        if held is None:
            return None
        if not held.failure:
            held.failed_since = now
            account = held.connection.account if held.connection else None
            text = f"The members of organisation {held.organization_id} could not be read. {problem.sentence}"
            history.record("organization.unread", text, by=Actor.system(), account=account, error_code=code)
        held.failure, held.failure_next = problem.sentence, following
        again = _AFTER_SILENCE if isinstance(problem, Unavailable) else _AFTER_REFUSAL
        _settle(held, seen, lease, now + again)
    return held


def _locked(one: Organization) -> Organization:
    return Organization.objects.select_for_update(of=("self",)).select_related("connection__account").get(pk=one.pk)


def held_by_its_role(seen: Organization) -> Organization | None:
    """The row, locked; None when it is read through another role by now, or through none."""
    held = _locked(seen)
    same = held.connection_id == seen.connection_id and held.connection is not None
    return held if same and held.connection and held.connection.state != ConnectionState.DISCONNECTED else None


def _settle(held: Organization, seen: Organization, lease: datetime, again: datetime) -> None:
    """Save, and leave what a click asked for meanwhile to its own read."""
    if held.read_due_at == lease:
        held.read_due_at = again
    if held.read_wanted_at == seen.read_wanted_at:
        held.read_wanted_at = None
    held.save()
