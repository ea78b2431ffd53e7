"""`make test`: everything that has to be right before a change is accepted, with nothing left out silently.

`python -m tests.everything [lint | format]`. Linters, types, rooms, deployment checks and migrations first; then what is timed
in seconds that a person feels; then the suite on PostgreSQL without the browser; last the whole suite on SQLite with the
browser, whose closing line is the last line.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
#: Four run well on two cores: two drive the live product, one kills and starts processes (all three mostly wait for them),
#: the fourth does everything else. More of them live at once, and pages are too slow for the browsers' patience.
WORKERS = os.environ.get("TEST_WORKERS", "4")
#: Where nothing is live, as many more would only collect all tests once more.
WORKERS_ON_POSTGRESQL = os.environ.get("TEST_WORKERS", "3")

#: A production environment, for the deployment checks: nothing of the caller's, so that they say the same everywhere.
DEPLOYED = {
    "DJANGO_SETTINGS_MODULE": "sharing.settings",
    "SECRET_KEY": "q7Rk2vXw9LmZ4tBn8PcJ6hYd3FsGa5Ue1Ko0TiVbNxMzQyHrWpDl",
    "ALLOWED_HOSTS": "fnshare.example.com",
    "PUBLIC_URL": "https://fnshare.example.com",
    "DATABASE_URL": "postgres://fnshare:password@database.example.com/fnshare",
    "REDIS_URL": "rediss://redis.example.com:6379/0",
    "EMAIL_URL": "smtp+tls://fnshare:password@mail.example.com:587",
}
TESTED = {"DJANGO_SETTINGS_MODULE": "tests.settings"}
_UPGRADE = ("django_upgrade", "--target-version", "5.2")
_DJADE = (str(Path(PYTHON).with_name("djade")), "--target-version", "5.2")
#: Pages that search, order and count functions, consumers, mappings and history are looked at on both; of the others the
#: services are, and every address is walked.
#: Of what talks to the sandbox tests/conftest.py marks most.
ONE_DATABASE = (
    *("permitting", "consumers_gate", "frame", "headers", "functions_share", "accepting", "invoking", "accounts", "reason"),
    *("signing", "people", "outbox", "limiting", "sso_logged_out", "second_factors", "guessing", "profile", "errors"),
    *("demo_deliveries", "restoring", "pacing", "wiring", "shared_wirings", "wirings_elsewhere", "grants", "invitations"),
    *("requests", "shared", "layers", "functions_detail", "joining", "limits", "operations", "offboarding", "suspending"),
    *("units", "findings", "access", "bulk", "organizations", "groups", "overview", "coverage"),
)
#: The second database changes nothing for rooms that know no database, for what walks every address or template to see who
#: is let in at all, and tests of processes choose theirs by themselves (tests/running/test_run.py runs the product on
#: PostgreSQL): they are tried once, in the other pass. So is the matrix of faults at every call: it is about AWS's side.
ON_POSTGRESQL = (
    "-m",
    "not e2e and not processes and not one_database",
    *(f"--ignore=tests/{room}" for room in ("policy", "sandbox", "aws", "running", "timed", "forms", "test_agreement.py")),
    "--ignore=tests/faults/test_matrix.py",
    *(f"--ignore=tests/views/test_{page}.py" for page in ONE_DATABASE),
)
#: A room of its own, so that nothing else has to be collected for it.
TIMED = "tests/timed"
#: What the caller's shell may hold and no check or test may see. Without bytecode every test process would rewrite the
#: assertions of all tests anew: ten seconds each, eight times.
STRIPPED = (
    *("AWS_", "DJANGO_", "SECRET_KEY", "ALLOWED_HOSTS", "PUBLIC_URL", "DATABASE_URL", "REDIS_URL", "EMAIL_"),
    "PYTHONDONTWRITEBYTECODE",
)


@dataclass(frozen=True)
class Step:
    """One check: its name, its command and what it adds to the environment."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)


