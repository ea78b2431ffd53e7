"""Who acts for which consumer account: begun by an accepted invitation, ended by leaving, or by the owners' side."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Account, Actor, Invitation, Membership, User

from .errors import NotFound, NotPermitted
from .history import record


def begin(person: User, account: Account, *, by: Actor, invitation: Invitation | None = None) -> Membership:
    """The person acts for the account from now on. Begun already: that one is given back.

    The caller has seen the account proved, for this person (aws-facts 5.4): a membership shows everything shared with it.
    """
    standing = Membership.objects.current().filter(person=person, account=account)
    if found := standing.first():
        return found
    try:
        with transaction.atomic():
            membership = Membership.objects.create(person=person, account=account, invitation=invitation)
            record("membership.begun", f"{person.email} acts for {account} from now on.", by=by, account=account)
    except IntegrityError:
        return standing.get()
    return membership


def end(membership: Membership, *, by: Actor) -> Membership:
    """The person does not act for the account any more. Grants stay: they belong to the account.

    The person themselves leave, or an admin ends it. Raises NotPermitted, and NotFound for a membership that is over.
    """
    if not by.is_admin() and (by.person is None or by.person.pk != membership.person_id):
        raise NotPermitted("Only an admin, or the person themselves, ends who acts for an account.")
    with transaction.atomic():
        now = timezone.now()
        if not Membership.objects.current().filter(pk=membership.pk).update(ended_at=now, ended_as=by.label[:300]):
            raise NotFound("That membership", next="It is over already. Reload the page.")
        text = f"{membership.person.email} does not act for {membership.account} any more."
        record("membership.ended", text, by=by, account=membership.account)
    membership.refresh_from_db()
    return membership
