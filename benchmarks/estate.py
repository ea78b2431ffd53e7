"""A made-up estate as rows, for benchmarks of pages: functions with policies as a sync keeps them, accounts with names.

    with throwaway_database():
        build(10_000, 1_000)

Of a hundred functions about two are open to everyone, three to a service of any account, five to an organisation, two
have a public function URL, one has a policy that was never read, one whose last read failed, ten changed some time ago;
every other one has an alias. The same numbers give the same estate. The share of functions that name one account shrinks
with the number of accounts, as it does in life.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sharing.models import Account, Function, Policy

#: The accounts whose functions are shared; the others are consumers.
OWNERS = 10
REGIONS = ("eu-west-1", "us-east-1")
ORGANIZATIONS = ("o-a1b2c3d4e5", "o-f6a7b8c9d0", "o-b1c2d3e4f5")
_FIRST_ACCOUNT = 500_000_000_000
_STEP = 7_919


@contextmanager
def throwaway_database() -> Iterator[None]:
    """Django on an empty SQLite database in a temporary folder, without a broker."""
    with tempfile.TemporaryDirectory(prefix="estate") as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "DATABASE_URL": f"sqlite:///{folder}/estate.sqlite3",
        }
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        yield


def account_number(place: int) -> str:
    """The 12 digits of the account at that place; the first OWNERS own the functions."""
    return f"{_FIRST_ACCOUNT + _STEP * place}"


def build(functions: int, accounts: int) -> None:
    """Add that many functions and accounts to an empty database."""
    from django.db import transaction

    with transaction.atomic():
        _build(functions, accounts)


def _build(functions: int, accounts: int) -> None:
    from sharing.models import Account, Connection, ConnectionState, Function, Purpose, Qualifier, Sync, SyncState
    from sharing.services import places

    chance = random.Random(7)  # noqa: S311 (the same estate at every run, no secret)
    now = datetime.now(UTC).replace(microsecond=0)
    began = now - timedelta(days=90)
    known = Account.objects.bulk_create(
        Account(number=account_number(place), name=f"{'Owner' if place < OWNERS else 'Consumer'} {place}")
        for place in range(accounts)
    )
    owners = known[:OWNERS]
    for owner in owners:
        Connection.objects.create(
            account=owner,
            purpose=Purpose.MANAGER,
            state=ConnectionState.CONNECTED,
            role_arn=f"arn:aws:iam::{owner.number}:role/fnshare-manager",
            external_id=f"external-{owner.number}",
            regions=list(REGIONS),
            verbs={"read": True, "share": True},
        )
        for region in REGIONS:
            for at in (began, now - timedelta(minutes=5)):
                Sync.objects.create(
                    account=owner,
                    region=region,
                    state=SyncState.DONE,
                    started_at=at,
                    finished_at=at + timedelta(minutes=2),
                    requested_as="benchmark",
                )
    places.keep_all()
    made = Function.objects.bulk_create(
        [_function(owners[number % OWNERS], number, chance, now) for number in range(functions)], batch_size=500
    )
    Qualifier.objects.bulk_create(
        [Qualifier(function=function, kind="alias", name="live", points_to="1", first_seen_at=began) for function in made[::2]],
        batch_size=500,
    )
    for number, function in enumerate(made):
        for qualifier in ("", "live")[: 2 - number % 2]:
            _policy(function, qualifier, known, chance, began, now)


def _function(owner: Account, number: int, chance: random.Random, now: datetime) -> Function:
    from sharing.models import Function

    region = REGIONS[number // OWNERS % len(REGIONS)]
    name = f"{chance.choice(('orders', 'labels', 'prices', 'stock', 'mail'))}-{number}"
    urls: dict[str, str] = {"": "NONE"} if number % 50 == 7 else {}
    return Function(
        account=owner,
        region=region,
        name=name,
        arn=f"arn:aws:lambda:{region}:{owner.number}:function:{name}",
        urls=urls,
        first_seen_at=now - timedelta(days=90),
        details_read_at=now - timedelta(hours=3),
    )


def _policy(
    function: Function, qualifier: str, known: list[Account], chance: random.Random, began: datetime, now: datetime
) -> Policy:
    from sharing.models import Policy, Reading
    from sharing.policy import parse
    from sharing.services.syncing.reach import keep_exposures

    kind = chance.randrange(100)
    policy = Policy.objects.create(function=function, qualifier=qualifier)
    if kind == 0:  # never read
        return policy
    documents = [document(policy.arn, kind, known, chance, bool(function.urls) and not qualifier)]
    if kind < 11:  # changed since: the older content first
        documents.insert(0, document(policy.arn, 50, known, chance, False))
    _versions(policy, documents, began, now)
    policy.reading = Reading.PRESENT
    policy.read_at = began if len(documents) == 1 else now - timedelta(days=30)
    if kind == 1:  # not readable any more
        policy.reading = Reading.UNREAD
        policy.unread_since, policy.unread_reason = now - timedelta(days=1), "AWS denied lambda:GetPolicy."
    policy.save()
    keep_exposures(policy, parse(documents[-1]))
    return policy


def _versions(policy: Policy, documents: list[str], began: datetime, now: datetime) -> None:
    from sharing.models import PolicyVersion
    from sharing.policy import parse

    for place, text in enumerate(documents):
        changed = place > 0
        policy.current = PolicyVersion.objects.create(
            policy=policy,
            digest=parse(text).digest,
            document=text,
            size=len(text),
            last_seen_without=now - timedelta(days=31) if changed else None,
            first_seen_at=now - timedelta(days=30) if changed else began,
        )
        policy.size = len(text)


def document(arn: str, kind: int, known: list[Account], chance: random.Random, url: bool) -> str:
    """One policy: mostly a few consumers' accounts, roles and sources, and by `kind` something wider."""
    consumers = known[OWNERS:]
    statements = []
    for place in range(chance.choice((1, 1, 2, 2, 3, 6))):
        number = chance.choice(consumers).number
        shape = chance.randrange(10)
        if shape < 6:
            statements.append(_statement(f"share-{place}", {"AWS": f"arn:aws:iam::{number}:root"}, arn))
        elif shape < 8:
            statements.append(_statement(f"role-{place}", {"AWS": f"arn:aws:iam::{number}:role/app"}, arn))
        else:
            source = {"StringEquals": {"AWS:SourceAccount": number}}
            statements.append(_statement(f"bucket-{place}", {"Service": "s3.amazonaws.com"}, arn, source))
    if kind in (10, 11):
        statements.append(_statement("public", "*", arn))
    if kind in (12, 13, 14):
        statements.append(_statement("topic", {"Service": "sns.amazonaws.com"}, arn))
    if kind in range(15, 20):
        condition = {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATIONS[kind % 3]}}
        statements.append(_statement("organisation", "*", arn, condition))
    if kind == 20:
        statements.append(_statement("pipeline", {"AWS": f"arn:aws:iam::{consumers[0].number}:root"}, arn, action="Update*"))
    if kind in (22, 23):  # one account that is let in often, whatever the size: its page is always full
        statements.append(_statement("busy", {"AWS": f"arn:aws:iam::{consumers[0].number}:root"}, arn))
        source = {"StringEquals": {"AWS:SourceAccount": consumers[0].number}}
        statements.append(_statement("busy-bucket", {"Service": "s3.amazonaws.com"}, arn, source))
    if kind == 21:
        denied = {"AWS": f"arn:aws:iam::{consumers[0].number}:root"}
        statements.append({**_statement("perimeter", denied, arn), "Effect": "Deny"})
    if url:
        condition = {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
        statements.append(_statement("url", "*", arn, condition, "InvokeFunctionUrl"))
        condition = {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}
        statements.append(_statement("url-invoke", "*", arn, condition))
    return json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": statements}, separators=(",", ":"))


def _statement(
    sid: str, principal: Any, arn: str, condition: dict[str, Any] | None = None, action: str = "InvokeFunction"
) -> dict[str, Any]:
    found = {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": f"lambda:{action}", "Resource": arn}
    return {**found, "Condition": condition} if condition else found


def plain_ways() -> Any:
    """Every way in with its function: the rows of a plain list that pages about access stand beside."""
    from sharing.models import Exposure

    found = Exposure.objects.filter(policy__vanished_at=None).order_by("policy__function__name", "pk")
    return found.select_related("policy__function__account")
