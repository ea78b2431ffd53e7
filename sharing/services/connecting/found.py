"""A role that a worker found by itself: one that an organisation's template made, with the ExternalId meant for it."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from sharing.models import Account, Actor, Connection, ConnectionState, Purpose
from sharing.services import history, places
from sharing.services.errors import Refusal

from .asking import own_role

_S = ConnectionState
#: What is taken over: nobody made the role that was awaited, or the one that was given let nobody in.
_FREE = (_S.AWAITED, _S.REFUSED)


def adopt(
    *, number: str, name: str, partition: str, purpose: Purpose, role_arn: str, external_id: str, regions: Iterable[str]
) -> Connection:
    """The account's connection through this role, to be tested before anything else is done with it.

    An account that is connected already for the purpose keeps its connection as it is. Raises Refusal: the account is in
    another partition, the role is one that real calls or changes of sources are made through.
    """
    by = Actor.system()
    with transaction.atomic():
        account, _ = Account.objects.get_or_create(number=number, defaults={"name": name, "partition": partition})
        if account.partition != partition:
            raise Refusal(f"{account} is in partition {account.partition}, not {partition}.", next="Check the account id.")
        held = Connection.objects.standing().select_for_update().filter(account=account, purpose=purpose).first()
        if held is not None and held.state not in _FREE:
            return held
        if held is not None and (held.role_arn, held.external_id) == (role_arn, external_id):
            held.test_wanted_at = timezone.now()
            held.save(update_fields=["test_wanted_at"])
            return held
        for old in Connection.objects.filter(external_id=external_id, state=_S.DISCONNECTED):
            old.external_id = f"{external_id[:1180]}#{old.pk}"  # "#" occurs in no ExternalId: unique and never sent
            old.save(update_fields=["external_id"])
        connection = held or Connection(account=account, purpose=purpose)
        connection.role_arn, connection.external_id, connection.external_id_ours = role_arn, external_id, True
        connection.next_external_id, connection.former, connection.state = "", None, _S.TESTING
        connection.report, connection.verbs, connection.failure, connection.failure_next = [], {}, "", ""
        if purpose == Purpose.MANAGER:
            connection.regions = connection.regions or list(regions)
        connection.test_wanted_at = timezone.now()
        own_role(role_arn, connection)
        connection.full_clean(exclude=["account", "created_by"])
        connection.save()
        places.chosen(connection)
        text = f"{connection.get_purpose_display()} of {account.name} found, as its organisation makes it; to be tested"
        detail = {"purpose": str(purpose), "role_arn": role_arn}
        history.record("connection.found", text, by=by, account=account, detail=detail)
    return connection
