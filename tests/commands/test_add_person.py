"""`manage.py add-person`."""

import io
import json
from typing import Any

import pytest
from django.core.management import call_command, get_commands
from django.test import Client

from sharing.models import Event, User
from tests import factories

pytestmark = pytest.mark.django_db


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    code = 0
    try:
        call_command("add-person", *arguments)
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


def answer(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    code, out, _ = run(*arguments, "--json", capsys=capsys)
    return code, json.loads(out)


def test_it_is_a_command() -> None:
    assert "add-person" in get_commands()


def test_it_prints_a_link_at_which_the_person_sets_a_password(capsys: pytest.CaptureFixture[str], client: Client) -> None:
    code, out, _ = run("Olga@Example.com", "--role", "owner", "--name", "Olga", capsys=capsys)
    assert code == 0
    assert "olga@example.com was added as owner; scope: every account." in out
    link = out.strip().splitlines()[-1]
    page = client.get(link.removeprefix("http://localhost:8000"), follow=True).content.decode()
    assert "Set a password" in page
    event = Event.objects.get(verb="person.added")
    assert event.actor.startswith("operator ")


def test_a_password_is_read_from_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a long enough one\n"))
    code, said = answer("olga@example.com", "--role", "admin", "--password-stdin", capsys=capsys)
    assert code == 0
    assert said["ok"] is True
    assert said["error"] is None
    assert said["items"][0]["password_link"] is None
    assert User.objects.get(email="olga@example.com").check_password("a long enough one")


def test_accounts_narrow_the_scope(capsys: pytest.CaptureFixture[str]) -> None:
    numbers = ["111122223333", "444455556666"]
    for number in numbers:
        factories.account(number=number)
    code, said = answer("olga@example.com", "--role", "owner", "--account", "1111-2222-3333", "444455556666", capsys=capsys)
    assert (code, said["items"][0]["accounts"]) == (0, numbers)
    person = User.objects.get(email="olga@example.com")
    assert not person.every_account
    assert sorted(account.number for account in person.accounts.all()) == numbers


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["olga@example.com", "--role", "king"], 2, "usage"),
        (["olga@example.com"], 2, "usage"),
        (["olga@example.com", "--role", "owner", "--account", "123"], 2, "usage"),
        (["olga@example.com", "--role", "owner", "--account", "999999999999"], 1, "not-found"),
        (["no address", "--role", "owner"], 1, "invalid"),
        (["taken@example.com", "--role", "owner"], 1, "conflict"),
        (["olga@example.com", "--role", "owner", "--by", "nobody@example.com"], 2, "usage"),
        (["olga@example.com", "--role", "owner", "--by", "otto@example.com"], 1, "not-permitted"),
    ],
)
def test_what_is_refused_ends_with_a_code_and_a_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, error: str
) -> None:
    factories.person("owner", email="taken@example.com")
    factories.person("auditor", email="otto@example.com")
    ended, said = answer(*arguments, capsys=capsys)
    assert (ended, said["ok"], said["items"], said["error"]["code"]) == (code, False, [], error)
    assert said["error"]["message"]
    assert not User.objects.filter(email="olga@example.com").exists()


@pytest.mark.parametrize(("typed", "code", "words"), [("", 2, "no password on standard input"), ("short\n", 1, "at least 10")])
def test_a_bad_password_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, typed: str, code: int, words: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    ended, _, err = run("olga@example.com", "--role", "owner", "--password-stdin", capsys=capsys)
    assert ended == code
    assert words in err
    assert not User.objects.exists()
