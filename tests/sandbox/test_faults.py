"""Planned trouble: errors, lost answers and calls that hang, before or after AWS acted."""

import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Literal

import pytest
from botocore.exceptions import ConnectionClosedError, HTTPClientError

from sharing.sandbox.server import Sandbox
from tests.sandbox.conftest import Speaker, function_arn, refused

PLATFORM, ACME = "444455556666", "111122223333"
HELLO = function_arn(PLATFORM, "hello_world")
ASKED = {"FunctionName": "hello_world", "StatementId": "a", "Action": "lambda:InvokeFunction", "Principal": ACME}

When = Literal["before", "after"]


@pytest.mark.parametrize(("when", "acted"), [("before", False), ("after", True)])
def test_an_error_strikes_before_or_after_aws_acted(speak: Speaker, sandbox: Sandbox, when: When, acted: bool) -> None:
    sandbox.faults.add("AddPermission", when=when, effect="error", code="ServiceException", status=500, message="Ouch")
    client = speak.lambda_("Platform")
    assert refused(client.add_permission, **ASKED) == ("ServiceException", 500, "Ouch")
    assert (sandbox.policy(HELLO) is not None) is acted
    assert sandbox.journal.of("AddPermission")[-1].error_code == "ServiceException"
    if not acted:
        assert client.add_permission(**ASKED)["Statement"]  # once only


def test_a_throttle_is_the_default(speak: Speaker, sandbox: Sandbox) -> None:
    sandbox.faults.add("GetPolicy", times=2)
    client = speak.lambda_("Platform")
    for _ in range(2):
        assert refused(client.get_policy, FunctionName="resize-images")[:2] == ("TooManyRequestsException", 429)
    assert client.get_policy(FunctionName="resize-images")["Policy"]


@pytest.mark.parametrize(("when", "acted"), [("before", False), ("after", True)])
def test_a_dropped_connection_gives_no_answer(speak: Speaker, sandbox: Sandbox, when: When, acted: bool) -> None:
    sandbox.faults.add("AddPermission", when=when, effect="drop")
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        speak.lambda_("Platform").add_permission(**ASKED)
    assert (sandbox.policy(HELLO) is not None) is acted
    assert sandbox.journal.of("AddPermission")[-1].status == 0


@pytest.mark.parametrize(("when", "acted"), [("before", False), ("after", True)])
def test_a_held_call_waits_for_release_while_others_go_on(speak: Speaker, sandbox: Sandbox, when: When, acted: bool) -> None:
    fault = sandbox.faults.add("AddPermission", when=when, effect="hold")
    client = speak.lambda_("Platform")
    answers: list[Any] = []
    caller = threading.Thread(target=lambda: answers.append(client.add_permission(**ASKED)))
    caller.start()
    assert sandbox.faults.wait_until_held(10)
    assert fault.waiting == sandbox.faults.waiting == 1
    assert (sandbox.policy(HELLO) is not None) is acted
    assert speak.lambda_("Platform").list_functions()["Functions"]
    assert answers == []
    assert sandbox.faults.release() == 1
    caller.join(10)
    assert answers[0]["Statement"]
    assert fault.waiting == 0
    assert sandbox.policy(HELLO) is not None


@pytest.mark.parametrize(("when", "acted"), [("before", False), ("after", True)])
def test_a_client_killed_while_held_leaves_aws_as_it_was_then(
    speak: Speaker, sandbox: Sandbox, when: When, acted: bool
) -> None:
    sandbox.faults.add("AddPermission", when=when, effect="hold")
    owner = speak.account("Platform")
    script = (
        "import boto3; boto3.client('lambda', region_name='us-east-1').add_permission("
        "FunctionName='hello_world', StatementId='a', Action='lambda:InvokeFunction', Principal='111122223333')"
    )
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": sandbox.url,
        "AWS_ACCESS_KEY_ID": owner.access_key_id,
        "AWS_SECRET_ACCESS_KEY": owner.secret_access_key,
    }
    worker = subprocess.Popen([sys.executable, "-c", script], env=environment)
    try:
        assert sandbox.faults.wait_until_held(20)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
    time.sleep(0.2)  # the server has to notice the closed connection
    before = len(sandbox.journal)
    sandbox.faults.release()
    deadline = time.monotonic() + 10
    while len(sandbox.journal) == before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (sandbox.policy(HELLO) is not None) is acted


