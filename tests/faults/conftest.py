"""A demo of the fault tests' own, which they may break: its leases are short, so that killed workers are soon replaced.

And the story in process, for trouble that needs no processes.
"""

import os
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.stage import Stage
from tests.live import LiveDemo
from tests.postgresql import create
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.models import Policy
    from sharing.sandbox.server import Sandbox

#: A person waits for a killed worker's lease and the next sweep; tests wait for shorter ones.
SHORT = {"LEASE_SECONDS": "5", "SWEEP_SECONDS": "1"}


@pytest.fixture(scope="package")
def seed(running_sandbox: "Sandbox") -> dict[str, dict[str, Any] | None]:
    """What the story puts into AWS, known from the sandbox alone: ARN of each function, alias and version -> its policy."""
    running_sandbox.reset("demo")
    return {
        function.qualified(qualifier): running_sandbox.policy(function.qualified(qualifier))
        for function in running_sandbox.estate.everything()
        for qualifier in ("", *function.aliases, *function.versions)
    }


@pytest.fixture(scope="package")
def running_stage(seed: dict[str, dict[str, Any] | None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """All processes of the demo, its accounts connected and read; on the database kind that the suite runs on."""
    server = os.environ["DATABASE_URL"]
    database = create(server, f"faults_{secrets.token_hex(4)}") if server.startswith("postgres") else ""
    folder = tmp_path_factory.mktemp("faults")
    with LiveDemo(folder, told=False, database_url=database, environ=SHORT) as demo, Stage(demo, seed) as stage:
        stage.connect()
        yield stage


@pytest.fixture
def stage(running_stage: Stage) -> Iterator[Stage]:
    """The running stage with every process up and its AWS calm. Its database goes on from test to test."""
    running_stage.come_up()
    running_stage.demo.controls.calm()
    yield running_stage
    running_stage.demo.controls.calm()


@pytest.fixture
def estate(sandbox: "Sandbox") -> Estate:
    """In process: the story as rows, and the sandbox behind."""
    return Estate(sandbox)


@pytest.fixture
def hello(estate: Estate) -> "Policy":
    return estate.policy("hello_world")
