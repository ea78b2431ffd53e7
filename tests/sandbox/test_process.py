"""The sandbox as a process of its own, its controls over HTTP, and as an object inside this one."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from sharing.sandbox.server import PortTaken, Sandbox
from sharing.sandbox.story import CANARY, NAMES
from tests.sandbox.conftest import ONE_TRY, Speaker, code, function_arn

KEY = "a-key-of-this-test"
ROOT = Path(__file__).parents[2]


class Process:
    """`python -m sharing.sandbox`, ended by its own id."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.accounts_file = folder / "accounts.json"
        command = [sys.executable, "-m", "sharing.sandbox", "--accounts", str(self.accounts_file), *words]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.url = ""

    def wait_until_ready(self, limit: float = 20.0) -> "Process":
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("Sandbox AWS on http://"), line or self.process.communicate(timeout=limit)
        self.url = line.rpartition(" ")[2].strip()
        return self

    @property
    def accounts(self) -> list[dict[str, Any]]:
        return list(json.loads(self.accounts_file.read_text()))

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        if self.process.poll() is None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err

    def client(self, service: str, kind: str) -> Any:
        held = next(account for account in self.accounts if account["kind"] == kind)
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            config=ONE_TRY,
            aws_access_key_id=held["access_key_id"],
            aws_secret_access_key=held["secret_access_key"],
        )


