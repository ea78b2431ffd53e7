"""What is not a consumer's own page does not exist for them, whatever its address and whatever is in the database."""

import pytest
from django.test import Client

from sharing.models import Account, Actor, Event, Function, Grant, Role
from tests import factories
from tests.views.test_permitting import NAMED, OPEN

pytestmark = pytest.mark.django_db

#: Their own pages; whoever adds one here says why nothing of others shows on it.
CONSUMERS = {
    "shared-list",
    # What reaches the accounts that they act for (services.consuming.reaching); tests/views/test_shared.py asks each address.
    "shared-export",
    "shared-function",
    "shared-check",
    "shared-pack",
    "shared-leave",
    "shared-account-leave",
    # Wirings of sources of their accounts (services.wiring.theirs), their own side alone (tests/views/test_shared_wirings.py).
    "shared-wirings",
    "shared-wiring",
    "shared-wiring-done",
    # Requests: the form looks nothing up, the list is one's own.
    "request-new",
    "request-mine",
    "request-withdraw",
    # A call of what is shared with an account they act for, as its invoker role; and what came of their own calls.
    "invoke-shared",
    "invoke-shared-result",
}


@pytest.mark.parametrize(("name", "address"), [(name, address) for name, address in NAMED if name not in CONSUMERS | OPEN])
def test_a_consumer_finds_no_page_of_the_owners(client: Client, name: str, address: str) -> None:
    client.force_login(factories.person(Role.CONSUMER))
    before = Event.objects.count()
    asked = (
        client.get(address),
        client.post(address, {"reason": "because"}),
        client.get(address, headers={"HX-Request": "true"}),
    )
    for response in asked:
        if name == "overview":
            assert (response.status_code, response["Location"]) == (302, "/shared/")
        else:
            assert response.status_code == 404, name
            assert "There is nothing at this address" in response.content.decode()
    assert Event.objects.count() == before


def test_every_name_in_the_list_is_an_address() -> None:
    assert {name for name, _ in NAMED} >= CONSUMERS


def test_the_start_page_says_for_whom_they_act(client: Client) -> None:
    person = factories.person(Role.CONSUMER)
    client.force_login(person)
    assert "You act for no account yet" in client.get("/shared/").content.decode()


def test_a_scope_left_over_from_another_role_shows_a_consumer_nothing() -> None:
    grant = factories.grant()
    account = grant.policy.function.account
    person = factories.person(Role.OWNER, accounts=[account])
    assert Function.objects.visible_to(Actor.of(person)).exists()
    person.role = Role.CONSUMER
    person.save()
    me = Actor.of(person)
    assert not Account.objects.visible_to(me).exists()
    assert not Function.objects.visible_to(me).exists()
    assert not Grant.objects.visible_to(me).exists()
    assert not me.sees(account.pk)
    assert not me.may_change()
