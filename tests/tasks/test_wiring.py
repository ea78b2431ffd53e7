"""The worker's entries for wirings: each step in its turn, with what carries it; a broken chain is taken up by the sweep."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from sharing.models import Actor, Grant, GrantState, Wiring
from sharing.services import wiring
from sharing.tasks import look_at_wiring, reconcile_wiring, send_wiring_test, sweep
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_wiring_goes_from_step_to_step_and_the_sweep_takes_up_what_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    function = factories.shareable()
    by = Actor.of(factories.person("owner"))
    plan = wiring.plan(function, "arn:aws:s3:::uploads", by=by, source_account="111122223333")
    made = wiring.ask(plan, by=by, form_token="one")
    permission, notification = made.steps.all()
    told: list[tuple[str, str]] = []

    def soon(task: Any, pk: Any, **_: Any) -> None:
        told.append((task.name.removeprefix("sharing."), str(pk)))

    for module in ("wiring", "sweeping"):
        monkeypatch.setattr(f"sharing.tasks.{module}.soon", soon)

    def swept() -> list[tuple[str, str]]:
        told.clear()
        sweep()
        return [one for one in told if "wiring" in one[0]]

    assert swept() == [("reconcile_wiring", str(permission.pk))]
    told.clear()
    reconcile_wiring(str(permission.pk))
    grant = Grant.objects.get()
    assert told == [("reconcile_grant", str(grant.pk)), ("reconcile_wiring", str(permission.pk))]
    Grant.objects.update(state=GrantState.ACTIVE)
    made.steps.update(next_try_at=None)
    told.clear()
    reconcile_wiring(str(permission.pk))
    assert told == []  # what comes next is theirs
    assert made.steps.get(pk=notification.pk).state == "asked"
    assert swept() == []
    made.steps.filter(pk=notification.pk).update(next_try_at=timezone.now() - timedelta(seconds=1))
    assert swept() == [("look_at_wiring", str(made.pk))]
    look_at_wiring(str(made.pk))
    assert swept() == []
    Wiring.objects.update(test_state="queued", test_wanted_at=timezone.now())
    assert swept() == [("send_wiring_test", str(made.pk))]
    send_wiring_test(str(made.pk))  # there is no source role
    assert Wiring.objects.get().test_state == "failed"
    wiring.abandon(made, by=by)
    assert swept() == [("reconcile_wiring", str(permission.pk))]
    reconcile_wiring("00000000-0000-0000-0000-000000000000")
    look_at_wiring("00000000-0000-0000-0000-000000000000")
    send_wiring_test("00000000-0000-0000-0000-000000000000")
