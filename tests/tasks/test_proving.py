"""The worker's entry for invited people's roles: one chain of tries, taken up by the sweep when it is broken."""

from typing import TYPE_CHECKING

import pytest

from sharing.models import Actor, Proving, ProvingState, Role
from sharing.services import inviting, proving
from sharing.tasks import look_for_role, sweep
from tests import factories

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unpaced")
def test_looking_goes_on_in_one_chain_until_it_is_over(sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, float]] = []
    monkeypatch.setattr("sharing.tasks.proving.soon", lambda task, _pk, **more: sent.append((task.name, more["after"])))
    policy = factories.function(of=factories.connection().account).policies.get()
    owner = Actor.of(factories.person(Role.OWNER))
    dev = factories.person(Role.CONSUMER, email="dev@umbrella.example")
    invitation = inviting.invite(dev.email, offers=[inviting.Offer(policy)], by=owner)
    row = proving.name_account(invitation, person=dev, number="666677778888")

    look_for_role(str(row.pk))
    look_for_role(str(row.pk))  # a second message for the same row: it is not time yet, and no second chain begins
    assert sent == [("sharing.look_for_role", 1.0)]

    told: list[tuple[str, str]] = []
    monkeypatch.setattr("sharing.tasks.sweeping.soon", lambda task, pk, **_: told.append((task.name, str(pk))))
    sweep()
    assert ("sharing.look_for_role", str(row.pk)) not in told
    Proving.objects.update(next_try_at=None)  # the message was lost with its broker
    sweep()
    assert ("sharing.look_for_role", str(row.pk)) in told

    inviting.cancel(invitation, by=owner)
    look_for_role(str(row.pk))
    row.refresh_from_db()
    assert (row.state, len(sent)) == (ProvingState.OVER, 1)
    look_for_role("00000000-0000-4000-8000-000000000000")
