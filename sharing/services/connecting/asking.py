"""What people ask of a connection. Everything here writes rows; a worker does the rest (`run_test`)."""

import re
import secrets
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Account, Actor, Connection, ConnectionState, Purpose
from sharing.policy.arn import is_account_id, unspaced
from sharing.services import history, places
from sharing.services.errors import NotPermitted, Refusal

from .given import only_admins, partition_for, regions_for, role_arn_of
from .reaching import patterns_of, require_reach, sources_of
from .templates import suggested_role_arn, trust_command

_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_S = ConnectionState
#: What makes a connection work: kept while another role is tried.
IN_USE = ("state", "role_arn", "external_id", "external_id_ours", "next_external_id", "verbs", "report")


def prepare(
    *,
    number: str,
    name: str,
    purpose: str,
    by: Actor,
    regions: Iterable[str] = (),
    partition: str = "",
    limited_to: Iterable[str] | None = None,
) -> Connection:
    """Name an account and get an ExternalId of our own for the role to be made: the connection then awaits its role.

    number: 12 digits. regions: what is read (manager role); none: every region the role can list, found by the test.
    partition: by default the one this installation works in. limited_to: what an invoker role may call (reaching.patterns_of),
    none: everything it reaches; what a source role may wire (reaching.sources_of), never none; None: as it was. An account
    that is connected for this purpose already keeps its connection; its name, and its regions if any are given, are changed.
    """
    only_admins(by)
    number = unspaced(number)
    if not is_account_id(number):
        raise Refusal(
            f"An AWS account id has exactly 12 digits; this one has {len(number)} characters.",
            next="Copy it from the account's console, top right.",
            field="number",
        )
    name = " ".join(name.split())
    if not name or len(name) > 80 or not name.isprintable():
        raise Refusal("The account needs a name of 1 to 80 characters.", next="Give it the name people use.", field="name")
    partition = partition_for(partition)
    chosen = regions_for(regions, partition)
    with transaction.atomic():
        account, made = Account.objects.get_or_create(number=number, defaults={"name": name, "partition": partition})
        if account.partition != partition:
            raise Refusal(f"{account} is in partition {account.partition}, not {partition}.", next="Check the account id.")
        if not made and account.name != name:
            history.record("account.renamed", f"“{account.name}” is now called “{name}”", by=by, account=account)
            account.name = name
            account.save(update_fields=["name"])
        connection = Connection.objects.standing().select_for_update().filter(account=account, purpose=purpose).first()
        patterns = None
        if purpose == Purpose.INVOKER:
            require_reach(account)
            patterns = None if limited_to is None else patterns_of(limited_to, account)
        if purpose == Purpose.SOURCE and (limited_to is not None or connection is None):
            patterns = sources_of(limited_to or (), account)
        if connection is None:
            return _new(account, purpose, chosen, by, patterns or [])
        if patterns is not None and patterns != connection.limited_to:
            connection.limited_to = patterns
            connection.save(update_fields=["limited_to"])
            may = "wire" if purpose == Purpose.SOURCE else "call"
            what = ", ".join(patterns) or "everything it reaches"
            text = f"The {connection.get_purpose_display().lower()} of {account.name} may now {may} {what}"
            history.record("connection.changed", text, by=by, account=account, detail={"limited_to": patterns})
        if chosen and chosen != connection.regions:
            connection.regions = chosen
            connection.save(update_fields=["regions"])
            places.chosen(connection)
            text = f"The regions that are read in {account.name} are now {', '.join(chosen)}"
            history.record("connection.changed", text, by=by, account=account)
        connection.account = account
        return connection


def _new(account: Account, purpose: str, regions: list[str], by: Actor, limited_to: list[str]) -> Connection:
    connection = Connection(
        account=account,
        purpose=Purpose(purpose),
        external_id=f"fnshare-{purpose}-{secrets.token_hex(20)}",
        regions=regions,
        limited_to=limited_to,
        created_by=by.person,
    )
    connection.full_clean(exclude=["created_by"])
    connection.save()
    places.chosen(connection)
    history.record(
        "connection.prepared",
        f"{connection.get_purpose_display()} of {account.name} awaited",
        by=by,
        account=account,
        detail={"purpose": purpose, "regions": regions},
    )
    return connection


def register(connection: Connection, *, role_arn: str, external_id: str = "", by: Actor) -> Connection:
    """Give the role that was made (or exists already) and have it tested.

    external_id: only for a role that exists already and demands another one than ours; any that AWS accepts. Refused
    when another connection uses it. A worker then tests the role before anything else is done with it; if it is refused,
    the role that was in use before is in use again.
    """
    only_admins(by)
    arn = role_arn_of(role_arn, connection.account)
    external_id = external_id.strip()
    if external_id and not _EXTERNAL_ID.fullmatch(external_id):
        raise Refusal(
            "AWS accepts no such ExternalId: 2 to 1224 letters, digits and _+=,.@:/- are allowed.",
            next="Copy it from the role's trust policy.",
            field="external_id",
        )
    try:
        with transaction.atomic():
            held = Connection.objects.select_for_update().select_related("account").get(pk=connection.pk)
            if held.state == _S.DISCONNECTED:
                raise Refusal("This connection was ended.", next="Connect the account anew.", code="conflict")
            if (held.role_arn, external_id or held.external_id) == (arn, held.external_id):
                return _again(held)
            if held.state in (_S.CONNECTED, _S.PAUSED):
                held.former = {name: getattr(held, name) for name in IN_USE}
            if external_id and external_id != held.external_id:
                _free(external_id, held)
                held.external_id, held.external_id_ours, held.next_external_id = external_id, False, ""
            own_role(arn, held)
            held.role_arn = arn
            held.state = _S.TESTING
            held.report, held.verbs = [], {}
            held.failure = held.failure_next = ""
            held.test_wanted_at = timezone.now()
            held.full_clean(exclude=["created_by"])
            held.save()
            history.record(
                "connection.registered",
                f"{held.get_purpose_display()} of {held.account.name} given, to be tested",
                by=by,
                account=held.account,
                detail={"purpose": held.purpose, "role_arn": arn, "external_id_ours": held.external_id_ours},
            )
    except (IntegrityError, ValidationError) as problem:
        if isinstance(problem, ValidationError) and "ExternalId" not in str(problem):
            raise Refusal(" ".join(problem.messages), next="Correct it and try again.") from None
        raise _used_elsewhere() from None
    return held


