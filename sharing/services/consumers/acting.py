"""What the owners' side does about a consumer: name it, prove it again, end that somebody acts for it."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Account, Actor, Connection, ConnectionState, Membership, Purpose
from sharing.policy.arn import is_account_id
from sharing.services import history, memberships
from sharing.services.connecting.given import partition_for
from sharing.services.errors import NotFound, NotPermitted, Refusal

from .gathering import find

_AUDITORS = "Auditors look, they do not change anything."
_RENAME = "This account has a name already; everybody reads it."


def may_name(account: Account | None, *, by: Actor) -> bool:
    """Whoever may change things names a stranger; another name is for those in whose scope the account is."""
    return by.may_change() and (account is None or by.sees(account.pk))


def give_name(number: str, name: str, *, by: Actor) -> Account:
    """Call the account so. One that was only digits in policies is an account that is known from then on.

    The same name twice is once. Raises NotFound for an account that is no consumer in the actor's scope, NotPermitted, Refusal.
    """
    if not by.may_change():
        raise NotPermitted(_AUDITORS)
    if not is_account_id(number) or find(number, by=by) is None:
        raise NotFound("That account", next="Check the digits.")
    name = " ".join(name.split())
    if not name or len(name) > 80 or not name.isprintable():
        raise Refusal("The account needs a name of 1 to 80 characters.", next="Give it the name people use.", field="name")
    known = Account.objects.filter(number=number).first()
    if known is None:
        try:
            with transaction.atomic():
                account = Account.objects.create(number=number, name=name, partition=partition_for(""))
                history.record("account.named", f"Account {number} is called “{name}” here.", by=by, account=account)
        except IntegrityError:  # somebody named it meanwhile
            known = Account.objects.get(number=number)
        else:
            return account
    if known.name == name:
        return known
    if not may_name(known, by=by):
        raise NotPermitted(_RENAME, next="Ask an admin of fnshare to change it.")
    with transaction.atomic():
        held = Account.objects.select_for_update().get(pk=known.pk)
        if held.name != name:
            history.record("account.renamed", f"“{held.name}” is now called “{name}”", by=by, account=held)
            held.name = name
            held.save(update_fields=["name"])
    return held


def prove_again(number: str, *, by: Actor) -> Connection:
    """Have a worker try the account's checker role now: without, with a wrong and with the right ExternalId.

    It need not be in the actor's scope as an owner account: who shares with it may ask whose it is. Raises NotPermitted,
    NotFound, Refusal when there is no role that could be tried.
    """
    if not by.may_change():
        raise NotPermitted(_AUDITORS)
    if not is_account_id(number) or find(number, by=by) is None:
        raise NotFound("That account", next="Check the digits.")
    with transaction.atomic():
        standing = Connection.objects.standing().select_for_update().filter(account__number=number, purpose=Purpose.CHECKER)
        held = standing.exclude(state=ConnectionState.AWAITED).exclude(role_arn="").first()
        if held is None:
            raise Refusal(
                "There is no role of this account that could be tried.",
                next="Invite somebody of the account: accepting the invitation proves it.",
                code="conflict",
            )
        if held.state == ConnectionState.PAUSED:
            raise Refusal("The connection is paused: nothing is tried.", next="An admin can resume it.", code="paused")
        if held.test_wanted_at is None:
            held.test_wanted_at = timezone.now()
            held.save(update_fields=["test_wanted_at"])
            text = f"A new proof was asked for: account {number}, by its checker role."
            history.record("proof.requested", text, by=by, account=held.account)
    return held


def end_membership(membership: Membership, *, by: Actor) -> Membership:
    """The person does not act for the account any more; its shares stay. Admins only: a membership shows all its shares.

    Raises NotPermitted, and NotFound for one that is over.
    """
    if not by.is_admin():
        raise NotPermitted("Only an admin of fnshare ends that somebody acts for an account.")
    return memberships.end(membership, by=by)
