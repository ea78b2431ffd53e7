"""Which tool a statement seems to come from, told by the Sid it leaves and by what it grants.

A Sid is only a name that anybody may choose, so the answer says how sure it is; a tool that owns a statement would put
it back after a revoke, or fail over one that changed.
Facts: default Sids as these tools make them: Terraform `terraform-` or a prefix before an 18-digit time and a counter;
CloudFormation STACK-LOGICALID-RANDOM, and on top of it SAM, CDK and the Serverless Framework by their logical ids.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .statement import Statement


class Tool(StrEnum):
    FNSHARE = "fnshare"
    TERRAFORM = "Terraform"
    CLOUDFORMATION = "CloudFormation"
    SAM = "SAM"
    CDK = "AWS CDK"
    SERVERLESS = "Serverless Framework"
    CONSOLE = "AWS console"
    UNKNOWN = "unknown"


#: Tools that keep what they made: a change behind their back is undone or breaks their next run.
KEEPERS: Final = frozenset((Tool.TERRAFORM, Tool.CLOUDFORMATION, Tool.SAM, Tool.CDK, Tool.SERVERLESS))


@dataclass(frozen=True, slots=True)
class Origin:
    """`confidence`: "certainly", "probably" or "perhaps"; empty for an unknown tool. `stack`: of CloudFormation."""

    tool: Tool
    confidence: str = ""
    stack: str = ""

    @property
    def keeps_it(self) -> bool:
        """Whether the tool would fight a change made elsewhere."""
        return self.tool in KEEPERS

    @property
    def text(self) -> str:
        """A sentence for people."""
        match self.tool:
            case Tool.UNKNOWN:
                return "Nothing tells which tool made it."
            case Tool.FNSHARE:
                return "Made by fnshare."
            case Tool.CONSOLE:
                return f"{self.confidence.capitalize()} made in the AWS console."
        owner = f"{self.tool} (stack {self.stack})" if self.stack else str(self.tool)
        return f"{self.confidence.capitalize()} owned by {owner}, which may put it back: change it there."


_FNSHARE = re.compile(r"fnshare-[0-9a-f]{32}")
_TERRAFORM = re.compile(r"terraform-[0-9]{18,}[0-9a-f]{6,8}", re.ASCII)
_TERRAFORM_PREFIX = re.compile(r".*[0-9]{18}[0-9a-f]{8}", re.ASCII)
#: Sids of the Terraform registry's own examples, copied everywhere.
_TERRAFORM_EXAMPLES: Final = frozenset(
    {
        "AllowExecutionFromCloudWatch",
        "AllowExecutionFromS3Bucket",
        "AllowExecutionFromSNS",
        "AllowExecutionFromAPIGateway",
        "AllowExecutionFromEventBridge",
        "AllowAPIGatewayInvoke",
        "AllowS3Invoke",
    }
)
_STACK = re.compile(r"(?P<stack>[A-Za-z][A-Za-z0-9-]*)-(?P<logical>[A-Za-z0-9]+)-(?P<random>[A-Za-z0-9]{11,13})", re.ASCII)
_CDK_LOGICAL = re.compile(r".*[0-9A-F]{8}", re.ASCII)
_SERVERLESS_LOGICAL = re.compile(r".*LambdaPermission[A-Za-z0-9]*|.*LambdaFunctionUrlPermission", re.ASCII)
_SAM_LOGICAL = re.compile(r".*(Permission(Prod|Test|Stage)?|UrlPublicPermissions|URLInvokeAllowPublicAccess)", re.ASCII)
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_CONSOLE: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(rf"(lc|lambda)-{_UUID}"), "probably"),
    (re.compile(r"FunctionURL(Allow|Invoke)[A-Za-z]*"), "probably"),
    (re.compile(r"AWSEvents_.+|InvokePermissionsForCWL.*|AWS-ALB_Invoke-.+|CSI_.+"), "probably"),
    (re.compile(_UUID), "perhaps"),
)


def origin_of(statement: Statement) -> Origin:
    """Which tool seems to own the statement."""
    sid = statement.sid or ""
    if _FNSHARE.fullmatch(sid):
        return Origin(Tool.FNSHARE, "certainly")
    if _TERRAFORM.fullmatch(sid):
        return Origin(Tool.TERRAFORM, "certainly")
    for pattern, confidence in _CONSOLE:
        if pattern.fullmatch(sid):
            return Origin(Tool.CONSOLE, confidence)
    if _TERRAFORM_PREFIX.fullmatch(sid):
        return Origin(Tool.TERRAFORM, "probably")
    if sid in _TERRAFORM_EXAMPLES:
        return Origin(Tool.TERRAFORM, "perhaps")
    stack = _STACK.fullmatch(sid)
    return _of_stack(stack) if stack and _is_random(stack["random"]) else Origin(Tool.UNKNOWN)


def _of_stack(found: re.Match[str]) -> Origin:
    """CloudFormation names a permission STACK-LOGICALID-RANDOM; tools above it are told by the logical id."""
    stack, logical = found["stack"], found["logical"]
    if _SERVERLESS_LOGICAL.fullmatch(logical):
        return Origin(Tool.SERVERLESS, "probably", stack)
    if _CDK_LOGICAL.fullmatch(logical) and any(char.isdigit() for char in logical[-8:]):
        return Origin(Tool.CDK, "probably", stack)
    if _SAM_LOGICAL.fullmatch(logical) and "Function" in logical:
        return Origin(Tool.SAM, "probably", stack)
    return Origin(Tool.CLOUDFORMATION, "probably", stack)


def _is_random(text: str) -> bool:
    """Letters and digits mixed, as in 1A2B3C4D5E6F or aBcD1fGh2JkL; an ordinary last word of a name is not."""
    digits = sum(char.isdigit() for char in text)
    uppers = sum(char.isupper() for char in text)
    lowers = len(text) - digits - uppers
    return digits > 0 and uppers > 0 and (lowers == 0 or digits + uppers >= 4)
