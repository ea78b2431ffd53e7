"""Syncs: what they call, what they keep, how they end, and how they go on after trouble."""

import threading
import time
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sharing.aws import pace
from sharing.aws.functions import Functions
from sharing.models import (
    Actor,
    Connection,
    Event,
    Function,
    Mapping,
    Policy,
    PolicyVersion,
    Qualifier,
    Reading,
    Sync,
    SyncKind,
    SyncState,
)
from sharing.services import connecting, places, syncing
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.syncing import running, sweeping
from tests import factories
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

EAST, WEST = "us-east-1", "eu-west-1"


@pytest.fixture
def estate(sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> Estate:
    monkeypatch.setattr("sharing.aws.calling._PAUSES", (0.01, 0.01))
    return Estate(sandbox)


def arn(estate: Estate, name: str, region: str = EAST) -> str:
    return f"arn:aws:lambda:{region}:{estate.owner.number}:function:{name}"


def synced(estate: Estate, region: str = EAST, **asked: Any) -> Sync:
    """One sync of a region, to its end."""
    [sync] = syncing.request(account=estate.owner, region=region, by=estate.by, **asked)
    while syncing.run(sync.pk):
        pass
    sync.refresh_from_db()
    return sync


def called(estate: Estate) -> Counter[str]:
    """The calls since the journal was last emptied, sessions aside."""
    return Counter(call.operation for call in estate.sandbox.journal if call.service == "lambda")


def calls_of(estate: Estate, operation: str) -> list[tuple[str, str]]:
    return [(call.target.rpartition(":")[2], call.qualifier or "") for call in estate.sandbox.journal.of(operation)]


class Killed(BaseException):
    """What a test raises where a worker process would die: nothing in the product catches it."""


# What is called


@pytest.mark.parametrize("more", [0, 60])
def test_a_sync_makes_one_call_per_page_function_and_policy_and_no_other(estate: Estate, more: int) -> None:
    estate.sandbox.add_many_functions(more)
    estate.sandbox.journal.clear()
    sync = synced(estate)
    held = [one for one in estate.sandbox.estate.everything() if (one.account, one.region) == (estate.owner.number, EAST)]
    functions, aliases = len(held), sum(len(one.aliases) for one in held)
    assert called(estate) == {
        "ListFunctions": -(-functions // 50),
        "ListAliases": functions,
        "GetPolicy": functions + aliases,
    }
    assert (sync.state, sync.total, sync.done, sync.unread) == (SyncState.DONE, functions, functions, 0)
    assert sync.calls == sum(called(estate).values())
    assert all(call.status < 500 for call in estate.sandbox.journal)


def test_a_second_sync_calls_the_same_and_writes_nothing_per_function(estate: Estate) -> None:
    synced(estate)
    before = (Event.objects.count(), PolicyVersion.objects.count(), list(Policy.objects.order_by("pk").values()))
    functions = list(Function.objects.order_by("pk").values())
    [sync] = syncing.request(account=estate.owner, region=EAST, by=Actor.system().__class__.at_shell("x"))
    with CaptureQueriesContext(database) as queries:
        syncing.run(sync.pk)
    sync.refresh_from_db()
    assert (sync.state, sync.changed) == (SyncState.DONE, 0)
    written = {query["sql"].split('"')[1] for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))}
    assert written <= {"sharing_sync", "sharing_event", "sharing_readplace"}
    assert sum('INTO "sharing_readplace"' in query["sql"] for query in queries) == 1  # of the place, not of each function
    assert list(Policy.objects.order_by("pk").values()) == before[2]
    assert list(Function.objects.order_by("pk").values()) == functions
    assert PolicyVersion.objects.count() == before[1]


