"""Which API call an action of a function's policy is for, and with which parameters somebody in another account makes it.

Facts: the Lambda API names the function by ARN; the alias or version goes into Qualifier where a call has one; tags go by
the ARN as Resource. aws-facts 0.1: lambda:InvokeFunction is the call Invoke; 1.4: what is called must be exactly what is
shared; 2: across accounts the full ARN.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from .actions import INVOKE, INVOKE_URL, ActionClass, action_class
from .arn import FunctionArn


@dataclass(frozen=True, slots=True)
class FileHere:
    """A parameter that is the contents of a file beside whoever makes the call."""

    name: str


Value = str | int | list[str] | dict[str, str] | FileHere


@dataclass(frozen=True)
class Call:
    """One call: the operation by its API name, its parameters, and what holds for it.

    `resource`: the form of the function on which AWS decides it: the bare one for calls that name no alias or version.
    `assumed`: parameters whose values only the caller knows; they are examples. `changes`: it changes the function.
    """

    operation: str
    parameters: dict[str, Value]
    resource: FunctionArn
    assumed: tuple[str, ...] = ()
    changes: bool = False

    @property
    def kebab(self) -> str:
        """As the AWS CLI names it: `get-function`."""
        return words_of(self.operation, "-")

    @property
    def snake(self) -> str:
        """As boto3 names it: `get_function`."""
        return words_of(self.operation, "_")


def words_of(name: str, joint: str) -> str:
    """`FunctionName` with its words in lower case and joined; capitals in a row are one word: `RotationLambdaARN`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", joint, name).lower()


_QUALIFIED: Final = frozenset(
    {
        "GetFunction", "GetFunctionConfiguration", "GetPolicy", "DeleteFunction",
        "GetProvisionedConcurrencyConfig", "PutProvisionedConcurrencyConfig", "DeleteProvisionedConcurrencyConfig",
        "GetFunctionEventInvokeConfig", "PutFunctionEventInvokeConfig", "UpdateFunctionEventInvokeConfig",
        "DeleteFunctionEventInvokeConfig",
    }
)  # fmt: skip
#: Of these the alias or version is no choice: the call is always about one.
_ALWAYS_QUALIFIED: Final = frozenset(name for name in _QUALIFIED if "ProvisionedConcurrency" in name)
_TAGS: Final = frozenset({"ListTags", "TagResource", "UntagResource"})
_BY_ALIAS: Final = frozenset({"GetAlias", "DeleteAlias", "UpdateAlias", "CreateAlias"})
_MORE: Final[dict[str, dict[str, Value]]] = {
    "CreateAlias": {"FunctionVersion": "1"},
    "UpdateAlias": {"FunctionVersion": "1"},
    "PutFunctionConcurrency": {"ReservedConcurrentExecutions": 10},
    "PutProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 1},
    "PutFunctionEventInvokeConfig": {"MaximumRetryAttempts": 2},
    "UpdateFunctionEventInvokeConfig": {"MaximumRetryAttempts": 2},
    "TagResource": {"Tags": {"team": "example"}},
    "UntagResource": {"TagKeys": ["team"]},
    "UpdateFunctionCode": {"ZipFile": FileHere("function.zip")},
}
_SOME_ALIAS: Final = "live"


def call_of(action: str, function: FunctionArn) -> Call:
    """How the holder of that action uses it on exactly this form of the function. Not for calls by URL (ValueError)."""
    if action == INVOKE_URL:
        raise ValueError("A function's URL is called over HTTP, by no call of the Lambda API.")
    if action == INVOKE:
        return Call("Invoke", {"FunctionName": str(function)}, function)
    operation = action.partition(":")[2] or action
    bare = str(function.unqualified)
    more = dict(_MORE.get(operation, {}))
    assumed = list(more)
    parameters: dict[str, Value] = {"Resource" if operation in _TAGS else "FunctionName": bare}
    if operation in _BY_ALIAS:
        named = function.qualifier if function.qualifier and not function.qualifier.isdigit() else None
        parameters["Name"] = named or _SOME_ALIAS
        assumed += [] if named else ["Name"]
    if operation in _QUALIFIED and (function.qualifier or operation in _ALWAYS_QUALIFIED):
        parameters["Qualifier"] = function.qualifier or _SOME_ALIAS
        assumed += [] if function.qualifier else ["Qualifier"]
    qualifier = parameters.get("Qualifier")
    resource = replace(function, qualifier=str(qualifier) if qualifier else None)
    return Call(operation, parameters | more, resource, tuple(assumed), changes=action_class(action) is ActionClass.MANAGE)
