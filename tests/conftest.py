"""Fixtures every room's tests may use."""

import contextlib
import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from pytest_django import DjangoDbBlocker

from tests.live import LiveDemo
from tests.postgresql import create

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox


# The same examples for everybody: a change is not refused for what another one did. HYPOTHESIS_PROFILE=explore looks
# for new ones. No deadlines: how fast a busy machine is says nothing about a change.
hypothesis.settings.register_profile("same", deadline=None, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """With several test processes each one's database is a copy that is there already (see below)."""
    return "PYTEST_XDIST_TESTRUNUID" in os.environ


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
    django_db_blocker: DjangoDbBlocker,
    django_db_keepdb: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Have the database of this process before Django sets it up: a copy of the one that the first process migrated."""
    from tests import migrated

    if not django_db_keepdb:
        yield
        return
    with contextlib.ExitStack() as stack:
        with django_db_blocker.unblock():
            stack.enter_context(migrated.copied(tmp_path_factory.getbasetemp().parent))
        yield
        with django_db_blocker.unblock():
            stack.close()


@pytest.fixture(scope="session")
def running_sandbox() -> "Iterator[Sandbox]":
    """One sandbox AWS for the test process, over real HTTP; moto's state is global, so there is only ever one."""
    from sharing.sandbox.server import Sandbox

    sandbox = Sandbox(story="none")
    sandbox.start(host="127.0.0.1", port=0)
    yield sandbox
    sandbox.stop()


@pytest.fixture
def sandbox(running_sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> "Iterator[Sandbox]":
    """The sandbox with its demo story freshly told, and the environment of a worker that uses it."""
    from sharing.aws import session

    running_sandbox.reset(story="demo")
    dashboard = next(account for account in running_sandbox.accounts if account.kind == "dashboard")
    for name, value in {
        "AWS_ENDPOINT_URL": running_sandbox.url,
        "AWS_ACCESS_KEY_ID": dashboard.access_key_id,
        "AWS_SECRET_ACCESS_KEY": dashboard.secret_access_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    session.forget()
    yield running_sandbox
    session.forget()


@pytest.fixture(scope="session")
def running_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveDemo]:
    """`make demo` with all its processes, once for the whole session; on the database kind that the suite runs on."""
    server = os.environ["DATABASE_URL"]
    database = create(server, f"demo_{secrets.token_hex(4)}") if server.startswith("postgres") else ""
    with LiveDemo(tmp_path_factory.mktemp("demo"), database_url=database) as demo:
        yield demo


@pytest.fixture
def demo(running_demo: LiveDemo) -> Iterator[LiveDemo]:
    """The running demo with every process up and the sandbox calm. Its database goes on from test to test."""
    running_demo.wait_until_running()
    running_demo.controls.calm()
    yield running_demo
    running_demo.controls.calm()


#: Tests of the session's demo share a worker of pytest-xdist, so that it runs once; those that start other processes
#: share another: they mostly wait, but all of them at once would wait for the machine.
DEMO = ("demo", "running_demo")
STAGE = ("stage", "running_stage")
GROUPS = ("live", "pages", "processes")
#: Browser tests that mostly look: on a demo and a worker of their own, or the others would take twice as long.
PAGES = {f"test_{name}" for name in ("access", "every_page", "findings", "layers", "matrix", "reason")}
E2E = Path(__file__).parent / "e2e"
#: Tests that start and end the product: after the pages, on their worker; with a demo of their own, after the live ones.
RUNNING = Path(__file__).parent / "running"


#: What talks to the sandbox over HTTP is mostly about AWS. Of it the second database (tests/everything.py) runs these:
#: writers that race, and what is locked.
ON_BOTH = {
    f"test_{name}"
    for name in ("granting_reconciling", "races", "settling", "refused", "bulk_working", "layers_sharing", "mapping")
}


@pytest.hookimpl(wrapper=True, tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    """Mark what drives a browser and what one database is enough for, and keep what starts processes together."""
    grouped = []
    for item in items:
        if item.path.is_relative_to(E2E):
            item.add_marker(pytest.mark.e2e)
        fixtures = set(getattr(item, "fixturenames", ()))
        if "sandbox" in fixtures and item.path.stem not in ON_BOTH:
            item.add_marker(pytest.mark.one_database)
        if fixtures.intersection(DEMO + STAGE):
            item.add_marker(pytest.mark.processes)
        if item.get_closest_marker("processes") or item.get_closest_marker("e2e"):
            of_the_demo = item.get_closest_marker("e2e") or fixtures.intersection(DEMO) or "own_demo" in fixtures
            alone = "pages" if item.path.is_relative_to(RUNNING) else "processes"
            group = "pages" if item.path.stem in PAGES else "live" if of_the_demo else alone
            item.add_marker(pytest.mark.xdist_group(group))
            grouped.append(item)
    yield
    ends = tuple(f"@{group}" for group in GROUPS)
    if getattr(config.option, "loadgroup", False) and not all(item.nodeid.endswith(ends) for item in grouped):
        raise pytest.UsageError("pytest-xdist ignored the group of the live tests: does it fit this pytest?")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test is a failed one: what is not tried is not known to work."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and skipping is not allowed: {report.longrepr}"
    return report


@pytest.fixture
def unpaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS without rates: for tests that are not about the pace."""
    from sharing.aws import pace

    monkeypatch.setattr(pace, "RATE", 10_000.0)
    monkeypatch.setattr(pace, "_BURST", 1_000.0)


@pytest.fixture(scope="session")
def valkey() -> Iterator[str]:
    """A Valkey of the tests' own, by unix socket, as the demo runs it: its REDIS_URL."""
    from sharing.running import programs

    with tempfile.TemporaryDirectory(prefix="valkey") as folder:
        path = Path(folder) / "v.sock"
        command = programs.valkey(path).command
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
        try:
            ends = time.monotonic() + 10
            while not path.exists():
                assert time.monotonic() < ends, "Valkey did not start."
                time.sleep(0.02)
            yield f"redis+socket://{path}"
        finally:
            process.terminate()
            process.wait(timeout=10)
