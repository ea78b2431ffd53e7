"""The hand-off pack pasted as it stands, by somebody of the consumer account, against the sandbox over HTTP."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sharing.policy import FunctionArn
from sharing.policy.actions import INVOKE
from sharing.policy.handing_over import pack
from sharing.sandbox.server import Sandbox
from tests.sandbox.conftest import Speaker, function_arn

PLATFORM, ACME = "444455556666", "111122223333"
LIVE = f"{function_arn(PLATFORM, 'invoice-render')}:beta"
ADD = {"StatementId": "pack", "Principal": ACME}


class Desk:
    """A developer's shell in Acme Retail: a user with exactly the identity policy of the pack."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.folder = folder
        command = folder / "bin" / "aws"
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(sys.executable).parent / "aws"} "$@"\n')
        command.chmod(0o755)

    def pasted(self, arn: str, action: str, key: str, payload: Any = None) -> "subprocess.CompletedProcess[str]":
        """What came of it, run by a shell or by Python."""
        parts = {one.key: one.text for one in pack(FunctionArn.parse(arn), action, payload=payload)}
        policy = {"least": json.loads(parts["policy"])}
        access, secret = self.sandbox.add_user(ACME, f"dev-{len(list(self.folder.iterdir()))}", policies=policy)
        (self.folder / f"{key}.txt").write_text(parts[key])
        command = [sys.executable, f"{key}.txt"] if key == "boto3" else ["/bin/sh", f"{key}.txt"]
        return subprocess.run(
            command,
            env={
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                "HOME": str(self.folder),
                "AWS_ACCESS_KEY_ID": access,
                "AWS_SECRET_ACCESS_KEY": secret,
                "AWS_ENDPOINT_URL": self.sandbox.url,
                "AWS_DEFAULT_REGION": "eu-central-1",  # another one: the snippet names its own
                "AWS_MAX_ATTEMPTS": "1",
                "AWS_EC2_METADATA_DISABLED": "true",
            },
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path) -> Desk:
    return Desk(sandbox, tmp_path)


def share(speak: Speaker, action: str, qualifier: str = "") -> None:
    """What the owner does."""
    place = {"Qualifier": qualifier} if qualifier else {}
    speak.lambda_("Platform").add_permission(FunctionName="invoice-render", Action=action, **ADD, **place)


@pytest.mark.parametrize("key", ["cli", "boto3"])
def test_an_invoke_runs_as_pasted_with_the_least_policy(desk: Desk, speak: Speaker, key: str) -> None:
    refused = desk.pasted(LIVE, INVOKE, key)
    assert "AccessDenied" in refused.stderr
    share(speak, INVOKE, "beta")
    done = desk.pasted(LIVE, INVOKE, key, payload={"it's": '"$(id)"'})
    assert done.returncode == 0, done.stderr
    call = [one for one in desk.sandbox.journal.calls if one.operation == "Invoke"][-1]
    assert (call.qualifier, call.status) == ("beta", 200)


def test_the_dry_run_runs_nothing(desk: Desk, speak: Speaker) -> None:
    share(speak, INVOKE, "beta")
    done = desk.pasted(LIVE, INVOKE, "dry-run")
    assert json.loads(done.stdout)["StatusCode"] == 204


@pytest.mark.parametrize(
    ("action", "key", "qualifier"), [("lambda:GetFunctionConfiguration", "cli", "beta"), ("lambda:GetAlias", "boto3", "")]
)
def test_reading_runs_as_pasted(desk: Desk, speak: Speaker, action: str, key: str, qualifier: str) -> None:
    share(speak, action, qualifier)
    done = desk.pasted(LIVE if qualifier else LIVE.removesuffix(":beta"), action, key)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said.get("FunctionArn", "").endswith(":beta") or said["AliasArn"].endswith(":live")
