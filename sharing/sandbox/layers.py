"""Lambda layers: their versions, and each version's policy, as AWS stores, pages and refuses them.

Source: aws-facts section 7 and the botocore model. Where nobody outside AWS knows, the sandbox takes one answer: the size
limit is the functions'; the policy is gone with its last statement; OrganizationId goes with the principal `*` only.
"""

import copy
import re
from dataclasses import dataclass
from typing import Any

from sharing.sandbox import shapes
from sharing.sandbox.documents import LIMIT, compact
from sharing.sandbox.errors import AwsError, Reply, as_json, conflict, invalid, missing
from sharing.sandbox.evaluation import Document, statements
from sharing.sandbox.functions import timestamp
from sharing.sandbox.shelf import LayerVersion, Shelf
from sharing.sandbox.switches import Switches

_ARN = re.compile(
    r"arn:(?P<partition>[a-zA-Z-]+):lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):layer:(?P<name>[a-zA-Z0-9-_]+)"
    r"(?::(?P<number>[0-9]+))?"
)


@dataclass(frozen=True)
class LayerTarget:
    """What a layer call is about. number None: the layer, not one of its versions."""

    account: str
    region: str
    name: str
    number: int | None
    partition: str = "aws"

    @property
    def arn(self) -> str:
        head = f"arn:{self.partition}:lambda:{self.region}:{self.account}:layer:{self.name}"
        return head if self.number is None else f"{head}:{self.number}"


def layer_target(parameters: dict[str, Any], caller_account: str, region: str, partition: str = "aws") -> LayerTarget | None:
    """The layer, or version of it, that LayerName and VersionNumber (or Arn) name; None when the call names none."""
    text, number = parameters.get("LayerName"), parameters.get("VersionNumber")
    if "Arn" in parameters:
        text = parameters["Arn"]
    if text is None:
        return None
    found = _ARN.fullmatch(str(text))
    if found is None:
        return LayerTarget(caller_account, region, str(text), number, partition)
    if found["partition"] != partition:
        raise invalid(f"The partition of {text} is not the partition of this endpoint ({partition}).")
    if found["region"] != region:
        raise missing(f"Layers from '{found['region']}' are not reachable in this region ('{region}')")
    named = int(found["number"]) if found["number"] else number
    return LayerTarget(found["account"], found["region"], found["name"], named, partition)


class Layers:
    """Operations on a shelf. Callers have been authorised and the parameters validated before."""

    def __init__(self, shelf: Shelf, switches: Switches) -> None:
        self.shelf = shelf
        self.switches = switches

    def find(self, target: LayerTarget) -> LayerVersion:
        """The version a call is about. Raises 404."""
        found = self.shelf.find(target.account, target.region, target.name, target.number or 0)
        if found is None:
            raise missing()
        return found

    def policy_of(self, target: LayerTarget) -> Document | None:
        """What the version's policy says; None where there is no version or no policy."""
        found = self.shelf.find(target.account, target.region, target.name, target.number or 0)
        return found.document if found else None

    # --- reading ---------------------------------------------------------------------------------------------------

    def list_layers(self, account: str, region: str, parameters: dict[str, Any]) -> Reply:
        newest = [self.shelf.versions(account, region, name)[0] for name in self.shelf.names(account, region)]
        chosen, marker = shapes.page(_compatible(newest, parameters), parameters, lambda one: one.name)
        found = [{"LayerName": one.name, "LayerArn": one.layer_arn, "LatestMatchingVersion": _listed(one)} for one in chosen]
        return as_json(shapes.with_marker({"Layers": found}, marker))

    def list_versions(self, target: LayerTarget, parameters: dict[str, Any]) -> Reply:
        versions = self.shelf.versions(target.account, target.region, target.name)
        chosen, marker = shapes.page(_compatible(versions, parameters), parameters, lambda one: f"{10**12 - one.number:013d}")
        return as_json(shapes.with_marker({"LayerVersions": [_listed(one) for one in chosen]}, marker))

    def get_version(self, target: LayerTarget) -> Reply:
        return as_json(_whole(self.find(target)))

    def get_policy(self, target: LayerTarget) -> Reply:
        with self.shelf.lock:
            version = self.find(target)
            if version.document is None:
                raise missing()
            return as_json({"Policy": compact(version.document), "RevisionId": version.revision})

    # --- changing --------------------------------------------------------------------------------------------------

    def publish(self, target: LayerTarget, parameters: dict[str, Any]) -> Reply:
        made = LayerVersion(
            target.account,
            target.region,
            target.name,
            0,
            description=parameters.get("Description", ""),
            license=parameters.get("LicenseInfo", ""),
            created=timestamp(),
            runtimes=tuple(parameters.get("CompatibleRuntimes") or ()),
            architectures=tuple(parameters.get("CompatibleArchitectures") or ()),
        )
        return as_json(_whole(self.shelf.publish(made)), 201)

    def delete(self, target: LayerTarget) -> Reply:
        """Deleting a version that is not there succeeds, as it does on AWS. Its policy goes with it."""
        with self.shelf.lock:
            found = self.shelf.find(target.account, target.region, target.name, target.number or 0)
            if found is not None:
                self.shelf.delete(found)
        return Reply(204)

    def add(self, target: LayerTarget, parameters: dict[str, Any]) -> Reply:
        with self.shelf.lock:
            version = self.find(target)
            _fence(version, parameters.get("RevisionId"))
            document: Document = {"Version": "2012-10-17", "Id": "default", **copy.deepcopy(version.document or {})}
            sid = parameters["StatementId"]
            if any(one.get("Sid") == sid for one in statements(document)):
                raise conflict(
                    f"The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the "
                    "existing statement."
                )
            statement = _statement(parameters, version.arn)
            document["Statement"] = [*statements(document), statement]
            size = len(compact(document).encode())
            if size > LIMIT:
                text = f"The final policy size ({size}) is bigger than the limit ({LIMIT})."
                raise AwsError("PolicyLengthExceededException", 400, text)
            version.set_policy(document)
            return as_json({"Statement": compact(statement), "RevisionId": version.revision}, 201)

    def remove(self, target: LayerTarget, sid: str, revision: str | None) -> Reply:
        with self.shelf.lock:
            version = self.find(target)
            held = statements(version.document)
            kept = [one for one in held if one.get("Sid") != sid]
            if len(kept) == len(held):
                raise missing(f"Statement {sid} is not found in resource policy.")
            _fence(version, revision)
            if kept or self.switches.empty_policy_after_last:
                version.set_policy({**(version.document or {}), "Statement": kept})
            else:
                version.set_policy(None)
            return Reply(204)


