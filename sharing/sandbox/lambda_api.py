"""Lambda's HTTP interface, read from the SDK's own service model: routes, parameters, and every constraint on them.

The SDK checks only types and required members before sending; AWS checks patterns, lengths and enums, and so does this.
"""

import json
import re
from base64 import b64decode
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

import botocore.session
from botocore.model import OperationModel

from sharing.sandbox.errors import AwsError, invalid, missing
from sharing.sandbox.estate import Target, parse_function_name
from sharing.sandbox.signing import Request


@dataclass(frozen=True)
class Route:
    name: str
    method: str
    path: re.Pattern[str]
    query: dict[str, str]
    operation: OperationModel
    status: int


@dataclass(frozen=True)
class LambdaCall:
    """One parsed request. parameters: by their API names. payload: the raw body of Invoke."""

    operation: str
    parameters: dict[str, Any]
    payload: bytes
    status: int

    def text(self, name: str) -> str | None:
        value = self.parameters.get(name)
        return None if value is None else str(value)


def _pattern_of(uri: str) -> re.Pattern[str]:
    path = uri.partition("?")[0]
    text = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path))
    return re.compile(text + "/?")


@cache
def routes() -> list[Route]:
    """Every operation of the Lambda API, the more particular query strings first."""
    model = botocore.session.get_session().get_service_model("lambda")
    found = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        uri = operation.http["requestUri"]
        query = dict(parse_qsl(uri.partition("?")[2]))
        status = int(operation.http.get("responseCode", 200))
        found.append(Route(name, operation.http["method"], _pattern_of(uri), query, operation, status))
    return sorted(found, key=lambda route: -len(route.query))


def parse(request: Request) -> LambdaCall:
    """The operation that a request asks for, its parameters validated. Raises AwsError 400 or 404."""
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    found = _route(request, query)
    if found is None:
        raise AwsError("UnknownOperationException", 404, f"There is no operation {request.method} {request.path}.")
    route, uri = found
    return _read(route, request, query, uri)


def operation_of(request: Request) -> str:
    """The operation's name alone, empty when there is none; nothing is validated."""
    found = _route(request, dict(parse_qsl(request.query, keep_blank_values=True)))
    return found[0].name if found else ""


def _route(request: Request, query: dict[str, str]) -> tuple[Route, dict[str, str]] | None:
    for route in routes():
        if route.method == request.method and all(query.get(k) == v for k, v in route.query.items()):
            found = route.path.fullmatch(request.path)
            if found:
                return route, {name: unquote(text) for name, text in found.groupdict().items()}
    return None


def _read(route: Route, request: Request, query: dict[str, str], uri: dict[str, str]) -> LambdaCall:
    shape = route.operation.input_shape
    parameters: dict[str, Any] = {}
    payload = b""
    if shape is None:
        return LambdaCall(route.name, parameters, payload, route.status)
    blob = shape.serialization.get("payload")
    body = _body(request) if blob is None else {}
    if blob is not None:
        payload = request.body
    for name, member in shape.members.items():
        wire = member.serialization.get("name", name)
        location = member.serialization.get("location")
        if location == "uri":
            value: Any = uri.get(wire)
        elif location == "querystring":
            value = _repeated(request.query, wire) if member.type_name == "list" else query.get(wire)
        elif location == "header":
            value = request.headers.get(wire.lower())
        elif name == blob:
            continue
        else:
            value = body.get(wire)
        if location and value is not None and member.type_name in ("integer", "long"):
            value = _integer(name, value)
        if location and value is not None and member.type_name == "boolean":
            value = value == "true"
        if value is not None:
            parameters[name] = value
    problems = _missing_members(shape, parameters)
    for name, value in parameters.items():
        problems += _constraints(shape.members[name], value, name[0].lower() + name[1:])
    if problems:
        plural = "errors" if len(problems) > 1 else "error"
        raise invalid(f"{len(problems)} validation {plural} detected: " + "; ".join(problems))
    return LambdaCall(route.name, parameters, payload, route.status)


def _body(request: Request) -> dict[str, Any]:
    if not request.body.strip():
        return {}
    try:
        document = json.loads(request.body)
    except ValueError:
        raise AwsError("InvalidRequestContentException", 400, "Could not parse request body into json.") from None
    if not isinstance(document, dict):
        raise AwsError("InvalidRequestContentException", 400, "The request body must be a JSON object.")
    return document