def _again(held: Connection) -> Connection:
    """The same role once more: tested anew, and usable meanwhile if it was."""
    held.test_wanted_at = timezone.now()
    if held.state == _S.REFUSED:
        held.state = _S.TESTING
    held.save(update_fields=["test_wanted_at", "state"])
    return held


def _free(external_id: str, connection: Connection) -> None:
    """Refuse an ExternalId that another connection has; one that this account's ended connection had may come back."""
    for other in Connection.objects.exclude(pk=connection.pk).filter(external_id=external_id):
        if (other.state, other.account_id, other.purpose) != (_S.DISCONNECTED, connection.account_id, connection.purpose):
            raise _used_elsewhere()
        other.external_id = f"{external_id[:1180]}#{other.pk}"  # "#" occurs in no ExternalId: unique and never sent
        other.save(update_fields=["external_id"])


def own_role(arn: str, connection: Connection) -> None:
    """Refuse (Refusal) to invoke or change sources as another role, and to read or check as one of these."""
    for other in Connection.objects.standing().exclude(pk=connection.pk).filter(role_arn=arn):
        apart = {Purpose.INVOKER, Purpose.SOURCE} & {other.purpose, connection.purpose}
        if apart:
            what = "real calls need" if Purpose.INVOKER in apart else "changes of sources need"
            raise Refusal(
                f"This role is the account's {other.get_purpose_display().lower()}: {what} a role of their own.",
                next=f"Make another role, such as {suggested_role_arn(connection)}.",
                code="conflict",
                field="role_arn",
            )


def _used_elsewhere() -> Refusal:
    return Refusal(
        "Another connection uses this ExternalId: whoever knows it there could enter this account too.",
        next="Use the ExternalId that fnshare generated, or give the role one of its own.",
        code="conflict",
        field="external_id",
    )


def request_test(connection: Connection, *, by: Actor) -> Connection:
    """Have a worker test the connection (again). While a connected one is tested it stays usable."""
    if not by.may_change() or not by.sees(connection.account_id):
        raise NotPermitted("Your role does not allow testing this connection.")
    with transaction.atomic():
        held = Connection.objects.select_for_update().select_related("account").get(pk=connection.pk)
        if held.state == _S.DISCONNECTED:
            raise Refusal("This connection was ended.", next="Connect the account anew.", code="conflict")
        if not held.role_arn:
            raise Refusal("There is no role to test yet.", next="Make the role, then give its ARN.", code="conflict")
        held.test_wanted_at = timezone.now()
        held.save(update_fields=["test_wanted_at"])
    return held


def pause(connection: Connection, *, by: Actor) -> Connection:
    """Stop all reads and writes in the account, whatever asked for them, until it is resumed."""
    return _move(connection, {_S.CONNECTED: _S.PAUSED}, "connection.paused", "paused: nothing is read or written", by)


def resume(connection: Connection, *, by: Actor) -> Connection:
    """Undo `pause`."""
    return _move(connection, {_S.PAUSED: _S.CONNECTED}, "connection.resumed", "resumed", by)


def rotate(connection: Connection, *, by: Actor) -> Connection:
    """Generate the next ExternalId. The old one stays in use until a test finds that the role accepts the new one.

    The owner must set the role's trust policy (`connecting.trust_command`), then test the connection.
    """
    only_admins(by)
    with transaction.atomic():
        held = Connection.objects.select_for_update().select_related("account").get(pk=connection.pk)
        if held.state == _S.DISCONNECTED or not held.role_arn:
            raise Refusal(
                "There is no role whose ExternalId could be changed.", next="Connect the account first.", code="conflict"
            )
        held.next_external_id = f"fnshare-{held.purpose}-{secrets.token_hex(20)}"
        held.save(update_fields=["next_external_id"])
        text = f"A new ExternalId was made for the {held.get_purpose_display().lower()} of {held.account.name}"
        history.record("connection.rotating", text, by=by, account=held.account, detail={"purpose": held.purpose})
    return held


def after_rotation(connection: Connection) -> str:
    """The command the owner runs so that the role accepts the new ExternalId (and, until the test, the old one)."""
    return trust_command(connection)


def _move(connection: Connection, moves: dict[ConnectionState, ConnectionState], verb: str, done: str, by: Actor) -> Connection:
    only_admins(by)
    with transaction.atomic():
        held = Connection.objects.select_for_update().select_related("account").get(pk=connection.pk)
        seen = _S(held.state)
        if seen in moves.values():
            return held
        if seen not in moves:
            raise Refusal(
                f"{held.account.name} is {held.get_state_display().lower()} and cannot be {verb.partition('.')[2]}.",
                next="Test the connection first.",
                code="conflict",
            )
        held.state = moves[seen]
        held.paused_because = ""
        held.save(update_fields=["state", "paused_because"])
        history.record(verb, f"{held.get_purpose_display()} of {held.account.name} {done}", by=by, account=held.account)
    return held
