"""The list of mappings by kept rows is, row for row, what reading everything gives."""

import itertools
import re
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benchmarks.large import build
from benchmarks.large_policies import Size, owner_number
from sharing.aws.mapped import ListedMapping
from sharing.models import (
    Account,
    Actor,
    Function,
    Grant,
    GrantState,
    KeptWaker,
    Policy,
    Qualifier,
    Reading,
    SourceCount,
    StepState,
    WakerCount,
    WakingDue,
)
from sharing.policy import FunctionArn
from sharing.services import inventory, waking
from sharing.services.access.finding import find_policy
from sharing.services.granting.transitions import move as move_grant
from sharing.services.syncing import drift
from sharing.services.syncing.keeping import keep_mappings
from sharing.services.waking import Asked, Problem, Way, keeping
from sharing.services.waking.gathering import gather_of
from sharing.services.waking.survey import Rows
from sharing.services.wiring.settling import move as move_step
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def estate() -> None:
    """Every sort of row: services with and without sources, twice the same, URLs, mappings, wirings, vanished shares."""
    build(Size(functions=40, owners=2, consumers=9, statements=330, biggest=20))
    usual = list(Function.objects.filter(urls={}).order_by("pk"))
    factories.wiring(usual[0], "arn:aws:s3:::of-a-wiring")
    factories.grant(usual[1], "111122223333", state=GrantState.VANISHED)
    usual[1].policies.get(qualifier="").grants.update(
        principal_kind="service",
        principal="sns.amazonaws.com",
        principal_account="",
        statement={
            "Sid": "s",
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "lambda:InvokeFunction",
        },
    )
    Qualifier.objects.filter(function__in=usual[3:12]).update(vanished_at=usual[3].first_seen_at)
    Function.objects.filter(pk=usual[12].pk).update(vanished_at=usual[12].first_seen_at)
    Policy.objects.filter(function=usual[13], qualifier="").update(vanished_at=usual[13].first_seen_at)
    for model in (KeptWaker, WakerCount, SourceCount):  # as before anything was kept
        model.objects.all().delete()
    Function.objects.update(wakes_kept_at=None)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as servers do by themselves after a while: plans without it take many times as long


def _kept() -> int:
    """What a worker does within a minute; how many rows are kept then."""
    while waking.keep_due():
        pass
    return KeptWaker.objects.count()


def _equal(by: Actor, asked: Asked, every: Sequence[waking.Waker] | None = None) -> None:
    every = waking.gather(by) if every is None else every
    wanted = list(waking.listed(every, asked))
    found = waking.survey(by, asked)
    assert found.every == len(every)
    assert found.problems == waking.problems_of(every)
    assert found.kinds == {one.kind: one.label for one in every}
    assert found.accounts == waking.accounts_of(every)
    assert isinstance(found.rows, Rows)
    assert found.rows.count() == len(wanted)
    assert found.rows[0 : len(wanted)] == wanted
    assert list(found.rows) == wanted
    for start in range(0, len(wanted), 37):
        assert found.rows[start : start + 37] == wanted[start : start + 37]
    assert not found.rows[len(wanted) : len(wanted) + 37]


WAYS_OF_ASKING = (
    *(
        Asked(way=way, kind=kind, problem=problem)
        for way, kind, problem in itertools.product((None, *Way), ("", "sns", "url"), ("", "any", Problem.OPEN, Problem.OFF))
    ),
    *(Asked(order=order, problem=problem) for order in waking.ORDERS for problem in ("", "any")),
    *(Asked(text=text) for text in ("orders", "QUEUE-1 sqs", "owner 1", "consumer", "6000 0000", "live", "no such thing", "%")),
    Asked(account="600000000000"),
    Asked(account="owner 1"),
    Asked(account="6000 0000", order="source"),
    Asked(account=owner_number(1), text="s3", order="source"),
)


def test_every_way_of_asking_gives_what_reading_everything_gives(estate: None) -> None:
    me = Actor.system()
    Account.objects.filter(number="600000007919").update(name="Umlaut Öl %_")
    assert not KeptWaker.objects.exists()
    _equal(me, Asked())  # nothing is kept yet: all is read
    every = waking.gather(me)
    assert {"s3", "sns", "sqs", "url"} <= {one.kind for one in every}
    kept = _kept()
    assert kept == len(every)
    for asked in (*WAYS_OF_ASKING, Asked(text="öl"), Asked(text="%_")):
        _equal(me, asked, every)

    chosen = list(Function.objects.filter(urls={}).order_by("name")[::4])
    for one in chosen:  # these are due, so they are read
        one.mappings.update(state="Disabled")
        one.policies.first().exposures.all().delete()  # type: ignore[union-attr]
        waking.note(one.pk)
    Account.objects.filter(number__in=(owner_number(1), "600000000000")).update(name="Renamed")
    every = waking.gather(me)
    for asked in (*WAYS_OF_ASKING[1::4], Asked(text="renamed"), Asked(text="owner"), Asked(order="source")):
        _equal(me, asked, every)
    one = chosen[0]
    assert waking.survey_of(Function.objects.get(pk=one.pk), by=me) == waking.of_function(one, by=me)
    assert _kept() == len(every)
    assert not WakingDue.objects.exists()
    for asked in (Asked(), Asked(order="source"), Asked(order="source", problem="any")):
        _equal(me, asked, every)


