"""Accepting for an account that was proved: the account and its connection begin here, and not before."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import (
    Account,
    Actor,
    Connection,
    ConnectionState,
    Invitation,
    InvitationState,
    Membership,
    OrganizationMember,
    Proof,
    Proving,
    Purpose,
    User,
)
from sharing.services import inviting, proofs
from sharing.services.connecting.given import partition_for
from sharing.services.errors import Refusal
from sharing.services.history import record
from sharing.services.organizations import organization_of

from .asking import is_fresh, require_invited

_S = ConnectionState


@dataclass(frozen=True)
class Way:
    """How the person may accept for this account now. organization: the known one it is a member of (Proof.ORGANIZATION)."""

    number: str
    proof: Proof
    organization: str = ""


def ways(invitation: Invitation, *, person: User, number: str = "") -> list[Way]:
    """The accounts for which the person may accept at once, best proof first. number: only that one.

    Those they act for already and whose role stands; the account they named, once it was proved; and the account that
    the invitation names, or one of the organisation that it names, where that organisation is known here. Members of an
    organisation are never listed: the person must have named the account.
    """
    found: dict[str, Way] = {}
    for standing in _standing_for(person):
        found[standing.account.number] = Way(standing.account.number, Proof.ROLE)
    named = list(Proving.objects.filter(person=person))  # for another invitation too: a proof is of a person and an account
    for proving in named:
        if is_fresh(proving):
            found.setdefault(proving.number, Way(proving.number, Proof.ROLE))
    for one in (invitation.number, *(proving.number for proving in named)):
        if one and one not in found and (organization := _organization_of(one, invitation)):
            found[one] = Way(one, Proof.ORGANIZATION, organization)
    own = set(invitation.items.values_list("policy__function__account__number", flat=True))
    wanted = number or invitation.number
    return [
        way
        for way in found.values()
        if way.number not in own and wanted in ("", way.number) and invitation.number in ("", way.number)
    ]


def accept(invitation: Invitation, *, person: User, number: str) -> Invitation:
    """Accept for this account, by the best proof there is; `make_grants` may follow if it is confirmed.

    The same answer twice is one answer. Raises Refusal: not theirs, over, another account accepted, not proved (any more).
    """
    if invitation.state == InvitationState.ACCEPTED and invitation.accepted_by_id == person.pk and invitation.account:
        if invitation.account.number != number:
            raise Refusal(
                f"You accepted this invitation for account {invitation.account.number} already.",
                next="Ask for another invitation if a second account needs the same.",
                code="stale",
            )
        return invitation
    require_invited(invitation, person)
    way = next(iter(ways(invitation, person=person, number=number)), None) if number else None
    if way is None:
        raise Refusal("This account is not proved (any more).", next="Let fnshare look for its role again.", code="not-proved")
    try:
        with transaction.atomic():
            return _accept(invitation, person, way)
    except IntegrityError:  # somebody else accepted for the same new account at the same moment
        with transaction.atomic():
            return _accept(invitation, person, way)


def _accept(invitation: Invitation, person: User, way: Way) -> Invitation:
    account = _account(way, person)
    connection = _connection(account, person) if way.proof == Proof.ROLE else None
    organization = way.organization or _organization_of(way.number, invitation)
    return inviting.accept(
        invitation, person=person, account=account, proof=way.proof, connection=connection, organization=organization
    )


def _account(way: Way, person: User) -> Account:
    """The account's row; a new one is called as its organisation calls it, else after the person."""
    known = Account.objects.filter(number=way.number).first()
    if known is not None:
        return known
    member = OrganizationMember.objects.present().filter(number=way.number).exclude(name="").first()
    name = member.name if member is not None else f"Account of {person.email}"
    return Account.objects.create(number=way.number, name=name[:80], partition=partition_for(""))


def _connection(account: Account, person: User) -> Connection:
    """The account's checker connection: the one that stands and works, else one of the role that was just proved."""
    standing = Connection.objects.standing().select_for_update().filter(account=account, purpose=Purpose.CHECKER).first()
    if standing is not None and _works(standing):
        return standing
    proving = Proving.objects.filter(person=person, number=account.number).first()
    if proving is None or not is_fresh(proving):
        raise Refusal("This account is not proved any more.", next="Let fnshare look for its role again.", code="not-proved")
    for old in Connection.objects.filter(external_id=proving.external_id, state=_S.DISCONNECTED):
        old.external_id = f"{old.external_id}#{old.pk}"  # "#" occurs in no ExternalId: unique and never sent
        old.save(update_fields=["external_id"])
    now = timezone.now()
    connection = standing or Connection(account=account, purpose=Purpose.CHECKER, created_by=person)
    connection.role_arn, connection.external_id, connection.external_id_ours = proving.role_arn, proving.external_id, True
    connection.state, connection.former, connection.next_external_id = _S.CONNECTED, None, ""
    connection.verbs, connection.report, connection.failure, connection.failure_next = {"check": True}, [], "", ""
    connection.proof_failed_since, connection.proof_due_at = None, now + proofs.EVERY
    connection.connected_at, connection.tested_at = now, proving.proved_at
    connection.test_wanted_at = now  # a worker then writes the whole report; it works meanwhile
    connection.full_clean(exclude=("account", "created_by"))
    connection.save()
    text = f"Checker role of {account} connected: {person.email} showed that the account is theirs."
    detail = {"purpose": Purpose.CHECKER, "role_arn": connection.role_arn}
    record("connection.connected", text, by=Actor.of(person), account=account, detail=detail)
    return connection


def _works(connection: Connection) -> bool:
    """Whether it is to be left as it is. Another role that an admin tries now does not end the one in use."""
    if connection.state in (_S.CONNECTED, _S.PAUSED):
        return connection.proof_failed_since is None
    return connection.state == _S.TESTING and connection.former is not None


def _standing_for(person: User) -> list[Connection]:
    """Checker connections that work, of the accounts that the person acts for already."""
    accounts = Membership.objects.of(Actor.of(person)).values("account")
    checkers = Connection.objects.usable().filter(purpose=Purpose.CHECKER, account__in=accounts, proof_failed_since=None)
    return list(checkers.select_related("account").order_by("account__name", "account__number"))


def _organization_of(number: str, invitation: Invitation) -> str:
    """The known organisation that the account belongs to, if the invitation lets it count; "" otherwise."""
    found = organization_of(number)
    if found is None:
        return ""
    counts = number == invitation.number or found == invitation.organization
    return found if counts else ""
