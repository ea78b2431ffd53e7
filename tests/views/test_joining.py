"""The pages that connect an organisation's accounts: what is asked, progress, one account, who may, constant queries."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from sharing.models import (
    Connection,
    ConnectionState,
    Finding,
    Joiner,
    JoinerState,
    Joining,
    Organization,
    OrganizationMember,
    Role,
)
from sharing.services.findings import refreshing
from sharing.services.joining.running import _follow
from sharing.views import joining
from tests import factories
from tests.views.counting import queries
from tests.views.test_organizations import ACME, HOSTILE, client_of, page_of, text

pytestmark = pytest.mark.django_db

OTHER = "222233334444"


def joined(organization: Organization, **fields: object) -> Joining:
    """The accounts are being connected; a row for each."""
    held = Joining.objects.create(organization=organization, mark="f" * 40, **fields)
    _follow(held, timezone.now())
    return held


def account_page(organization: Organization, number: str = ACME) -> str:
    return f"{page_of(organization)}accounts/{number}/"


def test_an_admin_chooses_roles_and_gets_the_template_and_both_commands(client: Client) -> None:
    organization = factories.organization(ACME, management_account=OTHER)
    client_of(client)
    assert f"{page_of(organization)}join/" in text(client, page_of(organization))
    address = f"{page_of(organization)}join/"
    assert "create-stack-set" not in text(client, address)
    asked = {"manager": "on", "share": "on", "units": "ou-ab12-c3d4e5f6\n", "regions": "us-east-1, eu-west-1"}
    assert client.post(address, asked).status_code == 302
    assert client.post(address, asked).status_code == 302
    held = Joining.objects.get()
    assert (held.manager, held.share, held.checker, held.regions) == (True, True, False, ["us-east-1", "eu-west-1"])
    page = text(client, address)
    for words in ("create-stack-set", "create-stack --stack-name", "ou-ab12-c3d4e5f6", held.mark, "AWS::AccountId", OTHER):
        assert words in page
    file = client.get(f"{address}template/")
    assert file.headers["Content-Disposition"] == f'attachment; filename="fnshare-{organization.organization_id}.json"'
    assert held.mark in file.content.decode()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "Choose at least one"),
        ({"manager": "on", "units": "ou-x\x00y"}, "Null characters"),
        ({"manager": "on", "units": HOSTILE}, "is no unit of an organisation"),
        ({"manager": "on", "regions": "us-east-9"}, "Did you mean"),
    ],
)
def test_what_cannot_be_comes_back_with_a_sentence(client: Client, asked: dict[str, str], words: str) -> None:
    organization = factories.organization(ACME)
    response = client_of(client).post(f"{page_of(organization)}join/", asked)
    assert response.status_code == 422
    page = response.content.decode()
    assert words in page
    assert HOSTILE not in page
    assert not Joining.objects.exists()


def test_an_organisation_that_was_never_read_is_not_connected_yet(client: Client) -> None:
    organization = factories.organization(read_at=None)
    client_of(client)
    assert "Connect its accounts" not in text(client, page_of(organization))
    response = client.post(f"{page_of(organization)}join/", {"manager": "on"})
    assert response.status_code == 422
    assert "never read" in response.content.decode()


def test_progress_is_counted_and_the_list_filtered_by_it(client: Client) -> None:
    organization = factories.organization(ACME, OTHER, "333344445555")
    held = joined(organization)
    later = timezone.now() + timedelta(hours=1)
    Joiner.objects.update(next_try_at=later)
    Joiner.objects.filter(number=ACME).update(state=JoinerState.CONNECTED)
    Joiner.objects.filter(number=OTHER).update(state=JoinerState.REFUSED, failure=f"Manager role: {HOSTILE}")
    page = text(client_of(client, Role.AUDITOR), page_of(organization))
    assert "<strong>1 of 3</strong> connected" in page
    assert "Manager role: &lt;script&gt;" in page
    assert HOSTILE not in page
    assert "hx-get" not in page, "nothing happens now: nothing polls"
    assert "join/pause" not in page
    refused = text(client, f"{page_of(organization)}?stage=refused")
    assert f"Member {OTHER}" in refused
    assert f"Member {ACME}" not in refused
    assert f"Member {ACME}" in text(client, f"{page_of(organization)}?stage=%00nonsense")
    Joiner.objects.filter(number=OTHER).update(state=JoinerState.TESTING)
    headers = {"HX-Request": "true", "HX-Target": "joining-progress"}
    fragment = text(client, page_of(organization), headers=headers)
    assert 'hx-trigger="every 5s"' in fragment
    assert "<html" not in fragment
    Joining.objects.filter(pk=held.pk).update(paused_at=timezone.now())
    assert "hx-get" not in text(client, page_of(organization), headers=headers)


def test_accounts_are_paused_left_out_and_taken_in(client: Client) -> None:
    organization = factories.organization(ACME)
    held = joined(organization)
    client_of(client)
    for verb in ("pause", "resume"):
        assert f"join/{verb}/" in text(client, page_of(organization))
        assert client.post(f"{page_of(organization)}join/{verb}/").status_code == 302
        held.refresh_from_db()
        assert (held.paused_at is not None) == (verb == "pause")
    assert client.post(f"{account_page(organization)}leave-out/", {"reason": ""}).status_code == 422
    assert client.post(f"{account_page(organization)}leave-out/", {"reason": HOSTILE}).status_code == 302
    page = text(client, account_page(organization))
    assert "Left out" in page
    assert HOSTILE not in page
    client.post(f"{account_page(organization)}take-in/")
    assert Joiner.objects.get().state == JoinerState.WAITING
    Joiner.objects.update(next_try_at=timezone.now() + timedelta(days=1))
    client.post(f"{account_page(organization)}try/")
    assert Joiner.objects.due(timezone.now()).exists()


def test_one_account_shows_access_both_ways_and_offboarding(client: Client) -> None:
    organization = factories.organization(ACME)
    factories.grant(factories.function("mine"), ACME)
    factories.grant(factories.function("theirs", factories.account("Team", ACME)), OTHER)
    OrganizationMember.objects.update(left_at=timezone.now())
    page = text(client_of(client), account_page(organization))
    for words in ("mine", "theirs", "Left", f"/consumers/{ACME}/offboard/", f"/consumers/{ACME}/suspend/", "Called here"):
        assert words in page
    assert "offboard" not in text(client_of(client, Role.AUDITOR), account_page(organization))


def test_the_pages_of_its_shares_are_the_accounts_own_also_after_a_refused_form(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "_SHOWN", 1)
    organization = factories.organization(ACME)
    joined(organization)
    for name in ("first", "second"):
        factories.grant(factories.function(name), ACME)
    refused = client_of(client).post(f"{account_page(organization)}leave-out/", {"reason": ""})
    assert refused.status_code == 422
    assert f'href="{account_page(organization)}?into=2"' in refused.content.decode()


def test_the_finding_leads_to_the_account_and_to_offboarding(client: Client) -> None:
    organization = factories.organization(ACME)
    OrganizationMember.objects.update(left_at=timezone.now())
    factories.grant(to=ACME)
    assert not refreshing.refresh()
    finding = Finding.objects.get(rule="organization-account-left")
    page = text(client_of(client), f"/findings/{finding.pk}/")
    assert account_page(organization) in page
    assert f"/consumers/{ACME}/offboard/" in page
    text(client, f"/consumers/{ACME}/offboard/")
    narrow = Client()
    text(client_of(narrow, Role.OWNER, accounts=[factories.account()]), f"/findings/{finding.pk}/", 404)


@pytest.mark.parametrize("number", ["444455556666", "x", "111122223333444", "１２３４５６７８９０１２", "%00"])
def test_what_never_belonged_to_it_is_404(client: Client, number: str) -> None:
    organization = factories.organization(ACME)
    text(client_of(client), account_page(organization, number), 404)
    assert client.post(f"{account_page(organization, number)}try/").status_code == 404


def test_a_narrow_scope_sees_no_account_of_it(client: Client) -> None:
    organization = factories.organization(ACME)
    narrow = client_of(client, Role.OWNER, accounts=[factories.account("A", ACME)])
    assert narrow.get(account_page(organization)).status_code == 404
    assert client_of(Client(), Role.OWNER).get(account_page(organization)).status_code == 200


def test_pages_cost_the_same_for_a_thousand_accounts(client: Client) -> None:
    organization = factories.organization(ACME)
    held = joined(organization)
    factories.grant(to=ACME)
    client_of(client)
    few = queries(client, page_of(organization)), queries(client, account_page(organization))
    rows = [OrganizationMember(organization=organization, number=f"{500_000_000_000 + one}", name="M") for one in range(1000)]
    OrganizationMember.objects.bulk_create(rows)
    _follow(held, timezone.now())
    for one in range(5):
        factories.grant(factories.function(f"f{one}"), ACME)
    assert Joiner.objects.count() == 1001
    assert (queries(client, page_of(organization)), queries(client, account_page(organization))) == few
    assert "page=21" in text(client, page_of(organization))


def test_disconnecting_lists_every_share_and_asks_to_accept_them(client: Client) -> None:
    connection = factories.connection()
    for one in range(25):
        factories.grant(factories.function(f"shared-{one:02}", connection.account))
    client_of(client)
    address = f"/settings/connections/{connection.pk}/disconnect/"
    page = text(client, address)
    assert all(f"shared-{one:02}" in page for one in range(25))
    seen = page.partition('name="seen" value="')[2].partition('"')[0]
    assert client.post(address, {"seen": seen}).status_code == 422
    factories.grant(factories.function("one-more", connection.account))
    again = client.post(address, {"seen": seen, "accepted": "on"})
    assert again.status_code == 422
    assert "26 shares would stay" in again.content.decode()
    assert " checked" not in again.content.decode(), "another list is another acceptance"
    assert Connection.objects.get(pk=connection.pk).state == ConnectionState.CONNECTED
    seen = again.content.decode().partition('name="seen" value="')[2].partition('"')[0]
    assert client.post(address, {"seen": seen, "accepted": "on"}).status_code == 302
    assert Connection.objects.get(pk=connection.pk).state == ConnectionState.DISCONNECTED
