"""Whose a function is: by its tag, else by scope."""

import pytest
from django.test.utils import CaptureQueriesContext

from sharing.models import Function, Role
from sharing.services import owning
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def function() -> Function:
    return factories.function("label-uploads", factories.account("Platform"))


@pytest.fixture(autouse=True)
def _tag(settings: pytest.FixtureRequest) -> None:
    settings.OWNER_TAG = "owner"  # type: ignore[attr-defined]


def addresses(function: Function) -> list[str]:
    return [person.email for person in owning.owners_of(function)]


def test_the_tag_names_them_among_those_who_may(function: Function) -> None:
    factories.person(Role.OWNER, email="ann@example.com", accounts=[function.account])
    factories.person(Role.OWNER, email="ben@example.com", accounts=[function.account])
    function.tags = {"owner": "Ben@example.com nobody@example.com, someone"}
    assert addresses(function) == ["ben@example.com"]
    assert owning.owners(function).by_tag


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.CONSUMER])
def test_a_tag_gives_nobody_a_right(function: Function, role: str) -> None:
    factories.person(role, email="kim@example.com")
    ann = factories.person(Role.OWNER, email="ann@example.com", accounts=[function.account])
    function.tags = {"owner": "kim@example.com"}
    assert addresses(function) == [ann.email]
    assert not owning.owners(function).by_tag


def test_who_is_out_of_scope_or_has_left_is_not_told(function: Function) -> None:
    factories.person(Role.OWNER, email="far@example.com", accounts=[factories.account()])
    factories.person(Role.OWNER, email="gone@example.com", accounts=[function.account], is_active=False)
    admin = factories.person(Role.ADMIN, email="root@example.com")
    function.tags = {"owner": "far@example.com gone@example.com"}
    assert addresses(function) == [admin.email]


def test_without_a_tag_the_account_s_own_come_before_those_who_see_everything(function: Function) -> None:
    everywhere = factories.person(Role.OWNER, email="all@example.com")
    admin = factories.person(Role.ADMIN, email="root@example.com")
    assert addresses(function) == [everywhere.email, admin.email]
    own = factories.person(Role.OWNER, email="own@example.com", accounts=[function.account])
    assert addresses(function) == [own.email]


def test_a_tag_that_is_not_configured_says_nothing(function: Function, settings: pytest.FixtureRequest) -> None:
    settings.OWNER_TAG = ""  # type: ignore[attr-defined]
    function.tags = {"": "ann@example.com", "owner": "ann@example.com"}
    factories.person(Role.OWNER, email="ann@example.com")
    assert not owning.owners(function).by_tag


@pytest.mark.parametrize("tags", [None, {}, {"owner": ""}, {"Owner": "ann@example.com"}, {"owner": "\x00 @ ,,"}, ["owner"]])
def test_tags_of_every_kind_are_read_without_harm(function: Function, tags: object) -> None:
    function.tags = tags
    admin = factories.person(Role.ADMIN)
    assert addresses(function) == [admin.email]


def test_mail_about_one_function_goes_to_so_many_at_most(function: Function) -> None:
    for number in range(owning.MOST + 7):
        factories.person(Role.OWNER, email=f"o{number:02}@example.com", accounts=[function.account])
    found = owning.owners(function)
    assert (len(found.people), found.more) == (owning.MOST, 7)
    assert found.others == owning.MOST - 5 + 7


def test_the_only_owner_does_not_ask_themself(function: Function) -> None:
    ann = factories.person(Role.OWNER, email="ann@example.com", accounts=[function.account])
    admin = factories.person(Role.ADMIN, email="root@example.com")
    assert owning.owners_besides(function, ann) == [admin]
    assert owning.owners_besides(function, None) == [ann]


def test_many_functions_cost_as_much_as_one() -> None:
    from django.db import connection

    for _ in range(3):
        factories.person(Role.OWNER)
    costs = []
    for many in (1, 12):
        functions = [factories.function() for _ in range(many)]
        with CaptureQueriesContext(connection) as captured:
            owning.owners_by_function(functions)
        costs.append(len(captured))
    assert costs[0] == costs[1] <= 2
