"""Event source mappings: onto functions of the caller's own account, from sources their execution role may read.

Only pull sources can be mapped (aws-facts 0.2, 0.3, 1.9, 3.1). Queues are really polled: what arrives runs the function, and
stays in the queue when the role may not read it. Streams and brokers have the same life cycle, and hand over nothing.
"""

import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from moto.sqs.models import Queue, sqs_backends

from sharing.sandbox import sources
from sharing.sandbox.deliveries import Deliveries
from sharing.sandbox.errors import AwsError, Reply, as_json, conflict, invalid, missing
from sharing.sandbox.estate import Function, Target, parse_function_name
from sharing.sandbox.lambda_api import LambdaCall
from sharing.sandbox.mapping_rules import BATCHES, check
from sharing.sandbox.shapes import page
from sharing.sandbox.sources import Source
from sharing.sandbox.switches import Switches

PULL_SOURCES = {"sqs", "kinesis", "dynamodb", "kafka", "mq", "rds"}

OPERATIONS = {
    "CreateEventSourceMapping",
    "DeleteEventSourceMapping",
    "GetEventSourceMapping",
    "ListEventSourceMappings",
    "UpdateEventSourceMapping",
}

#: Where each passing state leads; None: the mapping is gone.
_LEADS = {"Creating": "", "Updating": "", "Enabling": "Enabled", "Disabling": "Disabled", "Deleting": None}
_STREAM = (
    "Cannot access stream {arn}. Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, "
    "and %s Actions on your stream in IAM."
)
_NO_RIGHT = {
    "sqs": "The provided execution role does not have permissions to call ReceiveMessage on SQS",
    "kinesis": _STREAM % "ListShards",
    "dynamodb": _STREAM % "ListStreams",
}
_KEPT = ("FunctionName", "Enabled", "EventSourceArn", "UUID")
_add_message = Queue.add_message


@dataclass
class Mapping:
    """One mapping. state: the last one set; `since`: monotonic seconds when it was."""

    id: str
    account: str
    region: str
    function_arn: str
    source: str
    enabled: bool
    asked: dict[str, Any]
    state: str = "Creating"
    since: float = 0.0
    modified: float = field(default_factory=time.time)
    result: str = "No records processed"

    def settle(self, seconds: float) -> bool:
        """Let a passing state end once it lasted so long; False when the mapping is gone with it."""
        if self.state not in _LEADS or time.monotonic() - self.since < seconds:
            return True
        following = _LEADS[self.state]
        if following is None:
            return False
        self.state = following or ("Enabled" if self.enabled else "Disabled")
        return True

    def turn(self, state: str) -> None:
        self.state, self.since, self.modified = state, time.monotonic(), time.time()

    def shape(self) -> dict[str, Any]:
        return {
            "UUID": self.id,
            "EventSourceMappingArn": f"arn:aws:lambda:{self.region}:{self.account}:event-source-mapping:{self.id}",
            "FunctionArn": self.function_arn,
            **({"EventSourceArn": self.source} if self.source else {}),
            **self.asked,
            "LastModified": self.modified,
            "LastProcessingResult": self.result,
            "State": self.state,
            "StateTransitionReason": "User action",
        }


