"""`manage.py reset-second-factors`."""

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import call_command

from sharing.models import Event, Notice
from tests import factories

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> int:
    try:
        call_command("reset-second-factors", *arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_the_operator_helps_the_only_admin_who_lost_their_phone() -> None:
    person = factories.person(email="ada@example.com")
    Authenticator.objects.create(user=person, type="totp", data={"secret": "x"})
    assert run("Ada@example.com") == 0
    assert not Authenticator.objects.exists()
    assert Event.objects.get().verb == "person.factors-reset"
    assert Notice.objects.get().to == "ada@example.com"


def test_nothing_to_remove_and_nobody_of_that_name_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    factories.person(email="ada@example.com")
    assert run("ada@example.com") != 0
    assert run("nobody@example.com") != 0
    said = capsys.readouterr().err
    assert "has no second factor" in said
    assert "not known" in said