def _statement(parameters: dict[str, Any], resource: str) -> dict[str, Any]:
    """The statement that AddLayerVersionPermission's parameters become."""
    text, organisation = parameters["Principal"], parameters.get("OrganizationId")
    if organisation and text != "*":
        raise invalid("OrganizationId can only be given together with the principal *.")
    root = text if text.startswith("arn:") else f"arn:aws:iam::{text}:root"
    statement: dict[str, Any] = {
        "Sid": parameters["StatementId"],
        "Effect": "Allow",
        "Principal": "*" if text == "*" else {"AWS": root},
        "Action": parameters["Action"],
        "Resource": resource,
    }
    if organisation:
        statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": organisation}}
    return statement


def _fence(version: LayerVersion, revision: str | None) -> None:
    if revision is not None and (version.document is None or version.revision != revision):
        raise AwsError(
            "PreconditionFailedException",
            412,
            "The RevisionId provided does not match the latest RevisionId. Call the GetLayerVersionPolicy API to retrieve "
            "the latest RevisionId for your resource.",
        )


def _compatible(versions: list[LayerVersion], parameters: dict[str, Any]) -> list[LayerVersion]:
    runtime, architecture = parameters.get("CompatibleRuntime"), parameters.get("CompatibleArchitecture")
    return [
        one
        for one in versions
        if (not runtime or runtime in one.runtimes) and (not architecture or architecture in one.architectures)
    ]


def _listed(version: LayerVersion) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "LayerVersionArn": version.arn,
        "Version": version.number,
        "Description": version.description,
        "CreatedDate": version.created,
    }
    if version.runtimes:
        shape["CompatibleRuntimes"] = list(version.runtimes)
    if version.architectures:
        shape["CompatibleArchitectures"] = list(version.architectures)
    if version.license:
        shape["LicenseInfo"] = version.license
    return shape


def _whole(version: LayerVersion) -> dict[str, Any]:
    """With the link to the code, valid for ten minutes, that only the single reads carry."""
    bucket = f"prod-{version.region}-layers.s3.{version.region}.amazonaws.com"
    content = {
        "Location": f"https://{bucket}/snapshots/{version.account}/{version.name}-{version.number}?X-Amz-Expires=600",
        "CodeSha256": "tv9jJO+rPbXUUXuRKi7CwHzKtLDkDRJLB3cC3Z/ouXo=",
        "CodeSize": version.code_size,
    }
    return {**_listed(version), "LayerArn": version.layer_arn, "Content": content}
