"""The product as it really runs: separate processes under their supervisor, a sandbox AWS, Valkey. And ways to break it."""

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import xmlrpc.client
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from supervisor.xmlrpc import SupervisorTransport

from sharing.running import ports
from sharing.running.install import CHECKOUT
from tests import lent


def wait_for(ready: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Poll until `ready`; an assertion error that names `what` when it never is."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether a process runs (one that is dead but not yet collected does not)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    with contextlib.suppress(OSError):
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    return True


def as_from_a_terminal() -> None:
    """For a new process: signals have their usual meaning, also when the tests themselves run under nohup."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


class Controls:
    """The sandbox's switches, faults and journal, over HTTP (sharing/sandbox/control.py)."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._key = key

    def ask(self, method: str, name: str, body: Mapping[str, Any] | None = None) -> Any:
        """One request; the decoded answer, None when there is none."""
        request = urllib.request.Request(
            f"{self._url}/_sandbox/{name}",
            data=json.dumps(body or {}).encode() if method != "GET" else None,
            headers={"X-Sandbox-Key": self._key, "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def switch(self, **switches: bool | float) -> None:
        """Set switches, e.g. `switch(propagation_delay=20.0)`."""
        self.ask("POST", "switches", switches)

    def fault(self, operation: str, when: str = "before", effect: str = "error", **more: Any) -> None:
        """Plan a fault (sandbox.faults.Faults.add): effect is error, drop or hold."""
        self.ask("POST", "faults", {"operation": operation, "when": when, "effect": effect, **more})

    def held(self) -> int:
        """Calls that a `hold` fault keeps waiting right now."""
        return int(self.ask("GET", "faults")["waiting"])

    def fired(self) -> int:
        """How often planned faults struck since the last `calm`."""
        return sum(int(fault["fired"]) for fault in self.ask("GET", "faults")["faults"])

    def release(self) -> None:
        """Let every held call go on."""
        self.ask("POST", "release")

    def calls(self, operation: str = "") -> list[dict[str, Any]]:
        """The API calls so far, oldest first; of one operation if given."""
        calls: list[dict[str, Any]] = self.ask("GET", "journal")["calls"]
        return [call for call in calls if operation in ("", call["operation"])]

    def forget_calls(self) -> None:
        """Empty the journal."""
        self.ask("DELETE", "journal")

    def calm(self) -> None:
        """No faults, nothing held, every switch off."""
        self.ask("DELETE", "faults")
        off = {name: type(value)() for name, value in self.ask("GET", "switches").items()}
        self.ask("POST", "switches", off)


class LiveDemo:
    """`make demo` in a folder and on ports of its own, as a context manager.

    folder: where it keeps everything. story: the sandbox's. told: whether its accounts are connected and shares made.
    database_url: an empty database instead of its SQLite file. environ: more variables for its processes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        story: str = "demo",
        told: bool = True,
        database_url: str = "",
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.home = folder / "demo"
        self.story = story
        self.told = told
        self.database_url = database_url
        self.added = dict(environ or {})
        self.port = ports.free()
        self.process: subprocess.Popen[str] | None = None
        self.described: dict[str, Any] = {}
        self._key = secrets.token_hex(16)

    def start(self, seconds: float = 90) -> Self:
        """Start it and wait until it says that it is ready. Its output goes to folder/output."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "demo.json").unlink(missing_ok=True)  # of one that was killed: only a new one says "ready"
        lent.lend(self.folder)
        command = [sys.executable, "-m", "sharing.running.demo", "--folder", str(self.folder), "--story", self.story]
        command += ["--control-key", self._key, "--database-url", self.database_url, *([] if self.told else ["--untold"])]
        with (self.folder / "output").open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=CHECKOUT,
                env={**os.environ, **self.added, "PORT": str(self.port)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                preexec_fn=as_from_a_terminal,
            )
        described = self.folder / "demo.json"
        try:
            wait_for(lambda: described.exists() or self.process_ended(), "the demo's start", seconds)
            assert described.exists(), f"The demo ended: {self.output()}{self.logs()}"
        except BaseException:
            self.stop()
            raise
        self.described = json.loads(described.read_text())
        lent.keep(self.folder)
        return self

    def stop(self, number: signal.Signals = signal.SIGINT, seconds: float = 40) -> int:
        """End it as Ctrl-C does; its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def process_ended(self) -> bool:
        """Whether the demo's own process is gone."""
        return self.process is None or self.process.poll() is not None

    def output(self) -> str:
        """What it printed."""
        return (self.folder / "output").read_text()

    def logs(self) -> str:
        """Every program's log, for the message of a failed test."""
        found = sorted((self.home / "logs").glob("*.log"))
        return "\n".join(f"== {path.name}\n{path.read_text(errors='replace')[-3000:]}" for path in found)

    @property
    def url(self) -> str:
        """Where people open it."""
        return str(self.described["url"])

    @property
    def controls(self) -> Controls:
        """The sandbox's controls."""
        return Controls(self.described["aws"]["endpoint_url"], self._key)

    @property
    def environ(self) -> dict[str, str]:
        """The environment of the demo's own processes, for commands against it."""
        text = (self.home / "environment").read_text()
        listed = subprocess.run(
            ["/bin/sh", "-c", f"{text}\nexec env -0"],
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": os.environ["PATH"]},
        ).stdout
        told = dict(entry.split("=", 1) for entry in listed.split("\0") if "=" in entry)
        return {**os.environ, **told}

    def login(self, role: str) -> dict[str, str]:
        """E-mail address and password of the first person with that role; "second owner" is the other owner."""
        people: list[dict[str, str]] = [login for login in self.described["logins"] if login["role"] == role.split()[-1]]
        return people[1 if role.startswith("second") else 0]

    def account(self, kind: str, number: int = 0) -> dict[str, str]:
        """An account of the story: its id, name and keys."""
        found: list[dict[str, str]] = [account for account in self.described["accounts"] if account["kind"] == kind]
        return found[number]

    def command(self, *arguments: str, seconds: float = 150) -> "subprocess.CompletedProcess[str]":
        """`manage.py ...` in the demo's environment; never raises for an exit status."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=CHECKOUT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def asked(self, *arguments: str) -> dict[str, Any]:
        """The object that a command prints with --json."""
        done = self.command(*arguments, "--json")
        try:
            answer: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            raise AssertionError(f"{arguments}: no JSON: {done.stdout}{done.stderr}") from None
        return answer

    def get(self, path: str = "/login/") -> int:
        """The status of a page, without following redirects; 0 when nothing answers."""
        try:
            opener = urllib.request.build_opener(_NoRedirect())
            with opener.open(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as answer:
            return answer.code
        except OSError:
            return 0

    # The processes, by the names they have under the supervisor: valkey, sandbox, worker, worker-clicks, beat, web.

    def states(self) -> dict[str, tuple[str, int]]:
        """Each program's state (RUNNING, STARTING, STOPPED...) and process id."""
        entries = self._supervisor("getAllProcessInfo")
        return {entry["name"]: (entry["statename"], entry["pid"]) for entry in entries}

    def pid(self, name: str) -> int:
        """The process id of a program, 0 while it does not run."""
        return self.states()[name][1]

    def kill(self, name: str) -> int:
        """`kill -9` a program, its children left to their fate. The supervisor starts it again. Its old process id."""
        pid = self.pid(name)
        assert pid, f"{name} does not run"
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(pid), f"the death of {name}", 10)
        return pid

    def end(self, name: str) -> None:
        """Stop a program for good, until `begin`."""
        self._supervisor("stopProcess", name, True)

    def begin(self, name: str) -> None:
        """Start a stopped program."""
        self._supervisor("startProcess", name, True)

    def wait_until_running(self, *names: str, seconds: float = 30) -> None:
        """Until these programs (all without names) run, and workers take tasks."""

        def running() -> bool:
            states = self.states()
            wanted = names or tuple(states)
            return all(states[name][0] == "RUNNING" and self._takes_tasks(name) for name in wanted)

        wait_for(running, f"{', '.join(names) or 'every program'} running", seconds)

    def _takes_tasks(self, name: str) -> bool:
        if not name.startswith("worker"):
            return True
        started = (self.home / "supervisord.log").read_text().count(f"spawned: '{name}'")
        return (self.home / "logs" / f"{name}.log").read_text(errors="replace").count(" ready.") >= started

    def _supervisor(self, method: str, *arguments: Any) -> Any:
        configured = (self.home / "supervisord.conf").read_text()
        socket = re.search(r"(?m)^file=(.+)$", configured)
        assert socket is not None
        transport = SupervisorTransport(None, None, serverurl=f"unix://{socket[1].replace('%%', '%')}")
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None
