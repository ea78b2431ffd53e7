"""`make run`: from the environment only, against services it did not start itself."""

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from sharing.running import leftovers, ports, programs
from sharing.running.install import CHECKOUT
from tests.live import alive, wait_for
from tests.postgresql import PostgreSQL, installation

pytestmark = pytest.mark.processes


@dataclass
class Services:
    """What a machine's owner provides: a database server, Valkey and AWS."""

    database: PostgreSQL
    redis_url: str
    aws: dict[str, str]
    accounts: list[dict[str, Any]]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """PostgreSQL, a Valkey on TCP, and a sandbox that tells the other story."""
    folder = tmp_path_factory.mktemp("services")
    valkey_port, aws_port = ports.free(), ports.free()
    accounts = folder / "accounts.json"
    binary = programs.valkey(folder / "unused").command[0]
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(PostgreSQL())
        for command in (
            [binary, "--port", str(valkey_port), "--bind", "127.0.0.1", "--save", "", "--dir", os.fspath(folder)],
            [
                sys.executable,
                "-m",
                "sharing.sandbox",
                "--port",
                str(aws_port),
                "--story",
                "other",
                "--accounts",
                os.fspath(accounts),
            ],
        ):
            process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.DEVNULL)
            stack.callback(process.wait, 10)
            stack.callback(process.terminate)
        wait_for(lambda: ports.answers(valkey_port), "Valkey")
        wait_for(accounts.exists, "the sandbox")
        told = json.loads(accounts.read_text())
        dashboard = next(account for account in told if account["kind"] == "dashboard")
        aws = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws_port}",
            "AWS_ACCESS_KEY_ID": dashboard["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": dashboard["secret_access_key"],
            "AWS_DEFAULT_REGION": "eu-central-1",
        }
        yield Services(database, f"redis://127.0.0.1:{valkey_port}/0", aws, told)


