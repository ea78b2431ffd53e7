"""What people ask of a connection. Everything here writes rows; a worker does the rest (`run_test`)."""

import difflib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.aws.session import known_regions
from sharing.models import Account, Actor, Connection, ConnectionState, Exposure, Grant, Installation, Purpose
from sharing.models.grant import MAY_HOLD_ACCESS
from sharing.policy.arn import Arn, ArnError, is_account_id
from sharing.services import history
from sharing.services.errors import NotPermitted, Refusal

from .templates import trust_command

_ROLE = re.compile(r"role/(?:[\x21-\x7e]+/)?[\w+=,.@-]{1,64}", re.ASCII)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_S = ConnectionState


def prepare(*, number: str, name: str, purpose: str, by: Actor, regions: Iterable[str] = (), partition: str = "") -> Connection:
    """Name an account and get an ExternalId of our own for the role to be made: the connection then awaits its role.

    number: 12 digits. regions: what is read (manager role); none: every region the role can list, found by the test.
    partition: by default the one this installation works in. An account that is connected for this purpose already
    keeps its connection; its name, and its regions if any are given, are changed.
    """
    _admin(by)
    number = number.replace(" ", "").replace("-", "")
    if not is_account_id(number):
        raise Refusal(
            f"An AWS account id has exactly 12 digits; this one has {len(number)} characters.",
            next="Copy it from the account's console, top right.",
            field="number",
        )
    name = " ".join(name.split())
    if not name or len(name) > 80 or not name.isprintable():
        raise Refusal("The account needs a name of 1 to 80 characters.", next="Give it the name people use.", field="name")
    partition = _partition(partition)
    chosen = _regions(regions, partition)
    with transaction.atomic():
        account, made = Account.objects.get_or_create(number=number, defaults={"name": name, "partition": partition})
        if account.partition != partition:
            raise Refusal(f"{account} is in partition {account.partition}, not {partition}.", next="Check the account id.")
        if not made and account.name != name:
            history.record("account.renamed", f"“{account.name}” is now called “{name}”", by=by, account=account)
            account.name = name
            account.save(update_fields=["name"])
        connection = Connection.objects.standing().select_for_update().filter(account=account, purpose=purpose).first()
        if connection is None:
            return _new(account, purpose, chosen, by)
        if chosen and chosen != connection.regions:
            connection.regions = chosen
            connection.save(update_fields=["regions"])
            text = f"The regions that are read in {account.name} are now {', '.join(chosen)}"
            history.record("connection.changed", text, by=by, account=account)
        connection.account = account
        return connection


def _new(account: Account, purpose: str, regions: list[str], by: Actor) -> Connection:
    connection = Connection(
        account=account,
        purpose=Purpose(purpose),
        external_id=f"fnshare-{purpose}-{secrets.token_hex(20)}",
        regions=regions,
        created_by=by.person,
    )
    connection.full_clean(exclude=["created_by"])
    connection.save()
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
    when another connection uses it. A worker then tests the role before anything else is done with it.
    """
    _admin(by)
    arn = _role_arn(role_arn, connection.account)
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
            if external_id and external_id != held.external_id:
                _free(external_id, held)
                held.external_id, held.external_id_ours, held.next_external_id = external_id, False, ""
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


def _free(external_id: str, connection: Connection) -> None:
    """Refuse an ExternalId that another connection has; one that this account's ended connection had may come back."""
    for other in Connection.objects.exclude(pk=connection.pk).filter(external_id=external_id):
        if (other.state, other.account_id, other.purpose) != (_S.DISCONNECTED, connection.account_id, connection.purpose):
            raise _used_elsewhere()
        other.external_id = f"{external_id[:1180]}#{other.pk}"  # "#" occurs in no ExternalId: unique and never sent
        other.save(update_fields=["external_id"])


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
    _admin(by)
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


@dataclass(frozen=True)
class WhatStays:
    """What disconnecting leaves in AWS.

    grants: ours that may still hold access. open_policies: policies that let in others, however made. sentence, next:
    for people; next holds the command that deletes the role.
    """

    grants: list[Grant]
    open_policies: int
    sentence: str
    next: str


