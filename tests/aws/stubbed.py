"""AWS's answers, prepared: for what is asked by boto3 clients that are made at one place."""

import boto3
import pytest
from botocore.stub import Stubber

from sharing.aws import session

SERVICES = {"eventbridge": "events", "alarm": "cloudwatch"}


class Aws:
    """What AWS will answer, in order; a request that is not the expected one fails the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.stubs: list[Stubber] = []

    def of(self, kind: str) -> Stubber:
        """kind: as a source is called, or a service."""
        client = boto3.client(  # type: ignore[call-overload]
            SERVICES.get(kind, kind), region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        stub = Stubber(client)
        stub.activate()
        self.monkeypatch.setattr(session, "client", lambda *_, **__: client)
        self.stubs.append(stub)
        return stub
