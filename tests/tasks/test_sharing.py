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
    assert not Grant.objects.exists()
    assert not Check.objects.exists()


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


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unpaced")
def test_a_layers_grant_is_made_so_and_comes_back_while_it_is_unsettled(
    sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from sharing.models import LayerGrant, LayerVersion
    from sharing.services import layers
    from sharing.tasks import read_layers, reconcile_layer_grant

    estate = Estate(sandbox)
    sent: list[str] = []
    monkeypatch.setattr("sharing.tasks.sharing.soon", lambda task, pk, **_: sent.append(task.name))
    for sync in layers.request(account=estate.owner, by=estate.by):
        read_layers(str(sync.pk))
    layer = LayerVersion.objects.get(name="payment-rules")
    ends = timezone.now() + timedelta(days=1)
    plan = layers.plan(layer=layer, who="111122223333", by=estate.by, ends_at=ends, form_token="x")
    grant = layers.share(plan, reason="x", by=estate.by)
    sandbox.faults.add("AddLayerVersionPermission", "after", "drop")
    reconcile_layer_grant(str(grant.pk))
    assert sent == ["sharing.reconcile_layer_grant"]
    LayerGrant.objects.update(next_try_at=None)
    reconcile_layer_grant(str(grant.pk))
    grant.refresh_from_db()
    assert (grant.state, sent) == (GrantState.ACTIVE, ["sharing.reconcile_layer_grant"])
    reconcile_layer_grant("00000000-0000-4000-8000-000000000000")
