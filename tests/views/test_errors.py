"""Errors in the product's look."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path

from sharing.models import Role
from sharing.services.errors import NotFound, NotPermitted, Refusal
from tests import factories

pytestmark = pytest.mark.django_db


def broken(request: HttpRequest) -> HttpResponse:
    raise OperationalError("the secret inside of the database")


def refusing(request: HttpRequest, kind: str) -> HttpResponse:
    raise {
        "forbidden": PermissionDenied("Only on Sundays."),
        "not-permitted": NotPermitted("Your role does not share.", next="Ask Ada."),
        "not-found": NotFound("Account 111122223333"),
        "stale": Refusal("Somebody was faster.", next="Reload.", code="stale"),
    }[kind]


urlpatterns = [path("broken/", broken), path("refusing/<str:kind>/", refusing), path("", include("sharing.urls"))]
handler403 = "sharing.views.errors.forbidden"
handler404 = "sharing.views.errors.not_found"
handler500 = "sharing.views.errors.server_error"


@pytest.fixture
def pages(client: Client) -> Any:
    client.force_login(factories.person(Role.OWNER))
    client.raise_request_exception = False
    with override_settings(ROOT_URLCONF=__name__):
        yield client


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("forbidden", 403, ["Only on Sundays."]),
        ("not-permitted", 403, ["Your role does not share.", "Ask Ada."]),
        ("not-found", 404, ["Account 111122223333 is not known here."]),
        ("stale", 409, ["Somebody was faster.", "Reload.", "Nothing was changed"]),
    ],
)
def test_a_refusal_becomes_a_page_with_its_sentence_and_the_next_step(
    pages: Client, kind: str, status: int, words: list[str]
) -> None:
    response = pages.get(f"/refusing/{kind}/")
    page = response.content.decode()
    assert response.status_code == status
    assert all(word in page for word in words)
    assert 'aria-label="Main"' in page, "the side bar is there"


def test_an_address_that_does_not_exist(pages: Client) -> None:
    response = pages.get("/nonsense/")
    assert response.status_code == 404
    assert "There is nothing at this address" in response.content.decode()


def test_a_500_needs_no_database_and_tells_no_secret(pages: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    response = pages.get("/broken/")
    assert response.status_code == 500
    page = response.content.decode()
    assert "Something broke here" in page
    assert "secret" not in page

    def dead(*_args: Any, **_kwargs: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", dead)
    response = pages.get("/")
    assert response.status_code == 500
    assert "Something broke here" in response.content.decode()


def test_a_form_out_of_date_is_said_so(client: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    response = strict.post("/login/", {"login": "a@example.com", "password": "x"})
    assert response.status_code == 403
    assert "This form is out of date" in response.content.decode()
