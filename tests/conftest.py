"""Fixtures every room's tests may use."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox


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
