"""What benchmarks measure is what the product makes: rows made in bulk equal those that its services store one by one."""

import importlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from benchmarks.large import Making, build
from benchmarks.large_policies import Size, owner_number
from sharing import migrations
from sharing.aws.functions import StoredPolicy
from sharing.models import (
    Account,
    Exposure,
    Finding,
    FindingCount,
    Function,
    KeptWaker,
    Mention,
    PartyTally,
    Policy,
    PolicyVersion,
    SourceCount,
    Tallied,
    Tally,
    TallyDue,
    WakerCount,
)
from sharing.services import tallying, waking
from sharing.services.findings import refreshing
from sharing.services.syncing.storing import store_policy

pytestmark = pytest.mark.django_db

WIDTHS = ("lets_public", "lets_open_service", "lets_external", "lets_nobody", "is_unread")
#: When something was found or counted, which the two ways do at different times; a version's number in a finding.
_TIMES = ("first_seen_at", "opened_at", "last_seen_at", "counted_at")


def _rows(model: Any, *left_out: str) -> list[dict[str, Any]]:
    rows = list(model.objects.values())
    for row in rows:
        for name in (*_TIMES, *left_out):
            row.pop(name, None)
        row.get("detail", {}).pop("version", None)
    return sorted(rows, key=repr)


def _derived() -> dict[str, Any]:
    columns = (
        "pk",
        "public",
        "open_service",
        "external",
        "denies",
        "size",
        "read_at",
        "current__digest",
        "current__document",
    )
    return {
        "policies": list(Policy.objects.order_by("pk").values(*columns)),
        "versions": list(
            PolicyVersion.objects.order_by("policy", "first_seen_at").values("policy", "digest", "size", "document")
        ),
        "exposures": _rows(Exposure, "id"),
        "findings": _rows(Finding),
        "tallies": _rows(Tally, "id"),
        "parties": _rows(PartyTally, "id"),
        "mentions": _rows(Mention, "id"),
        "wakers": _rows(KeptWaker, "id"),
        "counts of wakers": [*_rows(WakerCount, "id"), *_rows(SourceCount, "id")],
        "widths": list(Function.objects.order_by("pk").values("pk", *WIDTHS, "width")),
        "tallied": _rows(Tallied, "id", "turn"),
        "today": sorted(
            FindingCount.objects.filter(day=timezone.now().date()).values_list("account", "severity", "open"), key=repr
        ),
    }


def test_rows_made_in_bulk_are_those_that_storing_one_by_one_makes() -> None:
    """The same contents are stored anew by the services, in the order of their times, after what follows was thrown away."""
    build(Size(functions=14, owners=2, consumers=8, statements=170, biggest=5))
    made = _derived()
    assert made["exposures"]
    assert made["findings"]
    assert made["tallies"]

    versions = list(PolicyVersion.objects.select_related("policy__function__account").order_by("first_seen_at", "pk"))
    unread = list(Policy.objects.filter(unread_since__isnull=False))
    for model in (Exposure, Finding, Tally, PartyTally, Tallied, TallyDue, Mention, KeptWaker, WakerCount, SourceCount):
        model.objects.all().delete()
    Policy.objects.update(current=None, read_at=None, public="no", open_service="no", external="no", denies=False, size=0)
    PolicyVersion.objects.all().delete()
    for version in versions:
        policy = Policy.objects.select_related("function__account").get(pk=version.policy_id)
        store_policy(policy, StoredPolicy(version.document, ""), read_at=version.first_seen_at)
    for one in unread:
        one.save(update_fields=["reading", "unread_since", "unread_reason"])
    tallying.count_due()
    waking.keep_due()
    while refreshing.refresh(now=timezone.now() + timedelta(hours=1)):
        pass
    assert _derived() == made


def test_an_installation_that_is_upgraded_gets_what_is_kept_from_now_on() -> None:
    """The migration's own code, on what the services have kept: it fills what is missing with the same."""
    build(Size(functions=14, owners=2, consumers=8, statements=170, biggest=5))
    made, kinds = _derived(), dict(Tallied.objects.values_list("account", "kinds"))
    assert any(kinds.values())
    PartyTally.objects.all().delete()
    Mention.objects.all().delete()
    Tallied.objects.update(kinds={})
    for model in (WakerCount, SourceCount):
        model.objects.all().delete()
    Function.objects.update(width=0, **dict.fromkeys(WIDTHS, False))
    fill = _migration("kept_pages")
    fill.look_for_accounts(apps, None)
    fill.add_up(apps, None)
    lists = _migration("lists")
    lists.count_wakers(apps, None)
    lists.keep_widths(apps, None)
    assert _derived() == made
    assert dict(Tallied.objects.values_list("account", "kinds")) == kinds


def _migration(name: str) -> Any:
    found = next(Path(migrations.__file__).parent.glob(f"*_{name}.py")).stem
    return importlib.import_module(f"sharing.migrations.{found}")


def test_the_same_size_gives_the_same_documents() -> None:
    """The dice are the same at every run: nothing but times differs."""
    made = []
    for _ in range(2):
        making = Making(Size(functions=8, owners=2, consumers=4, statements=170, biggest=3))
        owner = Account(id=making.key(), number=owner_number(0), name="Owner 0")
        function = making._function(owner, "us-east-1")
        policy = Policy(id=making.key(), function=function)
        sizes = list(making.counts)
        made.append((sizes, policy.pk, [one.document for one in making._read(policy, 9)]))
    assert made[0] == made[1]
    assert sum(made[0][0]) == 170