def test_one_function_has_the_rows_of_the_list(estate: None) -> None:
    """Kept rows name whom a URL lets in as people call them now; the others are read, and what is out of scope is nothing."""
    _kept()
    Account.objects.filter(number__startswith="6").update(name="Renamed")
    functions = list(Function.objects.order_by("pk"))
    rows = [waking.survey_of(one, by=Actor.system()) for one in functions]
    assert rows == [waking.of_function(one, by=Actor.system()) for one in functions]
    assert any("Renamed" in caller for found in rows for one in found for caller in one.callers)
    nobody = Actor.of(factories.person("owner", accounts=[]))
    assert not any(waking.survey_of(one, by=nobody) for one in functions)


def test_what_is_counted_is_what_is_kept_whoever_kept_it(estate: None) -> None:
    """Rows of a number that somebody else is just writing stay beside it: it is their sum."""
    _kept()
    counted = list(WakerCount.objects.values())
    assert sum(one["many"] for one in counted) == KeptWaker.objects.count()
    one = counted[0] | {"id": None}
    WakerCount.objects.create(**one | {"many": 3})
    WakerCount.objects.create(**one | {"many": -3})
    SourceCount.objects.create(whose="111122223333", many=1)
    SourceCount.objects.create(whose="111122223333", many=-1)
    _equal(Actor.system(), Asked())
    waking.note_all()
    _kept()
    assert not {pk for pk, many in WakerCount.objects.values_list("pk", "many") if not many}
    _equal(Actor.system(), Asked())


def test_functions_are_listed_by_what_their_policies_let_in_as_they_are_now(estate: None) -> None:
    """Whether it is kept with them or asked policy by policy; and a policy that nobody could read is never taken for safe."""
    me = Actor.system()
    usual = list(Function.objects.filter(urls={}).order_by("pk"))
    Policy.objects.filter(function=usual[14]).update(reading=Reading.UNREAD, unread_since=timezone.now(), unread_reason="No.")
    Policy.objects.filter(function=usual[15]).update(vanished_at=timezone.now())
    Policy.objects.filter(function=usual[16]).update(public="no", open_service="no", external="no")

    def listed() -> list[list[uuid.UUID]]:
        found = [inventory.functions(by=me, exposed=kind) for kind in (*inventory.Exposed, None)]
        found += [inventory.functions(by=me, order=inventory.Order.EXPOSURE, descending=down) for down in (False, True)]
        return [list(one.values_list("pk", flat=True)) for one in found]

    asked = listed()
    assert all(asked)
    assert len({len(one) for one in asked}) > 3
    _kept()
    assert listed() == asked
    for one in usual[:6]:
        one.policies.update(public="depends", open_service="yes", external="yes", reading=Reading.UNREAD)
        waking.note(one.pk)
    changed = listed()
    assert changed != asked
    _kept()
    assert listed() == changed


def test_a_version_that_somebody_asked_for_makes_its_function_unread() -> None:
    function = factories.function()
    _kept()
    assert not inventory.functions(by=Actor.system(), exposed=inventory.Exposed.UNREAD)
    find_policy(f"{function.arn}:7", by=Actor.system())
    for _ in range(2):
        assert list(inventory.functions(by=Actor.system(), exposed=inventory.Exposed.UNREAD)) == [function]
        _kept()


def test_somebody_with_one_account_sees_the_rows_of_that_account_alone(estate: None) -> None:
    _kept()
    one = Account.objects.order_by("number")[1]
    person = Actor.of(factories.person("owner", accounts=[one]))
    for asked in (Asked(), Asked(problem="any"), Asked(text="orders"), Asked(order="source")):
        _equal(person, asked)
    assert waking.survey(person, Asked()).every < waking.survey(Actor.system(), Asked()).every
    counts = []  # of queries: they do not depend on how much is kept
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            waking.survey(Actor.system(), Asked()).rows[0:50]
        counts.append(len(captured))
        KeptWaker.objects.filter(pk__in=list(KeptWaker.objects.values_list("pk", flat=True)[::2])).delete()
    assert counts[0] == counts[1]
    assert counts[0] <= 8


