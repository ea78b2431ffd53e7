"""An installation of many accounts as rows, with a year of history: what pages are measured on at size.

    python -m benchmarks.large --database sqlite:////tmp/large.sqlite3              # everything, some minutes
    python -m benchmarks.large --database postgres://... --scale 0.1                # a tenth of everything

In full: 30,000 functions in 200 accounts with 20 regions each, most of them empty and one with 3,000 functions; 2,000
consumers, three of four with a name; 200,000 statements in 45,000 policies, one policy of five hundred nearly full; a year
of events, versions, syncs and daily counts. The database must be empty; it is migrated first. The same scale gives the
same installation, only its times are counted back from now.

Every row that follows from another is made by the product's own functions (what a policy lets in, findings, tallies, the
watched findings); only the saving is in bulk. tests/test_benchmarks.py compares them with what storing one by one makes.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.large_policies import DAYS, Policies, Size, consumer_number, owner_number

if TYPE_CHECKING:
    from django.db.models import Model

    from sharing.models import Account, Function

REGIONS = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-west-1", "eu-west-2", "eu-west-3",
    "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "me-central-1",
)  # fmt: skip
_WORDS = ("orders", "labels", "prices", "stock", "mail", "billing", "search", "reports")


def build(size: Size) -> None:
    """Fill an empty, migrated database."""
    from sharing.models import PolicyVersion, Tallied
    from sharing.services import places, tallying, waking
    from sharing.services.findings import refreshing

    making = Making(size)
    making.accounts()
    for place in range(size.owners):
        making.account(place)
    making.daily()
    _number_on(PolicyVersion)
    places.keep_all()
    while Tallied.objects.count() < size.owners and tallying.count_due():
        pass
    while refreshing.refresh():
        pass
    while waking.keep_due():
        pass


def _number_on(model: type[Model]) -> None:
    """Rows were saved with numbers of their own: the database goes on after the last (only PostgreSQL needs telling)."""
    from django.core.management.color import no_style
    from django.db import connection

    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), [model]):
            cursor.execute(sql)


class Making(Policies):
    """One installation while it is made, an account after another."""

    def accounts(self) -> None:
        """Owners, consumers with a name, their roles, the trust list, and a mark that findings are judged by it."""
        from sharing.models import Account, Connection, ConnectionState, FindingPass, Purpose, Trusted, TrustKind
        from sharing.services.findings.refreshing import mark_of
        from sharing.services.trusting import trust

        named = [place for place in range(self.size.consumers) if place % 4 != 3]
        made = Account.objects.bulk_create(
            [
                *(Account(id=self.key(), number=owner_number(at), name=f"Owner {at}") for at in range(self.size.owners)),
                *(Account(id=self.key(), number=consumer_number(at), name=f"Consumer {at}") for at in named),
            ],
            batch_size=500,
        )
        self.owners, consumers = made[: self.size.owners], made[self.size.owners :]
        self.known = {one.number for one in made}
        roles = [(one, Purpose.MANAGER) for one in self.owners] + [(one, Purpose.CHECKER) for one in consumers[::5]]
        Connection.objects.bulk_create(
            [
                Connection(
                    account=one,
                    purpose=purpose,
                    state=ConnectionState.CONNECTED,
                    role_arn=f"arn:aws:iam::{one.number}:role/fnshare-{purpose}",
                    external_id=f"external-{purpose}-{one.number}",
                    regions=list(REGIONS) if purpose == Purpose.MANAGER else [],
                    verbs={"read": True, "share": True} if purpose == Purpose.MANAGER else {"check": True},
                    connected_at=self.began,
                    proof_due_at=None if purpose == Purpose.MANAGER else self.now + timedelta(days=20),
                )
                for one, purpose in roles
            ],
            batch_size=500,
        )
        Trusted.objects.bulk_create(
            Trusted(kind=TrustKind.ACCOUNT, value=one.number, added_as="benchmark") for one in consumers[::3]
        )
        FindingPass.objects.create(pk=1, mark=mark_of(trust()))

    def account(self, place: int) -> None:
        """One owner account: its functions with all that hangs on them, and its syncs."""
        from django.db import transaction

        from sharing.models import Function, Mapping, Qualifier

        owner = self.owners[place]
        regions = self._regions(place)
        functions = [self._function(owner, region) for region, many in regions for _ in range(many)]
        first = self.made - len(functions)
        with transaction.atomic():
            Function.objects.bulk_create(functions, batch_size=500)
            aliases = [function for at, function in enumerate(functions, first) if len(self.policies(at)) > 1]
            Qualifier.objects.bulk_create(
                [
                    Qualifier(function=one, kind="alias", name="live", points_to="1", first_seen_at=self.began)
                    for one in aliases
                ],
                batch_size=500,
            )
            Mapping.objects.bulk_create(
                [self._mapping(function, at) for at, function in enumerate(functions, first) if at % 5 == 0], batch_size=500
            )
            self._policies(functions, first)
            self._syncs(owner, {region for region, many in regions if many})

    def daily(self) -> None:
        """How many findings there were on each day before this one."""
        from sharing.models import FindingCount

        days = [(self.now - timedelta(days=ago)).date() for ago in range(DAYS, 0, -1)]
        rows = (
            FindingCount(day=day, account=account, severity=weight, open=(at + weight) % 9, accepted=at % 2)
            for at, day in enumerate(days)
            for account in (None, *self.owners)
            for weight in ((1, 2, 3, 4) if account is None else (3,))
        )
        FindingCount.objects.bulk_create(rows, batch_size=1000)

    def _regions(self, place: int) -> list[tuple[str, int]]:
        """How many functions of the account there are in each region that is not empty."""
        size = self.size
        if place == 0:
            return [(REGIONS[0], size.biggest)]
        left = size.functions - size.biggest
        share = left * place // (size.owners - 1) - left * (place - 1) // (size.owners - 1)
        other = share // 3
        return [(REGIONS[place % len(REGIONS)], share - other), (REGIONS[(place + 7) % len(REGIONS)], other)]

    def _function(self, owner: Account, region: str) -> Function:
        from sharing.models import Function

        number, self.made = self.made, self.made + 1
        name = f"{self.chance.choice(_WORDS)}-{number}"
        return Function(
            id=self.key(),
            account=owner,
            region=region,
            name=name,
            arn=f"arn:aws:lambda:{region}:{owner.number}:function:{name}",
            runtime="python3.13",
            description=f"Number {number} of a benchmark",
            urls={"": "NONE" if number % 100 == 50 else "AWS_IAM"} if number % 50 == 0 else {},
            tags={},
            first_seen_at=self.began,
            details_read_at=self.now - timedelta(hours=number % 24),
            mappings_read_at=self.now - timedelta(hours=number % 24),
        )

    def _mapping(self, function: Function, number: int) -> Any:
        from sharing.models import Mapping

        whose = function.account.number if number % 10 else consumer_number(number % self.size.consumers)
        return Mapping(
            id=self.key(),
            function=function,
            qualifier="live" if number % 2 == 0 else "",
            source_arn=f"arn:aws:sqs:{function.region}:{whose}:queue-{number}",
            source_account=whose,
            state="Disabled" if number % 35 == 0 else "Enabled",
            last_result="PROBLEM: Lambda internal error." if number % 55 == 0 else "OK",
            state_since=self.began,
            first_seen_at=self.began,
            options={"BatchSize": 10},
        )

    def _syncs(self, owner: Account, used: set[str]) -> None:
        """Every day of the last thirty for regions with functions, every week before that; empty regions of four weeks."""
        from sharing.models import Event, Sync, SyncState

        weeks = [7 * week for week in range(5, DAYS // 7)]
        made = [
            Sync(
                id=self.key(),
                account=owner,
                region=region,
                state=SyncState.DONE,
                total=0,
                started_at=self.now - timedelta(days=ago, minutes=5),
                created_at=self.now - timedelta(days=ago, minutes=6),
                finished_at=self.now - timedelta(days=ago, minutes=3),
                requested_as="fnshare",
            )
            for region in REGIONS
            for ago in ([*range(30), *weeks] if region in used else range(0, 28, 7))
        ]
        Sync.objects.bulk_create(made, batch_size=500)
        Event.objects.bulk_create(
            (
                Event(at=one.finished_at, verb="sync.finished", text=f"{one.region} was read", actor="fnshare", account=owner)
                for one in made
                if one.region in used and one.finished_at
            ),
            batch_size=500,
        )


def prepare(database: str, settings: str = "tests.settings") -> None:
    """Django on that database, migrated."""
    os.environ |= {"DJANGO_SETTINGS_MODULE": settings, "DATABASE_URL": database}
    os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(48))
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def main() -> int:
    """Build and say how much there is; exit status 2 for a database that is not empty."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", required=True, metavar="URL", help="as DATABASE_URL; it must be empty")
    parser.add_argument("--scale", type=float, default=1.0, help="a share of everything: 0.1 for a tenth")
    options = parser.parse_args()
    prepare(options.database)
    from django.apps import apps

    from sharing.models import Account

    if Account.objects.exists():
        print("The database is not empty: name another one.", file=sys.stderr)
        return 2
    began = time.monotonic()
    build(Size.at(options.scale))
    for model in apps.get_app_config("sharing").get_models():
        if count := model._default_manager.count():
            print(f"{model._meta.label_lower:32}{count:>12,}")
    print(f"built in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