def ask(url: str, method: str, path: str, body: Any = None, key: str | None = KEY) -> tuple[int, Any]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        headers = {} if key is None else {"X-Sandbox-Key": key}
        connection.request(method, f"/_sandbox/{path}", body=None if body is None else json.dumps(body), headers=headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None
    finally:
        connection.close()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    made = Process(tmp_path_factory.mktemp("sandbox"), "--control-key", KEY, "--verbose").wait_until_ready()
    yield made
    made.end()


def test_the_accounts_are_written_for_their_owner_only(process: Process) -> None:
    assert stat.S_IMODE(process.accounts_file.stat().st_mode) == 0o600
    assert [account["kind"] for account in process.accounts] == [
        "dashboard",
        "owner",
        "consumer",
        "consumer",
        "consumer",
        "stranger",
        "management",
    ]
    assert {"id", "name", "kind", "access_key_id", "secret_access_key"} <= set(process.accounts[0])
    owner = next(account for account in process.accounts if account["kind"] == "owner")
    assert owner["manager_role_arn"].endswith(":role/fnshare-manager")
    assert owner["external_id"]
    assert process.client("sts", "owner").get_caller_identity()["Account"] == owner["id"]


def test_the_controls_need_the_key(process: Process) -> None:
    for key in (None, "", "wrong"):
        for method, path in (("GET", "journal"), ("POST", "reset"), ("POST", "faults")):
            assert ask(process.url, method, path, key=key)[0] == 404
    assert ask(process.url, "GET", "nothing-here")[0] == 404


def test_journal_switches_faults_and_reset_over_http(process: Process) -> None:
    client = process.client("lambda", "owner")
    assert ask(process.url, "POST", "reset", {"story": "demo"})[0] == 204
    assert ask(process.url, "GET", "switches")[1]["latency"] == 0
    assert ask(process.url, "POST", "switches", {"public_policy_blocked": True})[1]["public_policy_blocked"] is True
    for wrong in ({"nonsense": 1}, {"latency": "long"}, {"latency": -1}, {"rate_limits": 1}, [1]):
        assert ask(process.url, "POST", "switches", wrong)[0] == 400
    status, fault = ask(process.url, "POST", "faults", {"operation": "ListFunctions", "times": 1})
    assert (status, fault["left"]) == (201, 1)
    assert ask(process.url, "POST", "faults", {"operation": "ListFunctions", "when": "never"})[0] == 400
    assert ask(process.url, "POST", "faults", {"nonsense": 1})[0] == 400
    assert ask(process.url, "GET", "faults")[1]["waiting"] == 0
    assert ask(process.url, "POST", "release")[1] == {"released": 0}
    assert ask(process.url, "DELETE", "faults")[0] == 204
    assert ask(process.url, "DELETE", "journal")[0] == 204
    assert client.list_functions()["Functions"]  # the keys in the accounts file outlive a reset
    journal = ask(process.url, "GET", "journal")[1]
    assert [(c["service"], c["operation"], c["status"]) for c in journal["calls"]] == [("lambda", "ListFunctions", 200)]


def test_a_taken_port_is_said_plainly(process: Process, tmp_path: Path) -> None:
    port = str(urlsplit(process.url).port)
    second = Process(tmp_path, "--port", port).process
    out, err = second.communicate(timeout=20)
    assert (second.returncode, out) == (1, "")
    why = f"Port {port} on 127.0.0.1 cannot be used: Address already in use."
    assert err == f"The sandbox cannot start: {why} Choose another with --port.\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_even_while_a_call_is_held(tmp_path: Path, number: int) -> None:
    made = Process(tmp_path, "--control-key", KEY).wait_until_ready()
    try:
        ask(made.url, "POST", "faults", {"operation": "ListFunctions", "effect": "hold"})
        script = (
            "import boto3, sys; boto3.client('lambda', region_name='us-east-1', endpoint_url=sys.argv[1],"
            " aws_access_key_id=sys.argv[2], aws_secret_access_key=sys.argv[3]).list_functions()"
        )
        owner = next(account for account in made.accounts if account["kind"] == "owner")
        words = [sys.executable, "-c", script, made.url, owner["access_key_id"], owner["secret_access_key"]]
        caller = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 20
            while ask(made.url, "GET", "faults")[1]["waiting"] == 0 and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            caller.kill()
            caller.wait(10)
    finally:
        start = time.monotonic()
        exit_code, out, err = made.end(number)
    assert (exit_code, out, err) == (0, "", "")
    assert time.monotonic() - start < 5


def test_calls_are_logged_only_when_asked(process: Process) -> None:
    assert process.process.stdout is not None  # the process fixture runs with --verbose
    os.set_blocking(process.process.stdout.fileno(), False)
    assert code(process.client("lambda", "dashboard").list_functions) == "AccessDeniedException"
    said = process.process.stdout.read() or ""
    assert "lambda:ListFunctions  by arn:aws:iam::777788889999:user/fnshare/worker: 403 AccessDeniedException" in said


def test_only_one_runs_in_a_process(sandbox: Sandbox) -> None:
    with pytest.raises(RuntimeError, match="already runs"):
        Sandbox("none").start()
    assert sandbox.accounts


def test_a_taken_port_raises_in_process_too() -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    script = (
        "from sharing.sandbox.server import PortTaken, Sandbox\n"
        "import sys\n"
        "try:\n    Sandbox('none').start(port=int(sys.argv[1]))\n"
        "except PortTaken as error:\n    print('taken')\n"
        "with Sandbox('none') as again:\n    print(again.url.startswith('http://127.0.0.1:'))\n"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", script, str(taken.getsockname()[1])],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    finally:
        taken.close()
    assert done.stdout.split() == ["taken", "True"]
    assert issubclass(PortTaken, OSError)


def test_a_reset_forgets_everything_and_is_quick(speak: Speaker, sandbox: Sandbox) -> None:
    owner = speak.lambda_("Platform")
    owner.add_permission(FunctionName="hello_world", StatementId="a", Action="lambda:InvokeFunction", Principal="*")
    speak.client("s3", "Platform").create_bucket(Bucket="some-bucket")
    sandbox.faults.add("ListFunctions", times=9)
    sandbox.switches.latency = 1.0
    sandbox.add_many_functions(10_000)
    start = time.monotonic()
    sandbox.reset()
    assert time.monotonic() - start < 1
    assert sandbox.policy(function_arn("444455556666", "hello_world")) is None
    assert len(owner.list_functions()["Functions"]) == 27  # account keys stay, everything else is new
    assert speak.client("s3", "Platform").list_buckets()["Buckets"] == []
    assert len(sandbox.journal) == 2


def test_a_reset_ends_every_session(speak: Speaker, sandbox: Sandbox) -> None:
    platform = speak.account("Platform")
    session = speak.assumed("lambda", platform.manager_role_arn, "fnshare", ExternalId=platform.external_id)
    sandbox.reset()
    assert code(session.list_functions) == "UnrecognizedClientException"


def test_ten_thousand_functions_are_seeded_in_seconds(sandbox: Sandbox) -> None:
    start = time.monotonic()
    arns = sandbox.add_many_functions(10_000, shared_with="111122223333")
    assert time.monotonic() - start < 5
    assert len(set(arns)) == 10_000
    assert sandbox.policy(arns[-1]) is not None


@pytest.mark.parametrize("story", NAMES)
def test_every_story_loads(sandbox: Sandbox, story: str) -> None:
    sandbox.reset(story=story)
    kinds = [account.kind for account in sandbox.accounts]
    told = ["dashboard", "owner", *["consumer"] * 3, "stranger"]
    assert kinds == {"none": [], "demo": [*told, "management"]}.get(story, told)
    assert CANARY not in story


def test_an_unknown_story_is_named(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="no story 'tale'; there are demo, other, none"):
        sandbox.reset(story="tale")
    with pytest.raises(ValueError, match="no story"):
        Sandbox("tale")
