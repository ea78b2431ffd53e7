"""The live demo with its accounts connected and read, and short words for what fault tests do to it."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sharing.running.install import CHECKOUT
from tests.faults.person import Answer, Form, Person
from tests.live import LiveDemo, wait_for

Json = dict[str, Any]

#: Both serve clicks.
WORKERS = ("worker-clicks", "worker")


class Inside:
    """Questions to the demo's database, answered by tests/faults/inside.py in a process of its own."""

    def __init__(self, demo: LiveDemo) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.inside"],
            cwd=CHECKOUT,
            env=demo.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._one = threading.Lock()

    def ask(self, what: str, **given: Any) -> Any:
        """One question; an assertion error with what it said when it cannot be answered."""
        with self._one:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps({"ask": what, **given}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        assert line, f"tests.faults.inside ended on {what}"
        answer = json.loads(line)
        assert "problem" not in answer, answer
        return answer["said"]

    def end(self) -> None:
        """Close its input and wait for it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


class Stage:
    """A demo, what its AWS held at first, and people who use it. As a context manager."""

    def __init__(self, demo: LiveDemo, seed: Mapping[str, Json | None]) -> None:
        self.demo = demo
        #: ARN of every function, alias and version of the story -> its policy, None without one.
        self.seed = dict(seed)
        self.accounts: list[Json] = json.loads((demo.home / "accounts.json").read_text())
        self.owner = next(account for account in self.accounts if account["kind"] == "owner")
        self.consumers = [account for account in self.accounts if account["kind"] == "consumer"]
        self.ended: set[str] = set()
        self._people: dict[str, Person] = {}
        self._clients: dict[tuple[str, str], Any] = {}

    def __enter__(self) -> Self:
        self.inside = Inside(self.demo)
        return self

    def __exit__(self, *_: object) -> None:
        self.inside.end()

    def connect(self) -> None:
        """Connect the story's owner and consumers and read everything, by the product's own commands."""
        owner = self.owner
        regions = [part for region in owner["regions"] for part in ("--region", region)]
        roles = ["--role-arn", owner["manager_role_arn"], "--external-id", owner["external_id"], *regions]
        asked = [["connect", owner["id"], "--name", owner["name"], *roles, "--wait"]]
        for account in self.consumers:
            checker = ["--checker-role-arn", account["checker_role_arn"], "--checker-external-id", account["external_id"]]
            asked.append(["connect", account["id"], "--name", account["name"], *checker, "--wait"])
        with ThreadPoolExecutor(2) as pool:
            for answer in pool.map(lambda arguments: self.demo.asked(*arguments), asked):
                assert answer["ok"], answer
        read = self.demo.asked("sync", "--pace-share", "1", "--wait")
        assert read["ok"], read
        self.inside.ask("quiet")
        wait_for(lambda: self.inside.ask("busy") == 0, "the end of all reads", 60)

    # People and pages

    def person(self, role: str = "owner") -> Person:
        """Somebody of that role, signed in."""
        if role not in self._people:
            self._people[role] = Person(self.demo, role).sign_in()
        return self._people[role]

    def arn(self, name: str, region: str = "") -> str:
        """The ARN of a function of the owner, `name:alias` included."""
        return f"arn:aws:lambda:{region or self.owner['regions'][0]}:{self.owner['id']}:function:{name}"

    def function(self, name: str, region: str = "") -> str:
        """The key of a function's page."""
        arn = self.arn(name, region)
        found = [function["pk"] for function in self.inside.ask("functions") if function["arn"] == arn]
        assert found, f"{arn} is not known"
        return str(found[0])

    def share(self, name: str, who: str, *, by: Person | None = None, **filled: str) -> str:
        """Preview and confirm a share; the grant's key. The worker may not have begun yet."""
        person = by or self.person()
        form = person.preview(self.function(name), who, **filled)
        answer = person.confirm(form)
        assert answer.status == 302, answer.said
        return self.by_form(form)

    def by_form(self, form: Form) -> str:
        """The key of the one grant that this form made."""
        found = [grant for grant in self.grants() if grant["form_token"] == form.fields["form_token"]]
        assert len(found) == 1, found
        return str(found[0]["pk"])

    def revoke(self, grant: str, *, by: Person | None = None) -> Answer:
        """Ask for it to be taken back."""
        answer = (by or self.person()).revoke(grant)
        assert answer.status == 302, answer.said
        return answer

    def read_again(self, name: str) -> None:
        """Press "Re-read" on the function's page, and wait until it was read."""
        page = f"/functions/{self.function(name)}/"
        answer = self.person().send(self.person().get(page).form(f"{page}re-read/"))
        assert answer.status == 302, answer.said
        wait_for(lambda: self.inside.ask("busy") == 0, "the end of the read", 60)

    def take_everything_back(self) -> None:
        """Revoke every grant that is active, as a person would."""
        active = [grant["pk"] for grant in self.grants() if grant["state"] == "active"]
        for pk in active:
            self.revoke(pk)
        for pk in active:
            self.settled(pk, "revoked")

    # Rows

    def grants(self, pks: Iterable[str] | None = None) -> list[Json]:
        found: list[Json] = self.inside.ask("grants", pks=None if pks is None else list(pks))
        return found

    def grant(self, pk: str) -> Json:
        return self.grants([pk])[0]

    def until(self, pk: str, ready: Callable[[Json], bool], what: str, seconds: float = 90) -> Json:
        """The grant once it is as wanted; an assertion error that shows it when it never is."""
        deadline = time.monotonic() + seconds
        while True:
            grant = self.grant(pk)
            if ready(grant):
                return grant
            assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s: {json.dumps(grant, indent=1)}"
            time.sleep(0.1)

    def settled(self, pk: str, state: str, verdict: str | None = None, seconds: float = 90) -> Json:
        """The grant once it is settled and its check, if `verdict` is given, has ended; it must be in this state then."""

        def ready(grant: Json) -> bool:
            if grant["unsettled"] or grant["state"] == "active" != state:
                return False
            return verdict is None or [check["state"] for check in grant["checks"][-1:]] == ["done"]

        grant = self.until(pk, ready, f"{state} {verdict or ''}", seconds)
        assert grant["state"] == state, grant
        if verdict is not None:
            assert grant["checks"][-1]["verdict"] == verdict, grant["checks"]
        return grant

    # AWS

    def lambda_(self, account: Json | None = None, region: str = "") -> Any:
        """A client of an account's administrator, the owner's if none is given."""
        who = account or self.owner
        key = (who["id"], region or self.owner["regions"][0])
        if key not in self._clients:
            self._clients[key] = boto3.client(
                "lambda",
                region_name=key[1],
                endpoint_url=self.demo.described["aws"]["endpoint_url"],
                aws_access_key_id=who["access_key_id"],
                aws_secret_access_key=who["secret_access_key"],
                config=Config(retries={"total_max_attempts": 1}),
            )
        return self._clients[key]

    def stored(self, arn: str) -> list[Json]:
        """The statements AWS holds for a function, alias or version, as its owner reads them."""
        parts = arn.split(":")
        qualifier = {"Qualifier": parts[7]} if len(parts) == 8 else {}
        try:
            said = self.lambda_(region=parts[3]).get_policy(FunctionName=parts[6], **qualifier)
        except ClientError as problem:
            if problem.response["Error"]["Code"] == "ResourceNotFoundException":
                return []
            raise
        found: list[Json] = json.loads(said["Policy"])["Statement"]
        return found

    # Trouble

    def log(self, name: str) -> str:
        """What a program wrote so far."""
        return (self.demo.home / "logs" / f"{name}.log").read_text(errors="replace")

    def end(self, name: str) -> None:
        """Stop a program until `begin`; `come_up` does not wait for it meanwhile."""
        self.demo.end(name)
        self.ended.add(name)

    def begin(self, name: str) -> None:
        self.demo.begin(name)
        self.ended.discard(name)

    def come_up(self) -> None:
        """Every program runs but those that were ended on purpose."""
        self.demo.wait_until_running(*(name for name in self.demo.states() if name not in self.ended))

    def kill(self, *names: str) -> None:
        """`kill -9` programs; the supervisor starts them again by itself."""
        for name in names:
            self.demo.kill(name)

    def wait_until_held(self, number: int = 1) -> None:
        """Until so many calls wait at a `hold` fault. What is held longer than a lease, another worker takes up."""
        try:
            wait_for(lambda: self.demo.controls.held() >= number, f"{number} held calls", 50)
        except AssertionError as problem:
            calls = [
                f"{call['at']} {call['operation']} {call['target']} {call['status']}" for call in self.demo.controls.calls()
            ]
            grants = [f"{grant['pk']} {grant['state']} {grant['failure']} on {grant['arn']}" for grant in self.grants()]
            faults = self.demo.controls.ask("GET", "faults")
            raise AssertionError("\n".join([str(problem), *calls[-20:], *grants[-12:], json.dumps(faults)])) from None
