"""`make demo`: the whole product on this machine, with a sandbox AWS and a story to try it on.

Everything lives in var/demo, is fresh at each start and ends with this process. var/demo.json tells programs how to get in.
"""

import argparse
import json
import os
import secrets
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sharing.environment import without_aws
from sharing.provider import VARIABLES
from sharing.running import leftovers, ports, probing, programs, template, trying
from sharing.running.install import CHECKOUT
from sharing.running.session import Ended, Session, write_private
from sharing.running.supervising import Program, Supervisor

REGION = "us-east-1"
PASSWORD = "share-a-function"  # noqa: S105  # of a sandbox that only this machine reaches, printed at every start
LOGINS = (
    {"email": "admin@example.com", "password": PASSWORD, "role": "admin"},
    {"email": "owner@example.com", "password": PASSWORD, "role": "owner"},
    {"email": "second-owner@example.com", "password": PASSWORD, "role": "owner"},
    {"email": "auditor@example.com", "password": PASSWORD, "role": "auditor"},
    {"email": "consumer@example.com", "password": PASSWORD, "role": "consumer"},
)


class Demo(Session):
    """One run of the demo. folder: `var`, or another folder to keep apart (tests).

    told: whether the story's accounts are connected and its shares made, or only its people added.
    """

    title = "demo"

    def __init__(
        self, folder: Path, port: int, *, story: str = "demo", told: bool = True, control_key: str = "", database_url: str = ""
    ) -> None:
        super().__init__(folder)
        self.port = port
        self.story = story
        self.told = told
        self.url = f"http://localhost:{port}"
        self.accounts_file = self.home / "accounts.json"
        self.control_key = control_key
        self.database_url = database_url or f"sqlite:///{quote(str(self.home / template.DATABASE))}"
        self.sandbox_port = ports.free()
        self.endpoint = f"http://127.0.0.1:{self.sandbox_port}"
        self.deliveries = f"{self.endpoint}/_sandbox/deliveries"

    def environ(self) -> dict[str, str]:
        """What every program of the demo gets: nothing of the caller's AWS, database or secrets."""
        environ = without_aws(os.environ)
        ours = ("GUNICORN_CMD_ARGS", "WEB_CONCURRENCY", "PYTHONPATH", "EMAIL_FROM", "OWNER_TAG")
        of_pace = ("AWS_PACE_SHARE", "AWS_PACE_PROCESSES", "SYNCS_AT_ONCE", "QUIET_HOURS")
        of_operations = [name for name in environ if name.startswith(("KEEP_", "METRICS_", "HISTORY_"))]
        for name in (*ours, *of_pace, *VARIABLES, *of_operations):
            environ.pop(name, None)
        local = ",".join(filter(None, [environ.get("NO_PROXY") or environ.get("no_proxy"), "127.0.0.1", "localhost"]))
        environ.update(
            DJANGO_SETTINGS_MODULE="sharing.settings",
            SECRET_KEY=secrets.token_urlsafe(48),
            ALLOWED_HOSTS="localhost,127.0.0.1",
            PUBLIC_URL=self.url,
            DATABASE_URL=self.database_url,
            REDIS_URL=f"redis+socket://{self.sockets / 'valkey'}",
            EMAIL_URL=f"filemail://{quote(str(self.home / 'mail'))}",
            DEMO_OUTBOX=str(self.home / "mail"),
            DEMO_DELIVERIES=self.deliveries,
            AWS_ENDPOINT_URL=self.endpoint,
            AWS_DEFAULT_REGION=REGION,
            AWS_EC2_METADATA_DISABLED="true",
            # Written once the sandbox has told them; the web process is started without (web.py).
            AWS_SHARED_CREDENTIALS_FILE=str(self.home / "credentials"),
            NO_PROXY=local,
            no_proxy=local,
            PYTHONUNBUFFERED="1",
            **{leftovers.RUN_ID: self.run_id},
        )
        return environ

    def sandbox(self) -> Program:
        """The local AWS: one process, its state in memory."""
        command = [sys.executable, "-m", "sharing.sandbox", "--host", "127.0.0.1", "--port", str(self.sandbox_port)]
        command += ["--story", self.story, "--accounts", str(self.accounts_file), "--show-deliveries"]
        if self.control_key:
            command += ["--control-key", self.control_key]
        return Program("sandbox", command, order=20, at_once=True)

    def run(self) -> None:
        """Start everything, tell the story, print the way in, and stay until asked to end."""
        environ = self.environ()
        self._keep_for_commands(environ)
        if not self.database_url.startswith("postgres"):
            template.copy(self.folder, self.home)
        own = programs.product(port=self.port, folder=self.home)
        self.supervisor = supervisor = Supervisor(
            [programs.valkey(self.sockets / "valkey"), self.sandbox(), *own], self.home, self.sockets / "control", environ
        )
        supervisor.start()
        story = subprocess.Popen(
            [sys.executable, "-m", "sharing.running.story", str(self.home), *(["tell"] if self.told else [])],
            env=environ,
            cwd=CHECKOUT,
            stdout=(self.home / "logs" / "story.log").open("wb"),
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        self.wait(lambda: self.accounts_file.exists(), "the sandbox AWS", log="sandbox", child=story)
        accounts = json.loads(self.accounts_file.read_text())
        self._write_credentials(accounts)
        self.wait(lambda: (self.home / "migrated").exists(), "the database", log="story", child=story)
        supervisor.begin(*programs.WORKERS)
        # While the workers read AWS at its pace, this machine has time to start the rest.
        self.wait(lambda: (self.home / "connected").exists(), "the accounts", log="story", child=story)
        supervisor.begin("beat", "web")
        self.wait(lambda: ports.answers(self.port), "the web process", log="web", child=story)
        self.wait(lambda: story.poll() == 0, "the story", log="story", child=story)
        self.wait(lambda: not probing.not_ready(self.port), "workers and beat", log="worker")
        self._describe(accounts)
        self._greet(accounts)
        told = self.accounts_file.stat().st_mtime_ns
        while True:
            self.check()
            time.sleep(0.25)
            if self.accounts_file.stat().st_mtime_ns != told:
                told = self.accounts_file.stat().st_mtime_ns
                self._sandbox_came_back(supervisor)

    def _sandbox_came_back(self, supervisor: Supervisor) -> None:
        """The sandbox died and lives again with its story told anew: new keys, which workers must learn."""
        accounts = json.loads(self.accounts_file.read_text())
        self._write_credentials(accounts)
        self._describe(accounts)
        print("The sandbox AWS was started again: its accounts have new keys and are as the story tells them.", flush=True)
        self._say_tries(accounts)
        for name in programs.WORKERS:
            supervisor.end(name)
            supervisor.begin(name)

    def _write_credentials(self, accounts: list[dict[str, Any]]) -> None:
        dashboard = next(account for account in accounts if account["kind"] == "dashboard")
        write_private(
            self.home / "credentials",
            "[default]\n"
            f"aws_access_key_id = {dashboard['access_key_id']}\n"
            f"aws_secret_access_key = {dashboard['secret_access_key']}\n",
        )

    def _keep_for_commands(self, environ: dict[str, str]) -> None:
        """var/demo/environment: what a shell sources to run manage.py against this demo."""
        ours = {name: value for name, value in sorted(environ.items()) if os.environ.get(name) != value}
        lines = [f"export {name}={shlex.quote(value)}" for name, value in ours.items() if name != leftovers.RUN_ID]
        write_private(self.home / "environment", "\n".join(lines) + "\n")

    def _describe(self, accounts: list[dict[str, Any]]) -> None:
        """var/demo.json, for programs."""
        told = {
            "url": self.url,
            "logins": list(LOGINS),
            "aws": {"endpoint_url": self.endpoint, "region": REGION, "deliveries_url": self.deliveries},
            "accounts": [
                {key: account[key] for key in ("id", "name", "kind", "access_key_id", "secret_access_key")}
                for account in accounts
            ],
            "tries": self._tries(accounts),
        }
        write_private(self.described, json.dumps(told, indent=2) + "\n")

    def _tries(self, accounts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """As each account with sources: what to type at them."""
        return [tried for account in accounts if (tried := trying.commands(account, self.endpoint, REGION))]

    def _say_tries(self, accounts: list[dict[str, Any]]) -> None:
        for number, tried in enumerate(self._tries(accounts)):
            if not number:
                print("\n  Once a source is wired to a function, wake it with the AWS CLI (all of this is in demo.json too):")
            print(f"\n{trying.as_text(tried)}", flush=True)

    def _greet(self, accounts: list[dict[str, Any]]) -> None:
        """The way in, for people."""
        width = max(len(login["email"]) for login in LOGINS)
        print(f"\n  fnshare is at {self.url}\n")
        for login in LOGINS:
            print(f"    {login['email']:<{width}}  {login['password']}  ({login['role']})")
        print(f"\n  mail: {self.url}/outbox/")
        print(f"  deliveries of buckets, topics, queues, rules and alarms to functions, live: {self.deliveries}")
        self._say_tries(accounts)
        print(f"\n  Its AWS is a sandbox on this machine. Logs: {self._near(self.home / 'logs')}   Ctrl-C ends everything.\n")
        sys.stdout.flush()

    def _near(self, path: Path) -> str:
        return str(path.relative_to(CHECKOUT)) if path.is_relative_to(CHECKOUT) else str(path)


def main() -> int:
    """Run the demo; the exit status."""
    parser = argparse.ArgumentParser(prog="make demo", description="fnshare with a sandbox AWS, on this machine only.")
    parser.add_argument("--folder", type=Path, default=CHECKOUT / "var", help="where to keep it (default: var)")
    parser.add_argument("--story", default="demo", help="the sandbox's story (default: demo)")
    parser.add_argument(
        "--untold", action="store_true", help="leave the accounts to be connected: connect, sync and share nothing"
    )
    parser.add_argument("--control-key", default="", help="opens the sandbox's controls to requests that carry it (tests)")
    parser.add_argument("--database-url", default="", help="an empty database to use instead of a SQLite file (tests)")
    options = parser.parse_args()
    try:
        port = ports.wanted()
        with Demo(
            options.folder.resolve(),
            port,
            story=options.story,
            told=not options.untold,
            control_key=options.control_key,
            database_url=options.database_url,
        ) as demo:
            ports.refuse_if_taken(port)
            print("Starting fnshare with its sandbox AWS ...", flush=True)
            demo.run()
    except ports.PortProblem as problem:
        print(problem, file=sys.stderr)
        return 2
    except programs.NoServer as problem:
        print(problem, file=sys.stderr)
        return 1
    except Ended as end:
        if end.problem:
            print(end.problem, file=sys.stderr)
        return end.status
    return 0


if __name__ == "__main__":
    sys.exit(main())