def test_a_refusal_can_be_lost_too(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    sandbox.faults.add("GetPolicy", when="after", effect="error", code="ServiceException", status=500)
    assert refused(client.get_policy, FunctionName="hello_world")[0] == "ServiceException"
    assert refused(client.get_policy, FunctionName="hello_world")[0] == "ResourceNotFoundException"


def test_an_answer_can_be_cut_off(speak: Speaker, sandbox: Sandbox) -> None:
    sandbox.faults.add("AddPermission", when="after", effect="cut")
    assert "Statement" not in speak.lambda_("Platform").add_permission(**ASKED)  # what the SDK makes of half an answer
    assert sandbox.policy(HELLO) is not None
    with pytest.raises(ValueError, match="Only an answer"):
        sandbox.faults.add("AddPermission", when="before", effect="cut")


def test_a_fault_can_let_some_calls_pass_first(speak: Speaker, sandbox: Sandbox) -> None:
    sandbox.faults.add("GetPolicy", skip=2)
    client = speak.lambda_("Platform")
    assert client.get_policy(FunctionName="resize-images")["Policy"]
    assert client.get_policy(FunctionName="resize-images")["Policy"]
    assert refused(client.get_policy, FunctionName="resize-images")[1] == 429
    assert client.get_policy(FunctionName="resize-images")["Policy"]


def test_faults_can_be_kept_to_one_account_and_target(speak: Speaker, sandbox: Sandbox) -> None:
    sandbox.faults.add("GetPolicy", account=PLATFORM, target=":function:tax-rates", times=99)
    client = speak.lambda_("Platform")
    assert client.get_policy(FunctionName="resize-images")["Policy"]
    assert refused(client.get_policy, FunctionName="tax-rates", Qualifier="live")[1] == 429
    sandbox.faults.clear()
    assert client.get_policy(FunctionName="tax-rates", Qualifier="live")["Policy"]


def test_sts_can_be_struck_too(speak: Speaker, sandbox: Sandbox) -> None:
    sandbox.faults.add("AssumeRole", code="Throttling", status=400, message="Rate exceeded")
    platform = speak.account("Platform")
    sts = speak.client("sts", "fnshare")
    asked = {"RoleArn": platform.manager_role_arn, "ExternalId": platform.external_id, "RoleSessionName": "test"}
    assert refused(sts.assume_role, **asked) == ("Throttling", 400, "Rate exceeded")
    assert sts.assume_role(**asked)["Credentials"]


@pytest.mark.parametrize("wrong", [{"when": "during"}, {"effect": "explode"}])
def test_a_plan_that_makes_no_sense_is_refused(sandbox: Sandbox, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        sandbox.faults.add("AddPermission", **wrong)


def test_the_journal_tells_who_did_what_to_what(speak: Speaker, sandbox: Sandbox) -> None:
    platform = speak.account("Platform")
    client = speak.assumed("lambda", platform.manager_role_arn, "fnshare", ExternalId=platform.external_id)
    sandbox.journal.clear()
    answer = client.add_permission(
        **{**ASKED, "FunctionName": "label-uploads", "Qualifier": "live", "EventSourceToken": "t0k3n"}
    )
    speak.lambda_("Platform").invoke(FunctionName="hello_world", Payload=b'"secret"')
    first, second = sandbox.journal
    assert (first.service, first.operation, first.status, first.error_code) == ("lambda", "AddPermission", 201, "")
    assert first.caller_arn == f"arn:aws:sts::{PLATFORM}:assumed-role/fnshare-manager/test"
    assert (first.caller_account, first.account, first.region) == (PLATFORM, PLATFORM, "us-east-1")
    assert (first.target, first.qualifier) == (function_arn(PLATFORM, "label-uploads"), "live")
    assert first.parameters_summary["Principal"] == ACME
    assert first.request_id == answer["ResponseMetadata"]["RequestId"]
    assert "t0k3n" not in repr(first)
    assert "secret" not in repr(second)
    assert [run.function_arn for run in sandbox.journal.invocations] == [HELLO]
    refused(speak.lambda_("Umbrella").get_policy, FunctionName=HELLO)
    assert sandbox.journal[-1].error_code == "AccessDeniedException"
    assert (sandbox.journal[-1].caller_account, sandbox.journal[-1].account) == ("666677778888", PLATFORM)
