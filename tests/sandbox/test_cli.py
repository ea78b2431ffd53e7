"""The AWS CLI against the sandbox: every command of the founding post is right, or refused as AWS would refuse it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sharing.sandbox.server import Sandbox
from tests.sandbox.conftest import Speaker, function_arn, outcome

PLATFORM, ACME = "444455556666", "111122223333"
HELLO = function_arn(PLATFORM, "hello_world")

AWS = Path(sys.executable).parent / "aws"


class Cli:
    """Runs `aws` as an account's user."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.folder = folder

    def run(self, account: str, *words: str) -> tuple[int, str, str]:
        """(exit code, standard output, standard error)."""
        held = self.sandbox.account(account)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "AWS_ACCESS_KEY_ID": held.access_key_id,
            "AWS_SECRET_ACCESS_KEY": held.secret_access_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_DEFAULT_OUTPUT": "json",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        done = subprocess.run(
            [sys.executable, str(AWS), "--endpoint-url", self.sandbox.url, *words],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def answer(self, account: str, *words: str) -> dict[str, object]:
        """The JSON answer of a command that must succeed."""
        code, out, err = self.run(account, *words)
        assert code == 0, err
        return dict(json.loads(out)) if out.strip() else {}

    def refusal(self, account: str, *words: str) -> str:
        """What a command that must fail says."""
        code, _, err = self.run(account, *words)
        assert code != 0
        return err


@pytest.fixture
def cli(sandbox: Sandbox, tmp_path: Path) -> Cli:
    assert AWS.exists(), "awscli is pinned in requirements-dev.txt: install it, these tests are never skipped."
    return Cli(sandbox, tmp_path)


def add(sid: str, action: str, principal: str, *more: str) -> list[str]:
    words = ["lambda", "add-permission", "--function-name", "hello_world", "--statement-id", sid]
    return [*words, "--action", action, "--principal", principal, *more]


def invoke(function: str, *more: str) -> list[str]:
    return ["lambda", "invoke", "--function-name", function, *more, "out.json"]


def test_the_founding_posts_grants_are_stored_and_authorise_nothing(cli: Cli, sandbox: Sandbox) -> None:
    """Neither `lambda:Invoke` nor `lambda:CreateEventSourceMapping` lets anybody in (aws-facts 0.1, 0.2)."""
    cli.answer("Platform", *add("PublicAccess", "lambda:Invoke", "*"))
    answer = cli.answer("Platform", *add("PublicAccessTrigger", "lambda:CreateEventSourceMapping", "*"))
    assert json.loads(str(answer["Statement"]))["Action"] == "lambda:CreateEventSourceMapping"
    document = sandbox.policy(HELLO)
    assert document is not None
    assert [(s["Sid"], s["Action"], s["Principal"]) for s in document["Statement"]] == [
        ("PublicAccess", "lambda:Invoke", "*"),
        ("PublicAccessTrigger", "lambda:CreateEventSourceMapping", "*"),
    ]
    assert "AccessDeniedException" in cli.refusal("Acme Retail", *invoke(HELLO, "--invocation-type", "DryRun"))
    sandbox.add_function(ACME, "us-east-1", "hello_world")  # a function of the same name at home must not be taken instead
    mapping = ["lambda", "create-event-source-mapping", "--function-name", HELLO]
    for source in (f"arn:aws:sqs:us-east-1:{ACME}:own", "arn:aws:s3:::bucket"):
        assert "AccessDeniedException" in cli.refusal("Acme Retail", *mapping, "--event-source-arn", source)


