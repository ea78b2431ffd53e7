"""What benchmarks measure is what the product makes: rows made in bulk equal those that its services store one by one."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from benchmarks.large import Making, build
from benchmarks.large_policies import Size, owner_number
from sharing.aws.functions import StoredPolicy
from sharing.models import Account, Exposure, Finding, FindingCount, Policy, PolicyVersion, Tallied, Tally, TallyDue
from sharing.services import tallying
from sharing.services.findings import refreshing
from sharing.services.syncing.storing import store_policy

pytestmark = pytest.mark.django_db

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
        "wakes",
        "wakes_rows",
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
    for model in (Exposure, Finding, Tally, Tallied, TallyDue):
        model.objects.all().delete()
    Policy.objects.update(
        current=None, read_at=None, public="no", open_service="no", external="no", denies=False, size=0, wakes=None
    )
    PolicyVersion.objects.all().delete()
    for version in versions:
        policy = Policy.objects.select_related("function__account").get(pk=version.policy_id)
        store_policy(policy, StoredPolicy(version.document, ""), read_at=version.first_seen_at)
    for one in unread:
        one.save(update_fields=["reading", "unread_since", "unread_reason"])
    tallying.count_due()
    while refreshing.refresh(now=timezone.now() + timedelta(hours=1)):
        pass
    assert _derived() == made


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
