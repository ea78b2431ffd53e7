"""Invoke in its three types. Who may call was decided before; this says what the call answers."""

import json
import time
import uuid
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from sharing.sandbox.errors import AwsError, Reply, denied, missing
from sharing.sandbox.estate import Estate, Function, Target
from sharing.sandbox.identity import Caller
from sharing.sandbox.journal import Invocation, Journal, now

#: Bytes of payload (aws-facts 2): 6 MB in line, 1 MB asynchronous.
LIMITS = {"RequestResponse": 6_291_456, "Event": 1_048_576}


class Invoker:
    def __init__(self, estate: Estate, journal: Journal) -> None:
        self.estate = estate
        self.journal = journal

    def invoke(
        self, target: Target, caller: Caller, parameters: dict[str, Any], payload: bytes, *, request_id: str = ""
    ) -> Reply:
        """204 for DryRun, 202 for Event, 200 with an answer for RequestResponse. request_id: the call's, and so the run's."""
        kind = parameters.get("InvocationType", "RequestResponse")
        function = self.estate.find(target.account, target.region, target.name)
        if function is None or not function.has(target.qualifier):
            raise missing(f"Function not found: {target.full}")
        version = function.version_of(target.qualifier)
        if kind == "DryRun":
            return Reply(204, headers={"X-Amz-Executed-Version": version})
        tail = parameters.get("LogType") == "Tail"
        if kind == "RequestResponse" and tail and caller.account != target.account:
            raise denied("Cross-account log access is not allowed")
        if len(payload) > LIMITS[kind]:
            raise AwsError(
                "RequestTooLargeException",
                413,
                f"{len(payload)} byte payload is too large for the {kind} invocation type (limit {LIMITS[kind]} bytes)",
            )
        event = _event(payload)
        run = request_id or str(uuid.uuid4())
        limit = function.configuration(version).timeout
        ended = function.takes > limit
        failed = function.fails or ended
        self.journal.record(
            Invocation(now(), function.arn, target.qualifier, kind, caller.arn, run, len(payload), failed, caller.account)
        )
        if kind == "Event":
            return Reply(202)
        time.sleep(min(function.takes, limit))
        headers = {"X-Amz-Executed-Version": version}
        if failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        if tail:
            headers["X-Amz-Log-Result"] = _log(run, version, function)
        answer = _timed_out(run, limit) if ended else _answer(function, event)
        return Reply(200, json.dumps(answer).encode(), headers=headers)


def _event(payload: bytes) -> Any:
    if not payload.strip():
        return None
    try:
        return json.loads(payload)
    except ValueError as error:
        raise AwsError("InvalidRequestContentException", 400, f"Could not parse request body into json: {error}") from None


def _answer(function: Function, event: Any) -> Any:
    if function.fails:
        return {"errorMessage": f"{function.name} failed", "errorType": "RuntimeError", "stackTrace": []}
    if function.answer is not None:
        return function.answer
    return {"function": function.name, "received": event}


def _timed_out(run: str, limit: int) -> Any:
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return {"errorMessage": f"{moment} {run} Task timed out after {limit:.2f} seconds"}


def _log(run: str, version: str, function: Function) -> str:
    lines = [
        f"START RequestId: {run} Version: {version}",
        f"END RequestId: {run}",
        f"REPORT RequestId: {run}\tDuration: 3.21 ms\tBilled Duration: 4 ms\tMemory Size: "
        f"{function.configuration(version).memory} MB\tMax Memory Used: 38 MB",
    ]
    return b64encode("\n".join(lines).encode()).decode()