@dataclass
class Running:
    """A `make run` and its environment."""

    process: "subprocess.Popen[bytes]"
    port: int
    environ: dict[str, str]
    folder: Path

    def output(self) -> str:
        return (self.folder / "output").read_text()

    def processes(self) -> list[int]:
        """Every process that it started."""
        return leftovers.processes((self.folder / "checkout" / "var" / "run.id").read_text())

    def named(self, pattern: str) -> list[int]:
        """Those whose command line matches."""
        return [pid for pid in self.processes() if re.search(pattern, _text(pid, "cmdline"))]

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=CHECKOUT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def _text(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace").replace("\0", "\n")
    except OSError:
        return ""


@contextlib.contextmanager
def make_run(services: Services, folder: Path, database_url: str) -> Iterator[Running]:
    """The command with exactly the variables that the README asks for, in a checkout with a `var` of its own."""
    checkout = folder / "checkout"
    checkout.mkdir()
    for entry in CHECKOUT.iterdir():
        if entry.name not in ("var", ".git", "sharing"):
            (checkout / entry.name).symlink_to(entry)
    subprocess.run(["cp", "-R", os.fspath(CHECKOUT / "sharing"), os.fspath(checkout / "sharing")], check=True)
    port = ports.free()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "PORT": str(port),
        "SECRET_KEY": secrets.token_urlsafe(60),
        "ALLOWED_HOSTS": "localhost",
        "PUBLIC_URL": f"http://localhost:{port}",
        "DATABASE_URL": database_url,
        "REDIS_URL": services.redis_url,
        **services.aws,
    }
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            ["make", "run"], cwd=checkout, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    running = Running(process, port, environ, folder)
    try:
        wait_for(lambda: "fnshare is at" in running.output() or process.poll() is not None, "the start", 60)
        assert process.poll() is None, running.output()
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.fixture(scope="module")
def run(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """On PostgreSQL."""
    url = services.database.create(f"run_{secrets.token_hex(4)}")
    with make_run(services, tmp_path_factory.mktemp("run"), url) as running:
        yield running


def test_pages_answer(run: Running) -> None:
    with urllib.request.urlopen(f"http://localhost:{run.port}/login/", timeout=10) as answer:
        assert answer.status == 200
        assert b"Sign in" in answer.read()


def test_static_files_are_collected_and_served_for_ever(run: Running) -> None:
    with urllib.request.urlopen(f"http://localhost:{run.port}/login/", timeout=10) as answer:
        page = answer.read().decode()
    sheet = re.search(r'href="(/static/[^"]+\.css)"', page)
    assert sheet is not None
    with urllib.request.urlopen(f"http://localhost:{run.port}{sheet[1]}", timeout=10) as answer:
        assert "immutable" in answer.headers["Cache-Control"]


def test_the_sweep_reaches_a_worker(run: Running) -> None:
    code = "from sharing.models import Installation; print(Installation.objects.filter(swept_at__isnull=False).count())"
    wait_for(lambda: run.command("shell", "-v0", "-c", code).stdout.strip() == "1", "the first sweep", 60)


def test_workers_have_the_credentials(run: Running, services: Services) -> None:
    workers = run.named(r"celery\n-A\nsharing\n--skip-checks\nworker")
    assert workers
    for pid in workers:
        assert services.aws["AWS_ACCESS_KEY_ID"] in _text(pid, "environ")


def test_the_web_process_was_started_without_any(run: Running, services: Services) -> None:
    web = run.named(r"gunicorn\nsharing\.wsgi")
    assert len(web) >= 2
    for pid in web:
        variables = dict(line.split("=", 1) for line in _text(pid, "environ").splitlines() if "=" in line)
        kept = {name: value for name, value in variables.items() if name.startswith("AWS_")}
        assert kept == {
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        for value in services.aws.values():
            if len(value) > 15:
                assert value not in _text(pid, "environ")


def test_the_aws_sdk_finds_no_credentials_in_the_environment_of_the_web_process(run: Running, tmp_path: Path) -> None:
    """Tried, not argued: with keys in every file that an SDK reads by itself."""
    pid = run.named(r"gunicorn\nsharing\.wsgi")[0]
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text("[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = file\n")
    (tmp_path / ".boto").write_text("[Credentials]\naws_access_key_id = AKIAFILE\naws_secret_access_key = file\n")
    variables = dict(line.split("=", 1) for line in _text(pid, "environ").splitlines() if "=" in line)
    ask = "import botocore.session; print(botocore.session.Session().get_credentials())"

    def found(environ: dict[str, str]) -> str:
        return subprocess.run(
            [sys.executable, "-c", ask], env=environ, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert found({**variables, "HOME": os.fspath(tmp_path)}) == "None"
    assert found({"PATH": variables["PATH"], "HOME": os.fspath(tmp_path)}) != "None"


def test_it_says_when_everything_works(run: Running) -> None:
    wait_for(lambda: "beat work" in run.output() or "not ready" in run.output(), "its readiness", 60)
    assert "not ready" not in run.output()
    with urllib.request.urlopen(f"http://localhost:{run.port}/readyz", timeout=10) as answer:
        said = json.loads(answer.read())
    assert said["ready"], said
    assert set(said) == {"ready", "database", "broker", "worker", "beat"}


SEAL = (
    "from datetime import timedelta; from django.utils import timezone; from sharing.services import sealing; "
    "print(sealing.seal(timezone.now() + timedelta(minutes=5)))"
)


def history(url: str) -> list[tuple[Any, ...]]:
    """Every line, from the database itself."""
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT sequence, id, at, text FROM sharing_event ORDER BY sequence").fetchall()


@pytest.fixture(scope="module")
def restored(run: Running, services: Services, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Running]:
    """A backup restored into an empty database, as docs/backup.md says; and how many lines history had before it."""
    added = run.command("add-person", "ada@example.com", "--role", "admin")
    assert added.returncode == 0, added.stderr
    before = len(history(run.environ["DATABASE_URL"]))
    tools = installation() / "bin"
    dump = tmp_path_factory.mktemp("backup") / "fnshare.dump"
    subprocess.run([tools / "pg_dump", "--format=custom", "--file", dump, run.environ["DATABASE_URL"]], check=True)
    url = services.database.create(f"restored_{secrets.token_hex(4)}")
    subprocess.run([tools / "pg_restore", "--no-owner", "--exit-on-error", "--dbname", url, dump], check=True)
    return before, replace(run, environ={**run.environ, "DATABASE_URL": url})


def test_a_restored_backup_has_the_whole_history(run: Running, restored: tuple[int, Running]) -> None:
    before, there = restored
    lines = history(there.environ["DATABASE_URL"])
    assert len(lines) >= before > 0
    assert lines == history(run.environ["DATABASE_URL"])[: len(lines)]
    assert "ada@example.com" in str(lines)
    verified = there.command("verify-history", "--json")
    assert verified.returncode == 0, verified.stdout
    after = there.command("after-restore", "--json")
    assert json.loads(after.stdout)["ok"], after.stdout


def test_the_role_of_the_processes_adds_to_history_and_changes_nothing_in_it(
    restored: tuple[int, Running], services: Services
) -> None:
    """docs/deployment/postgresql-roles.sql, tried."""
    _, there = restored
    owners = there.environ["DATABASE_URL"]
    with psycopg.connect(owners, autocommit=True) as owner:
        owner.execute("CREATE ROLE fnshare_app LOGIN PASSWORD 'of-the-tests'")
    script = CHECKOUT / "docs" / "deployment" / "postgresql-roles.sql"
    psql = [str(installation() / "bin" / "psql"), owners, "-q", "-v", "app=fnshare_app", "-f", str(script)]
    for _ in range(2):  # it may be run again
        subprocess.run(psql, check=True)
    parts = urlsplit(owners)
    app = urlunsplit(parts._replace(netloc=f"fnshare_app:of-the-tests@{parts.hostname}:{parts.port}"))
    as_app = replace(there, environ={**there.environ, "DATABASE_URL": app})
    added = as_app.command("add-person", "bea@example.com", "--role", "auditor")
    assert added.returncode == 0, added.stderr
    assert "bea@example.com" in str(history(app)[-1])
    assert "None" not in as_app.command("shell", "-v0", "-c", SEAL).stdout
    for table in ("sharing_event", "sharing_seal"):
        for statement in (f"UPDATE {table} SET at = now()", f"DELETE FROM {table}", f"TRUNCATE {table}"):  # noqa: S608
            with psycopg.connect(app) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
    assert as_app.command("erase-person", "bea@example.com", "--for-good").returncode == 1
    erased = there.command("erase-person", "bea@example.com", "--for-good", "--json")
    assert json.loads(erased.stdout)["ok"], erased.stdout
    assert "bea@example.com" not in str(history(owners))
    assert there.command("verify-history").returncode == 0


def test_what_dies_comes_back(run: Running) -> None:
    workers = run.named(r"\nworker-clicks@")
    oldest = min(workers)
    os.kill(oldest, signal.SIGKILL)
    wait_for(lambda: not alive(oldest), "its death")
    wait_for(lambda: bool(set(run.named(r"\nworker-clicks@")) - set(workers)), "another in its place")


def test_on_sqlite_it_runs_as_well_and_ends_without_a_trace(services: Services, tmp_path: Path) -> None:
    with make_run(services, tmp_path, "sqlite:///var/fnshare.sqlite3") as running:
        assert (tmp_path / "checkout" / "var" / "fnshare.sqlite3").exists()
        processes = running.processes()
        assert len(processes) > 4
    assert [pid for pid in processes if alive(pid)] == []


def test_a_taken_port_is_said_in_one_line(run: Running) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sharing.running.run"],
        cwd=CHECKOUT,
        env=run.environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    assert f"Port {run.port} is taken" in done.stderr
    assert done.stderr.count("\n") == 1
