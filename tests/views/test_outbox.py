"""The demo's mailbox: open to everybody in the demo, and anywhere else an address like any that does not exist."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.filebased import EmailBackend
from django.test import Client

from sharing import environment
from sharing.models import Role
from tests import factories

pytestmark = pytest.mark.django_db

#: Differs from page to page, whatever the address.
TOKEN = re.compile(rb'"X-CSRFToken": "\w+"|name="csrfmiddlewaretoken" value="\w+"')


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.DEMO_OUTBOX = str(tmp_path / "mail")
    return tmp_path / "mail"


def deliver(folder: Path, subject: str = "Hello", text: str = "Text", html: str = "<p>HTML</p>", file: str = "mail") -> str:
    """A mail in the demo's folder, as Django's backend writes it; the name of its page."""
    message = EmailMultiAlternatives(subject, text, "fnshare <fnshare@localhost>", ["dev@acme.example"])
    message.attach_alternative(html, "text/html")
    backend = EmailBackend(file_path=str(folder))
    backend._fname = str(folder / f"{file}.log")  # type: ignore[attr-defined]  # its own name has the second in it
    message.connection = backend
    message.send()
    return f"{file}-1"


@pytest.mark.parametrize("address", ["/outbox/", "/outbox/20261125-233129-1/"])
def test_outside_the_demo_it_is_no_page_whoever_asks_and_however(client: Client, address: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    nowhere = "/no-such-page/"
    for role in ("", Role.ADMIN, Role.CONSUMER):
        if role:
            person = factories.person(role)
            client.force_login(person)
            strict.force_login(person)
        for asks in (client.get, client.head, client.put, strict.post):
            here, there = asks(address), asks(nowhere)
            assert here.status_code == there.status_code == 404
            assert TOKEN.sub(b"", here.content) == TOKEN.sub(b"", there.content)


def test_in_the_demo_everybody_reads_it_without_signing_in(client: Client, folder: Path) -> None:
    assert "No mail yet" in client.get("/outbox/").content.decode()
    name = deliver(folder, "[fnshare] Éva invites you")
    assert f'href="/outbox/{name}/"' in client.get("/outbox/").content.decode()
    assert "Éva invites you" in client.get(f"/outbox/{name}/").content.decode()
    client.force_login(factories.person(Role.CONSUMER))
    assert client.get("/outbox/").status_code == 200
    assert client.post("/outbox/").status_code == 405
    assert 'href="/outbox/"' in Client().get("/login/").content.decode()


def test_the_newest_mail_comes_first(client: Client, folder: Path) -> None:
    for second, subject in enumerate(("oldest", "middle", "newest")):
        deliver(folder, subject, file=subject)
        os.utime(folder / f"{subject}.log", (second, second))
    page = client.get("/outbox/").content.decode()
    assert page.index("newest") < page.index("middle") < page.index("oldest")


def test_two_mails_that_left_within_one_second_share_a_file_and_are_two(client: Client, folder: Path) -> None:
    deliver(folder, "before")
    deliver(folder, "after", text="After all.")
    page = client.get("/outbox/").content.decode()
    assert page.index("after") < page.index("before")
    assert "After all." in client.get("/outbox/mail-2/").content.decode()
    assert client.get("/outbox/mail-3/").status_code == 404


def test_links_of_the_text_can_be_clicked_and_html_is_shown_as_its_source_only(client: Client, folder: Path) -> None:
    link = "http://localhost:8000/invitation/aB_-" + "x" * 39 + "/"
    text = f"Look:\n\n{link}\n\n> <script>alert(1)</script> javascript:alert(2)"
    name = deliver(
        folder, "<img src=x onerror=alert(3)>", text, "<script>alert(4)</script><form action='https://evil.example'>"
    )
    page = client.get(f"/outbox/{name}/").content.decode()
    assert f'<a href="{link}" rel="nofollow">' in page
    for hostile in ("<script>alert", "<img src=x", "<form action='https://evil", 'href="javascript:'):
        assert hostile not in page
    assert "&lt;script&gt;alert(4)" in page


@pytest.mark.parametrize(
    "name", ["..%2f..%2fetc%2fpasswd", "..", "%2e%2e", "x%00", "secret-1", "mail-1.log", "linked-1", "a" * 5000]
)
def test_nothing_beside_the_mail_can_be_read(client: Client, folder: Path, name: str) -> None:
    deliver(folder)
    (folder.parent / "secret.log").write_text("Subject: secret\n\nsecret")
    (folder / "linked.log").symlink_to(folder.parent / "secret.log")
    assert client.get(f"/outbox/{name}/").status_code == 404
    assert "linked" not in client.get("/outbox/").content.decode()


def test_a_file_that_is_no_mail_breaks_nothing(client: Client, folder: Path) -> None:
    folder.mkdir()
    (folder / "half.log").write_bytes(b"Subject: =?utf-8?b?broken\nContent-Type: text/plain; charset=nonsense\n\n\xff\x00")
    (folder / "empty.log").write_bytes(b"")
    (folder / "note.txt").write_text("no mail")
    assert client.get("/outbox/").status_code == 200
    assert client.get("/outbox/half-1/").status_code == 200
    assert client.get("/outbox/note-1/").status_code == 404


@pytest.mark.parametrize(
    ("value", "public", "words"),
    [
        ("/srv/mail", "https://fnshare.example.com", "to everybody"),
        ("/srv/mail", "http://10.0.0.1:8000", "to everybody"),
        ("mail", "http://localhost:8000", "absolute"),
    ],
)
def test_it_cannot_be_switched_on_where_others_are_served(
    monkeypatch: pytest.MonkeyPatch, value: str, public: str, words: str
) -> None:
    monkeypatch.setenv("DEMO_OUTBOX", value)
    with pytest.raises(environment.Misconfigured, match=words) as refused:
        environment.demo_outbox(public)
    assert str(refused.value).startswith("fnshare cannot start: DEMO_OUTBOX ")


def test_it_is_off_unless_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEMO_OUTBOX", raising=False)
    assert environment.demo_outbox("http://localhost:8000") == ""
