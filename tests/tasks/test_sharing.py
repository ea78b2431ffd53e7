"""The worker's entries for grants and checks, with a broker that is away: rows wait, nothing is lost."""

from typing import TYPE_CHECKING

import pytest

from sharing.models import Check, CheckState, Grant, GrantState
from sharing.tasks import reconcile_grant, run_check, soon, sweep
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox


@pytest.fixture
def estate(sandbox: "Sandbox") -> Estate:
    return Estate(sandbox)


@pytest.mark.django_db(transaction=True)
def test_a_grant_and_its_check_are_settled_by_their_tasks(estate: Estate) -> None:
    grant = estate.share(estate.policy("hello_world"))
    reconcile_grant(str(grant.pk))
    grant.refresh_from_db()
    assert grant.state == GrantState.ACTIVE
    check = Check.objects.get(grant=grant)
    run_check(str(check.pk))
    check.refresh_from_db()
    assert (check.state, check.verdict) == (CheckState.DONE, "allowed")


@pytest.mark.django_db(transaction=True)
def test_tasks_for_rows_that_are_gone_do_nothing() -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    reconcile_grant(nobody)
    run_check(nobody)


@pytest.mark.django_db(transaction=True)
def test_a_dead_broker_loses_no_click(estate: Estate) -> None:
    grant = estate.share(estate.policy("hello_world"))
    soon(reconcile_grant, grant.pk)
    assert Grant.objects.get().state == GrantState.PENDING


@pytest.mark.django_db(transaction=True)
def test_the_sweep_hands_every_waiting_row_to_a_worker(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr("sharing.tasks.sweeping.soon", lambda task, pk, **_: told.append((task.name, str(pk))))
    grant = estate.share(estate.policy("hello_world"))
    sweep()
    assert ("sharing.reconcile_grant", str(grant.pk)) in told
    told.clear()
    estate.settle(grant)
    sweep()
    check = Check.objects.open().get()
    assert ("sharing.run_check", str(check.pk)) in told
    assert ("sharing.reconcile_grant", str(grant.pk)) not in told
