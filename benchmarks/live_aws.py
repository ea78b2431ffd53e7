"""A sandbox AWS in a process of its own, and a Valkey: what the benchmarks of workers run against.

    with live_aws([100] * 20) as aws:   # Django is set up, the accounts are connected as rows
        ...

    python -m benchmarks.live_aws FILE FUNCTIONS,FUNCTIONS,...   # the sandbox itself

On an empty SQLite database, or on the empty one that DATABASE_URL names. Each account has its functions in one region, and
every tenth of them shared with somebody. The limits of AWS count.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REGION = "us-east-1"
DASHBOARD = "777788889999"
_FIRST = 600_000_000_000
_EXTERNAL_ID = "benchmark-8b1f0c2d9e47"


@dataclass
class Aws:
    """A running sandbox, seen through its controls. accounts: ids of the owners, in order. pid: its process."""

    url: str
    key: str
    accounts: list[str]
    pid: int = 0

    def asked(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One request to the controls."""
        request = urllib.request.Request(
            f"{self.url}/_sandbox/{path}",
            data=json.dumps(body or {}).encode(),
            method=method,
            headers={"X-Sandbox-Key": self.key, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def calls(self) -> tuple[Counter[str], int]:
        """What Lambda was asked since the last `forget`, by operation, and how many of it was throttled."""
        journal = [call for call in self.asked("GET", "journal")["calls"] if call["service"] == "lambda"]
        return Counter(call["operation"] for call in journal), sum(call["status"] == 429 for call in journal)

    def forget(self) -> None:
        """Empty the journal."""
        self.asked("DELETE", "journal")


@contextmanager
def live_aws(sizes: list[int]) -> Iterator[Aws]:
    """A sandbox with an account of each of these numbers of functions, a Valkey, and Django on an empty database."""
    with tempfile.TemporaryDirectory(prefix="live-aws") as folder:
        running: list[subprocess.Popen[bytes]] = []
        try:
            from sharing.running import programs

            socket = Path(folder) / "valkey"
            running.append(subprocess.Popen(programs.valkey(socket).command, stdout=subprocess.DEVNULL))
            told = Path(folder) / "aws.json"
            command = [sys.executable, "-m", "benchmarks.live_aws", str(told), ",".join(map(str, sizes))]
            running.append(subprocess.Popen(command))
            _until(lambda: told.exists() and socket.exists())
            found = json.loads(told.read_text())
            os.environ |= {
                "DJANGO_SETTINGS_MODULE": "sharing.settings",
                "SECRET_KEY": secrets.token_urlsafe(48),
                "ALLOWED_HOSTS": "localhost",
                "PUBLIC_URL": "http://localhost:8000",
                "DATABASE_URL": os.environ.get("DATABASE_URL") or f"sqlite:///{folder}/live.sqlite3",
                "REDIS_URL": f"redis+socket://{socket}",
                "AWS_ENDPOINT_URL": found["url"],
                "AWS_ACCESS_KEY_ID": found["key_id"],
                "AWS_SECRET_ACCESS_KEY": found["secret"],
                "AWS_DEFAULT_REGION": REGION,
                "AWS_EC2_METADATA_DISABLED": "true",
                "NO_PROXY": "127.0.0.1",
            }
            import django
            from django.core.management import call_command

            django.setup()
            call_command("migrate", verbosity=0)
            call_command("createcachetable", verbosity=0)
            aws = Aws(found["url"], found["control"], found["accounts"], running[-1].pid)
            _connect(found)
            yield aws
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait()


def processor(pids: Iterable[int]) -> float:
    """Seconds of a processor that these processes took so far (Linux)."""
    used = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used += int(fields[11]) + int(fields[12])
    return used / os.sysconf("SC_CLK_TCK")


def _connect(found: dict[str, Any]) -> None:
    from sharing.models import Account, Connection, ConnectionState, Purpose

    for number in found["accounts"]:
        account = Account.objects.create(number=number, name=f"Owner {number[-4:]}")
        Connection.objects.create(
            account=account,
            purpose=Purpose.MANAGER,
            state=ConnectionState.CONNECTED,
            role_arn=found["roles"][number],
            external_id=found["external_ids"][number],
            regions=[REGION],
            verbs={"list": True, "read": True, "share": True},
        )


def _until(true: Any, seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends:
            raise SystemExit("The sandbox did not start.")
        time.sleep(0.05)


def said(what: str, took: float, beside: float, within: float) -> bool:
    """Print how long it took beside something else, and whether the claim holds."""
    kept = took <= within * beside
    print(f"  {what}: {took:.2f} s against {beside:.2f} s: {took / beside:.3f} (claim: {within}){'' if kept else '  NOT KEPT'}")
    return kept


def serve(told: Path, sizes: list[int]) -> None:
    """Run the sandbox until the process is ended; `told` is written when it is ready."""
    from sharing.sandbox.server import Sandbox
    from sharing.sandbox.story.roles import add_dashboard, add_manager

    key = secrets.token_urlsafe(16)
    sandbox = Sandbox(story="none", control_key=key).start()
    workers = add_dashboard(sandbox, DASHBOARD, "Dashboard")
    numbers = [str(_FIRST + 7_919 * number) for number in range(len(sizes))]
    for number, functions in zip(numbers, sizes, strict=True):
        owner = sandbox.add_account(number, f"Owner {number[-4:]}", "owner", regions=[REGION])
        add_manager(sandbox, owner, DASHBOARD, workers, f"{_EXTERNAL_ID}-{number}")
        sandbox.add_many_functions(functions - functions // 10, account=number)
        sandbox.add_many_functions(functions // 10, account=number, prefix="shared", shared_with="111122223333")
    sandbox.directory.settle()
    sandbox.switches.rate_limits = True
    dashboard = sandbox.account(DASHBOARD)
    draft = told.with_suffix(".draft")
    draft.write_text(
        json.dumps(
            {
                "url": sandbox.url,
                "control": key,
                "key_id": dashboard.access_key_id,
                "secret": dashboard.secret_access_key,
                "accounts": numbers,
                "roles": {number: sandbox.account(number).manager_role_arn for number in numbers},
                "external_ids": {number: sandbox.account(number).external_id for number in numbers},
            }
        )
    )
    draft.replace(told)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), [int(size) for size in sys.argv[2].split(",")])
