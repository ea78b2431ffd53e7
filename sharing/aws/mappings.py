"""Event source mappings of one function: looked at, created, changed, deleted, in its own account and region.

Every method is one AWS call and names the IAM action it needs. Answers are cut to an allow-list (`mapped`).
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sharing.policy.arn import ArnError, FunctionArn

from .calling import Caller
from .errors import Refused, malformed
from .functions import request_id_of
from .mapped import ListedMapping, mapping_of
from .pace import Pace
from .session import RoleRef

_NOT_FOUND = "ResourceNotFoundException"


@dataclass(frozen=True)
class Accepted:
    """AWS accepted a change (202). mapping: as it is on its way there."""

    mapping: ListedMapping
    request_id: str


class Mappings(Caller):
    """The mappings of one function, in a session of 15 minutes that can do nothing else. Raises Refused and Unavailable."""

    def __init__(
        self,
        role: RoleRef,
        region: str,
        *,
        pace: Pace,
        function: FunctionArn,
        session_name: str,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(
            role,
            region,
            pace=pace,
            purpose="click",
            limited_to=function,
            session_name=session_name,
            cancelled=cancelled,
        )
        self._policy = mapping_only(function)

    def get(self, pk: uuid.UUID) -> ListedMapping | None:
        """The mapping as it is now; None: AWS knows none. IAM: lambda:GetEventSourceMapping."""
        try:
            said = self.call("control", "GetEventSourceMapping", {"UUID": str(pk)})
        except Refused as refused:
            if refused.code == _NOT_FOUND:
                return None
            raise
        return _read(said, "GetEventSourceMapping")

    def of_source(self, source: str) -> list[ListedMapping]:
        """The mappings from this source, whatever they run, 100 a page. IAM: lambda:ListEventSourceMappings."""
        found: list[ListedMapping] = []
        marker, seen = "", set[str]()
        while True:
            request = {"EventSourceArn": source, **({"Marker": marker} if marker else {})}
            said = self.call("control", "ListEventSourceMappings", request)
            entries = said.get("EventSourceMappings")
            if not isinstance(entries, list):
                raise malformed("ListEventSourceMappings")
            found += [_read(entry, "ListEventSourceMappings") for entry in entries]
            marker = str(said.get("NextMarker") or "")
            if not marker:
                return found
            if marker in seen:
                raise malformed("ListEventSourceMappings")
            seen.add(marker)

    def create(self, parameters: dict[str, Any]) -> Accepted:
        """Create one. IAM: lambda:CreateEventSourceMapping. An error with `maybe_done` set may have been a success."""
        return self._write("CreateEventSourceMapping", parameters)

    def update(self, pk: uuid.UUID, parameters: dict[str, Any]) -> Accepted:
        """Change options, or `Enabled`. IAM: lambda:UpdateEventSourceMapping."""
        return self._write("UpdateEventSourceMapping", {"UUID": str(pk), **parameters})

    def delete(self, pk: uuid.UUID) -> Accepted:
        """Delete it: AWS is Deleting it from then on. IAM: lambda:DeleteEventSourceMapping."""
        return self._write("DeleteEventSourceMapping", {"UUID": str(pk)})

    def _write(self, operation: str, request: dict[str, Any]) -> Accepted:
        said = self.call("control", operation, request, write=True)
        return Accepted(_read(said, operation, write=True), request_id_of(said))


def mapping_only(function: FunctionArn) -> str:
    """The session policy of one change: mappings of this function, its aliases and versions, nothing else (aws-facts 5.2)."""
    arn = str(function.unqualified)
    ours = {"ArnLike": {"lambda:FunctionArn": [arn, f"{arn}:*"]}}
    mappings = f"arn:{function.partition}:lambda:{function.region}:{function.account}:event-source-mapping:*"
    changing = ["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping", "lambda:DeleteEventSourceMapping"]
    statements = [
        {"Effect": "Allow", "Action": "lambda:ListEventSourceMappings", "Resource": "*"},
        {"Effect": "Allow", "Action": "lambda:CreateEventSourceMapping", "Resource": "*", "Condition": ours},
        {"Effect": "Allow", "Action": changing, "Resource": mappings, "Condition": ours},
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def _read(entry: dict[str, Any], operation: str, *, write: bool = False) -> ListedMapping:
    try:
        return mapping_of(entry)
    except (KeyError, TypeError, AttributeError, ValueError, ArnError):
        raise malformed(operation, write=write) from None