def what_stays(connection: Connection) -> WhatStays:
    """What stays granted in AWS when this connection is ended: everything. Nothing is taken back by itself."""
    account = connection.account
    role_name = connection.role_arn.rpartition("/")[2]
    following = f"Delete the role {role_name} in account {account.number} when nothing else uses it." if role_name else ""
    if connection.purpose == Purpose.CHECKER:
        return WhatStays([], 0, f"Shares with {account.name} stay; they can no longer be checked from there.", following)
    grants = list(
        Grant.objects.filter(policy__function__account=account, state__in=MAY_HOLD_ACCESS)
        .select_related("policy__function")
        .order_by("policy__function__name", "created_at")
    )
    open_policies = (
        Exposure.objects.filter(policy__function__account=account, policy__vanished_at=None, policy__function__vanished_at=None)
        .exclude(external="no", public="no", open_service="no")
        .values("policy")
        .distinct()
        .count()
    )
    sentence = (
        f"AWS goes on letting in whom it lets in now: {_count(len(grants), 'share')} made here stay{'s' * (len(grants) == 1)} "
        f"granted, and {_count(open_policies, 'policy', 'policies')} of {account.name} let{'s' * (open_policies == 1)} in "
        "others. fnshare neither sees nor ends them any more, end dates included."
    )
    return WhatStays(grants, open_policies, sentence, f"Revoke first what should end. {following}".strip())


def disconnect(connection: Connection, *, by: Actor) -> Connection:
    """End the connection. AWS keeps every statement and the role itself: see `what_stays`, before and after."""
    _admin(by)
    stays = what_stays(connection)
    with transaction.atomic():
        held = Connection.objects.select_for_update().select_related("account").get(pk=connection.pk)
        if held.state == _S.DISCONNECTED:
            return held
        held.state = _S.DISCONNECTED
        held.test_wanted_at = None
        held.next_external_id = ""
        held.save(update_fields=["state", "test_wanted_at", "next_external_id"])
        history.record(
            "connection.disconnected",
            f"{held.get_purpose_display()} of {held.account.name} disconnected. {stays.sentence}",
            by=by,
            account=held.account,
            detail={"purpose": held.purpose, "grants": [str(grant.pk) for grant in stays.grants[:500]]},
        )
    return held


def after_rotation(connection: Connection) -> str:
    """The command the owner runs so that the role accepts the new ExternalId (and, until the test, the old one)."""
    return trust_command(connection)


def _move(connection: Connection, moves: dict[ConnectionState, ConnectionState], verb: str, done: str, by: Actor) -> Connection:
    _admin(by)
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
        held.save(update_fields=["state"])
        history.record(verb, f"{held.get_purpose_display()} of {held.account.name} {done}", by=by, account=held.account)
    return held


def _admin(by: Actor) -> None:
    if not by.is_admin():
        raise NotPermitted("Only admins connect accounts.")


def _partition(asked: str) -> str:
    known = Installation.objects.filter(pk=1).exclude(worker_arn="").first()
    ours = known.partition if known else ""
    if asked and ours and asked != ours:
        raise Refusal(
            f"This installation works in partition {ours}; nothing in {asked} can trust it.",
            next="Run an installation of its own there.",
            field="role_arn",
        )
    return asked or ours or "aws"


def _regions(asked: Iterable[str], partition: str) -> list[str]:
    known = known_regions(partition)
    chosen = list(dict.fromkeys(region.strip().lower() for region in asked if region.strip()))
    for region in chosen:
        if region not in known:
            near = difflib.get_close_matches(region, known, n=1, cutoff=0.5)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise Refusal(
                f"“{region[:40]}” is not a region of partition {partition}.{meant}",
                next=f"Use a region such as {known[0]}." if known else "",
                field="regions",
            )
    return chosen


def _role_arn(text: str, account: Account) -> str:
    try:
        arn = Arn.parse(text)
    except ArnError as problem:
        raise Refusal(str(problem), next=f"A role's ARN looks like {_example(account)}.", field="role_arn") from None
    if arn.partition != account.partition:
        raise Refusal(
            f"The role is in partition {arn.partition}, the account in {account.partition}.",
            next=f"A role's ARN looks like {_example(account)}.",
            field="role_arn",
        )
    if arn.service != "iam" or arn.region or not _ROLE.fullmatch(arn.resource):
        raise Refusal(
            f"“{text.strip()[:100]}” is not the ARN of an IAM role.",
            next=f"A role's ARN looks like {_example(account)}.",
            field="role_arn",
        )
    if arn.account != account.number:
        raise Refusal(
            f"This role belongs to account {arn.account}, not to {account.number}.",
            next="Give a role of the account itself.",
            field="role_arn",
        )
    return str(arn)


def _example(account: Account) -> str:
    return f"arn:{account.partition}:iam::{account.number}:role/fnshare-manager"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
