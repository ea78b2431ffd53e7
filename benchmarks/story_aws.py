"""The sandbox's demo story in this process, with its owner connected: what the benchmarks of one account share.

Django runs on an empty database without a broker. What needs the sandbox in a process of its own: benchmarks.live_aws.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sharing.models import Account
    from sharing.sandbox.server import Sandbox


def prepare(database: str, **more: str) -> None:
    """Django on an empty database. database: its URL; more: variables besides."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "sharing.settings",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ALLOWED_HOSTS": "localhost",
        "PUBLIC_URL": "http://localhost:8000",
        "DATABASE_URL": database,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": "us-east-1",
        **more,
    }
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def connect(sandbox: Sandbox) -> Account:
    """The story's owner is connected, and workers act as the dashboard."""
    from sharing.models import Account, Connection, ConnectionState

    owner = next(account for account in sandbox.accounts if account.kind == "owner")
    dashboard = next(account for account in sandbox.accounts if account.kind == "dashboard")
    os.environ |= {
        "AWS_ENDPOINT_URL": sandbox.url,
        "AWS_ACCESS_KEY_ID": dashboard.access_key_id,
        "AWS_SECRET_ACCESS_KEY": dashboard.secret_access_key,
    }
    account = Account.objects.create(number=owner.id, name=owner.name)
    Connection.objects.create(
        account=account,
        purpose="manager",
        state=ConnectionState.CONNECTED,
        role_arn=owner.manager_role_arn,
        external_id=owner.external_id,
        regions=["us-east-1"],
        verbs={"list": True, "read": True, "share": True},
    )
    return account


def unpace() -> None:
    """Without AWS's rates."""
    from sharing.aws import pace

    pace.RATE, pace._BURST = 100_000.0, 1_000.0


def pace_alone() -> None:
    """The pace of this process only: no Redis here, and no other process to leave half of the rate to."""
    from sharing.aws import pace
    from sharing.services import connecting

    alone = pace.Pace()
    setattr(connecting.entering, "pace", lambda: alone)  # noqa: B010  # a cached function, replaced as a whole
