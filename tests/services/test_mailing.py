"""Sending mail: once, whoever sends it; later, when the server is away; never again, when it refuses for good."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from sharing.models import Notice, NoticeState
from sharing.services import mailing, notices
from sharing.services.letters import Letter
from sharing.services.mailing import _WAITS
from tests import factories

pytestmark = pytest.mark.django_db

TO = "olga@example.com"


def queued() -> Notice:
    factories.person(email=TO)
    notice = notices.queue("password-reset", to=TO)
    assert notice is not None
    return notice


def again(notice: Notice) -> Notice:
    notice.refresh_from_db()
    return notice


@contextmanager
def smtp_server(answers: dict[bytes, bytes] | None) -> Iterator[int]:
    """A mail server on this machine that gives these answers by verb; None: it hangs up at once. Its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            while True:
                connection, _ = listening.accept()
                with connection:
                    if answers is None:
                        continue
                    connection.sendall(b"220 here\r\n")
                    for line in connection.makefile("rb"):
                        connection.sendall(answers.get(line[:4].strip().upper(), b"250 fine") + b"\r\n")
                        if line.upper().startswith(b"QUIT"):
                            break
        except OSError:
            return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listening.getsockname()[1]
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(5)


@pytest.fixture
def smtp(settings: Any) -> Any:
    """Settings that send by SMTP to this machine; the test sets EMAIL_PORT."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_TIMEOUT = 2
    return settings


def test_a_mail_leaves_once_with_text_and_html() -> None:
    notice = queued()
    assert mailing.send(notice.pk)
    assert not mailing.send(notice.pk)
    (message,) = mail.outbox
    assert message.subject == "[fnshare] Set a new password"
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"
    assert "/password/reset/key/" in str(message.body)
    assert "<!doctype html>" in str(getattr(message, "alternatives")[0][0])  # noqa: B009  # unknown to the stubs
    assert again(notice).state == NoticeState.SENT
    assert (notice.tries, notice.failure, notice.next_try_at) == (1, "", None)


class Twice(EmailBackend):
    """A second worker takes the same notice while the first one talks to the mail server."""

    def send_messages(self, email_messages: Any) -> int:
        assert not mailing.send(Notice.objects.get().pk)
        return int(super().send_messages(email_messages))


def test_two_workers_send_it_once(settings: Any) -> None:
    settings.EMAIL_BACKEND = "tests.services.test_mailing.Twice"
    assert mailing.send(queued().pk)
    assert len(mail.outbox) == 1


class Killed(EmailBackend):
    """The worker dies before the mail server has answered."""

    def send_messages(self, email_messages: Any) -> int:
        raise SystemExit


def test_a_mail_whose_worker_died_is_sent_by_the_next_one(settings: Any) -> None:
    notice = queued()
    fine = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "tests.services.test_mailing.Killed"
    with pytest.raises(SystemExit):
        mailing.send(notice.pk)
    settings.EMAIL_BACKEND = fine
    now = timezone.now()
    assert notice not in notices.due(now), "it may still be under way"
    later = now + _WAITS[0] + timedelta(seconds=5)
    assert notice in notices.due(later)
    with time_machine.travel(later, tick=False):
        assert mailing.send(notice.pk)
    assert again(notice).state == NoticeState.SENT


def test_a_mail_that_ends_its_worker_each_time_is_given_up() -> None:
    notice = queued()
    Notice.objects.update(tries=len(_WAITS) + 1)
    assert not mailing.send(notice.pk)
    assert again(notice).state == NoticeState.FAILED
    assert "Each try" in notice.failure
    assert mail.outbox == []


def test_a_server_that_hangs_up_is_tried_again_with_longer_waits_and_then_given_up(smtp: Any) -> None:
    notice = queued()
    with smtp_server(None) as port:
        smtp.EMAIL_PORT = port
        now = timezone.now()
        for tried, wait in enumerate(_WAITS, 1):
            with time_machine.travel(now, tick=False):
                assert not mailing.send(notice.pk)
            assert again(notice).state == NoticeState.QUEUED
            assert (notice.tries, notice.next_try_at) == (tried, now + wait)
            assert "SMTPServerDisconnected" in notice.failure
            now += wait
        with time_machine.travel(now, tick=False):
            assert not mailing.send(notice.pk)
    assert again(notice).state == NoticeState.FAILED
    assert notice.next_try_at is None


def test_a_server_that_is_not_there_fails_no_task(smtp: Any) -> None:
    smtp.EMAIL_PORT = 1
    notice = queued()
    assert not mailing.send(notice.pk)
    assert again(notice).state == NoticeState.QUEUED
    assert "ConnectionRefusedError" in notice.failure


def test_a_server_that_never_answers_is_not_waited_for_longer_than_the_timeout(smtp: Any) -> None:
    smtp.EMAIL_TIMEOUT = 0.2
    listening = socket.create_server(("127.0.0.1", 0))  # takes connections and says nothing
    smtp.EMAIL_PORT = listening.getsockname()[1]
    notice = queued()
    started = time.monotonic()
    assert not mailing.send(notice.pk)
    assert time.monotonic() - started < 2
    listening.close()
    assert again(notice).state == NoticeState.QUEUED


def test_the_product_itself_sets_a_timeout() -> None:
    from sharing import settings as product

    assert 0 < product.EMAIL_TIMEOUT <= 30


@pytest.mark.parametrize(
    ("answers", "state", "words"),
    [
        ({b"RCPT": b"550 5.1.1 \x1b[31mUser unknown"}, NoticeState.FAILED, "refuses this address: 550 5.1.1"),
        ({b"RCPT": b"450 4.2.1 try later"}, NoticeState.QUEUED, "SMTPRecipientsRefused"),
        ({b"DATA": b"554 5.7.1 spam"}, NoticeState.FAILED, "refuses this mail: 554"),
        ({b"DATA": b"451 greylisted"}, NoticeState.QUEUED, "SMTPDataError"),
        ({b"MAIL": b"530 authenticate first"}, NoticeState.QUEUED, "SMTPSenderRefused"),
    ],
)
def test_what_is_refused_for_good_fails_at_once_and_the_rest_is_tried_again(
    answers: dict[bytes, bytes], state: str, words: str, smtp: Any
) -> None:
    notice = queued()
    with smtp_server(answers) as port:
        smtp.EMAIL_PORT = port
        assert not mailing.send(notice.pk)
    assert again(notice).state == state
    assert words in notice.failure
    assert "\x1b" not in notice.failure
    assert (notice.next_try_at is None) == (state == NoticeState.FAILED)


def test_a_mail_of_a_kind_that_nobody_writes_fails_and_says_so() -> None:
    notice = notices.queue("of-a-later-version", to=TO)
    assert notice is not None
    assert not mailing.send(notice.pk)
    assert again(notice).state == NoticeState.FAILED
    assert "of-a-later-version" in notice.failure


def test_an_address_that_no_mail_can_have_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    notice = queued()
    monkeypatch.setitem(mailing.KINDS, "password-reset", lambda _: Letter("Hello", "mail/password-reset"))
    Notice.objects.update(to="a@b.example\nBcc: c@d.example")
    assert not mailing.send(notice.pk)
    assert again(notice).state == NoticeState.FAILED
    assert mail.outbox == []
