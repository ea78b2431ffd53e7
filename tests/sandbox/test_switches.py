"""Rate limits, latency and slow propagation: off at first, real when on."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sharing.sandbox.server import Sandbox
from sharing.sandbox.switches import Limiter, Switches
from tests.sandbox.conftest import Speaker, allow, code, function_arn

PLATFORM, ACME = "444455556666", "111122223333"
HELLO = function_arn(PLATFORM, "hello_world")
ASKED = {"FunctionName": "hello_world", "Action": "lambda:InvokeFunction", "Principal": ACME}


def burst(call: Any, n: int, **parameters: Any) -> tuple[int, list[Any]]:
    """(how many got through, the refusals) of n calls in a row."""
    through, refusals = 0, []
    for _ in range(n):
        try:
            call(**parameters)
            through += 1
        except Exception as error:  # noqa: BLE001 - told apart by the caller
            refusals.append(error)
    return through, refusals


def test_everything_is_off_at_first(sandbox: Sandbox) -> None:
    assert sandbox.switches == Switches()
    assert not any(vars(sandbox.switches).values())


def test_get_policy_has_a_bucket_of_its_own(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    assert burst(client.get_policy, 40, FunctionName="resize-images")[0] == 40
    sandbox.switches.rate_limits = True
    through, refusals = burst(client.get_policy, 40, FunctionName="resize-images")
    assert 15 <= through < 40
    response = refusals[0].response
    assert response["Error"]["Code"] == "TooManyRequestsException"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert response["Reason"] == "CallerRateLimitExceeded"
    assert response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
    assert client.list_functions()["Functions"]  # the other bucket is full


def test_the_buckets_fill_again_at_their_rate() -> None:
    limiter = Limiter()
    admitted = 0
    start = time.monotonic()
    while time.monotonic() - start < 0.5:
        admitted += limiter.admits("1", "us-east-1", "GetPolicy")
        time.sleep(0.002)
    assert 15 <= admitted <= 15 + 15 * (time.monotonic() - start) + 1


def test_other_control_calls_share_one_bucket_per_account_and_region() -> None:
    limiter = Limiter()
    calls = ["ListFunctions", "AddPermission", "RemovePermission", "ListAliases", "GetFunctionConfiguration"]
    assert sum(limiter.admits("1", "us-east-1", calls[n % 5]) for n in range(50)) in range(15, 18)
    assert limiter.admits("1", "us-east-1", "GetPolicy")
    assert limiter.admits("1", "eu-west-1", "ListFunctions")
    assert limiter.admits("2", "us-east-1", "ListFunctions")
    assert all(limiter.admits("1", "us-east-1", "Invoke") for _ in range(500))
    assert sum(limiter.admits("1", "us-east-1", "GetFunction") for _ in range(200)) in range(100, 120)


def test_the_limit_counts_against_the_account_that_signs(speak: Speaker, sandbox: Sandbox) -> None:
    platform = speak.account("Platform")
    as_manager = speak.assumed("lambda", platform.manager_role_arn, "fnshare", ExternalId=platform.external_id)
    owner = speak.lambda_("Platform")
    sandbox.switches.rate_limits = True
    burst(as_manager.get_policy, 40, FunctionName="resize-images")
    through, refusals = burst(owner.get_policy, 10, FunctionName="resize-images")
    assert len(refusals) > through


def test_latency_delays_every_call(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    client.list_functions()
    sandbox.switches.latency = 0.2
    start = time.monotonic()
    client.list_functions()
    assert time.monotonic() - start >= 0.2


def test_a_grant_counts_for_invoke_only_after_the_delay_and_reads_see_it_at_once(speak: Speaker, sandbox: Sandbox) -> None:
    owner, acme = speak.lambda_("Platform"), speak.lambda_("Acme Retail")
    sandbox.switches.propagation_delay = 0.6
    start = time.monotonic()
    owner.add_permission(StatementId="a", **ASKED)
    assert json.loads(owner.get_policy(FunctionName="hello_world")["Policy"])["Statement"]
    assert code(acme.invoke, FunctionName=HELLO, InvocationType="DryRun") == "AccessDeniedException"
    assert _seconds_until(lambda: _allowed(acme)) + (time.monotonic() - start) >= 0
    assert time.monotonic() - start >= 0.6
    start = time.monotonic()
    owner.remove_permission(FunctionName="hello_world", StatementId="a")
    assert _allowed(acme)  # still let in for a while
    _seconds_until(lambda: not _allowed(acme))
    assert time.monotonic() - start >= 0.6


def test_a_change_of_a_role_counts_after_the_delay(speak: Speaker, sandbox: Sandbox) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACME}, "Action": "sts:AssumeRole"}],
    }
    arn = sandbox.add_role(ACME, "late", trust=trust)
    client = speak.assumed("lambda", arn, "Acme Retail")
    speak.lambda_("Platform").add_permission(StatementId="a", **ASKED)
    sandbox.switches.propagation_delay = 0.5
    time.sleep(0.6)
    start = time.monotonic()
    speak.client("iam", "Acme Retail").put_role_policy(
        RoleName="late", PolicyName="p", PolicyDocument=json.dumps(allow("lambda:InvokeFunction"))
    )
    assert not _allowed(client)
    _seconds_until(lambda: _allowed(client))
    assert time.monotonic() - start >= 0.5


def test_what_the_story_tells_is_in_force_from_the_start(speak: Speaker, sandbox: Sandbox) -> None:
    sandbox.switches.propagation_delay = 60.0
    acme = speak.account("Acme Retail")
    client = speak.assumed("lambda", acme.checker_role_arn, "fnshare", ExternalId=acme.external_id)
    live = f"{function_arn(PLATFORM, 'label-uploads')}:live"
    assert client.invoke(FunctionName=live, InvocationType="DryRun")["StatusCode"] == 204


def _allowed(client: Any) -> bool:
    try:
        return bool(client.invoke(FunctionName=HELLO, InvocationType="DryRun")["StatusCode"] == 204)
    except client.exceptions.ClientError:
        return False


def _seconds_until(settled: Any, limit: float = 5.0) -> float:
    start = time.monotonic()
    while not settled():
        if time.monotonic() - start > limit:
            pytest.fail("it never settled")
        time.sleep(0.02)
    return time.monotonic() - start


def test_parallel_writes_can_get_lost_as_they_do_on_aws(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")

    def add_five(prefix: str) -> int:
        sids = [f"{prefix}-{n}" for n in range(5)]
        with ThreadPoolExecutor(5) as pool:
            answers = list(pool.map(lambda sid: client.add_permission(StatementId=sid, **ASKED), sids))
        assert len(answers) == 5
        document = sandbox.policy(HELLO)
        return sum(s["Sid"].startswith(prefix) for s in (document or {})["Statement"])

    assert add_five("kept") == 5
    sandbox.switches.parallel_writes_lost = True
    assert add_five("lost") < 5
