"""How functions, versions, aliases and URLs look on the wire."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Callable
from typing import Any, TypeVar

from sharing.sandbox.errors import invalid
from sharing.sandbox.estate import LATEST, Alias, Function, Url

#: Entries per page of ListFunctions, ListVersionsByFunction, ListAliases and ListFunctionUrlConfigs (aws-facts 4).
PAGE = 50

Item = TypeVar("Item")


def configuration(function: Function, version: str, arn: str, *, detailed: bool = False) -> dict[str, Any]:
    """FunctionConfiguration. detailed: with the state fields that only the single reads carry."""
    held = function.configuration(version)
    shape: dict[str, Any] = {
        "FunctionName": function.name,
        "FunctionArn": arn,
        "Runtime": held.runtime,
        "Role": held.role,
        "Handler": held.handler,
        "CodeSize": held.code_size,
        "Description": held.description,
        "Timeout": held.timeout,
        "MemorySize": held.memory,
        "LastModified": held.last_modified,
        "CodeSha256": held.code_sha256,
        "Version": version,
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": held.revision,
        "PackageType": held.package_type,
        "Architectures": list(held.architectures),
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{function.name}"},
    }
    if held.environment:
        shape["Environment"] = {"Variables": dict(held.environment)}
    if detailed:
        shape |= {"State": "Active", "LastUpdateStatus": "Successful"}
    return shape


def alias(function: Function, held: Alias) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "AliasArn": function.qualified(held.name),
        "Name": held.name,
        "FunctionVersion": held.version,
        "Description": held.description,
        "RevisionId": held.revision,
    }
    if held.routing:
        shape["RoutingConfig"] = held.routing
    return shape


def url(function: Function, qualifier: str, held: Url) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "FunctionUrl": held.url,
        "FunctionArn": function.qualified(qualifier or None),
        "AuthType": held.auth_type,
        "CreationTime": held.created,
        "LastModifiedTime": held.modified,
        "InvokeMode": held.invoke_mode,
    }
    if held.cors:
        shape["Cors"] = held.cors
    return shape


def versions(function: Function) -> list[tuple[str, str]]:
    """(version, its qualified ARN), $LATEST first, then by number."""
    numbers = sorted(function.versions, key=int)
    return [(version, function.qualified(version)) for version in [LATEST, *numbers]]


def version_key(function: Function, version: str) -> str:
    """A key that sorts versions by function name and number, $LATEST first."""
    return f"{function.name} {0 if version == LATEST else int(version):010d}"


def page(
    items: list[Item], parameters: dict[str, Any], key: Callable[[Item], str], size: int = PAGE
) -> tuple[list[Item], str | None]:
    """One page of items sorted by `key`, and the marker of the next. MaxItems above the cap is accepted and ignored.

    The marker holds the last key, so that nothing is skipped when something is deleted between two pages.
    """
    after = _last_key(parameters.get("Marker"))
    start = bisect_right(items, after, key=key) if after is not None else 0
    end = start + min(int(parameters.get("MaxItems", size)), size)
    return items[start:end], _marker(key(items[end - 1])) if end < len(items) else None


def _marker(key: str) -> str:
    return urlsafe_b64encode(f"after:{key}".encode()).decode()


def _last_key(marker: str | None) -> str | None:
    if not marker:
        return None
    try:
        word, _, key = urlsafe_b64decode(marker.encode()).decode().partition(":")
    except ValueError:
        word, key = "", ""
    if word != "after":
        raise invalid("The marker is not one that this operation gave.")
    return key


def with_marker(shape: dict[str, Any], marker: str | None) -> dict[str, Any]:
    return {**shape, "NextMarker": marker} if marker else shape
