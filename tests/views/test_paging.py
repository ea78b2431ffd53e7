"""Pages of a long list: there and back, and to any of them, with the filters that were chosen."""

import re

import pytest
from django.test import Client

from sharing.models import Check, CheckState, Role, Trusted
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages(client: Client) -> Client:
    client.force_login(factories.person(Role.AUDITOR))
    numbers = range(100000000000, 100000000550)
    Trusted.objects.bulk_create(Trusted(kind="account", value=f"{number}", added_as="x", note="R&D") for number in numbers)
    return client


def test_of_many_pages_any_is_opened_by_its_number_and_the_filters_stay(pages: Client) -> None:
    page = pages.get("/settings/trust/", {"q": "R&D", "page": "3"}).content.decode()
    form = re.search(r'<form class="page-jump".*?</form>', page)
    assert form is not None
    assert '<input type="hidden" name="q" value="R&amp;D">' in form[0]
    assert 'max="11" value="3"' in form[0]
    assert form[0].count('name="page"') == 1
    for number, shown in (("11", "501–550"), ("999999999999", "501–550"), ("0", "501–550"), ("nonsense", "1–50")):
        assert f"{shown} of 550 entries" in pages.get("/settings/trust/", {"q": "R&D", "page": number}).content.decode()


def test_a_few_pages_are_links_enough(pages: Client) -> None:
    Trusted.objects.filter(value__gte="100000000500").delete()
    page = pages.get("/settings/trust/").content.decode()
    assert "?page=10" in page
    assert "page-jump" not in page


def test_the_pages_under_a_form_that_was_refused_are_those_of_the_list(pages: Client) -> None:
    pages.force_login(factories.person())
    function = factories.shareable()
    policy = function.policies.get()
    Check.objects.bulk_create(
        Check(policy=policy, occasion="click", state=CheckState.QUEUED, requested_as="x") for _ in range(51)
    )
    checks = f"/functions/{function.pk}/checks/"
    for sent, given, listed in (
        ("/settings/trust/add/", {"value": "123"}, "/settings/trust/"),
        (f"/functions/{function.pk}/check/", {"as_": "nobody at all", "qualifier": ""}, checks),
    ):
        response = pages.post(sent, given)
        page = response.content.decode()
        assert response.status_code == 422
        assert f'href="{listed}?page=2"' in page
        assert pages.get(f"{listed}?page=2").status_code == 200
        assert not re.search(r'href="\?page|<form class="(?:filters|page-jump)" method="get"(?! action)', page)
        assert sent not in re.findall(r'hx-get="([^"]*)"', page)
    assert f'hx-get="{checks}?page=2"' in pages.get(f"{checks}?page=2").content.decode()
    assert f'hx-get="{checks}"' in pages.get(checks).content.decode()