def checks() -> list[Step]:
    """The quick checks, longest first."""
    module = [PYTHON, "-m"]
    manage = [PYTHON, "manage.py"]
    return [
        Step("mypy", [*module, "mypy"], TESTED),
        Step("import-linter", [PYTHON, "-c", "from importlinter.cli import lint_imports_command as run; run()"], TESTED),
        Step("ruff check", [*module, "ruff", "check", "."]),
        Step("ruff format", [*module, "ruff", "format", "--check", "."]),
        Step("django-upgrade", [*module, *_UPGRADE, "--check", *_tracked(".py")]),
        Step("djade", [*_DJADE, "--check", *_tracked(".html")]),
        Step("manage.py check --deploy", [*manage, "check", "--deploy", "--fail-level", "WARNING"], DEPLOYED),
        Step("manage.py makemigrations --check", [*manage, "makemigrations", "--check", "--dry-run"], TESTED),
        Step("pip check", [*module, "pip", "check"]),
    ]


def collecting() -> Step:
    """Import every test once, which also keeps their rewritten assertions for all processes that come after."""
    return Step("pytest --collect-only", [PYTHON, "-m", "pytest", "--collect-only", "-q"], TESTED)


def formatters() -> list[Step]:
    """What brings the sources into the form that `checks` asks for."""
    module = [PYTHON, "-m"]
    return [
        Step("django-upgrade", [*module, *_UPGRADE, "--exit-zero-even-if-changed", *_tracked(".py")]),
        Step("djade", [*_DJADE, *_tracked(".html")]),
        Step("ruff check --fix", [*module, "ruff", "check", "--fix-only", "."]),
        Step("ruff format", [*module, "ruff", "format", "."]),
    ]


def _tracked(ending: str) -> list[str]:
    """Files that git knows and that are ours to form: templates, and Python without migrations."""
    listed = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return [
        name
        for name in listed.stdout.splitlines()
        if name.endswith(ending) and "/migrations/" not in name and (CHECKOUT / name).exists()
    ]


def environ(*added: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without what would change an answer, and with what a step adds."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(STRIPPED)}
    for more in added:
        clean.update(more)
    return clean


def check(step: Step) -> bool:
    """Run one check; its output is shown only when it fails."""
    began = time.monotonic()
    done = subprocess.run(
        step.command,
        cwd=CHECKOUT,
        env=environ(step.environ),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    took = time.monotonic() - began
    if done.returncode:
        say(f"FAILED  {step.name} ({took:.0f} s)\n{done.stdout}{done.stderr}")
        return False
    say(f"ok      {step.name} ({took:.0f} s)")
    return True


def suite(title: str, *arguments: str, workers: str, variables: Mapping[str, str] | None = None) -> bool:
    """Run pytest, its output as it comes."""
    say(f"\n{title}")
    command = [PYTHON, "-m", "pytest", "-q", "-n", workers, "--dist", "loadgroup", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, env=environ(variables or {}), check=False).returncode == 0


def say(line: str) -> None:
    """A line for whoever watches."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """All of it; the exit status."""
    began = time.monotonic()
    if arguments == ["format"]:
        return sum(not check(step) for step in formatters())
    with ThreadPoolExecutor(2) as pool:
        steps = checks() if arguments == ["lint"] else [collecting(), *checks()]
        passed = all(list(pool.map(check, steps)))
    if arguments == ["lint"]:
        return 0 if passed else 1
    # Imported here: the linters run also where these are missing.
    from tests.browser import NoBrowser, ensure
    from tests.postgresql import NoPostgreSQL, PostgreSQL

    try:
        chromium = ensure()
        passed &= suite("What a person waits for, with the machine to itself", TIMED, workers="0")
        with PostgreSQL() as server:
            title, variables = "The suite on PostgreSQL, without the browser", {"DATABASE_URL": server.url()}
            passed &= suite(title, *ON_POSTGRESQL, workers=WORKERS_ON_POSTGRESQL, variables=variables)
        say(f"{'So far everything passed' if passed else 'Something FAILED above'} ({time.monotonic() - began:.0f} s).")
        # Last, because its closing line is the one that speaks for the whole suite.
        title, variables = "The whole suite on SQLite, with the browser", {"CHROMIUM": chromium}
        passed &= suite(title, f"--ignore={TIMED}", workers=WORKERS, variables=variables)
    except (NoBrowser, NoPostgreSQL) as problem:
        say(str(problem))
        return 1
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
