"""Every service but Lambda: STS, Organizations and regions are played here; moto plays the rest, under the caller's rights."""

import json
from dataclasses import dataclass
from typing import Any

from sharing.sandbox import alarms, notifications, organizations, regions, rules, stream_policies, topics, touched
from sharing.sandbox.authorization import Gate
from sharing.sandbox.behind import Moto
from sharing.sandbox.deliveries import Deliveries
from sharing.sandbox.errors import Reply
from sharing.sandbox.identity import Caller
from sharing.sandbox.mappings import Mappings
from sharing.sandbox.metrics import Metrics
from sharing.sandbox.signing import Request, Scope
from sharing.sandbox.sts import Sts

#: Parameters of STS that the journal may show.
STS_SHOWN = ("RoleArn", "RoleSessionName", "DurationSeconds")


@dataclass(frozen=True)
class Asked:
    """One verified call. parameters: of the query protocol's form, or of a JSON body. resource: what it is about, if known."""

    environ: dict[str, Any]
    request: Request
    scope: Scope
    operation: str
    parameters: dict[str, Any]
    resource: str | None
    caller: Caller
    context: dict[str, list[str]]
    request_id: str


class Elsewhere:
    def __init__(self, gate: Gate, moto: Moto, deliveries: Deliveries, mappings: Mappings) -> None:
        self.gate = gate
        self.moto = moto
        self.deliveries = deliveries
        self.mappings = mappings
        self.metrics = Metrics()
        self.sts = Sts(gate)
        deliveries.journal.on_run = self.metrics.count

    def answer(self, asked: Asked) -> Reply:
        """The service's answer. Raises AwsError for what it refuses."""
        service, operation, caller, context = asked.scope.service, asked.operation, asked.caller, asked.context
        if service == "sts":
            return self.sts.answer(operation, asked.parameters, caller, asked.scope.region, asked.request_id, context)
        action = f"{touched.IAM_NAMES.get(service, service)}:{operation}"
        self.gate.check_action(caller, action, context, asked.resource)
        if service == "account" and operation == "ListRegions":
            body = json.loads(asked.request.body or b"{}")
            wanted = body.get("RegionOptStatusContains") or []
            return regions.list_regions(wanted, body.get("NextToken", ""), body.get("MaxResults", 50))
        if service == "ec2" and operation == "DescribeRegions":
            return regions.describe_regions(asked.request_id, every=asked.parameters.get("AllRegions") == "true")
        if service == "organizations":
            return organizations.answer(operation, asked.request.body, caller.account, self.gate.directory)
        if service == "iam":
            self.gate.directory.note_changes(caller.account)
            reply = self.moto.call(asked.environ, asked.request, asked.scope, caller.account)
            self.gate.directory.note_changes(caller.account)
            return reply
        return self._of_sources(asked)

    def _of_sources(self, asked: Asked) -> Reply:
        """Buckets, topics, queues, streams, rules and alarms: moto keeps them, within what AWS would take."""
        service, operation, caller = asked.scope.service, asked.operation, asked.caller
        account, region = caller.account, asked.scope.region
        if service == "s3":
            account = touched.guard_bucket(asked.request, operation, caller, asked.context)
            if operation == "PutBucketNotification":
                notifications.check(asked.request.body, touched.bucket_of(asked.request), self.deliveries)
        elif service == "sns":
            account = topics.account_of(asked.parameters, caller, operation, asked.context)
        elif service == "events":
            rules.check(operation, asked.parameters, account, region)
            for role in rules.passed(operation, asked.parameters):
                passing = {**asked.context, "iam:passedtoservice": [rules.SERVICE]}
                self.gate.check_action(caller, "iam:PassRole", passing, role)
        elif service == "monitoring" and operation == "GetMetricStatistics":
            found = self.metrics.statistics(asked.parameters, account, region)
            if found is not None:
                return found
        elif (found := stream_policies.answer(service, operation, asked.parameters, account)) is not None:
            return found
        reply = self.moto.call(asked.environ, asked.request, asked.scope, account)
        if service == "sqs":
            self.mappings.poll()
        if service == "monitoring" and operation == "DescribeAlarms":
            return alarms.as_listed(reply, asked.parameters)
        return reply


def shown(service: str, parameters: dict[str, Any]) -> dict[str, str]:
    """The parameters that the journal may show."""
    return {name: str(parameters[name]) for name in STS_SHOWN if name in parameters} if service == "sts" else {}
