"""Event source mappings: moto keeps them, the layer decides whose function and which source they may join.

Only pull sources can be mapped, and only to a function of the caller's own account (aws-facts 0.2, 0.3, 1.9).
"""

import json
from typing import Any

from sharing.sandbox import behind
from sharing.sandbox.behind import Moto
from sharing.sandbox.errors import AwsError, Reply, as_json, invalid, missing
from sharing.sandbox.estate import Estate, Target, parse_function_name
from sharing.sandbox.lambda_api import LambdaCall
from sharing.sandbox.shapes import page
from sharing.sandbox.signing import Request, Scope

PULL_SOURCES = {"sqs", "kinesis", "dynamodb", "kafka", "mq", "rds"}

OPERATIONS = {
    "CreateEventSourceMapping",
    "DeleteEventSourceMapping",
    "GetEventSourceMapping",
    "ListEventSourceMappings",
    "UpdateEventSourceMapping",
}


class Mappings:
    def __init__(self, estate: Estate, moto: Moto) -> None:
        self.estate = estate
        self.moto = moto

    def perform(
        self, call: LambdaCall, environ: dict[str, Any], request: Request, scope: Scope, account: str, target: Target | None
    ) -> Reply:
        if call.operation == "ListEventSourceMappings":
            return self._list(call, account, scope.region)
        if call.operation == "CreateEventSourceMapping":
            if target is None:
                raise invalid("FunctionName is required.")
            return self._create(call, environ, request, scope, account, target)
        reply = self.moto.call(environ, request, scope, account)
        if reply.status == 404 or (reply.status == 200 and reply.body in (b"", b"{}")):
            raise missing()
        return reply

    def _create(
        self, call: LambdaCall, environ: dict[str, Any], request: Request, scope: Scope, account: str, target: Target
    ) -> Reply:
        source = call.text("EventSourceArn")
        if source and (source.split(":") + [""] * 3)[2] not in PULL_SOURCES:
            raise invalid("Unrecognized event source.")
        function = self.estate.find(target.account, target.region, target.name)
        if function is None or not function.has(target.qualifier):
            raise missing(f"Function not found: {target.full}")
        behind.mirror(function)
        body = {**json.loads(request.body), "FunctionName": function.name}
        reply = self.moto.call(environ, request, scope, account, behind.json_body(body))
        if reply.status >= 400:
            raise invalid("The event source does not exist or cannot be read by the function's execution role.")
        made = json.loads(reply.body)
        held = behind.lambda_backend(account, scope.region).get_event_source_mapping(made["UUID"])
        if held is None:
            raise AwsError("ServiceException", 500, "The mapping was not kept.")
        held.function_arn = function.qualified(target.qualifier)
        return as_json(held.get_configuration(), 202)

    def _list(self, call: LambdaCall, account: str, region: str) -> Reply:
        held = behind.lambda_backend(account, region).list_event_source_mappings("", "")
        shown = sorted((mapping.get_configuration() for mapping in held), key=lambda shape: str(shape["UUID"]))
        source = call.text("EventSourceArn")
        if source:
            shown = [mapping for mapping in shown if mapping["EventSourceArn"] == source]
        wanted = parse_function_name(call.text("FunctionName") or "")
        if wanted:
            shown = [m for m in shown if (parse_function_name(m["FunctionArn"]) or {}).get("name") == wanted["name"]]
        chosen, marker = page(shown, call.parameters, lambda shape: str(shape["UUID"]), 100)
        shape: dict[str, Any] = {"EventSourceMappings": chosen}
        if marker:
            shape["NextMarker"] = marker
        return as_json(shape)