class Mappings:
    """Every mapping of every account. One per process, since queues tell it when a message arrives."""

    def __init__(self, deliveries: Deliveries, switches: Switches) -> None:
        self.deliveries = deliveries
        self.estate = deliveries.estate
        self.switches = switches
        self._held: dict[str, Mapping] = {}
        self._lock = threading.RLock()
        self._polling = threading.local()
        self._one_poll = threading.Lock()

    def reset(self) -> None:
        with self._lock:
            self._held.clear()

    def lead_here(self) -> None:
        """From now on queues tell these mappings when a message arrives. One per process."""

        def add_message(queue: Any, message: Any) -> None:
            _add_message(queue, message)
            self.poll(queue.queue_arn)

        Queue.add_message = add_message  # type: ignore[method-assign, assignment]

    def function_of(self, account: str, region: str, pk: str) -> str:
        """The ARN of the function that this mapping runs; "" if there is no such mapping."""
        with self._lock:
            self._settle()
            held = self._held.get(pk)
            return held.function_arn if held is not None and (held.account, held.region) == (account, region) else ""

    def perform(self, call: LambdaCall, account: str, region: str, target: Target | None) -> Reply:
        asked = {name: value for name, value in call.parameters.items() if value is not None}
        with self._lock:
            self._settle()
            if call.operation == "ListEventSourceMappings":
                return self._list(call, account, region)
            if call.operation == "CreateEventSourceMapping":
                if target is None:
                    raise invalid("FunctionName is required.")
                reply = self._create(asked, account, region, target)
            else:
                mapping = self._held.get(call.text("UUID") or "")
                if mapping is None or (mapping.account, mapping.region) != (account, region):
                    raise missing()
                if call.operation == "GetEventSourceMapping":
                    return as_json(mapping.shape())
                self._refuse_while_busy(mapping)
                reply = self._delete(mapping) if call.operation == "DeleteEventSourceMapping" else self._update(mapping, asked)
        self.poll()
        return reply

    def poll(self, queue_arn: str = "") -> None:
        """Hand over what waits in the queues of enabled mappings (of one queue, or of all)."""
        if getattr(self._polling, "now", False):
            return
        self._polling.now = True
        try:
            with self._one_poll:
                with self._lock:
                    self._settle()
                    enabled = [one for one in self._held.values() if one.state == "Enabled" and queue_arn in ("", one.source)]
                for mapping in enabled:
                    self._poll(mapping)
        finally:
            self._polling.now = False

    def _poll(self, mapping: Mapping) -> None:
        source = Source.parse(mapping.source)
        if source is None or source.service != "sqs":
            return
        backend = sqs_backends[source.account][source.region]
        function, qualifier = self.deliveries.find(mapping.function_arn)
        if function is None or source.resource not in backend.queues:
            mapping.result = "PROBLEM: The function or the queue does not exist."
            return
        if not sources.may_read(function.latest.role, source):
            mapping.result = f"PROBLEM: {_NO_RIGHT['sqs']}"
            return
        size = min(int(mapping.asked.get("BatchSize", 10)), 10)
        while messages := backend.receive_message(source.resource, size, 0, 30):
            event = {"Records": [_record(one, source) for one in messages]}
            fine = self.deliveries.run(
                "sqs.amazonaws.com", source.arn, source.account, function, qualifier, event, "RequestResponse"
            )
            mapping.result = "OK" if fine else "PROBLEM: Function call failed"
            if not fine:
                return
            for message in messages:
                backend.delete_message(source.resource, message.receipt_handle or "")

    def _settle(self) -> None:
        gone = [key for key, one in self._held.items() if not one.settle(self.switches.mapping_settling)]
        for key in gone:
            del self._held[key]

    def _create(self, asked: dict[str, Any], account: str, region: str, target: Target) -> Reply:
        arn = str(asked.get("EventSourceArn", ""))
        source = Source.parse(arn)
        if arn and (source is None or source.service not in PULL_SOURCES):
            raise invalid("Unrecognized event source.")
        function = self.estate.find(target.account, target.region, target.name)
        if function is None or not function.has(target.qualifier):
            raise missing(f"Function not found: {target.full}")
        where = function.qualified(target.qualifier)
        if source is not None:
            self._check_source(function, source, asked)
            same = [one for one in self._held.values() if (one.source, one.function_arn) == (arn, where)]
            if same:
                raise conflict(
                    f"An event source mapping with event source arn {arn} and function {where} already exists. "
                    f"Please update or delete the existing mapping with UUID {same[0].id}"
                )
        kept = {name: value for name, value in asked.items() if name not in _KEPT}
        if source is not None and (kind := kind_of(source)) in BATCHES:
            kept.setdefault("BatchSize", BATCHES[kind][0])
        mapping = Mapping(str(uuid.uuid4()), account, region, where, arn, bool(asked.get("Enabled", True)), kept)
        mapping.since = time.monotonic()
        self._held[mapping.id] = mapping
        return as_json(mapping.shape(), 202)

    def _check_source(self, function: Function, source: Source, asked: dict[str, Any]) -> None:
        if source.region != function.region:
            raise invalid("The event source must be in the same region as the function.")
        check(kind_of(source), asked)
        if not sources.exists(source):
            raise invalid("The event source does not exist.")
        if not sources.may_read(function.latest.role, source):
            raise invalid(_NO_RIGHT[source.service].format(arn=source.arn))

    def _update(self, mapping: Mapping, asked: dict[str, Any]) -> Reply:
        source = Source.parse(mapping.source)
        whole = {**mapping.asked, **{name: value for name, value in asked.items() if name not in _KEPT}}
        if source is not None:
            check(kind_of(source), whole)
        if asked.get("FunctionName"):
            named = parse_function_name(str(asked["FunctionName"])) or {}
            function = self.estate.find(mapping.account, mapping.region, named.get("name") or "")
            if function is None or not function.has(named.get("qualifier")):
                raise missing(f"Function not found: {asked['FunctionName']}")
            mapping.function_arn = function.qualified(named.get("qualifier"))
        before, mapping.asked = mapping.enabled, whole
        mapping.enabled = bool(asked.get("Enabled", before))
        mapping.turn("Updating" if mapping.enabled == before else "Enabling" if mapping.enabled else "Disabling")
        return as_json(mapping.shape(), 202)

    def _delete(self, mapping: Mapping) -> Reply:
        mapping.turn("Deleting")
        return as_json(mapping.shape(), 202)

    def _refuse_while_busy(self, mapping: Mapping) -> None:
        if mapping.state in _LEADS:
            text = f"Cannot change the event source mapping because it is in use: it is {mapping.state}."
            raise AwsError("ResourceInUseException", 400, text)

    def _list(self, call: LambdaCall, account: str, region: str) -> Reply:
        held = [one for one in self._held.values() if (one.account, one.region) == (account, region)]
        shown = sorted((one.shape() for one in held), key=lambda shape: str(shape["UUID"]))
        source = call.text("EventSourceArn")
        if source:
            shown = [mapping for mapping in shown if mapping.get("EventSourceArn") == source]
        wanted = parse_function_name(call.text("FunctionName") or "")
        if wanted:
            shown = [m for m in shown if (parse_function_name(m["FunctionArn"]) or {}).get("name") == wanted["name"]]
        chosen, marker = page(shown, call.parameters, lambda shape: str(shape["UUID"]), 100)
        shape: dict[str, Any] = {"EventSourceMappings": chosen}
        if marker:
            shape["NextMarker"] = marker
        return as_json(shape)


def kind_of(source: Source) -> str:
    """As BATCHES names it."""
    return "sqs-fifo" if source.service == "sqs" and source.arn.endswith(".fifo") else source.service


def _record(message: Any, source: Source) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "eventSource": "aws:sqs",
        "eventSourceARN": source.arn,
        "awsRegion": source.region,
    }
