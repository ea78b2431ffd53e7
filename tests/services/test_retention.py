"""What is kept for how long: what goes, what stays, in what steps."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from sharing.models import (
    Check,
    CheckState,
    Function,
    Installation,
    Policy,
    PolicyVersion,
    Pulse,
    PulseKind,
    Sync,
    SyncKind,
    SyncState,
    Verdict,
)
from sharing.services.operating import retention
from tests import factories

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def check(on: Function, days: float, **fields: Any) -> Check:
    fields.setdefault("state", CheckState.DONE)
    fields["verdict"] = Verdict.ALLOWED if fields["state"] == CheckState.DONE else ""
    return Check.objects.create(
        policy=on.policies.get(),
        occasion="click",
        requested_as="x",
        done_at=ago(days),
        created_at=ago(days),
        **fields,
    )


def sync(on: Function, at: datetime, **fields: Any) -> Sync:
    fields.setdefault("state", SyncState.DONE)
    return Sync.objects.create(
        account=on.account, region="us-east-1", requested_as="x", started_at=at, finished_at=at, created_at=at, **fields
    )


def left(rows: Sequence[Any]) -> list[bool]:
    """Which of these rows are still there."""
    return [type(row).objects.filter(pk=row.pk).exists() for row in rows]


def test_answered_checks_go_after_90_days_but_never_the_last_answer_about_a_grant() -> None:
    on = factories.function()
    grant = factories.grant(on)
    rows = [
        check(on, 200, grant=grant),
        check(on, 91, grant=grant),
        check(on, 89, grant=grant),
        check(on, 300, grant=factories.grant(on)),
        check(on, 400, asked_as="111122223333"),
        check(on, 300, asked_as="111122223333"),
        check(on, 400, asked_as="222233334444", state=CheckState.QUEUED),
    ]
    taken = retention.retain(NOW)
    assert left(rows) == [False, False, True, True, False, True, True]
    assert taken.checks == 3


def test_quiet_reads_of_a_day_become_one_that_says_for_how_many_it_stands() -> None:
    on = factories.function()
    first = sync(on, ago(100))
    day = [sync(on, ago(40) + timedelta(hours=hour), calls=7) for hour in (-6, 0, 6)]
    young = [sync(on, ago(20) + timedelta(hours=hour)) for hour in (-6, 0)]
    taken = retention.retain(NOW)
    assert taken.quiet_syncs == 2
    assert left([first, *day, *young]) == [True, False, False, True, True, True]
    kept = Sync.objects.get(pk=day[-1].pk)
    assert (kept.stands_for, kept.calls, kept.finished_at) == (3, 21, day[-1].finished_at)
    assert retention.retain(NOW).none


@pytest.mark.parametrize(
    "fields",
    [{"changed": 1}, {"unread": 2, "state": SyncState.PARTIAL}, {"state": SyncState.FAILED}],
    ids=["changed", "unread", "failed"],
)
def test_a_read_that_was_not_quiet_stays(fields: dict[str, Any]) -> None:
    on = factories.function()
    sync(on, ago(100))
    told = sync(on, ago(40), **fields)
    sync(on, ago(40) + timedelta(hours=6))
    retention.retain(NOW)
    assert left([told]) == [True]


def test_reads_of_other_places_kinds_and_functions_are_days_of_their_own() -> None:
    one, other = factories.function(), factories.function()
    sync(one, ago(100))
    sync(other, ago(100))
    rows = [
        sync(one, ago(40)),
        sync(other, ago(40)),
        sync(one, ago(40), kind=SyncKind.LAYERS),
        sync(one, ago(40), kind=SyncKind.FUNCTION, function=one),
        sync(one, ago(40), kind=SyncKind.FUNCTION, function=other),
    ]
    assert retention.retain(NOW).none
    assert all(left(rows))


def test_the_first_read_of_a_place_stays_where_it_is() -> None:
    """Until then nothing was known: what a past day may claim hangs on it."""
    on = factories.function()
    first = sync(on, ago(40))
    sync(on, ago(40) + timedelta(hours=6))
    retention.retain(NOW)
    assert left([first]) == [True]


def contents(on: Function, *days: float) -> list[PolicyVersion]:
    policy = on.policies.get()
    made: list[PolicyVersion] = []
    for number, days_ago in enumerate(days):
        seen = made[-1].first_seen_at if made else None
        made.append(
            PolicyVersion.objects.create(policy=policy, digest=f"{number}", first_seen_at=ago(days_ago), last_seen_without=seen)
        )
    Policy.objects.filter(pk=policy.pk).update(current=made[-1])
    return made


def test_contents_of_policies_stay_for_ever_unless_the_environment_says_otherwise(settings: Any) -> None:
    made = contents(factories.function(), 900, 800, 500, 10)
    retention.retain(NOW)
    assert all(left(made))
    settings.KEEP = replace(settings.KEEP, policy_versions=timedelta(days=400))
    assert retention.old(NOW).policy_versions == 2
    retention.retain(NOW)
    assert left(made) == [False, False, True, True], "the one that was valid at the cut stays"
    oldest = PolicyVersion.objects.get(pk=made[2].pk)
    assert oldest.last_seen_without is None, "nothing is known of what was before it"


def test_looking_changes_nothing() -> None:
    on = factories.function()
    grant = factories.grant(on)
    rows = [check(on, 200, grant=grant), check(on, 100, grant=grant)]
    assert retention.old(NOW).checks == 1
    assert all(left(rows))
    assert retention.due(NOW)


def test_a_pass_in_small_steps_that_is_killed_goes_on_where_it_was() -> None:
    on = factories.function()
    grant = factories.grant(on)
    for days in range(100, 112):
        check(on, days, grant=grant)
    assert retention.retain(NOW, seconds=0).checks == 0
    assert retention.due(NOW), "a pass that did not come to its end is due"
    assert retention.retain(NOW, batch=5).checks == 11
    assert not retention.due(NOW)
    assert retention.due(NOW + timedelta(hours=25))
    assert Installation.objects.get().retained_at == NOW


def test_processes_that_were_killed_long_ago_are_forgotten() -> None:
    Pulse.objects.create(name="worker@gone", kind=PulseKind.WORKER, at=ago(2))
    Pulse.objects.create(name="worker@here", kind=PulseKind.WORKER, at=NOW)
    retention.retain(NOW)
    assert list(Pulse.objects.values_list("name", flat=True)) == ["worker@here"]
