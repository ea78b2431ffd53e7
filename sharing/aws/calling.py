"""One paced call to AWS (Lambda's control plane, mostly), with the tries that are safe.

botocore's own retries are off: each attempt must pay its pace, and a write is never repeated behind our back.
"""

import contextlib
import contextvars
import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from sharing.policy.arn import FunctionArn
from sharing.policy.layers import LayerArn

from . import session
from .errors import CREDENTIAL_CODES, TROUBLE, AwsError, Throttled, Unavailable, classify
from .pace import Group, Pace, Purpose
from .session import RoleRef

_PAUSES = (0.4, 1.5)  # seconds before the second and third try of a read
_THROTTLED_TRIES = {"click": 4, "background": 10}

_READ = (
    "lambda:ListFunctions",
    "lambda:ListAliases",
    "lambda:ListVersionsByFunction",
    "lambda:ListTags",
    "lambda:ListFunctionUrlConfigs",
    "lambda:ListEventSourceMappings",
    "lambda:GetPolicy",
    "lambda:GetFunctionConfiguration",
    "lambda:ListLayers",
    "lambda:ListLayerVersions",
    "lambda:GetLayerVersionPolicy",
)
_SHARE_LAYER = (
    "lambda:GetLayerVersionPolicy",
    "lambda:AddLayerVersionPermission",
    "lambda:RemoveLayerVersionPermission",
)
_SHARE = (
    "lambda:GetPolicy",
    "lambda:GetFunctionConfiguration",
    "lambda:GetAlias",
    "lambda:AddPermission",
    "lambda:RemovePermission",
)

_METHODS = {
    "ListFunctions": "list_functions",
    "ListAliases": "list_aliases",
    "ListVersionsByFunction": "list_versions_by_function",
    "ListTags": "list_tags",
    "ListFunctionUrlConfigs": "list_function_url_configs",
    "GetPolicy": "get_policy",
    "ListEventSourceMappings": "list_event_source_mappings",
    "GetEventSourceMapping": "get_event_source_mapping",
    "CreateEventSourceMapping": "create_event_source_mapping",
    "UpdateEventSourceMapping": "update_event_source_mapping",
    "DeleteEventSourceMapping": "delete_event_source_mapping",
    "GetFunctionConfiguration": "get_function_configuration",
    "AddPermission": "add_permission",
    "RemovePermission": "remove_permission",
    "ListLayers": "list_layers",
    "ListLayerVersions": "list_layer_versions",
    "GetLayerVersionPolicy": "get_layer_version_policy",
    "AddLayerVersionPermission": "add_layer_version_permission",
    "RemoveLayerVersionPermission": "remove_layer_version_permission",
    "DescribeOrganization": "describe_organization",
    "ListAccounts": "list_accounts",
    "ListRoots": "list_roots",
    "ListOrganizationalUnitsForParent": "list_organizational_units_for_parent",
    "ListAccountsForParent": "list_accounts_for_parent",
}


