"""Worker processes and another tool write to the same policies at once (benchmarks/many_writers.py does it in earnest)."""

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection

from benchmarks import many_writers, story_aws

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]


def test_two_workers_and_another_tool_lose_double_and_invent_nothing(
    sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch
) -> None:
    name = str(connection.settings_dict["NAME"])
    server = urlsplit(os.environ["DATABASE_URL"])
    path = f"sqlite:///{name}" if connection.vendor == "sqlite" else urlunsplit(server._replace(path=f"/{name}"))
    # Of the workers: this process has its settings already, and those of the tests know of no AWS.
    monkeypatch.setenv("DATABASE_URL", path)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "sharing.settings")
    story_aws.connect(sandbox)
    policies = many_writers.functions(sandbox, 4, 20)
    result = many_writers.contend(sandbox, policies, grants=20, revokes=20, processes=2)
    assert result.wrong == []
    assert result.outcomes == {"active": 20, "revoked": 20}
    assert result.edits > 0
