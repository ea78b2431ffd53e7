"""The pages of organisations: who sees them, who connects, honest ages, hostile names, constant queries."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from sharing.models import Connection, ConnectionState, Organization, OrganizationMember, Purpose, Role, Trusted
from tests import factories
from tests.views.counting import queries

pytestmark = pytest.mark.django_db

LIST = "/settings/organisations/"
ACME = "111122223333"
HOSTILE = "<script>alert(1)</script>"


def client_of(client: Client, role: str = Role.ADMIN, **fields: Any) -> Client:
    client.force_login(factories.person(role, **fields))
    return client


def text(client: Client, address: str, status: int = 200, headers: dict[str, str] | None = None) -> str:
    response = client.get(address, headers=headers)
    assert response.status_code == status
    return response.content.decode()


def page_of(organization: Organization) -> str:
    return f"{LIST}{organization.pk}/"


def test_an_admin_is_led_from_the_account_over_the_role_to_its_test(client: Client) -> None:
    client_of(client)
    assert "Connect your organisation" in text(client, LIST)
    response = client.post(f"{LIST}connect/", {"number": "4444 5555 6666", "name": "Platform"})
    connection = Connection.objects.get()
    assert response.headers["Location"] == f"/settings/connections/{connection.pk}/"
    assert (connection.purpose, connection.state) == (Purpose.ORGANIZATION, ConnectionState.AWAITED)
    page = text(client, f"/settings/connections/{connection.pk}/")
    for words in ("organizations:ListAccounts", "aws iam create-role", "AWSTemplateFormatVersion", "aws_iam_role"):
        assert words in page
    assert "lambda:" not in page
    assert connection.external_id in page
    assert "Waiting for the role" in text(client, LIST)
    terraform = client.get(f"/settings/connections/{connection.pk}/terraform/")
    assert terraform.headers["Content-Disposition"] == 'attachment; filename="fnshare-organization-444455556666.tf"'


@pytest.mark.parametrize(("change", "words"), [({"number": "4444"}, "exactly 12 digits"), ({"name": ""}, "required")])
def test_bad_input_comes_back_with_a_sentence(client: Client, change: dict[str, str], words: str) -> None:
    client_of(client)
    response = client.post(f"{LIST}connect/", {"number": "444455556666", "name": "Platform", **change})
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Connection.objects.exists()


def test_a_link_to_the_form_knows_the_account(client: Client) -> None:
    account = factories.account("Platform")
    assert 'value="Platform"' in text(client_of(client), f"{LIST}connect/?account={account.number}")
    assert text(client, f"{LIST}connect/?account=%00' OR 1")


def test_members_stand_with_name_digits_state_and_what_people_call_them_here(client: Client) -> None:
    organization = factories.organization(ACME, "222233334444")
    factories.account("Acme, as we call it", ACME)
    OrganizationMember.objects.filter(number="222233334444").update(name=HOSTILE, status="SUSPENDED")
    page = text(client_of(client, Role.AUDITOR), page_of(organization))
    assert f"Member {ACME}" in page
    assert "1111 2222 3333" in page
    assert "Acme, as we call it" in page
    assert "Suspended" in page
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    assert "Read again" not in page, "auditors change nothing"
    assert "hx-get" not in page, "nothing to wait for"


def test_members_are_found_by_name_or_digits_and_those_who_left_apart(client: Client) -> None:
    organization = factories.organization(ACME, "222233334444")
    OrganizationMember.objects.create(organization=organization, number="333344445555", name="Gone", left_at=timezone.now())
    client_of(client)
    here = text(client, f"{page_of(organization)}?q=1111-2222")
    assert "Member 111122223333" in here
    assert "Member 222233334444" not in here
    assert "Gone" not in text(client, page_of(organization))
    assert "Gone" in text(client, f"{page_of(organization)}?show=left")
    assert "Nothing matches" in text(client, f"{page_of(organization)}?q=%00{'x' * 300}")
    assert text(client, f"{page_of(organization)}?page=99999999999999999999&q=%F0")


@pytest.mark.parametrize("role", [Role.OWNER, Role.AUDITOR])
def test_members_name_accounts_out_of_scope_so_a_narrow_scope_sees_none(client: Client, role: str) -> None:
    organization = factories.organization(ACME)
    client_of(client, role, accounts=[factories.account()])
    page = text(client, LIST)
    assert organization.organization_id not in page
    assert "Not in your scope" in page
    text(client, page_of(organization), 404)
    assert organization.organization_id not in text(client, f"/search/?q={organization.organization_id[:5]}").replace(
        "value=", ""
    )
    post = client.post(f"{page_of(organization)}read/")
    assert post.status_code == (404 if role == Role.OWNER else 403)


def test_only_admins_connect(client: Client) -> None:
    client_of(client, Role.OWNER)
    assert f"{LIST}connect/" not in text(client, LIST)
    text(client, f"{LIST}connect/", 403)
    assert client.post(f"{LIST}connect/", {"number": "444455556666", "name": "P"}).status_code == 403
    assert not Connection.objects.filter(purpose=Purpose.ORGANIZATION).exists()


def test_what_does_not_exist_is_404(client: Client) -> None:
    client_of(client)
    for nothing in (uuid.uuid4(), "nonsense"):
        assert "There is nothing at this address" in text(client, f"{LIST}{nothing}/", 404)


def test_reading_again_is_kept_followed_by_the_page_and_ended_by_the_server(client: Client) -> None:
    organization = factories.organization(ACME)
    client_of(client, Role.OWNER)
    assert client.post(f"{page_of(organization)}read/").headers["Location"] == page_of(organization)
    organization.refresh_from_db()
    assert organization.read_wanted_at is not None
    assert organization.read_due_at == organization.read_wanted_at
    page = text(client, page_of(organization))
    assert 'hx-trigger="every 1s"' in page
    assert "A worker is reading them" in page
    Organization.objects.update(read_wanted_at=None)
    polled = text(client, page_of(organization), headers={"HX-Request": "true", "HX-Target": "organisation"})
    assert "<html" not in polled
    assert "hx-get" not in polled
    assert "Its members were read." in polled


def test_what_cannot_be_read_says_so_with_its_age_and_the_next_step(client: Client) -> None:
    then = timezone.now() - timedelta(days=3)
    organization = factories.organization(
        ACME, failure="The role may not do it.", failure_next="Let it.", failed_since=then, read_at=then
    )
    client_of(client)
    for page in (text(client, page_of(organization)), text(client, LIST)):
        assert "The role may not do it." in page
        assert "Not known now" in page
    assert "Let it." in text(client, page_of(organization))
    assert f"Member {ACME}" in text(client, page_of(organization)), "old data stays, marked"
    assert "which accounts belong to it is not known" in text(client, "/settings/coverage/")
    exported = b"".join(client.get("/settings/coverage/export/?format=csv").streaming_content).decode()  # type: ignore[attr-defined]
    assert "which accounts belong to it is not known" in exported


def test_an_organisation_without_its_role_offers_to_connect_it(client: Client) -> None:
    organization = factories.organization(ACME, connection=None)
    client_of(client)
    assert "Connect its role" in text(client, page_of(organization))
    answer = client.post(f"{page_of(organization)}read/", follow=True).content.decode()
    assert "cannot be read: its role is not connected" in answer


def test_disconnecting_says_what_becomes_of_its_answers(client: Client) -> None:
    connection = factories.organization(ACME).connection
    assert connection is not None
    page = text(client_of(client), f"/settings/connections/{connection.pk}/disconnect/")
    assert "answers about its members depend again" in page
    client.post(f"/settings/connections/{connection.pk}/disconnect/")
    page = text(client, f"/settings/connections/{connection.pk}/")
    assert f"{LIST}connect/?account={connection.account.number}" in page


def test_pages_cost_the_same_whatever_there_is(client: Client) -> None:
    organization = factories.organization(ACME)
    client_of(client)
    few = queries(client, LIST), queries(client, page_of(organization))
    rows = [
        OrganizationMember(organization=organization, number=f"{900000000000 + n}", name=f"Account {n}") for n in range(300)
    ]
    OrganizationMember.objects.bulk_create(rows)
    for number in range(3):
        factories.organization(organization_id=f"o-another{number}00000")
    assert (queries(client, LIST), queries(client, page_of(organization))) == few


def test_search_and_trust_know_an_organisation(client: Client) -> None:
    organization = factories.organization(ACME, "222233334444")
    Trusted.objects.create(kind="organization", value=organization.organization_id, added_as="x")
    client_of(client)
    assert page_of(organization) in text(client, f"/search/?q={organization.organization_id}")
    assert "2 known members" in text(client, "/settings/trust/")
    Organization.objects.update(failure="No.")
    assert "known member" not in text(client, "/settings/trust/")
