"""The Lambda service: what each operation is about, whether the caller may, and who carries it out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sharing.sandbox import behind
from sharing.sandbox.authorization import Gate
from sharing.sandbox.errors import Reply, denied
from sharing.sandbox.estate import Estate, Target
from sharing.sandbox.functions import Functions
from sharing.sandbox.identity import Caller
from sharing.sandbox.invoke import Invoker
from sharing.sandbox.journal import Journal
from sharing.sandbox.lambda_api import LambdaCall, target_of
from sharing.sandbox.layers import Layers, LayerTarget, layer_target
from sharing.sandbox.permissions import Permissions
from sharing.sandbox.switches import Switches
from sharing.sandbox.urls import Urls

#: Operations whose IAM action has another name.
INVOKES = {"Invoke": "InvokeFunction", "InvokeAsync": "InvokeFunction", "InvokeWithResponseStream": "InvokeFunction"}
IAM_ACTIONS = {**INVOKES, "GetLayerVersionByArn": "GetLayerVersion"}

#: More actions that an operation needs (aws-facts 1.2).
ALSO_NEEDS = {
    "PutResourcePolicy": ("AddPermission", "RemovePermission"),
    "GetResourcePolicy": ("GetPolicy",),
    "DeleteResourcePolicy": ("RemovePermission",),
}

#: Operations that IAM knows no resource for.
ON_EVERYTHING = {
    "ListFunctions",
    "ListEventSourceMappings",
    "CreateEventSourceMapping",
    "GetAccountSettings",
    "ListLayers",
    "ListLayerVersions",
}

#: Parameters that the journal may show.
SHOWN = (
    "StatementId",
    "Action",
    "Principal",
    "SourceArn",
    "SourceAccount",
    "PrincipalOrgID",
    "OrganizationId",
    "FunctionUrlAuthType",
    "InvokedViaFunctionUrl",
    "RevisionId",
    "InvocationType",
    "LogType",
    "Marker",
    "MaxItems",
    "FunctionVersion",
    "Name",
    "EventSourceArn",
)


@dataclass
class Subject:
    """What a call is about: filled in while it is handled, so that the journal can tell even of a refused one."""

    account: str
    region: str
    operation: str = ""
    target: Target | None = None
    layer: LayerTarget | None = None
    resource: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    request_id: str = ""


class LambdaService:
    def __init__(self, estate: Estate, gate: Gate, switches: Switches, journal: Journal) -> None:
        self.estate = estate
        self.gate = gate
        self.switches = switches
        self.functions = Functions(estate)
        self.urls = Urls(estate, self.functions)
        self.permissions = Permissions(estate, switches)
        self.invoker = Invoker(estate, journal)
        self.layers = Layers(estate.shelf, switches)
        #: The ARN of the function that a mapping of this account, region and UUID runs; "" if there is none.
        self.mapped: Callable[[str, str, str], str] = lambda _account, _region, _pk: ""

    def describe(self, call: LambdaCall, caller: Caller, region: str) -> Subject:
        """Whom and what the call is about. Raises 400 or 404 for names that cannot be resolved."""
        subject = Subject(caller.account, region, call.operation)
        subject.parameters = {name: str(call.parameters[name]) for name in SHOWN if name in call.parameters}
        subject.layer = layer_target(call.parameters, caller.account, region)
        if subject.layer is not None:
            subject.account, subject.resource = subject.layer.account, subject.layer.arn
            return subject
        pk = call.text("UUID")
        if pk:
            subject.resource = f"arn:aws:lambda:{region}:{caller.account}:event-source-mapping:{pk}"
            subject.parameters["UUID"] = pk
            return subject
        name = call.text("FunctionName") or call.text("ResourceArn") or call.text("Resource")
        if not name:
            return subject
        subject.target = target_of(name, call.text("Qualifier"), caller.account, region)
        subject.account = subject.target.account
        subject.resource = subject.target.full
        return subject

    def authorize(self, call: LambdaCall, caller: Caller, subject: Subject, context: dict[str, list[str]]) -> None:
        """Raise AccessDeniedException unless the caller may."""
        action = IAM_ACTIONS.get(call.operation, call.operation)
        resource = "*" if call.operation in ON_EVERYTHING or not subject.resource else subject.resource
        policy = self.layers.policy_of(subject.layer) if subject.layer else None
        delayed = call.operation in INVOKES
        target = subject.target
        if target is not None:
            function = self.estate.find(target.account, target.region, target.name)
            if function is not None:
                delay = self.switches.propagation_delay if delayed else 0.0
                policy = function.policy_in_force(target.qualifier, delay)
        context = {**context, **self._keys(call, subject)}
        if call.operation == "CreateEventSourceMapping" and subject.account != caller.account:
            raise denied(
                f"User: {caller.arn} is not authorized to perform: lambda:CreateEventSourceMapping on resource: "
                f"{subject.resource}"
            )
        for name in (action, *ALSO_NEEDS.get(call.operation, ())):
            self.gate.check(caller, f"lambda:{name}", resource, subject.account, policy, context, delayed=delayed)
        if call.operation in ("CreateFunction", "UpdateFunctionConfiguration") and call.parameters.get("Role"):
            self.gate.check(caller, "iam:PassRole", call.parameters["Role"], caller.account, None, context)

    def _keys(self, call: LambdaCall, subject: Subject) -> dict[str, list[str]]:
        """Lambda's own condition keys for this call."""
        keys: dict[str, list[str]] = {}
        if call.operation == "AddPermission":
            keys["lambda:principal"] = [call.parameters["Principal"]]
            if call.parameters.get("FunctionUrlAuthType"):
                keys["lambda:functionurlauthtype"] = [call.parameters["FunctionUrlAuthType"]]
        elif call.operation == "RemovePermission" and subject.target is not None:
            values = self.permissions.principal_of(subject.target, call.parameters["StatementId"])
            if values:
                keys["lambda:principal"] = values
        elif call.operation == "CreateEventSourceMapping" and subject.target is not None:
            keys["lambda:functionarn"] = [subject.resource]
        elif call.text("UUID") and (function := self.mapped(subject.account, subject.region, call.text("UUID") or "")):
            keys["lambda:functionarn"] = [function]
        return keys

    def perform(self, call: LambdaCall, caller: Caller, subject: Subject) -> Reply | None:
        """Carry the call out; None when it is left to moto."""
        asked = call.parameters
        target = subject.target
        if call.operation == "ListFunctions":
            return self.functions.list_functions(caller.account, subject.region, asked)
        if call.operation == "ListLayers":
            return self.layers.list_layers(caller.account, subject.region, asked)
        if subject.layer is not None:
            return self._on_layer(call.operation, subject.layer, asked)
        if target is None:
            return None
        if call.operation == "Invoke":
            return self.invoker.invoke(target, caller, asked, call.payload, request_id=subject.request_id)
        if call.operation == "InvokeAsync":
            return self.invoker.invoke(target, caller, {"InvocationType": "Event"}, call.payload, request_id=subject.request_id)
        revision = asked.get("RevisionId")
        functions, permissions, urls = self.functions, self.permissions, self.urls
        handlers: dict[str, Callable[[Target], Reply]] = {
            "AddPermission": lambda t: permissions.add(t, asked),
            "RemovePermission": lambda t: permissions.remove(t, asked["StatementId"], revision),
            "GetPolicy": permissions.get,
            "GetResourcePolicy": permissions.get,
            "PutResourcePolicy": lambda t: permissions.put(t, asked["Policy"], revision),
            "DeleteResourcePolicy": lambda t: permissions.delete(t, revision),
            "ListAliases": lambda t: functions.list_aliases(t, asked),
            "ListVersionsByFunction": lambda t: functions.list_versions(t, asked),
            "ListFunctionUrlConfigs": lambda t: urls.list_urls(t, asked),
            "ListTags": functions.list_tags,
            "GetFunction": functions.get_function,
            "GetFunctionConfiguration": functions.get_configuration,
            "GetFunctionUrlConfig": urls.get_url,
            "GetAlias": lambda t: functions.get_alias(t, asked["Name"]),
            "CreateFunction": lambda t: functions.create(t, asked),
            "UpdateFunctionCode": lambda t: functions.update_code(t, asked),
            "UpdateFunctionConfiguration": lambda t: functions.update_configuration(t, asked),
            "PublishVersion": lambda t: functions.publish(t, asked),
            "DeleteFunction": self._delete,
            "CreateAlias": lambda t: functions.create_alias(t, asked),
            "UpdateAlias": lambda t: functions.update_alias(t, asked),
            "DeleteAlias": lambda t: functions.delete_alias(t, asked["Name"]),
            "CreateFunctionUrlConfig": lambda t: urls.create_url(t, asked),
            "UpdateFunctionUrlConfig": lambda t: urls.update_url(t, asked),
            "DeleteFunctionUrlConfig": urls.delete_url,
            "TagResource": lambda t: functions.tag(t, asked["Tags"]),
            "UntagResource": lambda t: functions.untag(t, asked["TagKeys"]),
        }
        handler = handlers.get(call.operation)
        return handler(target) if handler else None

    def _on_layer(self, operation: str, target: LayerTarget, asked: dict[str, Any]) -> Reply | None:
        layers = self.layers
        handlers: dict[str, Callable[[LayerTarget], Reply]] = {
            "ListLayerVersions": lambda t: layers.list_versions(t, asked),
            "GetLayerVersion": layers.get_version,
            "GetLayerVersionByArn": layers.get_version,
            "GetLayerVersionPolicy": layers.get_policy,
            "AddLayerVersionPermission": lambda t: layers.add(t, asked),
            "RemoveLayerVersionPermission": lambda t: layers.remove(t, asked["StatementId"], asked.get("RevisionId")),
            "PublishLayerVersion": lambda t: layers.publish(t, asked),
            "DeleteLayerVersion": layers.delete,
        }
        handler = handlers.get(operation)
        return handler(target) if handler else None

    def _delete(self, target: Target) -> Reply:
        function = self.functions.find(target)
        reply = self.functions.delete(target)
        if not target.qualifier:
            behind.forget(function)
        return reply
