"""Plain typed functions that make rows for tests."""

import itertools
import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from sharing.models import (
    Account,
    Connection,
    ConnectionState,
    Finding,
    Function,
    Grant,
    GrantState,
    Membership,
    Organization,
    OrganizationMember,
    OrganizationUnit,
    Policy,
    Purpose,
    Reading,
    Role,
    Sync,
    SyncState,
    User,
    Weight,
    Wiring,
    WiringState,
    WiringStep,
)
from sharing.services import places

_numbers = itertools.count(200_000_000_000)
_names = itertools.count(1)

PASSWORD = "correct horse battery"


def person(role: str = Role.ADMIN, *, email: str = "", accounts: list[Account] | None = None, **fields: Any) -> User:
    """A person who can sign in with PASSWORD; scope is every account unless `accounts` is given."""
    fields.setdefault("every_account", accounts is None and role != Role.CONSUMER)
    user = User.objects.create_user(email or f"{role}{next(_names)}@example.com", PASSWORD, role=role, **fields)
    if accounts is not None:
        user.accounts.set(accounts)
    return user


def account(name: str = "", number: str = "") -> Account:
    """An account."""
    return Account.objects.create(name=name or f"Account {next(_names)}", number=number or f"{next(_numbers)}")


def membership(of: User | None = None, account_: Account | None = None, **fields: Any) -> Membership:
    """A consumer who acts for an account."""
    return Membership.objects.create(person=of or person(Role.CONSUMER), account=account_ or account(), **fields)


def acting(email: str, for_: Account) -> User:
    """A consumer who signs in by this address and acts for the account."""
    user = person(Role.CONSUMER, email=email)
    membership(user, for_)
    return user


def shareable(name: str = "label-uploads", number: str = "444455556666") -> Function:
    """A function of the owner's account Platform, which a worker may enter."""
    of = account("Platform", number)
    connection(of)
    return function(name, of)


def connection(
    of: Account | None = None, purpose: str = Purpose.MANAGER, *, state: str = ConnectionState.CONNECTED, **fields: Any
) -> Connection:
    """A connection that can read and share."""
    of = of or account()
    fields.setdefault("role_arn", f"arn:aws:iam::{of.number}:role/fnshare-{purpose}")
    fields.setdefault("external_id", f"external-id-{next(_names)}")
    fields.setdefault("regions", ["us-east-1"])
    fields.setdefault("verbs", {"read": True, "share": True})
    fields.setdefault("connected_at", timezone.now())
    made = Connection.objects.create(account=of, purpose=purpose, state=state, **fields)
    places.chosen(made)
    return made


def sweep(of: Account, region: str = "us-east-1", state: str = SyncState.DONE, **fields: Any) -> Sync:
    """A read of a region that ended just now, or when `fields` say."""
    now = timezone.now()
    fields = {"started_at": now, "finished_at": now, "requested_as": "test", **fields}
    made = Sync.objects.create(account=of, region=region, state=state, **fields)
    places.swept(of.pk, region)
    return made


def organization(*numbers: str, organization_id: str = "o-k3s8w1q9zt", **fields: Any) -> Organization:
    """An organisation with these accounts, read just now through a connected role."""
    fields.setdefault("read_at", timezone.now())
    fields.setdefault("read_due_at", timezone.now() + timedelta(days=1))
    if "connection" not in fields:
        fields["connection"] = connection(purpose=Purpose.ORGANIZATION, verbs={"describe": True, "members": True})
    made = Organization.objects.create(organization_id=organization_id, **fields)
    for number in numbers:
        OrganizationMember.objects.create(organization=made, number=number, name=f"Member {number}", status="ACTIVE")
    return made


def unit(
    of: Organization, unit_id: str, *numbers: str, name: str = "", under: OrganizationUnit | None = None
) -> OrganizationUnit:
    """A unit of an organisation whose units were read just now, beneath the root or another unit, and these members in it."""
    root, _ = of.units.get_or_create(
        unit_id="r-ab12", defaults={"name": "Root", "path": f"{of.organization_id}/r-ab12/", "trail": ""}
    )
    above = under or root
    name = name or unit_id
    trail = f"{above.trail} / {name}" if above.trail else name
    made = OrganizationUnit.objects.create(
        organization=of, unit_id=unit_id, name=name, path=f"{above.path}{unit_id}/", trail=trail
    )
    for number in numbers:
        told = {"name": f"Member {number}", "status": "ACTIVE", "unit": made}
        OrganizationMember.objects.update_or_create(organization=of, number=number, left_at=None, defaults=told)
    # Later than any time before, since it is what tells that something was read.
    Organization.objects.filter(pk=of.pk).update(units_read_at=timezone.now())
    of.refresh_from_db()
    return made


def function(name: str = "", of: Account | None = None, region: str = "us-east-1", **fields: Any) -> Function:
    """A function with an unread policy of its own."""
    of = of or account()
    name = name or f"function-{next(_names)}"
    made = Function.objects.create(
        account=of, region=region, name=name, arn=f"arn:aws:lambda:{region}:{of.number}:function:{name}", **fields
    )
    Policy.objects.create(function=made, reading=Reading.NONE, read_at=timezone.now())
    return made


def grant(on: Function | None = None, to: str = "222233334444", *, state: str = GrantState.ACTIVE, **fields: Any) -> Grant:
    """A grant to an account, as a row only: no statement anywhere holds it."""
    on = on or function()
    fields.setdefault("sid", f"fnshare-{uuid.uuid4().hex}")
    fields.setdefault("requested_as", "somebody@example.com")
    return Grant.objects.create(
        policy=on.policies.get(qualifier=""),
        state=state,
        action="lambda:InvokeFunction",
        principal_kind="account",
        principal=to,
        principal_account=to,
        statement={},
        equality=uuid.uuid4().hex,
        reason="because",
        **fields,
    )


def wiring(
    on: Function | None = None,
    source: str = "arn:aws:s3:::acme-uploads",
    *,
    kind: str = "s3",
    of: str = "111122223333",
    steps: tuple[tuple[str, str, bool, str], ...] = (
        ("permission", "owner", True, "seen"),
        ("notification", "source", False, "asked"),
    ),
    **fields: Any,
) -> Wiring:
    """A wiring of a bucket of account `of`, as rows only. `steps`: key, side, whether ours, state."""
    on = on or function()
    fields.setdefault("state", WiringState.WAITING)
    fields.setdefault("requested_as", "somebody@example.com")
    fields.setdefault("options", {"events": ["s3:ObjectCreated:*"]})
    made = Wiring.objects.create(function=on, kind=kind, source_arn=source, source_account=of, **fields)
    for place, (key, side, ours, state) in enumerate(steps):
        number = of if side == "source" else on.account.number
        WiringStep.objects.create(wiring=made, position=place, key=key, side=side, account=number, ours=ours, state=state)
    return made


def finding(on: Function | None = None, rule: str = "open-service", **fields: Any) -> Finding:
    """An open finding about a function's own policy, as a row only."""
    on = on or function()
    fields.setdefault("subject", on.arn)
    fields.setdefault("severity", Weight.HIGH)
    fields.setdefault("cause", "service:s3.amazonaws.com")
    fields.setdefault("text", f"Any AWS account can drive {on.name} through Amazon S3.")
    fields.setdefault("account", on.account)
    fields.setdefault("policy", on.policies.filter(qualifier="").first())
    return Finding.objects.create(id=uuid.uuid4(), rule=rule, function=on, says="", **fields)
