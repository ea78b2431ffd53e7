"""The list of mappings by kept sums is, row for row, what reading everything gives."""

import itertools
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks.large import build
from benchmarks.large_policies import Size
from sharing.models import Account, Actor, Function, GrantState, Policy, Qualifier
from sharing.services import waking
from sharing.services.waking import Asked, Problem, Way
from sharing.services.waking.survey import Rows
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
    Policy.objects.filter(function=usual[2]).update(wakes=None, wakes_rows=0)  # as it was before sums were kept
    Qualifier.objects.filter(function__in=usual[3:12]).update(vanished_at=usual[3].first_seen_at)
    Function.objects.filter(pk=usual[12].pk).update(vanished_at=usual[12].first_seen_at)
    Policy.objects.filter(function=usual[13], qualifier="").update(vanished_at=usual[13].first_seen_at)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as servers do by themselves after a while: plans without it take many times as long


def _equal(by: Actor, asked: Asked, every: Sequence[waking.Waker] | None = None) -> bool:
    """Compares; whether the list was found by sums."""
    every = waking.gather(by) if every is None else every
    wanted = list(waking.listed(every, asked))
    found = waking.survey(by, asked)
    assert found.every == len(every)
    assert found.problems == waking.problems_of(every)
    assert found.kinds == {one.kind: one.label for one in every}
    assert found.accounts == waking.accounts_of(every)
    if not isinstance(found.rows, Rows):
        assert list(found.rows) == wanted
        return False
    assert found.rows.count() == len(wanted)
    assert found.rows[:] == wanted
    for start in range(0, len(wanted), 37):
        assert found.rows[start : start + 37] == wanted[start : start + 37]
    return True


def test_every_way_of_asking_gives_what_reading_everything_gives(estate: None) -> None:
    me = Actor.system()
    every = waking.gather(me)
    kinds = sorted({one.kind for one in every})
    assert {"s3", "sns", "sqs", "url"} <= set(kinds)
    for way, kind, problem in itertools.product((None, *Way), ("", *kinds[:3]), ("", "any", Problem.OPEN, Problem.DUPLICATE)):
        assert _equal(me, Asked(way=way, kind=kind, problem=problem), every)
    for asked in (Asked(text="orders"), Asked(order="problem"), Asked(account="600000000000")):
        assert not _equal(me, asked, every)


def test_somebody_with_one_account_sees_the_sums_of_that_account_alone(estate: None) -> None:
    one = Account.objects.order_by("number")[1]
    person = factories.person("owner", accounts=[one])
    assert _equal(Actor.of(person), Asked())
    assert waking.survey(Actor.of(person), Asked()).every < waking.survey(Actor.system(), Asked()).every


def test_policies_that_were_kept_before_sums_were_are_summed_as_they_would_be_now(estate: None) -> None:
    kept = dict(Policy.objects.filter(current__isnull=False, wakes__isnull=False).values_list("pk", "wakes"))
    Policy.objects.update(wakes=None, wakes_rows=0)
    assert _equal(Actor.system(), Asked())
    assert waking.sum_due()
    assert not waking.sum_due()
    now = dict(Policy.objects.filter(pk__in=kept).values_list("pk", "wakes"))
    assert {pk: json.loads(text or "") for pk, text in kept.items()} == {pk: json.loads(text or "") for pk, text in now.items()}


def test_the_number_of_queries_does_not_depend_on_how_much_is_summed(estate: None) -> None:
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            waking.survey(Actor.system(), Asked()).rows[0:50]
        counts.append(len(captured))
        Policy.objects.filter(function__in=Function.objects.order_by("pk")[:10]).update(wakes=None, wakes_rows=0)
    assert counts[0] == counts[1]


def test_exposures_have_one_writer_so_that_sums_never_lag_behind_them() -> None:
    """Whoever else made or removed exposures would have to write the sums as well."""
    writing = re.compile(r"(?<!Layer)Exposure\.objects\..*(create|delete|update)\(|update\(wakes=(?!None)|\.wakes\b.* = ")
    room = Path(waking.__file__).parents[1]
    found = {str(one.relative_to(room)) for one in room.rglob("*.py") if any(map(writing.search, one.read_text().splitlines()))}
    assert found == {"syncing/reach.py", "waking/summing.py"}
