"""What is not a consumer's own page does not exist for them, whatever its address and whatever is in the database."""

import pytest
from django.test import Client

from sharing.models import Account, Actor, Event, Function, Grant, Role
from tests import factories
from tests.views.test_permitting import NAMED, OPEN, OWN
from tests.views.walked import Story
from tests.views.walked import addresses as of

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


def test_a_consumer_finds_no_page_of_the_owners() -> None:
    """Not even of what is shared with the account they act for: the rows exist."""
    story = Story()
    client = Client()
    client.force_login(story.consumer)
    before = Event.objects.count()
    for name, address in of(story):
        if name in CONSUMERS | OPEN | OWN:
            continue
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


def test_a_consumer_of_another_account_finds_nothing_of_this_one() -> None:
    story = Story()
    client = Client()
    client.force_login(factories.acting("sam@globex.example", factories.account("Globex")))
    for name, address in of(story):
        if name in CONSUMERS:
            asked, posted = client.get(address), client.post(address, {"reason": "because"})
            text = asked.getvalue().decode()
            assert story.function.name not in text, name
            assert story.acme.number not in text, name
            if str(story.policy.pk) in address or name in {"shared-leave", "shared-account-leave", "request-withdraw"}:
                assert {asked.status_code, posted.status_code} <= {404, 405}, name


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
