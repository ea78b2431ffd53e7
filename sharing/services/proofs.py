"""That an account is its consumer's, and still is: how it was proved, when it is proved again, and since when that fails.

A role that demands our ExternalId proves it, for thirty days; so does membership of an organisation that is known here, as
long as it lasts (aws-facts 5.4). What a worker found is on the rows of connections and members; here it is only read
together, but for `settle`, which the test of a checker role calls, and `want_due`, the sweep's part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from sharing.models import (
    Account,
    Actor,
    Connection,
    ConnectionState,
    Event,
    Invitation,
    InvitationState,
    Organization,
    OrganizationMember,
    Purpose,
)
from sharing.models import Proof as How
from sharing.services import history

#: How long a proof by a role stands.
EVERY: Final = timedelta(days=30)
#: After a failed proof: a role that was mended is found without anybody's click.
AGAIN: Final = timedelta(days=1)
#: Later than this after its day a proof does not count any more: a paused connection, no worker, AWS away.
GRACE: Final = timedelta(days=2)
#: Tests that one sweep asks for: a thousand roles of one day are no burst.
AT_ONCE: Final = 50
_S = ConnectionState
_TOLD: Final = 5
_STANDS = (_S.CONNECTED, _S.PAUSED)


class Standing(StrEnum):
    """Whether the account counts as proved. Only `proved` does."""

    PROVED = "proved"
    OVERDUE = "overdue"  # proved once, and not again when it was due: nobody knows
    FAILED = "failed"
    NONE = "none"  # never proved


@dataclass(frozen=True)
class Proof:
    """How it stands with one account. `how`: "role", "organization" or "".

    `at`: the last proof that held, as far as it is known. `due_at`: the next one. `failed_since` and `why` of a failed one;
    `why` of one that never was, too. `open_to_others`: the role lets fnshare in without or with a wrong ExternalId.
    `connection`: the checker role's, whatever its state; None: there is none.
    """

    standing: Standing
    how: str = ""
    at: datetime | None = None
    due_at: datetime | None = None
    failed_since: datetime | None = None
    why: str = ""
    organization: str = ""
    open_to_others: bool = False
    connection: Connection | None = None

    @property
    def testing(self) -> bool:
        """Whether a worker is (to be) trying the role."""
        return self.connection is not None and self.connection.test_wanted_at is not None


#: As accounts are ordered by it: a standing's place here is what `placed` gives.
WORST_FIRST: Final = (Standing.FAILED, Standing.OVERDUE, Standing.NONE, Standing.PROVED)

NOT_PROVED: Final = Proof(Standing.NONE, why="Nobody has proved yet whose account it is.")


def of(account: Account) -> Proof:
    """How it stands with one account."""
    return of_numbers([account.number]).get(account.number, NOT_PROVED)


def of_numbers(numbers: Collection[str]) -> dict[str, Proof]:
    """By account id; one that is missing was never proved (NOT_PROVED). Three queries, however many they are."""
    now = timezone.now()
    roles = {
        one.account.number: one
        for one in Connection.objects.standing()
        .filter(purpose=Purpose.CHECKER, account__number__in=numbers)
        .select_related("account")
    }
    members: dict[str, OrganizationMember] = {}
    rows = OrganizationMember.objects.filter(number__in=numbers).select_related("organization__connection")
    for member in rows.order_by("left_at"):
        held = members.get(member.number)
        if held is None or held.left_at is not None:  # a present one says more than any that left
            members[member.number] = member
    relied = dict(
        _relying().filter(account__number__in=numbers).order_by("proved_at").values_list("account__number", "proved_at")
    )
    found = {}
    for number in {*roles, *members, *relied}:
        found[number] = _judged(roles.get(number), members.get(number), relied.get(number), now)
    return found


def _judged(role: Connection | None, member: OrganizationMember | None, relied: datetime | None, now: datetime) -> Proof:
    """A role that was proved once decides; else the organisation does."""
    if role is not None and role.connected_at is not None and (_stands(role) or role.proof_failed_since):
        return _by_role(role, now)
    if member is not None and member.left_at is None:
        name = str(member.organization)
        at = member.organization.read_at or member.first_seen_at
        if why := member.organization.stale(now):
            return Proof(Standing.OVERDUE, How.ORGANIZATION, at, why=why, organization=name, connection=role)
        return Proof(Standing.PROVED, How.ORGANIZATION, at, organization=name, connection=role)
    if relied is not None and member is not None:
        why = f"It left the organisation {member.organization}, whose membership was its proof."
        return Proof(
            Standing.FAILED, How.ORGANIZATION, relied, failed_since=member.left_at, why=why,
            organization=str(member.organization), connection=role,
        )  # fmt: skip
    if relied is not None:
        why = "It was proved as a member of an organisation whose members are not read here any more."
        return Proof(Standing.OVERDUE, How.ORGANIZATION, relied, why=why, connection=role)
    return Proof(Standing.NONE, why=_why_not(role), connection=role)


def placed(now: datetime) -> Coalesce:
    """The same in the database, for rows of anything that has a `number`: the place in WORST_FIRST of what `_judged` says."""
    number, late = OuterRef("number"), now - GRACE
    failed, overdue, none, proved = (Value(place) for place, _ in enumerate(WORST_FIRST))
    stands = Q(state__in=_STANDS) | Q(former__state__in=_STANDS) | Q(proof_failed_since__isnull=False)
    tested = Q(tested_at__lt=late - EVERY) | Q(tested_at=None, connected_at__lt=late - EVERY)
    role = Connection.objects.standing().filter(
        stands, purpose=Purpose.CHECKER, account__number=number, connected_at__isnull=False
    )
    by_role = Case(
        When(proof_failed_since__isnull=False, then=failed),
        When(Q(proof_due_at__lt=late) | Q(tested, proof_due_at=None), then=overdue),
        default=proved,
    )
    member = OrganizationMember.objects.filter(number=number)
    by_membership = Case(When(organization__in=Organization.objects.fresh(now).values("pk"), then=proved), default=overdue)
    relied = Exists(_relying().filter(account__number=number))
    return Coalesce(
        Subquery(role.order_by().values(place=by_role)[:1]),
        Subquery(member.present().order_by().values(place=by_membership)[:1]),
        Case(When(relied & Exists(member), then=failed), When(relied, then=overdue), default=none),
    )


def may_fail() -> Q:
    """Of rows that have a `number`: all whose proof fails, and a few more. Few, so that the rest need not be judged."""
    roles = Connection.objects.standing().filter(purpose=Purpose.CHECKER, proof_failed_since__isnull=False)
    return Q(number__in=roles.values("account__number")) | Q(number__in=_relying().values("account__number"))


def _relying() -> QuerySet[Invitation]:
    return Invitation.objects.filter(state=InvitationState.ACCEPTED, proof=How.ORGANIZATION)


def _stands(role: Connection) -> bool:
    """Whether the role that is in use let us in the last time; another one may be under test meanwhile."""
    return role.state in _STANDS or (role.former or {}).get("state") in _STANDS


def _by_role(role: Connection, now: datetime) -> Proof:
    due = due_at(role)
    if role.proof_failed_since is not None:
        return Proof(
            Standing.FAILED, How.ROLE, None, due, role.proof_failed_since, role.failure,
            open_to_others=lets_others_in(role), connection=role,
        )  # fmt: skip
    at = due - EVERY if due else role.tested_at or role.connected_at
    if due is not None and due + GRACE < now:
        paused = role.state == _S.PAUSED
        why = "The connection is paused: nothing is tried." if paused else "It was due and could not be tried yet."
        return Proof(Standing.OVERDUE, How.ROLE, at, due, why=why, connection=role)
    return Proof(Standing.PROVED, How.ROLE, at, due, connection=role)


def _why_not(role: Connection | None) -> str:
    if role is None:
        return NOT_PROVED.why
    return {
        _S.AWAITED: "Its checker role is not made yet, or its ARN was not given.",
        _S.TESTING: "Its checker role was given and is being tried.",
        _S.REFUSED: role.failure,
    }.get(_S(role.state), NOT_PROVED.why)


def due_at(role: Connection) -> datetime | None:
    """When the account is proved again. Roles that were connected before that was kept: thirty days after their last test."""
    last = role.tested_at or role.connected_at
    return role.proof_due_at or (last + EVERY if last else None)


def lets_others_in(role: Connection) -> bool:
    """Whether the last test found that the role does not demand its ExternalId: worse than one that is gone."""
    return any(row.get("name") == "ExternalId is enforced" and row.get("outcome") == "failed" for row in role.report)


def requests_paused(account: Account, proof: Proof | None = None) -> str:
    """Why requests for this account wait, in a sentence that its consumers may read; "": they do not. `proof`: if it is known.

    Only a proof that failed pauses them. One that was due and could not be tried does not: AWS being away is nobody's fault.
    """
    proof = proof or of(account)
    if proof.standing is not Standing.FAILED:
        return ""
    since = f" since {proof.failed_since:%Y-%m-%d}" if proof.failed_since else ""
    if proof.how == How.ORGANIZATION:
        return f"Requests for {account.name} wait: it is not a member of the organisation any more that was its proof{since}."
    return (
        f"Requests for {account.name} wait: its checker role does not prove the account any more{since}. Once its trust "
        "policy is mended, it is tried again within a day, or at once by an owner of the functions."
    )


def failed() -> Iterator[tuple[Account, Proof]]:
    """Every account whose proof fails now. The number of queries does not depend on how many there are."""
    roles = Connection.objects.standing().filter(purpose=Purpose.CHECKER, proof_failed_since__isnull=False)
    gone = OrganizationMember.objects.filter(left_at__isnull=False)
    wanted = Q(pk__in=roles.values("account")) | Q(pk__in=_relying().values("account"), number__in=gone.values("number"))
    accounts = {one.number: one for one in Account.objects.filter(wanted)}
    for number, proof in sorted(of_numbers(accounts).items()):
        if proof.standing is Standing.FAILED:
            yield accounts[number], proof


def want_due(now: datetime) -> list[Connection]:
    """Ask for the test of every role whose proof is due, some at a time; those asked for now, to be queued.

    Safe to run twice: a row that waits for a test is not asked again. Paused ones are left alone until they are resumed.
    """
    waiting = Q(proof_due_at__lte=now)
    before = Q(proof_due_at=None, tested_at__lte=now - EVERY) | Q(
        proof_due_at=None, tested_at=None, connected_at__lte=now - EVERY
    )
    failing = Q(state=_S.REFUSED, proof_failed_since__isnull=False)
    due = Connection.objects.filter(
        Q(state=_S.CONNECTED) | failing, waiting | before, purpose=Purpose.CHECKER, test_wanted_at=None
    ).exclude(role_arn="")
    asked = []
    for one in due.order_by("proof_due_at", "pk")[:AT_ONCE]:
        if Connection.objects.filter(pk=one.pk, state=one.state, test_wanted_at=None).update(test_wanted_at=now):
            asked.append(one)
    return asked


def told(account: Account) -> list[Event]:
    """What happened to the proof lately, the newest first."""
    return list(account.events.filter(verb__startswith="proof.").order_by("-sequence")[:_TOLD])


def settle(held: Connection, *, before: str, now: datetime) -> None:
    """What the test of a checker role proves: set on the row, which the caller saves in this transaction, and told.

    held: as the test left it, `state` and `failure` set. before: its state until then. A role that never let us in proves
    nothing and fails nothing.
    """
    if held.purpose != Purpose.CHECKER or held.connected_at is None:
        return
    account = held.account
    if held.state == _S.REFUSED:
        held.proof_due_at = now + AGAIN
        if held.proof_failed_since is None:
            held.proof_failed_since = now
            text = f"{account} was not proved again: {held.failure} Its requests are paused."
            history.record("proof.failed", text, by=Actor.system(), account=account, detail={"role_arn": held.role_arn})
        return
    since, held.proof_failed_since = held.proof_failed_since, None
    held.proof_due_at = now + EVERY
    if since is not None:
        text = f"{account} is proved again, after it had failed since {since:%Y-%m-%d %H:%M} UTC."
        history.record("proof.restored", text, by=Actor.system(), account=account, detail={"failed_since": since.isoformat()})
    elif before in _STANDS:
        text = f"{account} was proved again: the role lets fnshare in with its ExternalId, and only with it."
        history.record("proof.repeated", text, by=Actor.system(), account=account)
