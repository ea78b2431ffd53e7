"""A permission as commands somebody can run.

Facts: option names of the AWS CLI are AddPermission's parameters in kebab case; the CLI needs the function's region.
"""

from __future__ import annotations

import shlex
from typing import Final

from .permission import Permission

#: AddPermission parameter → option of `aws lambda add-permission`, in the order of its documentation.
OPTIONS: Final[dict[str, str]] = {
    "FunctionName": "--function-name",
    "Qualifier": "--qualifier",
    "StatementId": "--statement-id",
    "Action": "--action",
    "Principal": "--principal",
    "SourceArn": "--source-arn",
    "SourceAccount": "--source-account",
    "PrincipalOrgID": "--principal-org-id",
    "EventSourceToken": "--event-source-token",
    "FunctionUrlAuthType": "--function-url-auth-type",
    "InvokedViaFunctionUrl": "--invoked-via-function-url",
}
_IN_REMOVE: Final = ("FunctionName", "Qualifier", "StatementId")


def aws_cli(permission: Permission, *, masked: bool = True, one_line: bool = False) -> str:
    """The `aws lambda add-permission` command that grants the permission, quoted for a POSIX shell.

    `masked` hides the event source token, a shared secret; then the command must be completed by hand.
    """
    shown = permission.masked() if masked else permission
    return _command("add-permission", shown, tuple(OPTIONS), one_line)


def aws_cli_remove(permission: Permission, *, one_line: bool = False) -> str:
    """The `aws lambda remove-permission` command that takes the permission back."""
    return _command("remove-permission", permission, _IN_REMOVE, one_line)


def _command(name: str, permission: Permission, wanted: tuple[str, ...], one_line: bool) -> str:
    given = permission.parameters()
    words = [f"aws lambda {name}", f"--region {shlex.quote(permission.function.region)}"]
    for parameter in wanted:
        if parameter in given:
            value = given[parameter]
            words.append(OPTIONS[parameter] if value is True else f"{OPTIONS[parameter]} {shlex.quote(str(value))}")
    return (" " if one_line else " \\\n    ").join(words)