class Caller:
    """Calls Lambda in one account and region, entered by a role. Thread-safe; raises Refused and Unavailable.

    purpose: `click` takes from the reserve, `background` keeps to `share` of each rate. share may be changed while
    calls wait. limited_to: a session of 15 minutes that can do nothing but share this one function or layer version (and
    read its policy); without it a read-only session. timeout: seconds for one answer. calls: AWS calls made so far.
    cancelled: asked before each call; when it says yes the call is not made (Unavailable, code `Cancelled`). policy: another
    session policy, of 15 minutes too.
    """

    service = "lambda"
    #: Each operation that may be called, and boto's method for it.
    methods: ClassVar[Mapping[str, str]] = _METHODS

    def __init__(
        self,
        role: RoleRef,
        region: str,
        *,
        pace: Pace,
        purpose: Purpose = "background",
        limited_to: FunctionArn | LayerArn | None = None,
        session_name: str = "fnshare-read",
        share: float = 1 / 3,
        timeout: float = 10.0,
        cancelled: Callable[[], bool] = lambda: False,
        policy: str = "",
    ) -> None:
        self.role = role
        self.region = region
        self.share = share
        self.calls = 0
        self._pace = pace
        self._purpose: Purpose = purpose
        self._seconds = session.NARROW if limited_to is not None or policy else session.BROAD
        self._policy = policy or (sharing_only(limited_to) if limited_to else reading_only())
        self._session_name = session_name
        self._timeout = timeout
        self._cancelled = cancelled
        self._counting = threading.Lock()

    def call(
        self, group: Group, operation: str, request: dict[str, Any], *, write: bool = False, secrets: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """Pay the pace, call, and try again what is safe to try again: reads, and writes that AWS turned away unseen."""
        throttled = failed = renewed = 0
        while True:
            try:
                client = self._client()
                self._pace.wait(
                    self.role.account,
                    self.region,
                    group,
                    purpose=self._purpose,
                    share=lambda: self.share,
                    cancelled=self._cancelled,
                )
                if self._cancelled():  # the last thing before the call: entering the account and waiting took their time
                    raise Unavailable("Stopped before the call was made.", code="Cancelled", operation=operation)
                with self._counting:
                    self.calls += 1
                said: dict[str, Any] = getattr(client, self.methods[operation])(**request)
                return said
            except TROUBLE as problem:
                # Without the cause: botocore's error may hold an unreadable body, and a body may hold an environment.
                error = classify(problem, operation, write=write, secrets=secrets)
            if isinstance(error, Throttled):
                self._pace.slower(self.role.account, self.region, group, retry_after=error.retry_after)
                throttled += 1
                if throttled >= _THROTTLED_TRIES[self._purpose]:
                    raise error from None
                time.sleep(min(error.retry_after or 0.3 * 2**throttled, 5.0) * random.uniform(0.7, 1.3))  # noqa: S311
            elif error.code in CREDENTIAL_CODES and not renewed:
                # AWS refused the signature before looking at the request: nothing was done, writes included.
                renewed += 1
                session.drop(self.role)
            elif isinstance(error, Unavailable) and not write and error.code not in CREDENTIAL_CODES and failed < len(_PAUSES):
                time.sleep(_PAUSES[failed] * random.uniform(0.7, 1.3))  # noqa: S311
                failed += 1
            else:
                raise error from None

    @property
    def is_open(self) -> bool:
        """Whether the account was entered already, so that a call begins at once."""
        return session.is_open(self.role, session_name=self._session_name, policy=self._policy, seconds=self._seconds)

    def open_soon(self) -> None:
        """Enter the account on a thread of its own, for calls that come later. Trouble is left to those calls."""

        def enter() -> None:
            with contextlib.suppress(AwsError, *TROUBLE):
                self._client()

        threading.Thread(target=contextvars.copy_context().run, args=(enter,), name="entering", daemon=True).start()

    def _client(self) -> Any:
        return session.client(
            self.service,
            self.region,
            self.role,
            session_name=self._session_name,
            policy=self._policy,
            seconds=self._seconds,
            timeout=self._timeout,
        )


def reading_only() -> str:
    """The session policy of a sync: a stolen session cannot write, whatever the role may do."""
    return _session_policy(list(_READ), "*")


def listing_members_only() -> str:
    """The session policy of a read of an organisation."""
    lists = ["ListAccounts", "ListRoots", "ListOrganizationalUnitsForParent", "ListAccountsForParent"]
    return _session_policy([f"organizations:{name}" for name in ("DescribeOrganization", *lists)], "*")


def counting_only() -> str:
    """The session policy of a look at metrics, which have no ARNs."""
    return _session_policy(["cloudwatch:GetMetricStatistics"], "*")


def sharing_only(target: FunctionArn | LayerArn) -> str:
    """The session policy of one write: this function with its aliases and versions, or this layer version, nothing else."""
    if isinstance(target, LayerArn):
        return _session_policy(list(_SHARE_LAYER), [str(target)])
    arn = str(target.unqualified)
    return _session_policy(list(_SHARE), [arn, f"{arn}:*"])


def _session_policy(actions: list[str], resource: str | list[str]) -> str:
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
