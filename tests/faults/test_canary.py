"""A secret in a function's environment passes through every listing and stays nowhere.

Searched after reads that succeeded, failed half-way and got answers cut off, and after shares, checks and revokes of the very
function that holds it: database, Valkey, logs and every other file, every page, every command's output.
"""

import os
import re
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from sharing.sandbox.story import CANARY
from tests.faults.agreement import agree
from tests.faults.stage import Stage
from tests.live import wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

#: The function whose environment holds the secret, as do all of its nine versions.
HOLDER = "payment-capture"
#: What tells pages of one kind apart: a row's id, or an account's digits.
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?<=/)[0-9]{12}(?=/)")
#: So many pages of each kind, beside every page about the holder.
OF_EACH_KIND = 6


@pytest.fixture(scope="module")
def said(running_stage: Stage) -> Iterator[list[str]]:
    """Everything that commands and Valkey's clients said while the holder was read and used in every way."""
    stage = running_stage
    stage.come_up()
    stage.demo.controls.calm()
    with _overheard(stage) as heard:
        outputs = list(_in_every_way(stage))
        assert _calls_that_carry_it(stage) >= 6, "the secret was never on its way"
    yield [*outputs, *heard]
    stage.demo.controls.calm()
    stage.take_everything_back()


def _in_every_way(stage: Stage) -> Iterator[str]:
    controls, holder = stage.demo.controls, stage.arn(HOLDER)
    sync = ("sync", "--region", "us-east-1", "--pace-share", "1", "--wait")
    # The answer breaks off behind the secret: the SDK calls what is left an error message.
    controls.fault("ListFunctions", "after", "cut")
    yield _output(stage, *sync, "--timeout", "2", "--json")
    yield _output(stage, *sync)
    controls.fault("ListFunctions", "after", "drop")
    controls.fault("ListFunctions", "after", "error", code="ServiceException", status=500)
    controls.fault("GetPolicy", "before", "error", code="AccessDeniedException", status=403, target=":function:p", times=99)
    yield _output(stage, *sync, "--json")
    controls.calm()
    controls.fault("ListVersionsByFunction", "after", "cut", times=9, target=HOLDER)
    stage.read_again(HOLDER)
    controls.calm()
    stage.read_again(HOLDER)
    yield _output(stage, "sync", "--pace-share", "1", "--wait", "--json")
    number = stage.consumers[1]["id"]
    controls.fault("GetFunctionConfiguration", "after", "cut", times=9, target=HOLDER)
    yield _output(stage, "share", holder, "--with", number, "--reason", "Canary", "--wait", "--json")
    yield _output(stage, "check-access", holder, "--as", number, "--wait", "--json")
    yield _output(stage, "who-can-invoke", "--json")
    yield _output(stage, "who-can-invoke", holder)
    controls.calm()
    stage.settled(stage.share(HOLDER, stage.consumers[2]["id"]), "active", "allowed")


def _output(stage: Stage, *words: str) -> str:
    done = stage.demo.command(*words)
    return f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"


def _calls_that_carry_it(stage: Stage) -> int:
    """Answers, whole or cut, that held the secret."""
    carrying = ("ListFunctions", "ListVersionsByFunction", "GetFunctionConfiguration")
    return sum(call["operation"] in carrying and call["status"] == 200 for call in stage.demo.controls.calls())


@contextmanager
def _overheard(stage: Stage) -> Iterator[list[str]]:
    """Every command that reaches Valkey meanwhile."""
    client = redis.Redis(unix_socket_path=_socket(stage))
    heard: list[str] = []
    ending = threading.Event()

    def listen() -> None:
        with client.monitor() as monitor:  # type: ignore[no-untyped-call]
            while not ending.is_set():
                heard.append(repr(monitor.next_command()))

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    wait_for(lambda: bool(heard), "something to overhear")
    yield heard
    ending.set()
    client.ping()  # one more command, so that the listener sees that it is over
    listener.join(10)
    client.close()


def _socket(stage: Stage) -> str:
    url = stage.demo.environ["REDIS_URL"]
    assert url.startswith("redis+socket://"), url
    return url.removeprefix("redis+socket://")


def test_commands_and_what_reached_valkey_do_not_carry_it(said: list[str]) -> None:
    assert any('"ok": true' in one for one in said)
    assert any("fnshare:pace" in one for one in said), "Valkey was not overheard"
    assert [one[:300] for one in said if CANARY in one] == []


def test_the_syncs_really_failed_half_way(said: list[str], stage: Stage) -> None:
    broken, _, partial, *_ = said
    assert "AWS's answer could not be understood" in broken
    assert '"state": "partial"' in partial
    agree(stage)


def test_the_database_does_not_hold_it(said: list[str], stage: Stage) -> None:
    assert stage.inside.ask("search", text=HOLDER), "the search finds nothing at all"
    assert stage.inside.ask("search", text=CANARY) == []
    assert stage.inside.ask("search", text=CANARY[:20]) == []


def test_no_file_of_the_run_holds_it(said: list[str], stage: Stage) -> None:
    """Database, write-ahead log, logs of every program, mail, schedule: whatever lies in its folder."""
    holding, searched = [], Counter[str]()
    for folder, _, names in os.walk(stage.demo.folder):
        for name in names:
            path = os.path.join(folder, name)
            try:
                with open(path, "rb") as file:
                    content = file.read()
            except OSError:
                continue  # a socket, or gone meanwhile
            searched[os.path.splitext(name)[1]] += 1
            if CANARY.encode() in content:
                holding.append(path)
    assert holding == []
    assert searched[".log"] >= 6
    if not stage.demo.database_url:
        assert searched[".sqlite3"] >= 1
        assert searched[".sqlite3-wal"] >= 1


def test_valkey_does_not_hold_it(said: list[str], stage: Stage) -> None:
    client = redis.Redis(unix_socket_path=_socket(stage))
    keys = list(client.scan_iter())
    assert keys
    for key in keys:
        assert CANARY.encode() not in key
        dumped: Any = client.dump(key)
        assert dumped is None or CANARY.encode() not in dumped
    client.close()


def test_no_page_shows_it(said: list[str], stage: Stage) -> None:
    """Every page that links lead to, as an admin sees it."""
    admin = stage.person("admin")
    holder = stage.function(HOLDER)
    visited: set[str] = set()
    kinds: Counter[str] = Counter()
    queue = deque(["/", "/functions/", f"/functions/{holder}/"])
    showing, naming = [], 0
    while queue:
        path = queue.popleft()
        kind = ID.sub("*", path.partition("?")[0])
        if path in visited or (kinds[kind] >= OF_EACH_KIND and holder not in path):
            continue
        visited.add(path)
        kinds[kind] += 1
        page = admin.get(path)
        assert page.status < 500, f"{path}: {page.said}"
        naming += HOLDER in page.text
        if CANARY in page.text:
            showing.append(path)
        queue.extend(_links(page.text, path))
    assert showing == []
    assert kinds["/functions/*/"] >= OF_EACH_KIND
    assert len(kinds) >= 20, sorted(kinds)
    assert naming >= 10, "the pages about the holder were not visited"


def _links(text: str, path: str) -> Iterator[str]:
    """Where the page's links and htmx fragments lead, on this site; signing out is no page."""
    for link in re.findall(r'(?:href|hx-get|action)="([^"#]*)', text):
        target = link.replace("&amp;", "&")
        if target.startswith("?"):
            target = path.partition("?")[0] + target
        if target.startswith("/") and not target.startswith(("/static/", "/logout", "//")):
            yield target