def test_the_founding_posts_invocations_work_once_the_right_action_is_granted(cli: Cli, tmp_path: Path) -> None:
    cli.answer("Platform", *add("PublicAccess", "lambda:InvokeFunction", "*"))
    tail = ["--invocation-type", "RequestResponse", "--log-type", "Tail"]
    assert "Cross-account log access is not allowed" in cli.refusal("Acme Retail", *invoke(HELLO, *tail))
    answer = cli.answer("Acme Retail", *invoke(HELLO, "--invocation-type", "RequestResponse"))
    assert answer == {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
    assert json.loads((tmp_path / "out.json").read_text()) == "Hello world."
    assert cli.answer("Umbrella", *invoke(HELLO, "--invocation-type", "DryRun"))["StatusCode"] == 204
    assert cli.answer("Umbrella", *invoke(HELLO, "--invocation-type", "Event"))["StatusCode"] == 202
    assert "LogResult" in cli.answer("Platform", *invoke("hello_world", *tail))


def test_the_founding_posts_refinements_narrow_the_grant(cli: Cli, sandbox: Sandbox, speak: Speaker) -> None:
    """An account id, a service with its source account, and an action for a CI/CD system."""
    cli.answer("Platform", *add("OneAccount", "lambda:InvokeFunction", ACME))
    cli.answer("Platform", *add("OneSource", "lambda:InvokeFunction", "s3.amazonaws.com", "--source-account", ACME))
    cli.answer("Platform", *add("Pipeline", "lambda:UpdateFunctionCode", "222233334444"))
    document = sandbox.policy(HELLO)
    assert document is not None
    assert [s["Principal"] for s in document["Statement"]] == [
        {"AWS": f"arn:aws:iam::{ACME}:root"},
        {"Service": "s3.amazonaws.com"},
        {"AWS": "arn:aws:iam::222233334444:root"},
    ]
    assert document["Statement"][1]["Condition"] == {"StringEquals": {"AWS:SourceAccount": ACME}}
    dry = {"FunctionName": HELLO, "InvocationType": "DryRun"}
    assert outcome(speak.lambda_("Acme Retail").invoke, **dry) == ""
    assert outcome(speak.lambda_("Initech").invoke, **dry) == "AccessDeniedException"
    assert outcome(speak.lambda_("Globex").invoke, **dry) == "AccessDeniedException"  # may change the code, not call it
    assert "ResourceConflictException" in cli.refusal("Platform", *add("Pipeline", "lambda:InvokeFunction", ACME))
    remove = ["lambda", "remove-permission", "--function-name", "hello_world", "--statement-id", "OneAccount"]
    cli.answer("Platform", *remove)
    assert outcome(speak.lambda_("Acme Retail").invoke, **dry) == "AccessDeniedException"
    assert "ResourceNotFoundException" in cli.refusal("Platform", *remove)


def test_the_founding_posts_function_is_made_and_shared_from_nothing(cli: Cli, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "code.zip").write_bytes(b"PK\x05\x06" + b"\x00" * 18)
    role = sandbox.add_role(PLATFORM, "runner")
    words = ["lambda", "create-function", "--function-name", "hello_there", "--runtime", "nodejs22.x"]
    made = cli.answer("Platform", *words, "--handler", "index.handler", "--role", role, "--zip-file", "fileb://code.zip")
    assert made["FunctionArn"] == function_arn(PLATFORM, "hello_there")
    policy = ["lambda", "get-policy", "--function-name", "hello_there"]
    assert "The resource you requested does not exist." in cli.refusal("Platform", *policy)
    share = ["lambda", "add-permission", "--function-name", "hello_there", "--statement-id", "acme"]
    cli.answer("Platform", *share, "--action", "lambda:InvokeFunction", "--principal", ACME)
    assert "arn:aws:iam::111122223333:root" in str(cli.answer("Platform", *policy)["Policy"])
    assert cli.answer("Acme Retail", *invoke(str(made["FunctionArn"])))["StatusCode"] == 200


def test_roles_are_assumed_and_listings_paged(cli: Cli, sandbox: Sandbox) -> None:
    platform = sandbox.account("Platform")
    words = ["sts", "assume-role", "--role-arn", platform.manager_role_arn, "--role-session-name", "test"]
    assert "AccessDenied" in cli.refusal("fnshare", *words)
    answer = cli.answer("fnshare", *words, "--external-id", platform.external_id)
    assert "SessionToken" in str(answer["Credentials"])
    assert cli.answer("fnshare", "sts", "get-caller-identity")["Arn"] == "arn:aws:iam::777788889999:user/fnshare/worker"
    sandbox.add_many_functions(120, account="Globex", region="us-east-1")
    listed = cli.answer("Globex", "lambda", "list-functions")["Functions"]
    assert isinstance(listed, list)
    assert len(listed) == 120