def test_what_changed_while_rows_were_made_is_made_again(estate: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another worker kept newer rows meanwhile: those stay, and so does the mark of what came after."""
    _kept()
    function = Function.objects.filter(mappings__isnull=False, urls={}, vanished_at=None).order_by("pk")[0]
    waking.note(function.pk)
    gathering = gather_of

    def overtaken(*asked: Any) -> list[waking.Waker]:
        found = gathering(*asked)
        if not overtaking:
            overtaking.append(1)
            function.mappings.update(state="Disabled", last_result="PROBLEM: newer")
            waking.note(function.pk)
            keeping.keep_due()
        return found

    overtaking: list[int] = []
    monkeypatch.setattr(keeping, "gather_of", overtaken)
    waking.keep_due(seconds=0)
    assert overtaking
    _equal(Actor.system(), Asked())
    assert KeptWaker.objects.filter(function=function, problems__contains=" failing ").exists()
    # What nobody marked is made again after a day; a restored backup marks every function.
    Function.objects.filter(pk=function.pk)[0].mappings.all().delete()
    assert not waking.keep_due()
    Function.objects.update(wakes_kept_at=timezone.now() - timedelta(days=1, minutes=1))
    assert _kept()
    _equal(Actor.system(), Asked())
    waking.note_all()
    assert WakingDue.objects.values("function").distinct().count() == Function.objects.count()


def test_wirings_and_vanished_shares_leave_marks_wherever_they_go() -> None:
    function = factories.function()
    wiring = factories.wiring(function)
    service = {"principal_kind": "service", "principal": "sns.amazonaws.com", "principal_account": ""}
    lost, gone = factories.grant(function, state=GrantState.VANISHED), factories.grant(function)
    Grant.objects.filter(pk__in=(lost.pk, gone.pk)).update(**service)
    again = factories.grant(function, state=GrantState.PENDING, undo_of=lost)
    changes: tuple[Callable[[], object], ...] = (
        lambda: move_step(wiring.steps.get(key="notification"), StepState.FAILED),
        lambda: drift.vanish(gone, "It is gone.", timezone.now()),
        lambda: move_grant(Grant.objects.get(pk=again.pk), GrantState.FAILED),
        lambda: move_grant(Grant.objects.get(pk=gone.pk), GrantState.ACTIVE),
    )
    for change in changes:
        _kept()
        before = waking.gather(Actor.system())
        change()
        assert waking.gather(Actor.system()) != before
        _equal(Actor.system(), Asked())


def test_a_mapping_that_runs_another_function_from_now_on_is_listed_once() -> None:
    one, other = factories.function("one"), factories.function("other")
    key, now = uuid.uuid4(), timezone.now()
    for function in (one, other):
        listed = ListedMapping(key, FunctionArn.parse(function.arn), "arn:aws:sqs:us-east-1:111122223333:jobs", "Enabled")
        keep_mappings(function, [listed], now)
        assert _kept() == 1
        _equal(Actor.system(), Asked())


WRITING = {
    "rows of a list that are derived, by the only one who makes them": (
        r"KeptWaker\.objects\..*(create|delete)",
        {"waking/keeping.py"},
    ),
    "exposures": (r"(?<!Layer)Exposure\.objects\..*(create|delete|update)\(", {"syncing/reach.py"}),
    "mappings": (
        r"(?<!Event)Mapping\.objects\..*(create|delete|update|update_or_create)\((?!read_wanted_at)",
        {"syncing/keeping.py", "mapping/settling.py"},
    ),
    "qualifiers": (r"Qualifier\.objects\..*(create|delete|update)\(", {"syncing/keeping.py"}),
    "states of wirings": (
        r"wiring\.save\(.*(state|force_insert)|Wiring\.objects.*update\(state",
        {"wiring/settling.py", "wiring/asking.py"},
    ),
    "grants that vanish": (r"state=GrantState\.VANISHED,$", {"syncing/drift.py"}),
    "policies that come": (
        r"(?<!Layer)Policy\.objects\..*create\(",
        {"syncing/keeping.py", "syncing/sweeping.py", "access/finding.py"},
    ),
    "policies that are not readable": (
        r"unread_since=Coalesce|\.update\(\*\*stale\)",
        {"syncing/storing.py", "operating/restoring.py"},
    ),
    "addresses of functions": (r'fields\["urls"\] = ', {"syncing/details.py"}),
    "functions that go": (r"Function\.objects.*update\(vanished_at=", {"syncing/keeping.py"}),
}


@pytest.mark.parametrize("what", WRITING)
def test_whoever_writes_what_a_row_says_leaves_a_mark(what: str) -> None:
    """A new writer has to be named here, and to mark: this compares names, the tests of each writer compare rows."""
    pattern, known = WRITING[what]
    room = Path(waking.__file__).parents[1]
    found = {
        str(one.relative_to(room))
        for one in room.rglob("*.py")
        if not str(one.relative_to(room)).startswith("layers/")
        if any(re.search(pattern, line) for line in one.read_text().splitlines())
    }
    assert found == known
    for name in known:
        text = (room / name).read_text()
        assert "waking.note" in text or name == "waking/keeping.py", name
