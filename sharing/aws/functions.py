"""Lambda's functions and their policies, in one account and region.

Every method is one AWS call (listing methods: one a page) and names the IAM action it needs. Answers are cut to an
allow-list here: a function's environment, code location and layers never leave this module.
"""

import json
from dataclasses import dataclass
from typing import Any

from sharing.policy.arn import ArnError, FunctionArn

from .calling import Caller
from .errors import Refused, malformed
from .mapped import ListedMapping, mapping_of

_NOT_FOUND = "ResourceNotFoundException"


@dataclass(frozen=True)
class ListedFunction:
    """What is kept of one entry of ListFunctions. arn: unqualified. last_modified: as AWS writes it.

    role: the ARN of the execution role, whom a source of another account has to let in (aws-facts 3); "" if AWS named none.
    """

    name: str
    arn: str
    description: str
    runtime: str
    last_modified: str
    role: str = ""


@dataclass(frozen=True)
class FunctionPage:
    """One page (50 at most). next_marker: where the next begins; empty: this was the last."""

    functions: list[ListedFunction]
    next_marker: str


@dataclass(frozen=True)
class ListedAlias:
    """An alias and the version it points to."""

    name: str
    version: str


@dataclass(frozen=True)
class StoredPolicy:
    """A policy as AWS stores it: JSON text, and the id of this revision. May carry an event source token: mask it."""

    document: str
    revision_id: str

    def __repr__(self) -> str:
        return f"StoredPolicy({len(self.document)} characters, {self.revision_id})"


@dataclass(frozen=True)
class Written:
    """AWS accepted a write. statement: JSON text of what it stored (AddPermission only)."""

    statement: str
    request_id: str

    def __repr__(self) -> str:
        return f"Written({self.request_id})"


