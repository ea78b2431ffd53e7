"""Reading and changing functions, versions, aliases, tags and URL configurations."""

import re
import uuid
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sharing.sandbox import shapes
from sharing.sandbox.errors import AwsError, Reply, as_json, conflict, invalid, missing
from sharing.sandbox.estate import LATEST, Alias, Configuration, Estate, Function, Target
from sharing.sandbox.identity import find_role_by_arn

_ALIAS_NAME = re.compile(r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)")


def timestamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


class Functions:
    """Operations on an estate. Callers have been authorised and the parameters validated before."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate

    def find(self, target: Target) -> Function:
        function = self.estate.find(target.account, target.region, target.name)
        if function is None or not function.has(target.qualifier):
            raise missing(f"Function not found: {target.full}")
        return function

    # --- reading ---------------------------------------------------------------------------------------------------

    def list_functions(self, account: str, region: str, parameters: dict[str, Any]) -> Reply:
        names = self.estate.names(account, region)
        if parameters.get("FunctionVersion") == "ALL":
            every = [
                (function, version, arn)
                for name in names
                if (function := self.estate.find(account, region, name))
                for version, arn in shapes.versions(function)
            ]
            chosen, marker = shapes.page(every, parameters, lambda entry: shapes.version_key(entry[0], entry[1]))
            found = [shapes.configuration(function, version, arn) for function, version, arn in chosen]
        else:
            few, marker = shapes.page(names, parameters, str)
            held = [self.estate.find(account, region, name) for name in few]
            found = [shapes.configuration(function, LATEST, function.arn) for function in held if function]
        return as_json(shapes.with_marker({"Functions": found}, marker))

    def list_versions(self, target: Target, parameters: dict[str, Any]) -> Reply:
        function = self.find(target)
        chosen, marker = shapes.page(
            shapes.versions(function), parameters, lambda entry: shapes.version_key(function, entry[0])
        )
        found = [shapes.configuration(function, version, arn) for version, arn in chosen]
        return as_json(shapes.with_marker({"Versions": found}, marker))

    def list_aliases(self, target: Target, parameters: dict[str, Any]) -> Reply:
        function = self.find(target)
        version = parameters.get("FunctionVersion")
        held = [function.aliases[name] for name in sorted(function.aliases)]
        chosen, marker = shapes.page([a for a in held if version in (None, a.version)], parameters, lambda a: a.name)
        return as_json(shapes.with_marker({"Aliases": [shapes.alias(function, a) for a in chosen]}, marker))

    def get_configuration(self, target: Target) -> Reply:
        function = self.find(target)
        arn = function.qualified(target.qualifier)
        return as_json(shapes.configuration(function, function.version_of(target.qualifier), arn, detailed=True))

    def get_function(self, target: Target) -> Reply:
        function = self.find(target)
        arn = function.qualified(target.qualifier)
        shape: dict[str, Any] = {
            "Configuration": shapes.configuration(function, function.version_of(target.qualifier), arn, detailed=True),
            "Code": {
                "RepositoryType": "S3",
                "Location": f"https://awslambda-{function.region}-tasks.s3.{function.region}.amazonaws.com/snapshots/"
                f"{function.account}/{function.name}?X-Amz-Expires=600",
            },
        }
        if function.tags:
            shape["Tags"] = dict(function.tags)
        return as_json(shape)

    def get_alias(self, target: Target, name: str) -> Reply:
        function = self.find(target)
        return as_json(shapes.alias(function, self._alias(function, name)))

    def list_tags(self, target: Target) -> Reply:
        return as_json({"Tags": dict(self.find(target).tags)})

    # --- changing --------------------------------------------------------------------------------------------------

    def create(self, target: Target, parameters: dict[str, Any]) -> Reply:
        with self.estate.lock:
            if target.qualifier or not re.fullmatch(r"[a-zA-Z0-9-_]{1,64}", target.name):
                raise invalid(f"{target.name!r} cannot name a new function: 1 to 64 letters, digits, - and _.")
            if self.estate.find(target.account, target.region, target.name):
                raise conflict(f"Function already exist: {target.name}")
            role = find_role_by_arn(parameters["Role"])
            if role is None or role.account_id != target.account:
                raise invalid("The role defined for the function cannot be assumed by Lambda.")
            code = parameters.get("Code", {})
            if parameters.get("PackageType", "Zip") == "Zip" and not (parameters.get("Runtime") and parameters.get("Handler")):
                raise invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
            held = Configuration(
                description=parameters.get("Description", ""),
                runtime=parameters.get("Runtime", ""),
                handler=parameters.get("Handler", ""),
                role=parameters["Role"],
                timeout=parameters.get("Timeout", 3),
                memory=parameters.get("MemorySize", 128),
                environment=dict((parameters.get("Environment") or {}).get("Variables") or {}),
                last_modified=timestamp(),
                architectures=tuple(parameters.get("Architectures") or ("x86_64",)),
                package_type=parameters.get("PackageType", "Zip"),
                code_sha256=_digest(code),
                code_size=len(str(code.get("ZipFile", ""))),
            )
            function = Function(target.account, target.region, target.name, held, tags=dict(parameters.get("Tags") or {}))
            self.estate.add(function)
            version = function.publish() if parameters.get("Publish") else LATEST
            arn = function.arn if version == LATEST else function.qualified(version)
            return as_json(shapes.configuration(function, version, arn, detailed=True), 201)

    def update_configuration(self, target: Target, parameters: dict[str, Any]) -> Reply:
        with self.estate.lock:
            function = self._unqualified(target)
            self._fence(function.latest.revision, parameters.get("RevisionId"))
            changes: dict[str, Any] = {
                field: parameters[name]
                for name, field in (
                    ("Description", "description"),
                    ("Handler", "handler"),
                    ("Role", "role"),
                    ("Runtime", "runtime"),
                    ("Timeout", "timeout"),
                    ("MemorySize", "memory"),
                )
                if name in parameters
            }
            if "Environment" in parameters:
                changes["environment"] = dict(parameters["Environment"].get("Variables") or {})
            self._change(function, changes)
            return as_json(shapes.configuration(function, LATEST, function.arn, detailed=True))

    def update_code(self, target: Target, parameters: dict[str, Any]) -> Reply:
        with self.estate.lock:
            function = self._unqualified(target)
            self._fence(function.latest.revision, parameters.get("RevisionId"))
            self._change(function, {"code_sha256": _digest(parameters)})
            version = function.publish() if parameters.get("Publish") else LATEST
            arn = function.arn if version == LATEST else function.qualified(version)
            return as_json(shapes.configuration(function, version, arn, detailed=True))

    def publish(self, target: Target, parameters: dict[str, Any]) -> Reply:
        with self.estate.lock:
            function = self._unqualified(target)
            self._fence(function.latest.revision, parameters.get("RevisionId"))
            digest = parameters.get("CodeSha256")
            if digest and digest != function.latest.code_sha256:
                raise invalid(f"CodeSHA256 ({digest}) is different from current CodeSHA256 in $LATEST. Please try again.")
            # Nothing changed since the last version: AWS answers that version instead of making another.
            if function.changed or not function.versions:
                version = function.publish(parameters.get("Description"))
            else:
                version = max(function.versions, key=int)
            return as_json(shapes.configuration(function, version, function.qualified(version), detailed=True), 201)

    def delete(self, target: Target) -> Reply:
        with self.estate.lock:
            function = self.find(target)
            if not target.qualifier:
                self.estate.remove(function)
                return Reply(204)
            if target.qualifier == LATEST:
                raise invalid("$LATEST version cannot be deleted without deleting the function.")
            if target.qualifier in function.aliases:
                raise invalid("DeleteFunction takes a version; use DeleteAlias for an alias.")
            users = [alias.name for alias in function.aliases.values() if alias.version == target.qualifier]
            if users:
                raise conflict(f"Version {target.qualifier} is used by the aliases {', '.join(users)}.")
            function.forget(target.qualifier)
            del function.versions[target.qualifier]
            return Reply(204)

    def create_alias(self, target: Target, parameters: dict[str, Any]) -> Reply:
        with self.estate.lock:
            function = self.find(target)
            name, version = parameters["Name"], parameters["FunctionVersion"]
            if not _ALIAS_NAME.fullmatch(name):
                raise invalid(f"{name!r} cannot name an alias.")
            if name in function.aliases:
                raise conflict(f"Alias already exists: {function.qualified(name)}")
            self._version(function, version)
            function.aliases[name] = Alias(
                name, version, parameters.get("Description", ""), routing=parameters.get("RoutingConfig")
            )
            return as_json(shapes.alias(function, function.aliases[name]), 201)

    def update_alias(self, target: Target, parameters: dict[str, Any]) -> Reply:
        with self.estate.lock:
            function = self.find(target)
            alias = self._alias(function, parameters["Name"])
            self._fence(alias.revision, parameters.get("RevisionId"))
            if "FunctionVersion" in parameters:
                self._version(function, parameters["FunctionVersion"])
                alias.version = parameters["FunctionVersion"]
            alias.description = parameters.get("Description", alias.description)
            alias.routing = parameters.get("RoutingConfig", alias.routing)
            alias.revision = str(uuid.uuid4())
            return as_json(shapes.alias(function, alias))

    def delete_alias(self, target: Target, name: str) -> Reply:
        with self.estate.lock:
            function = self.find(target)
            # Deleting an alias that is not there succeeds, as it does on AWS.
            if function.aliases.pop(name, None):
                function.forget(name)
            return Reply(204)

    def tag(self, target: Target, tags: dict[str, str]) -> Reply:
        with self.estate.lock:
            self.find(target).tags.update(tags)
            return Reply(204)

    def untag(self, target: Target, keys: list[str]) -> Reply:
        with self.estate.lock:
            held = self.find(target).tags
            for key in keys:
                held.pop(key, None)
            return Reply(204)

    # --- parts -----------------------------------------------------------------------------------------------------

    def _unqualified(self, target: Target) -> Function:
        if target.qualifier and target.qualifier != LATEST:
            raise invalid("This operation works on the unpublished function only; leave the qualifier out.")
        return self.find(target)

    def _alias(self, function: Function, name: str) -> Alias:
        if name not in function.aliases:
            raise missing(f"Cannot find alias arn: {function.qualified(name)}")
        return function.aliases[name]

    def _version(self, function: Function, version: str) -> None:
        if version != LATEST and version not in function.versions:
            raise missing(f"Function not found: {function.qualified(version)}")

    def _change(self, function: Function, changes: dict[str, Any]) -> None:
        function.latest = replace(function.latest, **changes, last_modified=timestamp(), revision=str(uuid.uuid4()))
        function.changed = True

    def _fence(self, revision: str, asked: str | None) -> None:
        if asked is not None and asked != revision:
            raise AwsError(
                "PreconditionFailedException",
                412,
                "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to "
                "retrieve the latest Revision Id",
            )


def _digest(code: dict[str, Any]) -> str:
    text = repr(sorted((key, value) for key, value in code.items() if key in ("ZipFile", "S3Bucket", "S3Key", "ImageUri")))
    return b64encode(sha256(text.encode()).digest()).decode()
