"""Lambda's layers and the policies of their versions, in one account and region.

Every method is one AWS call (listing methods: one a page) and names the IAM action it needs. Answers are cut to an
allow-list here: where a layer's code can be fetched never leaves this module, and GetLayerVersion is never called.
All of these draw on the rate that Lambda's control calls share (aws-facts 4).
"""

import json
from dataclasses import dataclass
from typing import Any

from .calling import Caller
from .errors import Refused, malformed
from .functions import StoredPolicy, Written, request_id_of, text_of

_NOT_FOUND = "ResourceNotFoundException"


@dataclass(frozen=True)
class LayerPage:
    """One page of layers' names (50 at most). next_marker: where the next begins; empty: this was the last."""

    names: list[str]
    next_marker: str


@dataclass(frozen=True)
class ListedVersion:
    """What is kept of one entry of ListLayerVersions. created: as AWS writes it."""

    number: int
    arn: str
    description: str
    license: str
    created: str
    runtimes: tuple[str, ...]
    architectures: tuple[str, ...]


@dataclass(frozen=True)
class VersionPage:
    """One page of a layer's versions (50 at most), the newest first."""

    versions: list[ListedVersion]
    next_marker: str


class Layers(Caller):
    """The layers of one account and region, entered by a role. Raises Refused and Unavailable; see Caller."""

    def page(self, marker: str = "") -> LayerPage:
        """50 layers. IAM: lambda:ListLayers."""
        said = self.call("control", "ListLayers", {"MaxItems": 50, **({"Marker": marker} if marker else {})})
        try:
            names = [text_of(entry["LayerName"]) for entry in said["Layers"]]
            return LayerPage([name for name in names if name], text_of(said.get("NextMarker", "")))
        except (KeyError, TypeError, AttributeError):
            raise malformed("ListLayers") from None

    def versions(self, name: str, marker: str = "") -> VersionPage:
        """50 versions of one layer, those that were deleted left out. IAM: lambda:ListLayerVersions."""
        request = {"LayerName": name, "MaxItems": 50, **({"Marker": marker} if marker else {})}
        said = self.call("control", "ListLayerVersions", request)
        try:
            return VersionPage([_version(entry) for entry in said["LayerVersions"]], text_of(said.get("NextMarker", "")))
        except (KeyError, TypeError, AttributeError, ValueError):
            raise malformed("ListLayerVersions") from None

    def policy(self, name: str, number: int) -> StoredPolicy | None:
        """The policy of this version. None: AWS answered 404, which on a version that exists means that it has none.

        IAM: lambda:GetLayerVersionPolicy.
        """
        try:
            said = self.call("control", "GetLayerVersionPolicy", _of(name, number))
        except Refused as refused:
            if refused.code == _NOT_FOUND:
                return None
            raise
        document, revision = said.get("Policy"), said.get("RevisionId", "")
        if not isinstance(document, str) or not document or not isinstance(revision, str):
            raise malformed("GetLayerVersionPolicy")
        try:
            json.loads(document)
        except ValueError:
            raise malformed("GetLayerVersionPolicy") from None
        return StoredPolicy(document, revision)

    def add_permission(self, parameters: dict[str, Any], revision_id: str | None) -> Written:
        """Add one statement. IAM: lambda:AddLayerVersionPermission.

        parameters: AddLayerVersionPermission's own (LayerName, VersionNumber, StatementId, Action, Principal,
        OrganizationId). revision_id: the change is refused (412) when the policy is at another; None when there is no
        policy yet. An error whose `maybe_done` is set may have been a success: read the policy before trying again.
        """
        request = {**parameters, **({"RevisionId": revision_id} if revision_id else {})}
        said = self.call("control", "AddLayerVersionPermission", request, write=True)
        statement = said.get("Statement")
        if not isinstance(statement, str):
            raise malformed("AddLayerVersionPermission", write=True)
        return Written(statement, request_id_of(said))

    def remove_permission(self, name: str, number: int, sid: str, revision_id: str | None = None) -> Written:
        """Remove one statement by its id; 404 (Refused) when AWS does not hold it.

        IAM: lambda:RemoveLayerVersionPermission.
        """
        request = {**_of(name, number), "StatementId": sid, **({"RevisionId": revision_id} if revision_id else {})}
        said = self.call("control", "RemoveLayerVersionPermission", request, write=True)
        return Written("", request_id_of(said))


def _version(entry: dict[str, Any]) -> ListedVersion:
    number = entry["Version"]
    if not isinstance(number, int) or number < 1:
        raise ValueError("not a version number")
    return ListedVersion(
        number=number,
        arn=text_of(entry["LayerVersionArn"]),
        description=text_of(entry.get("Description", "")),
        license=text_of(entry.get("LicenseInfo", "")),
        created=text_of(entry.get("CreatedDate", "")),
        runtimes=tuple(text_of(one) for one in entry.get("CompatibleRuntimes") or ()),
        architectures=tuple(text_of(one) for one in entry.get("CompatibleArchitectures") or ()),
    )


def _of(name: str, number: int) -> dict[str, Any]:
    return {"LayerName": name, "VersionNumber": number}
