"""The closed list of actions that a function's policy can grant to another account, classed by danger.

Facts: "Actions that a function resource policy can grant cross-account" (Lambda Developer Guide, 2026, complete list);
matching of action patterns (IAM User Guide, Action element: case-insensitive, `*` and `?`).
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from .arn import shorten
from .matching import glob_matches


class ActionClass(StrEnum):
    """What holding the action amounts to, from least to most dangerous."""

    INVOKE = "invoke"
    INVOKE_URL = "invoke-url"
    READ = "read"
    MANAGE = "manage"

    @property
    def danger(self) -> int:
        """0 harmless by design, 1 discloses code or settings, 2 changes or replaces the function."""
        return {"invoke": 0, "invoke-url": 0, "read": 1, "manage": 2}[self.value]


@dataclass(frozen=True, slots=True)
class Action:
    """One grantable action: IAM name with prefix, what a person calls it, its class and what it gives away."""

    name: str
    verb: str
    action_class: ActionClass
    warning: str = ""

    @property
    def danger(self) -> int:
        return self.action_class.danger


_CODE = "the holder can download the function's code and read its environment variables, secrets included"
_RUNS = "the holder's code runs with the function's execution role"

_TABLE: Final[tuple[tuple[str, str, ActionClass, str], ...]] = (
    ("InvokeFunction", "invoke", ActionClass.INVOKE, ""),
    ("InvokeFunctionUrl", "call the URL of", ActionClass.INVOKE_URL, ""),
    ("GetAlias", "read an alias of", ActionClass.READ, ""),
    ("GetFunction", "download the code and read the settings of", ActionClass.READ, _CODE),
    ("GetFunctionConcurrency", "read the reserved concurrency of", ActionClass.READ, ""),
    (
        "GetFunctionConfiguration",
        "read the settings of",
        ActionClass.READ,
        "the holder can read the function's environment variables, secrets included",
    ),
    ("GetFunctionEventInvokeConfig", "read the asynchronous settings of", ActionClass.READ, ""),
    ("GetPolicy", "read the policy of", ActionClass.READ, "the holder sees who else may use the function"),
    ("GetProvisionedConcurrencyConfig", "read the provisioned concurrency of", ActionClass.READ, ""),
    ("ListAliases", "list the aliases of", ActionClass.READ, ""),
    ("ListFunctionEventInvokeConfigs", "list the asynchronous settings of", ActionClass.READ, ""),
    ("ListProvisionedConcurrencyConfigs", "list the provisioned concurrency of", ActionClass.READ, ""),
    ("ListTags", "list the tags of", ActionClass.READ, ""),
    (
        "ListVersionsByFunction",
        "list the versions of",
        ActionClass.READ,
        "the holder can read the environment variables of every version, secrets included",
    ),
    ("CreateAlias", "create aliases of", ActionClass.MANAGE, ""),
    ("DeleteAlias", "delete aliases of", ActionClass.MANAGE, "an alias is deleted together with its policy"),
    ("DeleteFunction", "delete", ActionClass.MANAGE, "a deleted function loses its policy"),
    ("DeleteFunctionConcurrency", "remove the reserved concurrency of", ActionClass.MANAGE, ""),
    ("DeleteFunctionEventInvokeConfig", "remove the asynchronous settings of", ActionClass.MANAGE, ""),
    ("DeleteProvisionedConcurrencyConfig", "remove the provisioned concurrency of", ActionClass.MANAGE, ""),
    ("PublishVersion", "publish versions of", ActionClass.MANAGE, ""),
    ("PutFunctionConcurrency", "set the reserved concurrency of", ActionClass.MANAGE, "zero stops the function"),
    ("PutFunctionEventInvokeConfig", "set the asynchronous settings of", ActionClass.MANAGE, ""),
    ("PutProvisionedConcurrencyConfig", "set the provisioned concurrency of", ActionClass.MANAGE, "this costs money"),
    ("TagResource", "tag", ActionClass.MANAGE, "tags may decide who else has access"),
    ("UntagResource", "remove tags from", ActionClass.MANAGE, "tags may decide who else has access"),
    ("UpdateAlias", "move an alias of", ActionClass.MANAGE, "the holder chooses which version callers reach"),
    ("UpdateFunctionCode", "replace the code of", ActionClass.MANAGE, _RUNS),
    ("UpdateFunctionEventInvokeConfig", "change the asynchronous settings of", ActionClass.MANAGE, ""),
)

#: Every action AddPermission can usefully grant to another account, by its IAM name.
ACTIONS: Final[dict[str, Action]] = {
    f"lambda:{name}": Action(f"lambda:{name}", verb, action_class, warning) for name, verb, action_class, warning in _TABLE
}
INVOKE: Final = "lambda:InvokeFunction"
INVOKE_URL: Final = "lambda:InvokeFunctionUrl"

_BY_FOLDED: Final[dict[str, str]] = {name.lower(): name for name in ACTIONS}

#: Real Lambda actions that a function's policy does not honour for another account, and what to do instead.
_NOT_HONOURED: Final[dict[str, str]] = {
    "lambda:invoke": "lambda:Invoke is no IAM action (the API call is named Invoke): choose lambda:InvokeFunction.",
    "lambda:invokeasync": "lambda:InvokeAsync belongs to a retired API: choose lambda:InvokeFunction, "
    "which also allows asynchronous calls.",
    "lambda:invokewithresponsestream": "lambda:InvokeWithResponseStream is no IAM action of its own: "
    "choose lambda:InvokeFunction, which allows streamed calls too.",
    "lambda:addpermission": "A function's policy cannot let another account change that policy: lambda:AddPermission "
    "works only inside the owner account. Let them ask for access here, or give them a role in the owner account.",
    "lambda:removepermission": "A function's policy cannot let another account change that policy: "
    "lambda:RemovePermission works only inside the owner account. Revoke here, or give them a role in that account.",
    "lambda:updatefunctionconfiguration": "lambda:UpdateFunctionConfiguration is not honoured for other accounts: "
    "give them a role in the owner account instead.",
}
_MAPPINGS = (
    "{name} in a function's policy buys nothing: only the owner account can wire an event source to the function. "
    "Share lambda:InvokeFunction and let the owner create the mapping."
)
_DOCUMENTS = "{name} is not honoured for other accounts: give them a role in the owner account instead."

#: Actions known not to be honoured by function policies, lower case; their statements authorise nothing.
INEFFECTIVE: Final[frozenset[str]] = frozenset(
    {
        "lambda:invoke",
        "lambda:invokewithresponsestream",
        "lambda:addpermission",
        "lambda:removepermission",
        "lambda:updatefunctionconfiguration",
        *(
            f"lambda:{verb}eventsourcemapping{plural}"
            for verb, plural in (("create", ""), ("update", ""), ("delete", ""), ("get", ""), ("list", "s"))
        ),
        *(f"lambda:{verb}resourcepolicy" for verb in ("put", "get", "delete")),
    }
)

#: Actions outside the closed list that AWS itself stores for Lambda@Edge replication (principal: AWS's replicator).
REPLICATION: Final[dict[str, str]] = {
    "lambda:enablereplication*": "lambda:EnableReplication",
    "lambda:enablereplication": "lambda:EnableReplication",
    "lambda:disablereplication": "lambda:DisableReplication",
}


def find(name: str) -> Action | None:
    """The grantable action of that IAM name, in any letter case; the prefix `lambda:` may be missing."""
    folded = name.strip().lower()
    if ":" not in folded:
        folded = f"lambda:{folded}"
    known = _BY_FOLDED.get(folded)
    return ACTIONS[known] if known else None


def refusal(action: str) -> str | None:
    """Why this action may not be granted and what to choose instead, as one sentence or two; None if it may.

    AddPermission itself would accept `lambda:*`, `*` and unknown names: the list is ours to keep.
    """
    name = action.strip()
    folded = name.lower()
    if name in ACTIONS:
        return None
    if not name:
        return "Choose what they may do: lambda:InvokeFunction lets them call the function."
    if folded in ("*", "lambda:*"):
        return (
            f"{name} grants everything, replacing the code included: choose the single actions that are needed, one grant each."
        )
    if "*" in name or "?" in name:
        return f"“{shorten(name)}” has a wildcard: AWS grants one action at a time, choose the single actions."
    if folded in _NOT_HONOURED:
        return _NOT_HONOURED[folded]
    if "eventsourcemapping" in folded:
        return _MAPPINGS.format(name=shorten(name))
    if folded in INEFFECTIVE:
        return _DOCUMENTS.format(name=shorten(name))
    known = find(name)
    if known:
        return f"Write the action exactly as AWS does: {known.name}."
    if ":" in name and not folded.startswith("lambda:"):
        return f"“{shorten(name)}” is an action of another service: a function's policy grants Lambda actions only."
    wanted = folded if folded.startswith("lambda:") else f"lambda:{folded}"
    close = difflib.get_close_matches(wanted, _BY_FOLDED, n=1, cutoff=0.8)
    hint = f"did you mean {_BY_FOLDED[close[0]]}?" if close else "choose one from the list."
    return f"“{shorten(name)}” is no action that a function's policy can grant to another account: {hint}"


def action_class(name: str) -> ActionClass:
    """The class of a concrete action; an action outside the closed list counts by its verb, at worst as manage."""
    known = _BY_FOLDED.get(name.lower())
    if known:
        return ACTIONS[known].action_class
    bare = name.lower().partition(":")[2] or name.lower()
    if bare.startswith("invokefunctionurl"):
        return ActionClass.INVOKE_URL
    if bare.startswith("invoke"):
        return ActionClass.INVOKE
    if bare.startswith(("get", "list")):
        return ActionClass.READ
    return ActionClass.MANAGE


def matches(pattern: str, action: str) -> bool:
    """Whether an Action pattern of a statement covers `action`: case-insensitive, `*` any run, `?` one character."""
    if "*" not in pattern and "?" not in pattern:
        return pattern.lower() == action.lower()
    return glob_matches(pattern.lower(), action.lower())


@lru_cache(maxsize=4096)
def expand(pattern: str) -> frozenset[str]:
    """The grantable actions that a pattern covers, as concrete IAM names: `lambda:*` gives the whole closed list."""
    if "*" not in pattern and "?" not in pattern:
        known = _BY_FOLDED.get(pattern.lower())
        return frozenset((known,)) if known else frozenset()
    wanted = pattern.lower()
    return frozenset(name for folded, name in _BY_FOLDED.items() if glob_matches(wanted, folded))