class Functions(Caller):
    """The functions of one account and region, entered by a role. Raises Refused and Unavailable; see Caller."""

    def page(self, marker: str = "") -> FunctionPage:
        """50 functions. IAM: lambda:ListFunctions."""
        request = {"MaxItems": 50, **({"Marker": marker} if marker else {})}
        said = self.call("control", "ListFunctions", request)
        try:
            listed = [
                ListedFunction(
                    name=text_of(entry["FunctionName"]),
                    arn=text_of(entry["FunctionArn"]),
                    description=text_of(entry.get("Description", "")),
                    runtime=text_of(entry.get("Runtime", "")),
                    last_modified=text_of(entry.get("LastModified", "")),
                    role=text_of(entry.get("Role", "")),
                )
                for entry in said["Functions"]
            ]
            return FunctionPage(listed, text_of(said.get("NextMarker", "")))
        except (KeyError, TypeError, AttributeError):
            raise malformed("ListFunctions") from None

    def aliases(self, name: str) -> list[ListedAlias]:
        """Every alias of the function. IAM: lambda:ListAliases."""
        entries = self._pages("ListAliases", "Aliases", {"FunctionName": name})
        try:
            return [ListedAlias(text_of(entry["Name"]), text_of(entry.get("FunctionVersion", ""))) for entry in entries]
        except (KeyError, TypeError, AttributeError):
            raise malformed("ListAliases") from None

    def versions(self, name: str) -> list[str]:
        """Published versions, `$LATEST` left out. IAM: lambda:ListVersionsByFunction."""
        entries = self._pages("ListVersionsByFunction", "Versions", {"FunctionName": name})
        try:
            found = [text_of(entry["Version"]) for entry in entries]
        except (KeyError, TypeError, AttributeError):
            raise malformed("ListVersionsByFunction") from None
        return [version for version in found if not version.startswith("$")]

    def tags(self, arn: str) -> dict[str, str]:
        """The function's tags. IAM: lambda:ListTags."""
        said = self.call("control", "ListTags", {"Resource": arn})
        tags = said.get("Tags")
        if not isinstance(tags, dict):
            raise malformed("ListTags")
        return {str(key): str(value) for key, value in tags.items()}

    def url_configs(self, name: str) -> dict[str, str]:
        """Function URLs: qualifier ("" for the function itself) to NONE or AWS_IAM. IAM: lambda:ListFunctionUrlConfigs."""
        entries = self._pages("ListFunctionUrlConfigs", "FunctionUrlConfigs", {"FunctionName": name})
        try:
            return {(FunctionArn.parse(entry["FunctionArn"]).qualifier or ""): text_of(entry["AuthType"]) for entry in entries}
        except (KeyError, TypeError, AttributeError, ArnError):
            raise malformed("ListFunctionUrlConfigs") from None

    def mappings(self, name: str = "") -> list[ListedMapping]:
        """Event source mappings of the account and region, or of one function, 100 a page.

        IAM: lambda:ListEventSourceMappings on `*`. Credentials' addresses and the like are left out (aws-facts 3.1).
        """
        request = {"FunctionName": name} if name else {}
        entries = self._pages("ListEventSourceMappings", "EventSourceMappings", request)
        try:
            return [mapping_of(entry) for entry in entries]
        except (KeyError, TypeError, AttributeError, ValueError, ArnError):
            raise malformed("ListEventSourceMappings") from None

    def policy(self, name: str, qualifier: str = "") -> StoredPolicy | None:
        """The policy of the function, or of exactly this alias or version. None: AWS answered 404.

        On a function that exists 404 means that it has no policy (aws-facts 1.5). IAM: lambda:GetPolicy.
        """
        try:
            said = self.call("get-policy", "GetPolicy", _of(name, qualifier))
        except Refused as refused:
            if refused.code == _NOT_FOUND:
                return None
            raise
        document, revision = said.get("Policy"), said.get("RevisionId", "")
        if not isinstance(document, str) or not document or not isinstance(revision, str):
            raise malformed("GetPolicy")
        try:
            json.loads(document)
        except ValueError:
            raise malformed("GetPolicy") from None
        return StoredPolicy(document, revision)

    def exists(self, name: str, qualifier: str = "") -> bool:
        """Whether the function, or this alias or version of it, exists. IAM: lambda:GetFunctionConfiguration."""
        try:
            self.call("control", "GetFunctionConfiguration", _of(name, qualifier))
        except Refused as refused:
            if refused.code == _NOT_FOUND:
                return False
            raise
        return True

    def add_permission(self, parameters: dict[str, Any], revision_id: str | None) -> Written:
        """Add one statement. IAM: lambda:AddPermission.

        parameters: AddPermission's own (FunctionName, StatementId, Action, Principal, Qualifier...). revision_id: the
        change is refused (412) when the policy is at another; None when there is no policy yet. An error whose
        `maybe_done` is set may have been a success: read the policy before trying again.
        """
        request = {**parameters, **({"RevisionId": revision_id} if revision_id else {})}
        secret = str(parameters.get("EventSourceToken", ""))
        said = self.call("control", "AddPermission", request, write=True, secrets=(secret,))
        statement = said.get("Statement")
        if not isinstance(statement, str):
            raise malformed("AddPermission", write=True)
        return Written(statement, request_id_of(said))

    def remove_permission(self, name: str, sid: str, qualifier: str = "", revision_id: str | None = None) -> Written:
        """Remove one statement by its id; 404 (Refused) when AWS does not hold it. IAM: lambda:RemovePermission."""
        request = {**_of(name, qualifier), "StatementId": sid, **({"RevisionId": revision_id} if revision_id else {})}
        said = self.call("control", "RemovePermission", request, write=True)
        return Written("", request_id_of(said))

    def _pages(self, operation: str, key: str, request: dict[str, Any]) -> list[Any]:
        entries: list[Any] = []
        marker, seen = "", set[str]()
        while True:
            said = self.call("control", operation, {**request, **({"Marker": marker} if marker else {})})
            found = said.get(key)
            if not isinstance(found, list):
                raise malformed(operation)
            entries += found
            marker = text_of(said.get("NextMarker", ""))
            if not marker:
                return entries
            if marker in seen:
                raise malformed(operation)
            seen.add(marker)


def _of(name: str, qualifier: str) -> dict[str, Any]:
    return {"FunctionName": name, **({"Qualifier": qualifier} if qualifier else {})}


def request_id_of(said: dict[str, Any]) -> str:
    return str(said.get("ResponseMetadata", {}).get("RequestId", ""))


def text_of(value: object) -> str:
    """AWS's text without NUL, which PostgreSQL cannot keep."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value.replace("\x00", "")