def test_a_quiet_syncs_queries_do_not_grow_with_the_functions(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running.Run, "tick", lambda *_args, **_kwargs: None)  # the clock's queries depend on speed
    monkeypatch.setattr(sweeping, "_KEPT_EVERY", 1000.0)
    counts = []
    for more in (10, 20):
        estate.sandbox.add_many_functions(more, region=WEST, prefix=f"more{more}")
        synced(estate, WEST)
        [sync] = syncing.request(account=estate.owner, region=WEST, by=estate.by)
        with CaptureQueriesContext(database) as queries:
            syncing.run(sync.pk)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_at_the_full_share_aws_never_has_to_say_slow_down(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox limits calls as Lambda does: 15 a second for GetPolicy, 15 for the rest."""
    monkeypatch.setattr(pace, "RATE", 15.0)
    monkeypatch.setattr(pace, "_BURST", 5.0)
    alone = pace.Pace()
    monkeypatch.setattr("sharing.services.connecting.entering.pace", lambda: alone)
    estate.sandbox.switches.rate_limits = True
    began = time.monotonic()
    sync = synced(estate, EAST, pace_share=1.0)
    took = time.monotonic() - began
    assert sync.state == SyncState.DONE
    assert not [call for call in estate.sandbox.journal if call.status == 429]
    assert took >= called(estate)["GetPolicy"] / 15 - 1.0


# What is kept


def test_functions_aliases_and_policies_are_kept(estate: Estate) -> None:
    synced(estate)
    function = Function.objects.get(arn=arn(estate, "label-uploads"))
    assert function.description.startswith("Labels pictures")
    assert [(one.kind, one.name, one.points_to) for one in function.qualifiers.all()] == [("alias", "live", "3")]
    live = function.policies.get(qualifier="live")
    assert live.reading == Reading.PRESENT
    assert live.current is not None
    assert live.size == len(live.current.document.encode())
    assert live.revision_id
    assert function.policies.get(qualifier="").reading in (Reading.NONE, Reading.PRESENT)
    assert Policy.objects.get(function__name="session-cleanup", qualifier="").reading == Reading.NONE
    assert not Qualifier.objects.filter(kind="version").exists()


def test_what_a_policy_lets_in_is_kept_beside_it(estate: Estate) -> None:
    synced(estate)
    public = Policy.objects.get(function__arn=arn(estate, "currency-convert"), qualifier="")
    assert (public.public, public.external) == ("yes", "yes")
    assert public.exposures.filter(kind="everyone", public="yes").exists()
    open_service = Policy.objects.get(function__arn=arn(estate, "invoice-archive"), qualifier="")
    assert open_service.open_service == "yes"
    none = Policy.objects.get(function__arn=arn(estate, "session-cleanup"), qualifier="")
    assert (none.public, none.external, none.open_service) == ("no", "no", "no")


def test_details_are_spread_over_a_week_the_first_time(estate: Estate) -> None:
    now = timezone.now()
    synced(estate)
    due = sorted(function.details_due_at - now for function in Function.objects.all() if function.details_due_at)
    assert len(due) == Function.objects.count()
    assert due[-1] <= timedelta(days=7, minutes=1)
    assert due[-1] - due[0] > timedelta(days=2)
    estate.sandbox.add_function(estate.owner.number, EAST, "brand-new")
    synced(estate)
    new = Function.objects.get(name="brand-new").details_due_at
    assert new is not None
    assert new - timezone.now() <= timedelta(hours=1)


def test_a_deleted_function_vanishes_with_its_aliases_policies_and_grants(estate: Estate) -> None:
    synced(estate)
    policy = Policy.objects.get(function__arn=arn(estate, "label-uploads"), qualifier="live")
    grant = estate.shared(policy, "333344445555")
    estate.sandbox.delete_function(arn(estate, "label-uploads"))
    sync = synced(estate)
    function = Function.objects.get(arn=arn(estate, "label-uploads"))
    assert function.vanished_at is not None
    assert not function.policies.filter(vanished_at=None).exists()
    assert not function.qualifiers.filter(vanished_at=None).exists()
    grant.refresh_from_db()
    assert grant.state == "vanished"
    assert "deleted in AWS" in grant.failure
    assert sync.changed == 1
    assert Event.objects.filter(verb="function.vanished", function=function).count() == 1
    assert Event.objects.filter(verb="grant.vanished", grant=grant).count() == 1
    assert synced(estate).changed == 0


def test_a_function_made_again_is_there_again(estate: Estate) -> None:
    synced(estate)
    estate.sandbox.delete_function(arn(estate, "label-uploads"))
    synced(estate)
    estate.sandbox.add_function(estate.owner.number, EAST, "label-uploads", aliases={"live": "1"})
    synced(estate)
    function = Function.objects.get(arn=arn(estate, "label-uploads"))
    assert function.vanished_at is None
    live = function.policies.get(qualifier="live")
    assert (live.vanished_at, live.reading) == (None, Reading.NONE)
    assert Function.objects.filter(name="label-uploads").count() == 1


def test_a_deleted_alias_vanishes_and_the_function_stays(estate: Estate) -> None:
    synced(estate)
    policy = Policy.objects.get(function__arn=arn(estate, "label-uploads"), qualifier="live")
    grant = estate.shared(policy, "333344445555")
    estate.sandbox.delete_alias(arn(estate, "label-uploads"), "live")
    synced(estate)
    policy.refresh_from_db()
    assert policy.vanished_at is not None
    assert Function.objects.get(arn=arn(estate, "label-uploads")).vanished_at is None
    grant.refresh_from_db()
    assert grant.state == "vanished"
    assert Event.objects.filter(verb="qualifier.vanished").count() == 1


def test_a_function_deleted_after_it_was_listed_is_gone_and_no_failure(estate: Estate) -> None:
    estate.sandbox.faults.add(
        "ListAliases",
        code="ResourceNotFoundException",
        status=404,
        message="Function not found",
        target="function:stock-levels",
    )
    sync = synced(estate)
    assert sync.state == SyncState.DONE
    assert Function.objects.get(arn=arn(estate, "stock-levels")).vanished_at is not None


def test_hostile_names_and_descriptions_are_only_text(estate: Estate) -> None:
    name = "x" * 64
    estate.sandbox.add_function(estate.owner.number, WEST, name, description="</td><script>alert(1)</script>" + "d" * 226)
    synced(estate, WEST)
    kept = Function.objects.get(arn=arn(estate, name, WEST))
    assert kept.description.startswith("</td><script>")
    assert len(kept.description) == 256


def test_entries_of_other_places_are_not_believed(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that answers with another account's functions must not touch them."""
    real = Functions.page

    def page(self: Functions, marker: str = "") -> Any:
        found = real(self, marker)
        stranger = found.functions[0].__class__("f", arn(estate, "f").replace(estate.owner.number, "999999999999"), "", "", "")
        return found.__class__([*found.functions, stranger], found.next_marker)

    monkeypatch.setattr(Functions, "page", page)
    sync = synced(estate, WEST)
    assert (sync.state, sync.unread) == (SyncState.PARTIAL, 1)
    assert not Function.objects.filter(arn__contains="999999999999").exists()


# What cannot be read


def test_one_unread_policy_is_marked_and_spoils_nothing(estate: Estate) -> None:
    synced(estate)
    policy = Policy.objects.get(function__arn=arn(estate, "currency-convert"), qualifier="")
    version = policy.current
    estate.sandbox.faults.add(
        "GetPolicy", code="AccessDeniedException", status=403, target="function:currency-convert", times=1,
        message="User: x is not authorized to perform: lambda:GetPolicy",
    )  # fmt: skip
    sync = synced(estate)
    assert (sync.state, sync.unread, sync.done) == (SyncState.PARTIAL, 1, sync.total)
    policy.refresh_from_db()
    assert policy.reading == Reading.UNREAD
    assert policy.unread_since is not None
    assert "lambda:GetPolicy" in policy.unread_reason
    assert policy.current == version
    assert policy.public == "yes"
    assert policy.exposures.exists()
    assert synced(estate).state == SyncState.DONE
    policy = Policy.objects.get(pk=policy.pk)
    assert (policy.reading, policy.unread_since, policy.unread_reason) == (Reading.PRESENT, None, "")


def test_unread_since_is_when_it_began(estate: Estate) -> None:
    synced(estate)
    estate.sandbox.faults.add(
        "GetPolicy", code="AccessDeniedException", status=403, target="function:hello_world", times=2, message="no"
    )
    synced(estate)
    policy = Policy.objects.get(function__arn=arn(estate, "hello_world"), qualifier="")
    since = policy.unread_since
    before = Event.objects.count()
    synced(estate)
    policy.refresh_from_db()
    assert policy.unread_since == since
    assert since is not None
    assert Event.objects.filter(verb="policy.changed").count() == 0
    assert Event.objects.count() == before + 1  # only the sync that a person asked for


@pytest.mark.parametrize(("code", "status"), [("ServiceException", 500), ("TooManyRequestsException", 429)])
def test_a_function_that_stays_without_answer_is_unread(
    estate: Estate, code: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharing.aws.calling.time.sleep", lambda _: None)
    estate.sandbox.faults.add("GetPolicy", code=code, status=status, times=20, target="function:hello_world")
    sync = synced(estate)
    assert (sync.state, sync.unread) == (SyncState.PARTIAL, 1)
    policy = Policy.objects.get(function__arn=arn(estate, "hello_world"), qualifier="")
    assert (policy.reading, policy.current) == (Reading.UNREAD, None)
    assert code in policy.unread_reason


def test_aliases_that_cannot_be_listed_are_said_and_known_ones_still_read(estate: Estate) -> None:
    synced(estate)
    estate.sandbox.journal.clear()
    estate.sandbox.faults.add(
        "ListAliases", code="AccessDeniedException", status=403, target="function:label-uploads", message="no"
    )
    sync = synced(estate)
    assert (sync.state, sync.unread) == (SyncState.PARTIAL, 1)
    function = Function.objects.get(arn=arn(estate, "label-uploads"))
    assert function.aliases_failure
    assert ("label-uploads", "live") in calls_of(estate, "GetPolicy")
    assert function.policies.get(qualifier="live").vanished_at is None
    synced(estate)
    function.refresh_from_db()
    assert not function.aliases_failure


def test_a_role_that_may_not_list_aliases_is_not_asked_to(estate: Estate) -> None:
    Connection.objects.filter(account=estate.owner).update(verbs={"list": True, "read": True, "aliases": False})
    sync = synced(estate, WEST)
    assert called(estate)["ListAliases"] == 0
    assert sync.state == SyncState.PARTIAL
    assert sync.unread == sync.total


def test_one_policy_that_cannot_be_kept_spoils_no_other(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    real = syncing.storing.keep_exposures  # type: ignore[attr-defined]

    def keep(policy: Policy, document: Any, **how: Any) -> None:
        if policy.function.name == "vat-check":
            raise RuntimeError("a defect")
        real(policy, document, **how)

    monkeypatch.setattr("sharing.services.syncing.storing.keep_exposures", keep)
    sync = synced(estate, WEST)
    assert sync.state == SyncState.PARTIAL
    assert Policy.objects.get(function__name="vat-check").reading == Reading.UNREAD
    assert Policy.objects.filter(function__region=WEST, reading=Reading.PRESENT).exists()


def test_a_region_that_fails_spoils_no_other(estate: Estate) -> None:
    estate.sandbox.faults.add("ListFunctions", code="AccessDeniedException", status=403, message="no", times=1)
    east, west = synced(estate, EAST), synced(estate, WEST)
    assert (east.state, west.state) == (SyncState.FAILED, SyncState.DONE)
    assert east.failure
    assert east.failure_next
    assert Event.objects.filter(verb="sync.failed").count() == 1


def test_a_role_that_lets_nobody_in_fails_the_sync_and_marks_no_policy(estate: Estate) -> None:
    synced(estate, WEST)
    before = list(Policy.objects.order_by("pk").values())
    estate.sandbox.delete_role(estate.owner.number, "fnshare-manager")
    from sharing.aws import session

    session.forget()
    sync = synced(estate, WEST)
    assert sync.state == SyncState.FAILED
    assert "did not let fnshare assume the role" in sync.failure
    assert list(Policy.objects.order_by("pk").values()) == before


def test_a_region_that_was_not_enabled_is_called_so(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.aws.calling.time.sleep", lambda _: None)
    Connection.objects.filter(account=estate.owner).update(enabled_regions=[EAST])
    estate.sandbox.faults.add("ListFunctions", code="UnrecognizedClientException", status=403, times=9)
    sync = synced(estate, WEST)
    assert sync.state == SyncState.FAILED
    assert sync.failure == "Region eu-west-1 is not enabled in the account."


def test_the_same_failure_on_schedule_is_told_once(estate: Estate) -> None:
    estate.sandbox.faults.add("ListFunctions", code="AccessDeniedException", status=403, message="no", times=2)
    for _ in range(2):
        Sync.objects.update(finished_at=timezone.now() - timedelta(days=1))
        [sync] = [one for one in syncing.due(timezone.now()) if one.region == EAST]
        syncing.run(sync.pk)
    assert Event.objects.filter(verb="sync.failed").count() == 1


# Asking


def test_asking_while_one_is_open_joins_it_and_changes_its_pace(estate: Estate) -> None:
    first = syncing.request(account=estate.owner, by=estate.by)
    again = syncing.request(account=estate.owner, by=estate.by, pace_share=0.9)
    assert {one.pk for one in first} == {one.pk for one in again}
    assert set(Sync.objects.values_list("pace_share", flat=True)) == {0.9}
    syncing.request(account=estate.owner, by=estate.by)
    assert set(Sync.objects.values_list("pace_share", flat=True)) == {0.9}


def test_the_running_worker_takes_a_new_pace_at_once(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float] = []
    real = running.Run._look

    def look(self: running.Run) -> None:
        Sync.objects.filter(pk=self.sync.pk).update(pace_share=0.77)
        real(self)
        shares.append(self.functions.share)

    monkeypatch.setattr(running.Run, "_look", look)
    synced(estate, WEST)
    assert set(shares) == {0.77}


def test_nobody_asks_beyond_role_and_scope(estate: Estate) -> None:
    with pytest.raises(NotPermitted):
        syncing.request(by=Actor.of(factories.person("auditor")))
    stranger = Actor.of(factories.person("owner", accounts=[estate.accounts["Globex"]]))
    with pytest.raises(NotFound):
        syncing.request(account=estate.owner, by=stranger)
    with pytest.raises(Refusal, match="nothing to read"):
        syncing.request(by=stranger)


@pytest.mark.parametrize("share", [0, -0.1, 1.01])
def test_a_pace_share_is_a_part(estate: Estate, share: float) -> None:
    with pytest.raises(Refusal, match="at most 1"):
        syncing.request(by=estate.by, pace_share=share)


def test_a_region_that_is_not_read_is_refused_with_a_suggestion(estate: Estate) -> None:
    with pytest.raises(Refusal, match="Did you mean eu-west-1"):
        syncing.request(account=estate.owner, region="eu-west-2", by=estate.by)


@pytest.mark.parametrize(
    ("state", "words"), [("paused", "is paused"), ("refused", "not connected yet"), ("disconnected", "is not connected")]
)
def test_an_account_that_cannot_be_entered_is_refused_with_why(estate: Estate, state: str, words: str) -> None:
    Connection.objects.filter(account=estate.owner).update(state=state)
    with pytest.raises(Refusal, match=words):
        syncing.request(account=estate.owner, by=estate.by)


def test_pausing_stops_a_sync_that_runs(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_TICK", 0.0)
    admin = Actor.of(factories.person("admin"))
    real = sweeping.keep_read

    def keep(*args: Any, **kwargs: Any) -> int:
        connecting.pause(connecting.manager_of(estate.owner), by=admin)
        monkeypatch.setattr(sweeping, "keep_read", real)
        return real(*args, **kwargs)

    monkeypatch.setattr(sweeping, "_BATCH", 1)
    monkeypatch.setattr(sweeping, "keep_read", keep)
    sync = synced(estate)
    assert sync.state == SyncState.FAILED
    assert "paused" in sync.failure
    assert sync.done < 27


def test_a_sync_that_may_not_be_made_ends_together_with_its_line_of_history(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = syncing.request(account=estate.owner, by=estate.by)[0]
    Connection.objects.filter(account=estate.owner).update(state="paused")

    def killed(_sync: Sync) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(running, "tell", killed)
        with pytest.raises(SystemExit):
            syncing.run(sync.pk)
    sync.refresh_from_db()
    assert sync.state == SyncState.RUNNING
    Sync.objects.filter(pk=sync.pk).update(lease_until=None)
    syncing.run(sync.pk)
    assert Event.objects.filter(verb="sync.failed", account=estate.owner).count() == 1


# Going on


def test_a_killed_sync_goes_on_at_the_next_function(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "_BATCH", 5)
    monkeypatch.setattr(sweeping, "_AHEAD", 1)
    real, kept = sweeping._keep, 0

    def keep(*args: Any) -> None:
        nonlocal kept
        kept += 1
        if kept == 3:
            raise Killed
        real(*args)

    monkeypatch.setattr(sweeping, "_keep", keep)
    [sync] = syncing.request(account=estate.owner, region=EAST, by=estate.by)
    with pytest.raises(Killed):
        syncing.run(sync.pk)
    sync.refresh_from_db()
    assert (sync.state, sync.done, sync.total) == (SyncState.RUNNING, 10, 27)
    assert syncing.run(sync.pk) is False  # somebody may still have it
    assert not syncing.due(timezone.now()) or sync not in syncing.due(timezone.now())

    Sync.objects.filter(pk=sync.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert sync in syncing.due(timezone.now())
    monkeypatch.setattr(sweeping, "_keep", real)
    estate.sandbox.journal.clear()
    syncing.run(sync.pk)
    sync.refresh_from_db()
    assert (sync.state, sync.done) == (SyncState.DONE, 27)
    assert called(estate)["ListFunctions"] == 0
    assert called(estate)["ListAliases"] == 17
    assert Policy.objects.filter(reading=Reading.UNREAD, function__region=EAST).count() == 0


def test_a_sync_killed_while_it_listed_loses_no_function(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    estate.sandbox.add_many_functions(130)
    real = Functions.page

    def page(self: Functions, marker: str = "") -> Any:
        if marker:
            raise Killed
        return real(self, marker)

    monkeypatch.setattr(Functions, "page", page)
    [sync] = syncing.request(account=estate.owner, region=EAST, by=estate.by)
    with pytest.raises(Killed):
        syncing.run(sync.pk)
    monkeypatch.setattr(Functions, "page", real)
    Sync.objects.filter(pk=sync.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    syncing.run(sync.pk)
    sync.refresh_from_db()
    assert (sync.state, sync.total, sync.done) == (SyncState.DONE, 157, 157)
    assert not Function.objects.exclude(vanished_at=None).exists()


def test_a_listing_goes_on_where_a_slice_ended(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one list call per page over all slices; nothing on the first pages is taken for gone."""
    estate.sandbox.add_many_functions(130)
    synced(estate)
    estate.sandbox.journal.clear()
    monkeypatch.setattr(running, "_TICK", 0.0)
    monkeypatch.setattr(running, "_AT_LEAST", 0.0)
    [sync] = syncing.request(account=estate.owner, region=EAST, by=estate.by)
    slices = 0
    while syncing.run(sync.pk, make_way=lambda: True):
        slices += 1
        assert slices < 500
    sync.refresh_from_db()
    assert slices > 3
    assert (sync.state, sync.total, sync.done, sync.changed) == (SyncState.DONE, 157, 157, 0)
    assert called(estate)["ListFunctions"] == 4
    assert not Function.objects.exclude(vanished_at=None).exists()


def test_slices_that_end_by_time_cost_no_call(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was begun when the time was up is finished first."""
    estate.sandbox.add_many_functions(120)
    estate.sandbox.journal.clear()
    monkeypatch.setattr(running, "_TICK", 0.05)
    monkeypatch.setattr(running, "SLICE", 0.2)
    [sync] = syncing.request(account=estate.owner, region=EAST, by=estate.by)
    slices = 1
    while syncing.run(sync.pk):
        slices += 1
    sync.refresh_from_db()
    assert slices > 2
    assert (sync.state, sync.done) == (SyncState.DONE, 147)
    assert called(estate) == {"ListFunctions": 3, "ListAliases": 147, "GetPolicy": 159}
    assert sync.calls == 3 + 147 + 159


def test_a_marker_that_aws_forgot_begins_the_listing_again(estate: Estate) -> None:
    estate.sandbox.add_many_functions(130)
    [sync] = syncing.request(account=estate.owner, region=EAST, by=estate.by)
    Sync.objects.filter(pk=sync.pk).update(checkpoint={"listing": {"seen": ["arn:gone"], "marker": "forgotten"}})
    estate.sandbox.faults.add("ListFunctions", code="InvalidParameterValueException", status=400, message="marker", times=1)
    syncing.run(sync.pk)
    sync.refresh_from_db()
    assert (sync.state, sync.total, sync.done) == (SyncState.DONE, 157, 157)


def test_two_workers_never_run_the_same_sync(estate: Estate) -> None:
    [sync] = syncing.request(account=estate.owner, region=WEST, by=estate.by)
    assert running.claim(sync.pk) is not None
    assert running.claim(sync.pk) is None
    assert syncing.run(sync.pk) is False
    assert not estate.sandbox.journal.of("ListFunctions")


def test_a_worker_that_lost_its_sync_stops(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lease ran out while it was stopped, and another worker has the row."""
    monkeypatch.setattr(running, "_TICK", 0.0)
    monkeypatch.setattr(sweeping, "_BATCH", 1)
    real = sweeping.keep_read

    def keep(*args: Any, **kwargs: Any) -> int:
        Sync.objects.update(lease_until=timezone.now() + timedelta(seconds=77))
        return real(*args, **kwargs)

    monkeypatch.setattr(sweeping, "keep_read", keep)
    [sync] = syncing.request(account=estate.owner, region=WEST, by=estate.by)
    assert syncing.run(sync.pk) is False
    sync.refresh_from_db()
    assert (sync.state, sync.done) == (SyncState.RUNNING, 0)


def test_an_outage_pauses_the_sync_and_it_goes_on_later(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.aws.calling.time.sleep", lambda _: None)
    outage = estate.sandbox.faults.add("*", code="ServiceException", status=500, times=10_000)
    [sync] = syncing.request(account=estate.owner, region=EAST, by=estate.by)
    assert syncing.run(sync.pk) is False
    sync.refresh_from_db()
    assert sync.state == SyncState.RUNNING
    assert sync.failure.startswith("Waiting: ")
    assert sync.lease_until is not None
    assert sync.lease_until > timezone.now() + timedelta(seconds=5)
    outage.left = 0
    assert syncing.run(sync.pk) is False  # not before its time
    Sync.objects.filter(pk=sync.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    syncing.run(sync.pk)
    sync.refresh_from_db()
    assert (sync.state, sync.unread, sync.failure) == (SyncState.DONE, 0, "")


def test_asking_for_a_sync_that_pauses_after_an_outage_ends_the_pause(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses grow to half an hour: who asks meanwhile need not sit one out, and does not use up its patience."""
    monkeypatch.setattr("sharing.aws.calling.time.sleep", lambda _: None)
    outage = estate.sandbox.faults.add("*", code="ServiceException", status=500, times=10_000)
    [sync] = syncing.request(account=estate.owner, region=WEST, by=estate.by)
    for _ in range(8):
        assert syncing.run(sync.pk) is False
        sync.refresh_from_db()
        assert (sync.state, sync.checkpoint["tries"]) == (SyncState.RUNNING, 1)
        assert syncing.request(account=estate.owner, region=WEST, by=estate.by) == [sync]
    outage.left = 0
    syncing.run(sync.pk)
    sync.refresh_from_db()
    assert (sync.state, sync.failure) == (SyncState.DONE, "")


def test_asking_for_a_sync_that_a_worker_has_leaves_it_to_that_worker(estate: Estate) -> None:
    [sync] = syncing.request(account=estate.owner, region=WEST, by=estate.by)
    running.claim(sync.pk)
    syncing.request(account=estate.owner, region=WEST, by=estate.by)
    assert running.claim(sync.pk) is None


def test_an_outage_in_the_middle_leaves_nothing_unread(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read before it is kept; the rest is read after it, not marked."""
    monkeypatch.setattr("sharing.aws.calling.time.sleep", lambda _: None)
    monkeypatch.setattr(sweeping, "_THREADS", 1)
    real, reads = Functions.aliases, 0

    def aliases(self: Functions, name: str) -> Any:
        nonlocal reads
        reads += 1
        if reads == 12:
            estate.sandbox.faults.add("*", code="ServiceException", status=500, times=10_000)
        return real(self, name)

    monkeypatch.setattr(Functions, "aliases", aliases)
    [sync] = syncing.request(account=estate.owner, region=EAST, by=estate.by)
    assert syncing.run(sync.pk) is False
    sync.refresh_from_db()
    assert sync.state == SyncState.RUNNING
    assert 0 < sync.done <= 11
    estate.sandbox.faults.clear()
    Sync.objects.filter(pk=sync.pk).update(lease_until=None)
    syncing.run(sync.pk)
    sync.refresh_from_db()
    assert (sync.state, sync.done, sync.unread) == (SyncState.DONE, 27, 0)


def test_an_outage_that_lasts_fails_the_sync(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.aws.calling.time.sleep", lambda _: None)
    estate.sandbox.faults.add("*", code="ServiceException", status=500, times=10_000)
    [sync] = syncing.request(account=estate.owner, region=WEST, by=estate.by)
    for _ in range(10):
        Sync.objects.filter(pk=sync.pk).update(lease_until=None)
        syncing.run(sync.pk)
    sync.refresh_from_db()
    assert sync.state == SyncState.FAILED
    assert "internal error" in sync.failure


def test_a_running_sync_makes_way_for_clicks(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_TICK", 0.0)
    monkeypatch.setattr(running, "_AT_LEAST", 0.0)
    [sync] = syncing.request(account=estate.owner, region=EAST, by=estate.by)
    assert syncing.run(sync.pk, make_way=lambda: True) is True
    sync.refresh_from_db()
    assert sync.state == SyncState.RUNNING
    assert sync.lease_until is not None
    assert sync.lease_until <= timezone.now()  # free for whoever comes next


# The schedule


def sweeps_due(now: datetime) -> list[Sync]:
    return [one for one in syncing.due(now) if one.kind == SyncKind.SWEEP]


def test_places_never_read_are_due_at_once(estate: Estate) -> None:
    due = syncing.due(timezone.now())
    assert {(one.region, one.kind) for one in due} == {(EAST, SyncKind.SWEEP), (WEST, SyncKind.SWEEP)}
    assert {one.pk for one in syncing.due(timezone.now())} == {one.pk for one in due}


def test_a_place_is_read_again_after_a_day_and_an_empty_one_after_a_week(estate: Estate) -> None:
    synced(estate, EAST)
    Sync.objects.filter(pk=synced(estate, WEST).pk).update(total=0)
    assert not sweeps_due(timezone.now() + timedelta(hours=23, minutes=59))
    assert [one.region for one in sweeps_due(timezone.now() + timedelta(hours=26, minutes=1))] == [EAST]
    Sync.objects.open().delete()
    assert [one.region for one in sweeps_due(timezone.now() + timedelta(days=6, hours=23))] == [EAST]
    assert {one.region for one in sweeps_due(timezone.now() + timedelta(days=7, hours=3))} == {EAST, WEST}


def test_a_failed_place_is_tried_again_after_an_hour(estate: Estate) -> None:
    Connection.objects.filter(account=estate.owner).update(regions=[WEST])
    estate.sandbox.faults.add("ListFunctions", code="AccessDeniedException", status=403, message="no", times=1)
    assert synced(estate, WEST).state == SyncState.FAILED
    assert not sweeps_due(timezone.now() + timedelta(minutes=50))
    assert len(sweeps_due(timezone.now() + timedelta(minutes=61))) == 1


@pytest.mark.parametrize("state", ["paused", "disconnected", "refused"])
def test_what_cannot_be_entered_is_never_due(estate: Estate, state: str) -> None:
    Connection.objects.filter(account=estate.owner).update(state=state)
    assert not syncing.due(timezone.now())


def test_a_row_whose_message_was_lost_is_due_again(estate: Estate) -> None:
    [sync] = syncing.request(account=estate.owner, region=EAST, by=estate.by)
    assert sync not in syncing.due(timezone.now())
    assert sync in syncing.due(timezone.now() + timedelta(seconds=16))


# Details


def test_opening_a_function_reads_everything_of_it(estate: Estate) -> None:
    synced(estate)
    function = Function.objects.get(arn=arn(estate, "partner-callback"))
    estate.sandbox.journal.clear()
    sync = syncing.request_function(function, by=Actor.of(factories.person("auditor")))
    assert syncing.request_function(function, by=estate.by).pk == sync.pk
    syncing.run(sync.pk)
    sync.refresh_from_db()
    function.refresh_from_db()
    assert (sync.state, sync.done) == (SyncState.DONE, 1)
    assert called(estate) == {
        "ListAliases": 1,
        "GetPolicy": 3,
        "ListVersionsByFunction": 1,
        "ListTags": 1,
        "ListFunctionUrlConfigs": 1,
        "ListEventSourceMappings": 1,
    }
    assert function.urls == {"live": "AWS_IAM"}
    assert function.tags == {"team": "growth"}
    assert function.qualifiers.filter(kind="version").count() == 1
    assert function.read_at is not None
    assert function.details_read_at is not None
    assert function.policies.get(qualifier="live").read_at is not None


def test_a_page_opened_again_soon_reads_nothing(estate: Estate) -> None:
    synced(estate, WEST)
    function = Function.objects.get(arn=arn(estate, "vat-check", WEST))
    first = syncing.request_if_stale(function, by=estate.by)
    assert first is not None
    syncing.run(first.pk)
    function.refresh_from_db()
    assert syncing.request_if_stale(function, by=estate.by) is None
    Function.objects.filter(pk=function.pk).update(details_read_at=timezone.now() - timedelta(hours=1))
    function.refresh_from_db()
    assert syncing.request_if_stale(function, by=estate.by) is not None


def test_a_function_gone_when_it_is_opened_vanishes(estate: Estate) -> None:
    synced(estate, WEST)
    function = Function.objects.get(arn=arn(estate, "vat-check", WEST))
    estate.sandbox.delete_function(function.arn)
    sync = syncing.request_function(function, by=estate.by)
    syncing.run(sync.pk)
    function.refresh_from_db()
    assert function.vanished_at is not None


def test_the_slow_pass_has_a_row_of_its_own_and_reads_what_is_due(estate: Estate) -> None:
    synced(estate, EAST)
    synced(estate, WEST)
    Function.objects.filter(region=WEST).update(details_due_at=timezone.now())
    estate.sandbox.journal.clear()
    [sync] = [one for one in syncing.due(timezone.now()) if one.region == WEST]
    assert (sync.kind, sync.region) == (SyncKind.DETAILS, WEST)
    syncing.run(sync.pk)
    sync.refresh_from_db()
    assert (sync.state, sync.done) == (SyncState.DONE, 6)
    assert called(estate)["ListAliases"] == 0
    assert called(estate)["ListVersionsByFunction"] == 6
    assert called(estate)["ListEventSourceMappings"] == 1, "one list has the mappings of every function"
    assert not Function.objects.filter(region=WEST, details_read_at=None).exists()
    soonest = Function.objects.filter(region=WEST).order_by("details_due_at").values_list("details_due_at", flat=True)[0]
    assert soonest is not None
    assert soonest > timezone.now() + timedelta(days=6)
    assert Qualifier.objects.filter(function__arn=arn(estate, "gdpr-erase", WEST), kind="version").exists()


def test_the_slow_pass_makes_way_for_a_sync(estate: Estate) -> None:
    synced(estate, EAST)
    synced(estate, WEST)
    Function.objects.filter(region=WEST).update(details_due_at=timezone.now())
    [details] = [one for one in syncing.due(timezone.now()) if one.region == WEST]
    syncing.request(account=estate.owner, region=WEST, by=estate.by)
    syncing.run(details.pk)
    details.refresh_from_db()
    assert (details.state, details.done) == (SyncState.DONE, 1)
    due = syncing.due(timezone.now())
    assert not [one for one in due if (one.kind, one.region) == (SyncKind.DETAILS, WEST)]


def test_a_policy_that_names_function_urls_makes_them_due(estate: Estate) -> None:
    synced(estate, EAST)
    soon = timezone.now() + timedelta(seconds=1)
    due = set(Function.objects.filter(details_due_at__lte=soon).values_list("name", flat=True))
    assert {"checkout-webhook", "partner-callback"} <= due
    assert "hello_world" not in due


def test_knowing_the_urls_settles_what_hung_on_them(estate: Estate) -> None:
    synced(estate, EAST)
    policy = Policy.objects.get(function__arn=arn(estate, "checkout-webhook"), qualifier="")
    assert not policy.exposures.filter(latent=True).exists()
    function = policy.function
    estate.sandbox.function(function.arn).urls.clear()  # type: ignore[union-attr]
    syncing.run(syncing.request_function(function, by=estate.by).pk)
    policy.refresh_from_db()
    assert policy.exposures.filter(latent=True).exists()


def test_what_hung_on_urls_is_settled_by_the_content_that_is_kept_by_then(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced(estate, EAST)
    policy = Policy.objects.get(function__arn=arn(estate, "checkout-webhook"), qualifier="")
    estate.sandbox.function(policy.function.arn).urls.clear()  # type: ignore[union-attr]

    def keep(function: Function, result: Any, **how: Any) -> int:
        changed = sweeping.keep_read(function, result, **how)
        if not how:  # with the details; meanwhile another worker has read that there is no policy any more
            syncing.store_policy(Policy.objects.get(pk=policy.pk), None, read_at=timezone.now())
        return changed

    monkeypatch.setattr("sharing.services.syncing.details.keep_read", keep)
    syncing.run(syncing.request_function(policy.function, by=estate.by).pk)
    assert not policy.exposures.exists()


def test_a_refused_list_of_mappings_is_asked_for_once_a_run_and_said_of_each_function(estate: Estate) -> None:
    synced(estate, WEST)
    Function.objects.filter(region=WEST).update(details_due_at=timezone.now())
    estate.sandbox.faults.add("ListEventSourceMappings", code="AccessDeniedException", status=403, times=50)
    estate.sandbox.journal.clear()
    [sync] = [one for one in syncing.due(timezone.now()) if one.region == WEST and one.kind == SyncKind.DETAILS]
    syncing.run(sync.pk)
    sync.refresh_from_db()
    assert (sync.state, sync.done) == (SyncState.PARTIAL, 6)
    assert called(estate)["ListEventSourceMappings"] == 1
    assert not Function.objects.filter(region=WEST).exclude(mappings_read_at=None).exists()
    assert not Function.objects.filter(region=WEST, details_failure="").exists()


def test_event_source_mappings_are_kept_changed_and_gone(estate: Estate) -> None:
    owner = next(known for known in estate.sandbox.accounts if known.kind == "owner")

    def speak(service: Any) -> Any:
        return boto3.client(
            service,
            region_name=EAST,
            endpoint_url=estate.sandbox.url,
            aws_access_key_id=owner.access_key_id,
            aws_secret_access_key=owner.secret_access_key,
        )

    synced(estate)
    speak("sqs").create_queue(QueueName="orders")
    queue = f"arn:aws:sqs:{EAST}:{owner.id}:orders"
    made = speak("lambda").create_event_source_mapping(EventSourceArn=queue, FunctionName="label-uploads:live")
    function = Function.objects.get(arn=arn(estate, "label-uploads"))
    assert function.mappings_read_at is None
    syncing.run(syncing.request_function(function, by=estate.by).pk)
    held = Mapping.objects.get()
    assert (str(held.pk), held.function, held.qualifier) == (made["UUID"], function, "live")
    assert (held.source_arn, held.source_account, held.vanished_at) == (queue, owner.id, None)
    function.refresh_from_db()
    assert function.mappings_read_at is not None
    speak("lambda").delete_event_source_mapping(UUID=made["UUID"])
    syncing.run(syncing.request_function(function, by=estate.by).pk)
    held.refresh_from_db()
    assert held.vanished_at is not None


@pytest.mark.parametrize(
    ("verb", "operation"),
    [
        ("versions", "ListVersionsByFunction"),
        ("tags", "ListTags"),
        ("urls", "ListFunctionUrlConfigs"),
        ("mappings", "ListEventSourceMappings"),
    ],
)
def test_details_the_role_may_not_read_are_said(estate: Estate, verb: str, operation: str) -> None:
    synced(estate, WEST)
    Connection.objects.filter(account=estate.owner).update(verbs={"read": True, verb: False})
    function = Function.objects.get(arn=arn(estate, "vat-check", WEST))
    estate.sandbox.journal.clear()
    sync = syncing.request_function(function, by=estate.by)
    syncing.run(sync.pk)
    sync.refresh_from_db()
    function.refresh_from_db()
    assert operation not in called(estate)
    assert operation in function.details_failure
    assert sync.state == SyncState.PARTIAL


# Coverage


def test_coverage_names_every_place_and_gap(estate: Estate) -> None:
    Connection.objects.filter(account=estate.owner).update(enabled_regions=[EAST, WEST, "ap-south-1"])
    places.chosen(Connection.objects.get(account=estate.owner))
    synced(estate, EAST)
    estate.sandbox.faults.add("ListFunctions", code="AccessDeniedException", status=403, message="no", times=1)
    synced(estate, WEST)
    rows = {row.region: row for row in syncing.coverage(estate.by)}
    assert {region: row.covered.value for region, row in rows.items()} == {
        EAST: "read", WEST: "failed", "ap-south-1": "not-read",
    }  # fmt: skip
    assert rows[EAST].complete
    assert rows[EAST].read_at is not None
    assert rows[EAST].functions == 27
    assert rows[WEST].reason
    assert rows[WEST].next
    assert rows["ap-south-1"].next == "Add ap-south-1 to the account's regions."


def test_coverage_counts_what_is_unread(estate: Estate) -> None:
    estate.sandbox.faults.add(
        "GetPolicy", code="AccessDeniedException", status=403, message="no", times=1, target="function:hello_world"
    )
    synced(estate, EAST)
    row = next(row for row in syncing.coverage(estate.by) if row.region == EAST)
    assert (row.covered, row.unread_policies) == ("partly", 1)


def test_coverage_takes_the_same_queries_for_more_places(estate: Estate) -> None:
    def count() -> int:
        with CaptureQueriesContext(database) as queries:
            syncing.coverage(estate.by)
        return len(queries)

    synced(estate, WEST)
    before = count()
    for _ in range(5):
        factories.connection(regions=["us-east-1", "us-west-2"], enabled_regions=["us-east-1", "us-west-2", "eu-west-1"])
    assert count() == before


def test_a_paused_account_is_no_covered_one(estate: Estate) -> None:
    synced(estate, WEST)
    Connection.objects.filter(account=estate.owner).update(state="paused")
    assert {row.covered for row in syncing.coverage(estate.by)} == {"paused"}


def test_coverage_keeps_to_the_scope(estate: Estate) -> None:
    stranger = Actor.of(factories.person("owner", accounts=[estate.accounts["Globex"]]))
    assert syncing.coverage(stranger) == []


# Threads


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_the_same_moment_open_one_sync(estate: Estate) -> None:
    barrier = threading.Barrier(4)
    found: list[Any] = []

    def ask() -> None:
        try:
            barrier.wait(10)
            found.append(syncing.request(account=estate.owner, region=WEST, by=estate.by)[0].pk)
        finally:
            database.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 4
    assert len(set(found)) == 1
