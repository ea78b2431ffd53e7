"""Wirings on pages about other things: the overview, the mappings, what wakes a function, what a revoke says first."""

import pytest
from django.test import Client

from sharing.models import Actor, Function, Role, Wiring
from sharing.services import wiring
from tests import factories
from tests.services.kept import ACME, kept
from tests.services.test_waking import service
from tests.views.counting import queries

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"


def asked(function: Function, me: Actor, number: int = 0) -> Wiring:
    plan = wiring.plan(function, f"arn:aws:s3:::uploads-{number}", by=me, source_account=ACME)
    return wiring.ask(plan, by=me, form_token=f"form-{number}")


def failed(made: Wiring) -> None:
    made.steps.filter(key="permission").update(state="failed", failure=f"AWS said {HOSTILE}.", failure_next="Ask.")
    Wiring.objects.filter(pk=made.pk).update(state="failed")


def test_a_wiring_is_shown_where_it_will_wake_and_one_that_failed_on_the_overview(client: Client) -> None:
    function = factories.shareable()
    person = factories.person(Role.OWNER)
    client.force_login(person)
    made = asked(function, Actor.of(person))
    for address in ("/mappings/", f"/functions/{function.pk}/wakes/"):
        page = client.get(address).content.decode()
        assert "S3 bucket uploads-0" in page
        assert "Wiring under way" in page
    assert "uploads-0" not in client.get("/").content.decode()
    failed(made)
    page = client.get("/").content.decode()
    assert "S3 bucket uploads-0 → label-uploads" in page
    assert "AWS said &lt;script&gt;" in page
    assert HOSTILE not in page
    kept(function, service("s3", "arn:aws:s3:::uploads-0", ACME))
    page = client.get(f"/functions/{function.pk}/wakes/").content.decode()
    assert "Wiring failed" in page
    assert "not looked at" not in page.split("What was not looked at")[0]
    response = client.get("/mappings/export/?format=csv")
    said = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    assert "failing,Its wiring failed" in next(line for line in said.splitlines() if "uploads-0" in line)


@pytest.mark.parametrize("address", ["/", "/mappings/"])
def test_more_wirings_take_no_more_queries(client: Client, address: str) -> None:
    function = factories.shareable()
    person = factories.person(Role.OWNER)
    client.force_login(person)
    me = Actor.of(person)
    failed(asked(function, me))
    queries(client, address)  # the first one also looks at the session
    before = queries(client, address)
    for number in range(1, 9):
        failed(asked(function, me, number))
    assert queries(client, address) == before