def _repeated(query: str, name: str) -> list[str] | None:
    values = [value for key, value in parse_qsl(query, keep_blank_values=True) if key == name]
    return values or None


def _integer(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise AwsError("SerializationException", 400, f"{name} must be a whole number, not {text!r}.") from None


def _missing_members(shape: Any, parameters: dict[str, Any]) -> list[str]:
    return [
        f"Value null at '{name[0].lower() + name[1:]}' failed to satisfy constraint: Member must not be null"
        for name in shape.required_members
        if name not in parameters
        and name != shape.serialization.get("payload")
        and shape.members[name].serialization.get("location") != "uri"
    ]


_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "blob": (str,),
    "timestamp": (int, float, str),
}


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of the service model, which is written for Java: its letter, space and digit classes become Python's."""
    for java, python in ((r"\p{L}", r"\w"), (r"\p{Z}", r"\s"), (r"\p{N}", r"\d")):
        pattern = pattern.replace(java, python)
    return re.compile(pattern, re.DOTALL)


def _constraints(shape: Any, value: Any, where: str) -> list[str]:
    """What is wrong with one value, in AWS's words. A wrong JSON type is a SerializationException at once."""
    wanted: tuple[type, ...] = _KINDS.get(shape.type_name, (object,))
    fits: bool = isinstance(value, wanted) and (not isinstance(value, bool) or bool in wanted or object in wanted)
    if not fits:
        raise AwsError("SerializationException", 400, f"{where} must be of type {shape.type_name}.")
    problems: list[str] = []
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if value.get(name) is not None:
                problems += _constraints(member, value[name], f"{where}.{name[0].lower() + name[1:]}")
        return problems
    if shape.type_name == "list":
        for index, item in enumerate(value):
            problems += _constraints(shape.member, item, f"{where}.{index + 1}.member")
        return problems
    if shape.type_name == "blob":
        _decoded(value, where)
        return problems
    rules: list[str] = []
    facts = shape.metadata
    if shape.type_name == "string":
        pattern = facts.get("pattern")
        if pattern and not _compiled(pattern).fullmatch(value):
            rules.append(f"Member must satisfy regular expression pattern: {pattern}")
        if facts.get("enum") and value not in facts["enum"]:
            rules.append(f"Member must satisfy enum value set: [{', '.join(facts['enum'])}]")
        size, unit = len(value), "have length"
    elif shape.type_name in ("integer", "long"):
        size, unit = value, "have value"
    else:
        return problems
    if "max" in facts and size > facts["max"]:
        rules.append(f"Member must {unit} less than or equal to {facts['max']}")
    if "min" in facts and size < facts["min"]:
        rules.append(f"Member must {unit} greater than or equal to {facts['min']}")
    return [f"Value '{value}' at '{where}' failed to satisfy constraint: {rule}" for rule in rules]


def _decoded(value: str, where: str) -> bytes:
    try:
        return b64decode(value, validate=True)
    except ValueError:
        raise AwsError("SerializationException", 400, f"{where} must be base64.") from None


def target_of(function_name: str, qualifier: str | None, caller_account: str, region: str, partition: str = "aws") -> Target:
    """What FunctionName and Qualifier name together. A bare name means the caller's own account.

    Raises 400 when the two qualifiers disagree or the partition is another, 404 when the ARN's region is not the
    endpoint's.
    """
    parts = parse_function_name(function_name)
    if parts is None:
        raise invalid(
            f"1 validation error detected: Value '{function_name}' at 'functionName' failed to satisfy constraint: "
            "Member must be a function name, a partial ARN or a full ARN"
        )
    inner = parts["qualifier"]
    if inner and qualifier and inner != qualifier:
        raise invalid("The derived qualifier from the function name does not match the specified qualifier.")
    if parts["partition"] not in (None, partition):
        raise invalid(f"The partition of {function_name} is not the partition of this endpoint ({partition}).")
    if parts["region"] not in (None, region):
        raise missing(f"Functions from '{parts['region']}' are not reachable in this region ('{region}')")
    return Target(
        parts["account"] or caller_account, parts["region"] or region, parts["name"] or "", inner or qualifier, partition
    )
