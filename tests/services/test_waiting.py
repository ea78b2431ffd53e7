"""Who waits for whom in the database: only those that would else lose or invent something.

A lock that is held is one of PostgreSQL's; SQLite has one writer, so there the same is tried without it.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext

import pytest
from django.db import connection, transaction

from sharing.models import Actor, Check, Function, Grant, GrantState, Occasion, SourceCount, Verdict, WakerCount, Wanted
from sharing.services import checking, waking
from sharing.services.checking.answering import finish
from sharing.services.granting import settling
from sharing.services.waking.survey import Rows
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def _held() -> AbstractContextManager[object]:
    return transaction.atomic() if connection.features.has_select_for_update else nullcontext()


def _apart(do: Callable[[], object]) -> object:
    """In a connection of its own."""
    try:
        return do()
    finally:
        connection.close()


def _elsewhere(do: Callable[[], object]) -> None:
    """In a transaction of its own. Raises OperationalError if that has to wait."""

    def work() -> None:
        with transaction.atomic():
            if connection.features.has_select_for_update:
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = '1s'")
            do()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(_apart, work).result()


def test_rows_are_made_of_the_functions_that_nobody_is_just_changing() -> None:
    """Who changes several in one transaction may wait for the next one: whoever holds that must not wait for the first."""
    one, other = factories.function(), factories.function()
    with _held():
        Function.objects.filter(pk=one.pk).update(description="new")
        _elsewhere(waking.keep_due)
    kept = set(Function.objects.exclude(wakes_kept_at=None).values_list("pk", flat=True))
    assert kept == ({other.pk} if connection.features.has_select_for_update else {one.pk, other.pk})
    assert waking.keep_due() == 2 - len(kept)


def test_rows_are_counted_while_somebody_else_writes_the_same_number() -> None:
    one = factories.function(urls={"": "NONE"})
    other = factories.function(of=one.account, urls={"": "NONE"})
    waking.keep_due()
    Function.objects.filter(pk=other.pk).update(urls={})
    waking.note(other.pk)
    with _held():
        assert [many for model in (WakerCount, SourceCount) for many in _writing(model)] == [2, 2]
        _elsewhere(waking.keep_due)
    found = waking.survey(Actor.system(), waking.Asked())
    assert isinstance(found.rows, Rows)
    assert (found.every, found.rows.count(), len(found.rows[0:50])) == (1, 1, 1)
    assert WakerCount.objects.count() == (2 if connection.features.has_select_for_update else 1)


def _writing(model: type[WakerCount] | type[SourceCount]) -> list[int]:
    return list(model.objects.select_for_update().values_list("many", flat=True))


def test_a_check_is_answered_while_its_grant_is_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever settles it replaces the check: neither has to be broken off for the other."""
    grant = factories.grant(state=GrantState.REVOKING, wanted=Wanted.ABSENT)
    check = Check.objects.create(policy=grant.policy, grant=grant, occasion=Occasion.GRANT, requested_as="fnshare")

    def answer() -> bool:
        return finish(check, Verdict.ALLOWED, detail="It was tried.")

    answers: list[Future[object]] = []
    with ThreadPoolExecutor(1) as pool:

        def meanwhile(_: Grant) -> None:
            if connection.features.has_select_for_update:
                answers.append(pool.submit(_apart, answer))
                _until_somebody_waits()

        monkeypatch.setattr(checking, "renew_others", meanwhile)
        assert settling.gone(grant, request_id="r") is not None
    assert [answer(), *(one.result() for one in answers)] == [False] * (1 + len(answers))
    grant.refresh_from_db()
    assert (grant.state, grant.verdict) == (GrantState.REVOKED, Verdict.NOT_TRIED)


def _until_somebody_waits() -> None:
    """For this transaction."""
    ends = time.monotonic() + 5
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    with connection.cursor() as cursor:
        while time.monotonic() < ends:
            cursor.execute(waits)
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits")
