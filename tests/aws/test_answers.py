"""Whoever answers in AWS's place, and however: an error that is sorted, without a word of what was not understood."""

import http.server
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sharing.aws import acting, calling, session
from sharing.aws.checking import Answer, dry_run
from sharing.aws.errors import AwsError
from sharing.aws.functions import Functions
from sharing.aws.pace import Pace
from sharing.aws.session import RoleRef

ROLE = RoleRef("aws", "444455556666", "arn:aws:iam::444455556666:role/fnshare-manager", "external-id")
ARN = "arn:aws:lambda:us-east-1:444455556666:function:hello"
SECRET = "wJalrXUtnFEMI-K7MDENG"
KEYS = f"""<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId>
<SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>t</SessionToken><Expiration>WHEN</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>"""
GARBAGE = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "a number": b"1",
    "broken off": f'{{"Functions": "{SECRET}'.encode(),
    "too deep": b"[" * 50_000,
    "a text for a list": f'{{"Functions": "{SECRET}"}}'.encode(),
    "a list for a text": f'{{"Functions": [3], "Policy": ["{SECRET}"]}}'.encode(),
    "no utf-8": b"\xff\xfe" + SECRET.encode(),
    "keys broken off": KEYS[:-60].encode(),
    "keys until never": KEYS.replace("WHEN", f"never {SECRET}").encode(),
    "a page": b"<html>Sign in to the hotel's network</html>",
}


class Stranger(http.server.BaseHTTPRequestHandler):
    """Answers what it was told to."""

    says: tuple[int, bytes]
    elsewhere: str
    asked: list[str]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.asked.append(self.path)
        status, body = self.says
        self.send_response(status)
        self.send_header("Location", self.elsewhere)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Stranger]]:
    """A worker whose endpoint is somebody else."""

    class Mine(Stranger):
        asked: list[str] = []

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mine) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        Mine.elsewhere = f"{url}/elsewhere"
        for name, value in {"ENDPOINT_URL": url, "ACCESS_KEY_ID": "A", "SECRET_ACCESS_KEY": "b"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        for module in (session, calling):
            monkeypatch.setattr(f"{module.__name__}.time.sleep", lambda _: None)
        session.forget()
        yield Mine
        session.forget()
        server.shutdown()


def _sorted(call: Callable[[], object], *, carries: bool = True) -> AwsError:
    """`carries`: whether the right answer would hold secrets; of others AWS's words are kept."""
    with pytest.raises(AwsError) as found:
        call()
    assert not carries or SECRET not in "".join(traceback.format_exception(found.value)), "nor in what a log would say of it"
    return found.value


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE.keys())
def test_an_answer_that_is_none_opens_no_session(stranger: type[Stranger], answer: bytes) -> None:
    for status in (200, 403, 500):
        stranger.says = (status, answer)
        assert _sorted(session.identify).operation == "GetCallerIdentity"
        assert _sorted(lambda: session.assume(ROLE, session_name="test")).operation == "AssumeRole"
        assert not session._sessions, "what was no answer is not remembered"


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE.keys())
def test_an_answer_that_is_none_is_no_policy(
    stranger: type[Stranger], unpaced: None, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr(session, "_assume", lambda *_: acting.SessionCredentials("ASIA", "key", "token", 9e12))
    functions = Functions(ROLE, "us-east-1", pace=Pace(), purpose="click", timeout=2.0)
    for status in (200, 403, 500):
        stranger.says = (status, answer)
        _sorted(functions.page)
        _sorted(lambda: functions.policy("hello"), carries=False)
        tried = dry_run(ROLE, ARN, session_name="test")
        assert tried.answer not in (Answer.ALLOWED, Answer.NOT_FOUND)


def test_a_redirect_is_not_followed(stranger: type[Stranger]) -> None:
    for status in (301, 302, 303, 307, 308):
        stranger.says = (status, b"<a/>")
        _sorted(session.identify)
    assert set(stranger.asked) == {"/"}
